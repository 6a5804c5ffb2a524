"""edit: the object in a file, an editor, and the difference sent back.

Models: kubectl/pkg/cmd/util/editor/{editor,editoptions}.go. The editor is a program of the host: vi on the terminal, or
one that needs no keys (`sed -i …`).
"""

from __future__ import annotations

from sim.api import objects
from sim.api import patch as patches
from sim.api.client import Object
from sim.api.errors import StatusError, qualified
from sim.engine import Steps
from sim.shell.kubectl.frame import goyaml
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing.yaml import to_yaml
from sim.shell.kubectl.resource.chosen import Chosen, Info, choose
from sim.shell.kubectl.writing.output import Printer, dry_run, report

STATUS_INVALID, STATUS_NOT_FOUND = 422, 404
HEADER = """# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
"""
CHANGED_WHO = "At least one of apiVersion, kind and name was changed"
NOT_SAVED = "Edit cancelled, no valid changes were saved."
DIGITS = "0123456789"


BAD_FILE = 400
Reason = tuple[str, list[str]]
Reasons = list[Reason]


class Editor:
    """One `kubectl edit`."""

    def __init__(self, inv: Invocation) -> None:
        env = inv.call.env
        self.inv = inv
        self.program = env.get("KUBE_EDITOR") or env.get("EDITOR") or "vi"
        where = self.program.split()[0]
        if "/" in where and not inv.call.files.exists(inv.call.path(where)):
            self.program = "false"
        self.named = where
        self.printer = Printer(inv, dry_run(inv))
        self.path = ""

    def run(self) -> Steps[int]:
        """Get the objects, edit them, send the changes; what the server would not take is edited again."""
        inv, files = self.inv, self.inv.call.files
        chosen = yield from choose(inv)
        if chosen.errors:
            return report(inv, chosen.errors)
        if not chosen:
            raise UsageError("edit cancelled, no objects found")
        original = text = to_yaml(shown(chosen))
        reasons: Reasons = []
        while True:
            yield from self.launch(HEADER + "".join(map(reason_text, reasons)) + text)
            data = files.read(self.path)
            if reasons and without_comments(data) == without_comments(text.encode()):
                return self.preserved(NOT_SAVED)
            if without_comments(data) == without_comments(original.encode()):
                return self.cancelled("no changes made")
            try:
                yield from self.save(chosen, data)
                files.remove(self.path)
                return 0
            except UsageError as error:
                return self.preserved(error.text)
            except goyaml.GoYamlError as error:
                reasons = [self.invalid(chosen, ["<nil>: Invalid value: \"The edited file failed validation\": " + str(error)])]
            except StatusError as error:
                if error.code not in (STATUS_INVALID, BAD_FILE):
                    return self.not_patched(chosen[0], error)
                reasons = [self.invalid(chosen, [f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in error.details.get("causes", [])])
                           if error.code == STATUS_INVALID else (f"The edited file had a syntax error: {error.message}", [])]
            text = data.decode(errors="replace")
            text = text.removeprefix(HEADER)
            text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))

    def launch(self, text: str) -> Steps[None]:
        """Put a text into a new temporary file and run the editor on it. Raises UsageError."""
        call = self.inv.call
        if self.path:
            call.files.remove(self.path)
        self.path = f"/tmp/kubectl-edit-{call.engine.stream('kubectl.edit').text(DIGITS, 10).lstrip('0')}.yaml"  # noqa: S108  (on the simulated host)
        call.files.write(self.path, text.encode())
        status = yield from call.shell.source(f"{self.program} {self.path}", call.streams)
        if status:
            raise UsageError(f'there was a problem with the editor "{self.named}"')

    def cancelled(self, why: str) -> int:
        """Say that nothing was changed, and end."""
        self.inv.call.files.remove(self.path)
        self.inv.err(f"Edit cancelled, {why}.")
        return 0

    def preserved(self, text: str) -> int:
        """Say where the changes lie, and end."""
        self.inv.err(f'A copy of your changes has been stored to "{self.path}"')
        raise UsageError(text)

    def invalid(self, chosen: Chosen, causes: list[str]) -> Reason:
        """Say which object would not be taken; gives what the file is headed with when it is edited again."""
        name = named(chosen[0])
        self.inv.err(f"error: {name} is invalid")
        return f"{name} was not valid", causes

    def not_patched(self, info: Info, error: StatusError) -> int:
        """Say that the server would not have the change for another reason than its content, and end."""
        if error.code == STATUS_NOT_FOUND:
            self.inv.err(f"error: {named(info)} could not be found on the server")
            self.inv.err(f'The edits you made on deleted resources have been saved to "{self.path}"')
        else:
            self.inv.err(f"error: {named(info)} could not be patched: {error.message}")
            self.inv.err(f"You can run `kubectl replace -f {self.path}` to try this update again.")
        return 1

    def save(self, chosen: Chosen, data: bytes) -> Steps[None]:
        """Send what was changed. Raises StatusError, GoYamlError, UsageError."""
        documents = list(goyaml.documents(data))
        whole = documents[0] if documents else None
        if not isinstance(whole, dict):
            raise StatusError(422, "Invalid", "the file is empty")
        items = whole["items"] if len(chosen) > 1 and isinstance(whole.get("items"), list) else [whole]
        if len(items) != len(chosen):
            raise UsageError("the number of objects was changed")
        for info, new in zip(chosen, items, strict=True):
            yield from self.save_one(info, new)

    def save_one(self, info: Info, new: Object) -> Steps[None]:
        """Send the changes of one object."""
        old = {"apiVersion": info.mapping.api_version, "kind": info.mapping.kind, **info.obj}
        group, _, version = str(new.get("apiVersion", "")).rpartition("/")
        if not any(m.kind == new.get("kind") and m.group == group and m.version == version
                   for m in (yield from self.inv.mappings())):
            raise StatusError(400, "BadRequest", "no match")
        if any(objects.dig(new, path) != objects.dig(old, path) for path in ("apiVersion", "kind", "metadata.name")):
            raise UsageError(CHANGED_WHO)
        change = patches.three_way(old, new, old)
        if not change:
            self.printer.done(info.mapping, info.obj, "skipped")
            return
        query = {"patchType": "strategic"}
        subresource = self.inv.flags["subresource"] or ""
        done = yield from self.inv.send("patch", info.key, body=change, query=query, subresource=subresource)
        self.printer.done(info.mapping, done, "edited")


def named(info: Info) -> str:
    """Name an object as errors do: `deployments.apps "web"`."""
    return f'{qualified(info.mapping.plural, info.mapping.group)} "{info.name}"'


def reason_text(reason: Reason) -> str:
    """Write why an edited file was not taken, as its next header does."""
    head, causes = reason
    rows = [f"{head}:", *(f"* {cause}" for cause in causes)] if causes else [head]
    return "".join("# " + row.replace("\n", "\n# ") + "\n" for row in rows) + "#\n"


def shown(chosen: Chosen) -> Object:
    """Give what is edited: the object, or a List of several."""
    items = [{"apiVersion": info.mapping.api_version, "kind": info.mapping.kind,
              **objects.drop(info.obj, "metadata.managedFields")} for info in chosen]
    return items[0] if len(items) == 1 else {"apiVersion": "v1", "items": items, "kind": "List",
                                             "metadata": {"resourceVersion": ""}}


def without_comments(data: bytes) -> bytes:
    """Give a file without its comment lines."""
    return b"\n".join(line for line in data.strip().split(b"\n") if not line.lstrip().startswith(b"#"))


def edit(inv: Invocation) -> Steps[int]:
    """Run `kubectl edit`."""
    return (yield from Editor(inv).run())


