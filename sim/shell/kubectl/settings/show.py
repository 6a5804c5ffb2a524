"""config view, get-contexts, get-clusters, get-users, current-context.

Models: kubectl/pkg/cmd/config/{view,get_contexts,get_clusters,get_users,current_context}.go.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.kubectl.frame import kubeconfig
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing.tables import layout
from sim.shell.kubectl.settings.files import whole
from sim.shell.kubectl.writing.output import DryRun, Printer

CONFIG = Mapping_("configs", "Config", "", "v1", namespaced=False, names=("configs", "config"))
EMBEDDED = ("certificate-authority", "client-certificate", "client-key")
SECRET = ("token", "password")
ORDER = ("name", "cluster", "user", "context", "server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority",
         "certificate-authority-data", "proxy-url", "client-certificate", "client-certificate-data", "client-key",
         "client-key-data", "token", "tokenFile", "username", "password", "namespace")
"""The order of Go's structs, for -o json."""
TOP = ("kind", "apiVersion", "preferences", "clusters", "users", "contexts", "current-context")


def _lists(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {each["name"]: dict(each.get(name[:-1]) or {}) for each in config.get(name) or []} for name in kubeconfig.LISTS}


def view(inv: Invocation) -> Steps[int]:
    """Run `kubectl config view`."""
    if inv.flags["merge"] in ("false", False) and not inv.flags["kubeconfig"]:
        raise UsageError("if merge==false a precise file must be specified")
    flags = inv.flags
    try:
        config = inv.config()
    except UsageError as error:
        if not error.text.startswith("stat "):
            raise
        config = {}  # a file that is not there yet is an empty one
    lists = _lists(config)
    name = flags["context"] or config.get("current-context") or ""
    if flags["minify"]:
        if not name:
            raise UsageError("current-context must exist in order to minify")
        if name not in lists["contexts"]:
            raise UsageError(f"cannot locate context {name}")
        context = lists["contexts"][name]
        keep = {"contexts": name, "clusters": context.get("cluster"), "users": context.get("user")}
        lists = {kind: {n: e for n, e in entries.items() if n == keep[kind]} for kind, entries in lists.items()}
    hidden = not flags["raw"] and not flags["flatten"]
    lists = {kind: {n: _shown(inv, entry, hidden=hidden) for n, entry in entries.items()} for kind, entries in lists.items()}
    rest = {"current-context": name, **{n: v for n, v in config.items() if n not in kubeconfig.LISTS and n != "current-context"}}
    obj = whole(inv, rest, lists)
    printer = Printer(inv, DryRun())
    if printer.form.kind == "name":
        inv.out("config/<unknown>")
    elif printer.form.kind == "json":
        inv.out(json.dumps(_ordered(obj), indent=4))
    else:
        printer.form.kind = printer.form.kind or "yaml"
        printer.object(CONFIG, obj)
    return 0
    yield


def _shown(inv: Invocation, entry: dict[str, Any], *, hidden: bool) -> dict[str, Any]:
    """Give an entry with files embedded (--flatten), and secrets hidden."""
    entry = dict(entry)
    if inv.flags["flatten"]:
        for name in EMBEDDED:
            if name in entry:
                path = entry.pop(name)
                try:
                    data = inv.call.files.read(inv.call.path(path))
                except FileError as error:
                    raise UsageError(f"open {path}: {str(error.args[0]).lower()}") from None
                entry[f"{name}-data"] = base64.b64encode(data).decode()
    if hidden:
        entry = {name: "DATA+OMITTED" if name.endswith("-data") else "REDACTED" if name in SECRET and value else value
                 for name, value in entry.items()}
    return entry


def _ordered(obj: dict[str, Any]) -> dict[str, Any]:
    def inner(value: Any) -> Any:
        if isinstance(value, list):
            return [inner(each) for each in value]
        if isinstance(value, dict):
            names = sorted(value, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
            return {name: inner(value[name]) for name in names}
        return value

    return {name: inner(obj[name]) for name in (*TOP, *(n for n in obj if n not in TOP)) if name in obj}


def get_contexts(inv: Invocation) -> Steps[int]:
    """Run `kubectl config get-contexts`."""
    form = inv.flags["output"] or ""
    if form not in ("", "name"):
        raise UsageError(f"--output {form} is not available in kubectl config get-contexts; resetting to default output format")
    config = inv.config()
    contexts = _lists(config)["contexts"]
    missing = [name for name in inv.args if name not in contexts]
    wanted = sorted(name for name in contexts if not inv.args or name in inv.args)
    if form == "name":
        for name in wanted:
            inv.out(name)
    else:
        rows = [["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]] if not inv.flags["no-headers"] else []
        for name in wanted:
            mark = "*" if name == config.get("current-context") else ""
            rows.append([mark, name, *(contexts[name].get(field) or "" for field in ("cluster", "user", "namespace"))])
        for line in layout(rows):
            inv.out(line)
    for name in missing:
        inv.err(f"{'error: ' if len(missing) == 1 else ''}context {name} not found")
    return 1 if missing else 0
    yield


def names(inv: Invocation) -> Steps[int]:
    """Run `kubectl config get-clusters` and `get-users`."""
    inv.out("NAME")
    for name in sorted(_lists(inv.config())[inv.command.rpartition("-")[2]]):
        inv.out(name)
    return 0
    yield


def current_context(inv: Invocation) -> Steps[int]:
    """Run `kubectl config current-context`."""
    name = inv.config().get("current-context")
    if not name:
        raise UsageError("current-context is not set")
    inv.out(str(name))
    return 0
    yield
