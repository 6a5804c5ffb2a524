"""kubectl explain: fields and their descriptions, from the published OpenAPI.

Models: kubectl/pkg/cmd/explain, kubectl/pkg/explain/v2 (plaintext.tmpl). Left out: values of enumerations (they are not in
the data), the older form of clients before 1.27 and of --output=plaintext-openapiv2, custom resources.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from importlib import resources
from typing import Any

from sim.api.client import Key
from sim.api.errors import NotSimulated
from sim.engine import Steps
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import Exit, UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.words.verbs import Verb

MINORS = (33, 36)
WIDTH = 76
STAMPS = ("Time", "MicroTime")
"""Types that OpenAPI v3 writes as plain strings."""
Schema = dict[str, Any]


@cache
def schemas(minor: int) -> dict[str, Schema]:
    """Give the types that a server of a minor version publishes (the nearest there is), by name."""
    nearest = max((each for each in MINORS if each <= minor), default=MINORS[0])
    data = resources.files("sim.shell.kubectl.data").joinpath(f"openapi-1.{nearest}.json.gz").read_bytes()
    found: dict[str, Schema] = json.loads(gzip.decompress(data))
    return found


def wrap(text: str, width: int = WIDTH) -> list[str]:
    """Break lines at blanks. Models: mitchellh/go-wordwrap."""
    lines = []
    for line in text.split("\n"):
        out, length, spaces = "", 0, ""
        for piece in re.findall(r" +|[^ ]+", line):
            if piece[0] == " ":
                spaces = piece
            elif length and length + len(spaces) + len(piece) > width:
                lines.append(out)
                out, length, spaces = piece, len(piece), ""
            else:
                out += spaces + piece
                length, spaces = length + len(spaces) + len(piece), ""
        lines.append(out)
    return lines


class Explain:
    """One `kubectl explain`."""

    def __init__(self, inv: Invocation, mapping: Mapping_, types: dict[str, Schema]) -> None:
        self.inv, self.mapping, self.types = inv, mapping, types

    def root(self) -> Schema:
        """Give the schema of the kind."""
        wanted = [self.mapping.group, self.mapping.version, self.mapping.kind]
        for schema in self.types.values():
            if wanted in schema.get("kinds", ()):
                return schema
        raise NotSimulated(f"kubectl explain {self.mapping.plural}")

    def resolved(self, schema: Schema) -> Schema:
        """Follow a reference."""
        return self.types.get(schema["ref"], {}) if "ref" in schema else schema

    def inner(self, schema: Schema) -> Schema:
        """Give the type whose fields are meant: of an array its items, of a map its values."""
        schema = self.resolved(schema)
        for key in ("items", "map"):
            if key in schema:
                return self.inner(schema[key])
        return schema

    def type_of(self, schema: Schema) -> str:
        """Name a type: `[]Container`, `map[string]string`, `integer`."""
        if "ref" in schema:
            name = str(schema["ref"]).rpartition(".")[2]
            return "string" if name in STAMPS else name
        if "items" in schema:
            return "[]" + self.type_of(schema["items"])
        if "map" in schema:
            return "map[string]" + self.type_of(schema["map"])
        return str(schema.get("type") or "Object").replace("object", "Object")

    def described(self, schema: Schema) -> list[str]:
        """Give the descriptions of a field and of its type."""
        found = [schema["description"]] if schema.get("description") else []
        if "ref" in schema and str(schema["ref"]).rpartition(".")[2] not in STAMPS:
            found += self.described({k: v for k, v in self.resolved(schema).items() if k != "properties"})
        elif "items" in schema or "map" in schema:
            found += self.described(schema.get("items") or schema["map"])
        return found

    # ---- printing ---------------------------------------------------------------------------------------------
    def run(self, path: list[str]) -> int:
        """Print what a path leads to."""
        mapping, out = self.mapping, []
        if mapping.group:
            out.append(f"GROUP:      {mapping.group}")
        out += [f"KIND:       {mapping.kind}", f"VERSION:    {mapping.version}", ""]
        schema = self.root()
        for number, name in enumerate(path):
            fields = self.inner(schema).get("properties") or {}
            if name not in fields:
                self.inv.call.write("\n".join(out) + "\n")
                self.inv.err(f'error: field "{path[-1] if number < len(path) else name}" does not exist')
                raise Exit(1)
            schema = fields[name]
            if number == len(path) - 1:
                out += [f"FIELD: {name} <{self.type_of(schema)}>", "", ""]
        out.append("DESCRIPTION:")
        texts = self.described(schema) or ["<empty>"]
        out += [f"    {line}" for text in texts for line in wrap(text)] + ["    "]
        fields = self.inner(schema).get("properties") or {}
        if fields:
            out.append("FIELDS:")
            out += self.fields(self.inner(schema), 1, ())
        out.append("")
        self.inv.call.write("\n".join(out) + "\n")
        return 0

    def fields(self, schema: Schema, level: int, above: tuple[str, ...]) -> list[str]:
        """List the fields of a type; with --recursive those inside them, without descriptions."""
        out, lead = [], "  " * level
        for name, field in sorted(schema["properties"].items()):
            required = " -required-" if name in (schema.get("required") or ()) else ""
            out.append(f"{lead}{name}\t<{self.type_of(field)}>{required}")
            if not self.inv.flags["recursive"]:
                out += [f"{lead}  {line}" for text in self.described(field)[:1] or ["<no description>"]
                        for line in wrap(text)] + [""]
                continue
            inner, key = self.inner(field), self.type_of(field).rpartition("]")[2]
            if inner.get("properties") and key not in above:
                out += self.fields(inner, level + 1, (*above, key))
        return out


def explain(inv: Invocation) -> Steps[int]:
    """Run `kubectl explain`."""
    if not inv.args:
        raise UsageError('You must specify the type of resource to explain. Use "kubectl api-resources" for a complete list of '
                         "supported resources.")
    if len(inv.args) > 1:
        raise UsageError("We accept only this format: explain RESOURCE")
    if inv.version < (1, 27) or inv.flags["output"] == "plaintext-openapiv2":
        raise NotSimulated("kubectl explain by OpenAPI v2")
    words = inv.args[0].split(".")
    mapping = next((m for m in (yield from inv.mappings()) if words[0].lower() in m.names), None)
    if mapping is None:
        raise UsageError(f'the server doesn\'t have a resource type "{words[0]}"', prefix="")
    wanted = inv.flags["api-version"] or ""
    if wanted:
        others = [m for m in (yield from inv.mappings()) if m.plural == mapping.plural and m.api_version == wanted]
        if not others:
            group, _, version = wanted.rpartition("/")
            raise UsageError(f'couldn\'t find resource for "{group}/{version}, Resource={mapping.plural}"')
        mapping = others[0]
    if inv.flags["output"] not in ("plaintext", "", None):
        raise UsageError(f"unrecognized format: {inv.flags['output']}")
    body = yield from inv.send("get", Key("", "", "/version"))
    return Explain(inv, mapping, schemas(int(body["gitVersion"].split(".")[1]))).run(words[1:])


VERBS = {"explain": Verb(explain, ("recursive", "api-version", "output"))}
