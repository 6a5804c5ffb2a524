"""The forms of -o for whole objects: name, json, yaml, JSONPath, Go templates, custom columns.

Models: cli-runtime/pkg/genericclioptions/{json_yaml,jsonpath,template,name}_printer_flags.go, kubectl/pkg/cmd/get/
customcolumn*.go. Left out: kyaml.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.api import objects
from sim.api.client import Object
from sim.api.errors import NotSimulated
from sim.host.files import FileError
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing import goformat, gotemplate, jsonpath
from sim.shell.kubectl.printing.gotemplate_parser import TemplateError
from sim.shell.kubectl.printing.tables import layout
from sim.shell.kubectl.printing.yaml import to_json, to_yaml

OBJECT_FORMS = ("go-template", "go-template-file", "json", "jsonpath", "jsonpath-as-json", "jsonpath-file", "kyaml", "name",
                "template", "templatefile", "yaml")
GET_FORMS = (*OBJECT_FORMS, "custom-columns", "custom-columns-file", "wide")
KYAML_SINCE = (1, 34)
JSONPATHS = ("jsonpath", "jsonpath-as-json", "jsonpath-file")
TEMPLATES = ("go-template", "go-template-file", "template", "templatefile")
NO_TEMPLATE = "template format specified but no template given"


class Form:
    """The form that -o (and --template) asks for. kind is "" for the usual text.

    forms: what the verb offers. Raises UsageError for anything else.
    """

    def __init__(self, inv: Invocation, forms: Sequence[str] = OBJECT_FORMS) -> None:
        self.inv = inv
        output: str = inv.flags["output"] or ""
        template: str = inv.flags["template"] or ""
        self.kind, equal, self.argument = output.partition("=")
        if not self.kind and equal:
            self.kind, self.argument = output, ""
        if not self.kind and template:
            self.kind = "go-template"
        self.argument = self.argument or template
        offered = sorted(form for form in forms if form != "kyaml" or inv.version >= KYAML_SINCE)
        if self.kind and (self.kind not in offered or (self.argument and self.kind in ("json", "yaml", "name", "wide"))):
            raise UsageError(f'unable to match a printer suitable for the output format "{output}", allowed formats are: '
                             + ",".join(offered))
        if self.kind == "kyaml":
            raise NotSimulated(f"{inv.root} -o kyaml")
        self.missing = bool(inv.flags["allow-missing-template-keys"])
        self.printed = 0
        self.columns: list[tuple[str, str]] = []
        self._prepare()

    def _prepare(self) -> None:
        if self.kind in (*JSONPATHS, *TEMPLATES):
            if not self.argument:
                raise UsageError(NO_TEMPLATE)
            if self.kind.endswith("file"):
                self.argument = self._file(self.argument)
            if self.kind in JSONPATHS:
                try:
                    jsonpath.parse(self.argument)
                except jsonpath.JsonPathError as error:
                    raise UsageError(f"error parsing jsonpath {self.argument}, {error}") from None
            else:
                try:
                    gotemplate.parse(self.argument)
                except TemplateError as error:
                    raise UsageError(f"error parsing template {self.argument}, {error}") from None
        elif self.kind.startswith("custom-columns"):
            self.columns = self._columns()

    def _file(self, name: str) -> str:
        try:
            return self.inv.call.files.read(self.inv.call.path(name)).decode()
        except (FileError, UnicodeDecodeError) as error:
            text = str(error.args[0]).lower() if error.args else "cannot be read"
            flag = "template" if self.kind.startswith("custom-columns") else "--template"
            raise UsageError(f"error reading {flag} {name}, open {name}: {text}") from None

    def _columns(self) -> list[tuple[str, str]]:
        if not self.argument:
            raise UsageError("custom-columns format specified but no custom columns given")
        text = self.argument
        if self.kind == "custom-columns-file":
            lines = self._file(self.argument).splitlines()
            if len(lines) < 2:
                raise UsageError("error: bad custom-columns-file", prefix="")
            heads, paths = lines[0].split(), lines[1].split()
            if len(heads) != len(paths):
                raise UsageError(f"number of headers ({len(heads)}) and field specifications ({len(paths)}) don't match")
            pairs = list(zip(heads, paths, strict=True))
        else:
            pairs = []
            for part in text.split(","):
                head, colon, path = part.partition(":")
                if not colon:
                    raise UsageError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
                pairs.append((head, path))
        found = []
        for head, path in pairs:
            try:
                found.append((head, jsonpath.relaxed(path)))
            except jsonpath.JsonPathError as error:
                raise UsageError(str(error)) from None
        return found

    # ---- printing ---------------------------------------------------------------------------------------------
    def clean(self, obj: Object) -> Object:
        """Leave managedFields out unless they are asked for."""
        if self.inv.flags["show-managed-fields"]:
            return obj
        if isinstance(obj.get("items"), list):
            return {**obj, "items": [self.clean(each) for each in obj["items"]]}
        if "managedFields" not in (obj.get("metadata") or {}):
            return obj
        return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "managedFields"}}

    def write(self, mapping: Mapping_ | None, obj: Object) -> None:
        """Print one object, or a List. Raises UsageError."""
        inv = self.inv
        if self.kind == "name":
            assert mapping is not None
            inv.out(f"{mapping.qualified}/{objects.name(obj)}")
        elif self.kind == "yaml":
            inv.call.write(("---\n" if self.printed else "") + to_yaml(self.clean(obj)))
        elif self.kind == "json":
            inv.out(to_json(self.clean(obj), indent=4))
        elif self.kind in JSONPATHS:
            self._jsonpath(obj)
        else:
            self._template(obj)
        self.printed += 1

    def _jsonpath(self, obj: Object) -> None:
        try:
            self.inv.call.write(jsonpath.template(
                self.argument, obj, missing=self.missing, as_json=self.kind == "jsonpath-as-json"))
        except jsonpath.JsonPathError as error:
            text = (f"Error executing template: {error}. Printing more information for debugging the template:\n"
                    f"\ttemplate was:\n\t\t{self.argument}\n\tobject given to jsonpath engine was:\n"
                    f"\t\t{goformat.syntax(obj)}\n\n")
            raise UsageError(f"error executing jsonpath {goformat.quote(self.argument)}: {text}\n") from None

    def _template(self, obj: Object) -> None:
        run = gotemplate.Run(obj)
        try:
            run.fill(self.argument)
        except TemplateError as error:
            self.inv.call.write("".join(run.out))
            self.inv.call.write(
                f"Error executing template: {error}. Printing more information for debugging the template:\n"
                f"\ttemplate was:\n\t\t{self.argument}\n\traw data was:\n\t\t{to_json(obj)}\n"
                f"\tobject given to template engine was:\n\t\t{goformat.text(obj)}\n\n")
            raise UsageError(f"error executing template {goformat.quote(self.argument)}: {error}") from None
        self.inv.call.write("".join(run.out))

    def rows(self, items: Sequence[Object]) -> list[list[str]]:
        """Give the rows of custom columns, without their heads."""
        return [[self._cell(spec, obj) for _, spec in self.columns] for obj in items]

    def _cell(self, spec: str, obj: Object) -> str:
        found = jsonpath.results(spec, obj) if spec else []
        values: list[Any] = [value for values in found for value in values]
        return ",".join(goformat.text(value) for value in values) if values else "<none>"

    def table(self, items: Sequence[Object], *, headers: bool) -> list[str]:
        """Lay custom columns out. Raises UsageError for a path that cannot be read, after the heads are printed."""
        try:
            for _, spec in self.columns:
                jsonpath.parse(spec)
        except jsonpath.JsonPathError as error:
            for line in layout([[head for head, _ in self.columns]]) if headers else ():
                self.inv.out(line)
            raise UsageError(str(error)) from None
        return layout([*([[head for head, _ in self.columns]] if headers else []), *self.rows(items)])
