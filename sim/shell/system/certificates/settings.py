"""What openssl reads of names and extensions: -subj, -addext, -extfile and -config.

Models: apps/lib/apps.c (parse_name), crypto/conf, crypto/x509v3 as far as labs write it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sim.host.files import FileError
from sim.shell.pipes import Call

Name = tuple[str, tuple[str, ...], str]
USAGES = {"serverAuth": "server", "clientAuth": "client"}
LONG = {"commonName": "CN", "organizationName": "O", "countryName": "C", "stateOrProvinceName": "ST", "localityName": "L",
        "organizationalUnitName": "OU"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Extensions and name that a configuration asks for."""

    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    usages: tuple[str, ...] = ()
    authority: bool = False
    name: Name | None = None


NOTHING = Wanted()


def subject(text: str) -> Name | None:
    """Read `/CN=jane/O=dev`: the common name, the organizations, and how openssl writes it all."""
    parts = [part for part in re.split(r"(?<!\\)/", text) if part]
    return _name([(key, value) for key, _, value in (part.partition("=") for part in parts)])


def _name(pairs: list[tuple[str, str]]) -> Name | None:
    if not pairs:
        return None
    common = next((value for key, value in pairs if key == "CN"), "")
    return common, tuple(value for key, value in pairs if key == "O"), ", ".join(f"{key} = {value}" for key, value in pairs)


def _sections(text: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {"": {}}
    at = found[""]
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        head = re.fullmatch(r"\[\s*(.*?)\s*\]", line)
        if head:
            at = found.setdefault(head[1], {})
        elif "=" in line:
            key, _, value = line.partition("=")
            at[key.strip()] = value.strip()
    return found


def _read(call: Call, path: str) -> dict[str, dict[str, str]]:
    from sim.shell.system.certificates.command import Bad
    try:
        return _sections(call.files.read(call.path(path)).decode(errors="replace"))
    except FileError as error:
        raise Bad(f"Can't open \"{path}\" for reading, {error.args[0]}") from None


def wanted(call: Call, path: str, section: str) -> Wanted:
    """Read an extension file. section: its part, "" for the part before the first head (or what `extensions` there names)."""
    found = _read(call, path)
    return _extensions(found, found.get(section or found[""].get("extensions", ""), {}))


def of_request(call: Call, path: str, section: str, more: list[str]) -> Wanted:
    """Read a request's configuration, and what -addext adds."""
    found = _read(call, path) if path else {"": {}}
    head = found.get("req", {})
    rows = dict(found.get(section or head.get("req_extensions", "") or head.get("x509_extensions", ""), {}))
    rows |= {key.strip(): value.strip() for key, _, value in (each.partition("=") for each in more)}
    named = found.get(head.get("distinguished_name", ""), {})
    pairs = [(LONG.get(key, key), value) for key, value in named.items() if LONG.get(key, key) in LONG.values()]
    return replace(_extensions(found, rows), name=_name(pairs) if head.get("prompt") == "no" else None)


def _extensions(sections: dict[str, dict[str, str]], rows: dict[str, str]) -> Wanted:
    names: list[tuple[str, str]] = []
    text = rows.get("subjectAltName", "")
    if text.startswith("@"):
        names = [(key.partition(".")[0], value) for key, value in sections.get(text[1:].strip(), {}).items()]
    elif text:
        names = [(key.strip(), value.strip()) for key, _, value in (part.partition(":") for part in text.split(","))]
    usages = tuple(USAGES[word.strip()] for word in rows.get("extendedKeyUsage", "").split(",") if word.strip() in USAGES)
    return Wanted(tuple(value for key, value in names if key == "DNS"), tuple(value for key, value in names if key == "IP"),
                  usages, "CA:true" in rows.get("basicConstraints", "").replace("TRUE", "true"))
