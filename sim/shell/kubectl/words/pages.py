"""The tree of commands and their flags, read from the help pages of the real client of that version.

Models: cobra's help templates as kubectl sets them (kubectl/pkg/util/templates).
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from sim.shell.kubectl.words.flags import Flag

VERSIONS = (20, 26, 28, 33, 36)
"""Minor versions of which there are pages; others take the nearest older one."""
_FLAG = re.compile(r"^ +(?:-(?P<short>\w), )?--(?P<name>[a-z0-9-]+)=(?P<default>'[^']*'|[^:']*?):(?: |$)")
_GROUP = re.compile(r"^[A-Z].*Commands.*:$")
_COMMAND = re.compile(r"^  ([a-z-]+)\s+\S")
BARE = {"dry-run": "unchanged", "cascade": "background", "validate": "strict"}
"""Flags that may stand without a value and are no booleans (pflag's NoOptDefVal); pages do not tell."""
ARRAYS = frozenset((
    "as-group", "as-user-extra", "create configmap from-literal", "create secret generic from-literal", "run env",
    "run annotations", "create ingress rule", "create ingress annotation", "set env env", "wait for", "create token audience",
    "create role resource-name", "create clusterrole resource-name", "create rolebinding user", "create rolebinding group",
    "create rolebinding serviceaccount", "create clusterrolebinding user", "create clusterrolebinding group",
    "create clusterrolebinding serviceaccount", "apply prune-allowlist", "config set-credentials exec-env",
    "config set-credentials auth-provider-arg"))
"""Lists whose values may hold commas (StringArray); pages show them like the others."""
RECORD = "--record will be removed in the future"
HIDDEN = {name: Flag("record", "bool", default=False, bare="true", deprecated=RECORD) for name in (
    "annotate", "apply", "autoscale", "edit", "expose", "label", "patch", "replace", "run", "scale", "set env", "set image",
    "set resources", "set selector", "set serviceaccount", "rollout restart")}
"""Deprecated flags that pages no longer show."""
OLD_NAMES: tuple[tuple[str, int, Flag], ...] = (
    ("drain", 30, Flag("delete-local-data", "bool", default=False, bare="true", same_as="delete-emptydir-data",
                       deprecated="This option is deprecated and will be deleted. Use --delete-emptydir-data.")),
    ("version", 27, Flag("short", "bool", default=False, bare="true",
                         deprecated="and will be removed in the future. The --short output will become the default.")),
    ("apply", 32, Flag("prune-whitelist", "array", default=[], same_as="prune-allowlist",
                       deprecated="Use --prune-allowlist instead.")))
"""(command, last minor version that may have it, flag). Seen in the real clients 1.20 to 1.28, and no longer in 1.33."""
CPU_PERCENT = Flag("cpu-percent", "int", default=-1, deprecated=(
    "Use --cpu with percentage or resource quantity format (e.g., '70%' for utilization or '500m' for milliCPU)."))


@dataclass(frozen=True, slots=True)
class Page:
    """One command: its path without `kubectl`, its page, flags and subcommands in the order of the page."""

    path: str
    text: str
    flags: tuple[Flag, ...]
    commands: tuple[str, ...]
    aliases: tuple[str, ...]


class Pages:
    """All commands of a client version."""

    def __init__(self, minor: int) -> None:
        data = resources.files("sim.shell.kubectl.data").joinpath(f"help-1.{minor}.txt.gz").read_bytes()
        self.minor = minor
        self.texts: dict[str, str] = {}
        for part in gzip.decompress(data).decode().split("\x1e")[1:]:
            head, _, text = part.partition("\n")
            self.texts[head.removeprefix("kubectl").strip()] = text
        self._pages: dict[str, Page] = {}
        self.options = tuple(_flags("", self.texts["options"]))
        """The flags that every command takes."""

    def page(self, path: str) -> Page:
        """Give the page of a command path. Raises KeyError."""
        if path not in self._pages:
            self._pages[path] = _page(path, self.texts[path])
        return self._pages[path]

    def child(self, path: str, word: str) -> str | None:
        """Give the path of a subcommand by its name or alias."""
        for name in self.page(path).commands:
            inner = f"{path} {name}".strip()
            if name == word or word in self.aliases(inner):
                return inner
        return "options" if not path and word == "options" else None

    def aliases(self, path: str) -> tuple[str, ...]:
        """Give other names of a command."""
        found = re.search(r"^Aliases:\n(.*)$", self.texts[path], re.MULTILINE)
        return tuple(found[1].split(", ")[1:]) if found else ()

    def flags(self, path: str) -> tuple[Flag, ...]:
        """Give all flags of a command: its own, hidden ones, and those of every command."""
        own = self.page(path).flags
        names = {flag.name for flag in own}
        hidden = [HIDDEN[path]] if path in HIDDEN and "record" not in names else []
        hidden += [flag for command, last, flag in OLD_NAMES
                   if command == path and self.minor <= last and flag.name not in names]
        hidden += [CPU_PERCENT] if path == "autoscale" and "cpu-percent" not in names else []
        return (*own, *hidden, *(flag for flag in self.options if flag.name not in names),
                Flag("help", "bool", "h", default=False, bare="true"))


def _page(path: str, text: str) -> Page:
    commands, listing = [], False
    for line in text.split("\n"):
        if _GROUP.match(line):
            listing = True
        elif not line.startswith("  "):
            listing = False
        elif listing and (found := _COMMAND.match(line)):
            commands.append(found[1])
    aliases = re.search(r"^Aliases:\n(.*)$", text, re.MULTILINE)
    return Page(path, text, tuple(_flags(path, text)), tuple(commands),
                tuple(aliases[1].split(", ")[1:]) if aliases else ())


def _flags(path: str, text: str) -> list[Flag]:
    found, listing = [], path == ""
    for line in text.split("\n"):
        if line == "Options:":
            listing = True
        elif line and not line[0].isspace():
            listing = path == "" and listing
        elif listing and (match := _FLAG.match(line)):
            found.append(_flag(path, match["name"], match["short"] or "", match["default"]))
    return found


def _flag(path: str, name: str, short: str, shown: str) -> Flag:
    default: Any = shown.strip("'")
    if shown.startswith("'") or not shown:
        return Flag(name, "str", short, default, BARE.get(name, ""))
    if shown in ("true", "false"):
        return Flag(name, "bool", short, shown == "true", "true")
    if shown.startswith("["):
        kind = "array" if name in ARRAYS or f"{path} {name}" in ARRAYS else "slice"
        return Flag(name, kind, short, [each for each in shown.strip("[]").split(",") if each])
    if re.fullmatch(r"-?\d+", shown):
        return Flag(name, "int", short, int(shown))
    if re.fullmatch(r"(\d+[a-zµ]+)+", shown):
        from sim.api import times

        return Flag(name, "duration", short, times.parse_duration(shown))
    return Flag(name, "str", short, default, BARE.get(name, ""))


@cache
def pages(minor: int) -> Pages:
    """Give the commands of a client of minor version 1.minor."""
    return Pages(max((each for each in VERSIONS if each <= minor), default=VERSIONS[0]))
