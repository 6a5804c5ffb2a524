"""edit: the object in a file, an editor, and the difference sent back.

Models: kubectl/pkg/cmd/util/editor/{editor,editoptions}.go. The editor is a program of the host that needs no keys
(`sed -i …`); vi and its like refuse.
"""

from __future__ import annotations

from sim.api import objects
from sim.api import patch as patches
from sim.api.client import Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame import goyaml
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing.yaml import to_yaml
from sim.shell.kubectl.resource.chosen import Chosen, Info, choose
from sim.shell.kubectl.writing.output import Printer, dry_run, report

HEADER = """# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
"""
INTERACTIVE = frozenset(("vi", "vim", "nvim", "nano", "emacs", "ed", "ex", "less", "more", "code"))
CHANGED_WHO = "At least one of apiVersion, kind and name was changed"
NOT_SAVED = "Edit cancelled, no valid changes were saved."
DIGITS = "0123456789"


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
        number = inv.engine.stream("kubectl.edit").text(DIGITS, 10).lstrip("0")
        self.path = f"/tmp/kubectl-edit-{number}.yaml"  # noqa: S108  (on the simulated host)

    def run(self) -> Steps[int]:
        """Get the objects, edit them, send the changes."""
        inv = self.inv
        chosen = yield from choose(inv)
        if chosen.errors:
            return report(inv, chosen.errors)
        if not chosen:
            raise UsageError("edit cancelled, no objects found")
        first = self.program.split()[0].rpartition("/")[2]
        if first in INTERACTIVE:
            raise NotSimulated(f"the editor {first}; set KUBE_EDITOR to a program that needs no keys, as in "
                               "KUBE_EDITOR='sed -i s/old/new/'")
        text = HEADER + to_yaml(shown(chosen))
        files = inv.call.files
        files.write(self.path, text.encode())
        problem = ""
        while True:
            before = without_comments(files.read(self.path))
            status = yield from inv.call.shell.source(f"{self.program} {self.path}", inv.call.streams)
            if status:
                raise UsageError(f'there was a problem with the editor "{self.named}"')
            data = files.read(self.path)
            after = without_comments(data)
            if problem and after == before:
                return self.preserved(NOT_SAVED)
            if after == without_comments(text.encode()):
                files.remove(self.path)
                inv.err("Edit cancelled, no changes made.")
                return 0
            try:
                yield from self.save(chosen, data)
                files.remove(self.path)
                return 0
            except UsageError as error:
                return self.preserved(error.text)
            except (goyaml.GoYamlError, StatusError) as error:
                problem = str(error)
                if isinstance(error, StatusError) and error.code == 422:
                    self.say_invalid(chosen)

    def preserved(self, text: str) -> int:
        """Say where the changes lie, and end."""
        self.inv.err(f'A copy of your changes has been stored to "{self.path}"')
        raise UsageError(text)

    def say_invalid(self, chosen: Chosen) -> None:
        """Say which object the server would not take."""
        info = chosen[0]
        group = f"{info.mapping.plural}.{info.mapping.group}" if info.mapping.group else info.mapping.plural
        self.inv.err(f'error: {group} "{info.name}" is invalid')

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


