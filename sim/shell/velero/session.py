"""One run of velero: its words, its errors, its requests.

Models: pkg/client/factory.go, cmd.CheckError (`An error occurred: …`, status 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.api import objects
from sim.api.client import Key, Object
from sim.engine import Steps
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.words.flags import Flag, Parsed, parse
from sim.shell.pipes import Call

GROUP = "velero.io"
GLOBAL = (Flag("namespace", short="n", default="velero"), Flag("kubeconfig"), Flag("kubecontext"),
          Flag("help", "bool", "h", default=False, bare="true"), Flag("colorized", "bool", default=True, bare="true"),
          Flag("features", "slice", default=[]))
CLIENT: dict[str, Any] = {"request-timeout": "0", "as": "", "as-group": [], "user": "", "cluster": "", "server": "", "filename": None}


class VeleroError(Exception):
    """What velero prints before it ends with 1."""


class Session:
    """A command with its flags, and a client."""

    def __init__(self, call: Call, path: str, words: list[str], flags: tuple[Flag, ...]) -> None:
        self.call, self.path = call, path
        found: Parsed = parse(words, (*GLOBAL, *flags), path)
        self.flags, self.args, self.given = found.values, found.args, found.given
        for name, value in CLIENT.items():
            self.flags.setdefault(name, value)
        self.space = str(self.flags["namespace"])
        own = Parsed(type(self.flags)({**self.flags, "context": self.flags["kubecontext"], "namespace": ""}), found.args)
        self.client = Invocation(call, "velero", own)

    def out(self, text: str) -> None:
        """Write a line."""
        self.call.write(text + "\n")

    def key(self, plural: str, name: str = "") -> Key:
        """Give the place of one of velero's objects."""
        return Key(f"{plural}.{GROUP}", self.space, name)

    def find(self, plural: str, name: str) -> Steps[Object]:
        """Get one of velero's objects. Raises VeleroError."""
        found = yield from self.client.find(self.key(plural, name))
        if found is None:
            raise VeleroError(f'{plural}.{GROUP} "{name}" not found')
        return found

    def list(self, plural: str) -> Steps[list[Object]]:
        """List them."""
        body = yield from self.client.send("list", self.key(plural), agent="velero")
        return list(body["items"])

    def create(self, plural: str, body: Object) -> Steps[Object]:
        """Make one."""
        kind = KINDS[plural]
        made: Object = yield from self.client.send("create", self.key(plural), agent="velero", body={
            "apiVersion": f"{GROUP}/v1", "kind": kind, **body, "metadata": {"namespace": self.space, **body["metadata"]}})
        return made

    def only(self, what: str) -> str:
        """Give the one argument. Raises VeleroError."""
        if len(self.args) != 1:
            raise VeleroError(f"accepts 1 arg(s), received {len(self.args)}" if self.args else what)
        return str(self.args[0])


KINDS = {"backups": "Backup", "restores": "Restore", "schedules": "Schedule", "backupstoragelocations": "BackupStorageLocation",
         "deletebackuprequests": "DeleteBackupRequest"}
Run = Callable[[Session], Steps[int]]


def phase(obj: Object) -> str:
    """Give an object's phase."""
    return str(objects.dig(obj, "status.phase") or "New")


def selector_of(text: str) -> Object | None:
    """Read `a=b,c=d` as a label selector."""
    pairs: dict[str, Any] = dict(part.partition("=")[::2] for part in text.split(",") if part)
    return {"matchLabels": pairs} if pairs else None
