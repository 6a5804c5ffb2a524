"""apt's lists of sources: /etc/apt/sources.list, sources.list.d/*.list and *.sources.

Models: apt-pkg/sourcelist.cc and deb/debmetaindex.cc, with their complaints. Left out: deb-src is read and not fetched;
architectures, options but signed-by, arch and trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sim.host.files import FileError, View
from sim.host.packages import keys

MAIN, FOLDER = "/etc/apt/sources.list", "/etc/apt/sources.list.d"


class SourceError(Exception):
    """A list that apt cannot read; its text is what apt says after `E: `."""


@dataclass(frozen=True, slots=True)
class Source:
    """One repository that is listed. suite: "/" for a flat one; place: `FILE:LINE`."""

    uri: str
    suite: str
    components: tuple[str, ...]
    place: str
    signed_by: str = ""
    trusted: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same repository as another."""
        return self.uri, self.suite

    @property
    def list_name(self) -> str:
        """Give the beginning of the names of its files in /var/lib/apt/lists."""
        plain = re.sub(r"^[a-z]+://", "", self.uri).replace("/", "_")
        return f"{plain}_" if self.suite == "/" else f"{plain}_dists_{self.suite.replace('/', '_')}_"

    @property
    def shown(self) -> str:
        """Give it as messages name it: `https://apt.kubernetes.io kubernetes-xenial`."""
        return f"{self.uri} {'' if self.suite == '/' else self.suite}"


def read(view: View) -> list[Source]:
    """Read all lists, in apt's order; the same repository is given once, at its first place. Raises SourceError."""
    found: list[Source] = []
    for path in files(view):
        text = view.read(path).decode(errors="replace")
        found += _stanzas(text, path) if path.endswith(".sources") else _lines(text, path)
    first: dict[tuple[str, str], Source] = {}
    for source in found:
        before = first.setdefault(source.key, source)
        if before.signed_by != source.signed_by:
            end = "/" if source.suite == "/" else f" {source.suite}"
            raise SourceError(f"Conflicting values set for option Signed-By regarding source {source.uri}/{' /' if end == '/' else end}: "
                              f"{before.signed_by} != {source.signed_by}")
    return found


def files(view: View) -> list[str]:
    """Name the files that apt reads."""
    found = [MAIN] if view.exists(MAIN) else []
    names = view.list(FOLDER) if view.is_dir(FOLDER) else []
    return found + [f"{FOLDER}/{name}" for name in names if re.fullmatch(r"[A-Za-z0-9_.-]+\.(list|sources)", name)]


def ignored(view: View) -> list[str]:
    """Name the files of the folder that apt passes over because of their names."""
    names = view.list(FOLDER) if view.is_dir(FOLDER) else []
    return [name for name in names if not re.search(r"\.(list|sources)$", name) and not name.endswith((".save", ".disabled", "~", ".bak", ".distUpgrade"))]


def unique(sources: list[Source]) -> list[Source]:
    """Give each repository once."""
    return list({source.key: source for source in reversed(sources)}.values())[::-1]


def _lines(text: str, path: str) -> Iterator[Source]:
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        kind, _, rest = words.partition(" ")
        kind, rest = words.split(None, 1) if len(words.split(None, 1)) == 2 else (words, "")
        if kind not in ("deb", "deb-src"):
            raise SourceError(f"Type '{kind}' is not known on line {number} in source list {path}")
        options: dict[str, str] = {}
        if rest.startswith("["):
            inside, closed, rest = rest[1:].partition("]")
            if not closed:
                raise _malformed(number, path, "[option] unparseable")
            for word in inside.split():
                name, equals, value = word.partition("=")
                if not equals:
                    raise _malformed(number, path, f"[{word}] is not an assignment")
                options[name] = value
        parts = rest.split()
        if not parts:
            raise _malformed(number, path, "URI")
        if not re.match(r"[a-z][a-z+]*:", parts[0]):
            raise _malformed(number, path, "URI parse")
        if len(parts) < 2:
            raise _malformed(number, path, "Suite")
        uri, suite, *components = parts
        yield from _source(kind, uri, suite, components, options, number, path, "list")


def _malformed(number: int, path: str, what: str, kind: str = "list") -> SourceError:
    noun = "entry" if kind == "list" else "entry"
    return SourceError(f"Malformed {noun} {number} in {kind} file {path} ({what})")


def _source(
    kind: str, uri: str, suite: str, components: list[str], options: dict[str, str], number: int, path: str, form: str,
) -> Iterator[Source]:
    flat = suite.endswith("/")
    if flat and components:
        raise _malformed(number, path, "absolute Suite Component", form)
    if not flat and not components:
        raise _malformed(number, path, "Component", form)
    if kind == "deb":
        yield Source(uri.rstrip("/"), "/" if flat else suite, tuple(components), f"{path}:{number}",
                     options.get("signed-by", ""), options.get("trusted", "") == "yes")


def _stanzas(text: str, path: str) -> Iterator[Source]:
    """Read deb822: stanzas of fields."""
    for number, block in enumerate(filter(str.strip, re.split(r"\n\s*\n", text)), 1):
        fields: dict[str, str] = {}
        name = ""
        for line in block.split("\n"):
            if line.startswith("#"):
                continue
            if line[:1].isspace() and name:
                fields[name] += "\n" + line.strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if not fields or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        if not fields.get("types"):
            raise SourceError(f"Malformed stanza {number} in source list {path} (type)")
        for needed, shown in (("uris", "URI"), ("suites", "Suite")):
            if not fields.get(needed):
                raise _malformed(number, path, shown, "sources")
        options = {"signed-by": fields.get("signed-by", ""), "trusted": fields.get("trusted", "")}
        for kind in fields["types"].split():
            if kind not in ("deb", "deb-src"):
                raise SourceError(f"Type '{kind}' is not known on stanza {number} in source list {path}")
            for uri in fields["uris"].split():
                for suite in fields["suites"].split():
                    yield from _source(kind, uri, suite, fields.get("components", "").split(), options, number, path, "sources")


def keyring(view: View, source: Source) -> bytes:
    """Give what the keyrings that may sign a source hold; nothing for one that cannot be read (apt reads it as _apt)."""
    if source.signed_by:
        paths = [source.signed_by]
    else:
        folder = "/etc/apt/trusted.gpg.d"
        paths = [f"{folder}/{name}" for name in (view.list(folder) if view.is_dir(folder) else []) if name.endswith((".gpg", ".asc"))]
        paths.append("/etc/apt/trusted.gpg")
    found = b""
    for path in paths:
        try:
            node = view.find(path)
            if node.mode & 0o004:
                data = view.read(path)
                found += (keys.dearmoured(data) or b"") if path.endswith(".asc") else data
        except FileError:
            continue
    return found
