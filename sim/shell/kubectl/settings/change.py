"""config use-context, set-…, set, unset, rename-context, delete-….

Models: kubectl/pkg/cmd/config/*.go.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.settings.files import ConfigFile, Entry, arguments, default_path, file_of, main_file

FIELDS = {
    "clusters": ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority", "certificate-authority-data",
                 "proxy-url", "disable-compression"),
    "contexts": ("cluster", "user", "namespace"),
    "users": ("client-certificate", "client-certificate-data", "client-key", "client-key-data", "token", "tokenFile", "as",
              "username", "password"),
}
FLAGS_OF_BOTH = "you cannot specify both a context name and --current"
ACTIVE = 'warning: this removed your active context, use "kubectl config use-context" to select a different one'


def use_context(inv: Invocation) -> Steps[int]:
    """Run `kubectl config use-context`."""
    name = arguments(inv, 1)[0]
    if name not in file_of(inv, "contexts", name).lists["contexts"]:
        raise UsageError(f'no context exists with the name: "{name}"')
    found = main_file(inv)
    found.rest["current-context"] = name
    found.save()
    inv.out(f'Switched to context "{name}".')
    return 0
    yield


def set_context(inv: Invocation) -> Steps[int]:
    """Run `kubectl config set-context`."""
    name = inv.args[0] if inv.args else ""
    if not inv.flags["current"] and not name:
        raise UsageError("you must specify a non-empty context name or --current")
    if inv.flags["current"]:
        if name:
            raise UsageError(FLAGS_OF_BOTH)
        name = str(inv.config().get("current-context") or "")
        if not name:
            raise UsageError("no current context is set")
    found = file_of(inv, "contexts", name)
    known = name in found.lists["contexts"]
    _change(inv, found.lists["contexts"].setdefault(name, {}), ("cluster", "user", "namespace"))
    found.save()
    inv.out(f'Context "{name}" {"modified" if known else "created"}.')
    return 0
    yield


def _change(inv: Invocation, entry: Entry, fields: tuple[str, ...]) -> None:
    """Set the fields that flags give; an empty value removes one."""
    for field in fields:
        if field in inv.given:
            value = inv.flags[field]
            if value in ("", False):
                entry.pop(field, None)
            else:
                entry[field] = value


def _file_fields(inv: Invocation, entry: Entry, fields: tuple[str, ...]) -> None:
    """Set fields that name a file: its path, or with --embed-certs its content. Raises UsageError."""
    for field in fields:
        if field not in inv.given:
            continue
        path = inv.flags[field]
        entry.pop(field, None)
        entry.pop(f"{field}-data", None)
        if not path:
            continue
        if inv.flags["embed-certs"]:
            try:
                data = inv.call.files.read(inv.call.path(path))
            except FileError as error:
                raise UsageError(f"could not stat {field} file {path}: stat {path}: {str(error.args[0]).lower()}") from None
            entry[f"{field}-data"] = base64.b64encode(data).decode()
        else:
            entry[field] = inv.call.path(path)


def set_cluster(inv: Invocation) -> Steps[int]:
    """Run `kubectl config set-cluster`."""
    name = arguments(inv, 1)[0]
    found = file_of(inv, "clusters", name)
    entry = found.lists["clusters"].setdefault(name, {})
    _file_fields(inv, entry, ("certificate-authority",))
    _change(inv, entry, ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url"))
    if inv.flags["insecure-skip-tls-verify"] and "insecure-skip-tls-verify" in inv.given:
        entry.pop("certificate-authority", None)
        entry.pop("certificate-authority-data", None)
    entry.setdefault("server", "")
    found.save()
    inv.out(f'Cluster "{name}" set.')
    return 0
    yield


def set_credentials(inv: Invocation) -> Steps[int]:
    """Run `kubectl config set-credentials`."""
    name = arguments(inv, 1)[0]
    if inv.flags["token"] and (inv.flags["username"] or inv.flags["password"]):
        raise UsageError("you cannot specify more than one authentication method at the same time: --token, --username/--password")
    found = file_of(inv, "users", name)
    entry = found.lists["users"].setdefault(name, {})
    _file_fields(inv, entry, ("client-certificate", "client-key"))
    _change(inv, entry, ("token", "username", "password"))
    if inv.flags["token"]:
        for field in ("username", "password"):
            entry.pop(field, None)
    elif inv.flags["username"] or inv.flags["password"]:
        entry.pop("token", None)
    found.save()
    inv.out(f'User "{name}" set.')
    return 0
    yield


# ---- single properties --------------------------------------------------------------------------------------------
def _place(path: str) -> tuple[str, str, str]:
    """Read `contexts.NAME.namespace`: names may hold dots. Raises UsageError."""
    kind, _, rest = path.partition(".")
    if kind not in FIELDS or not rest:
        raise UsageError(f"unable to parse {path} after [] at api.Config")
    for field in FIELDS[kind]:
        if rest.endswith(f".{field}"):
            return kind, rest[:-len(field) - 1], field
    return kind, rest, ""


def set_property(inv: Invocation) -> Steps[int]:
    """Run `kubectl config set`."""
    path, text = arguments(inv, 2)
    if path == "current-context":
        found = main_file(inv)
        found.rest["current-context"] = text
    elif path.startswith("preferences."):
        found = ConfigFile(inv, default_path(inv))
        found.rest["preferences"] = {**(found.rest.get("preferences") or {}), path.partition(".")[2]: _value(text)}
    else:
        kind, name, field = _place(path)
        if not field:
            raise UsageError(f"can't set a map to a value: map[{name.partition('.')[0]}:0xc000800400]")
        found = file_of(inv, kind, name)
        found.lists[kind].setdefault(name, {})[field] = _typed(inv, field, text)
    found.save()
    inv.out(f'Property "{path}" set.')
    return 0
    yield


def _value(text: str) -> Any:
    return text == "true" if text in ("true", "false") else text


def _typed(inv: Invocation, field: str, text: str) -> Any:
    if field in ("insecure-skip-tls-verify", "disable-compression"):
        if text not in ("true", "false"):
            raise UsageError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
        return text == "true"
    if field.endswith("-data"):
        if inv.flags["set-raw-bytes"]:
            return base64.b64encode(text.encode()).decode()
        try:
            base64.b64decode(text, validate=True)
        except binascii.Error:
            raise UsageError("error decoding the input value: illegal base64 data at input byte 0") from None
    return text


def unset_property(inv: Invocation) -> Steps[int]:
    """Run `kubectl config unset`."""
    path = arguments(inv, 1)[0]
    if path == "current-context":
        found = main_file(inv)
        found.rest["current-context"] = ""
    elif path in FIELDS:
        found = ConfigFile(inv, default_path(inv))
        found.lists[path] = {}
    else:
        kind, name, field = _place(path)
        found = file_of(inv, kind, name)
        if field:
            found.lists[kind].get(name, {}).pop(field, None)
        else:
            found.lists[kind].pop(name, None)
    found.save()
    inv.out(f'Property "{path}" unset.')
    return 0
    yield


# ---- renaming and deleting ----------------------------------------------------------------------------------------
def rename_context(inv: Invocation) -> Steps[int]:
    """Run `kubectl config rename-context`."""
    old, new = arguments(inv, 2)
    found, path = file_of(inv, "contexts", old), default_path(inv)
    if old not in found.lists["contexts"]:
        raise UsageError(f'cannot rename the context "{old}", it\'s not in {path}')
    if new in file_of(inv, "contexts", new).lists["contexts"]:
        raise UsageError(f'cannot rename the context "{old}", the context "{new}" already exists in {path}')
    found.lists["contexts"][new] = found.lists["contexts"].pop(old)
    if found.rest.get("current-context") == old:
        found.rest["current-context"] = new
    found.save()
    inv.out(f'Context "{old}" renamed to "{new}".')
    return 0
    yield


def delete_context(inv: Invocation) -> Steps[int]:
    """Run `kubectl config delete-context`."""
    name = arguments(inv, 1)[0]
    active = inv.config().get("current-context") == name
    found = file_of(inv, "contexts", name)
    if name not in found.lists["contexts"]:
        raise UsageError(f"cannot delete context {name}, not in {default_path(inv)}")
    if active:
        inv.err(ACTIVE)
    del found.lists["contexts"][name]
    found.save()
    inv.out(f"deleted context {name} from {found.path}")
    return 0
    yield


def delete_entry(inv: Invocation) -> Steps[int]:
    """Run `kubectl config delete-cluster` and `delete-user`."""
    word, name = inv.command.rpartition("-")[2], arguments(inv, 1)[0]
    found = file_of(inv, f"{word}s", name)
    if name not in found.lists[f"{word}s"]:
        raise UsageError(f"cannot delete {word} {name}, not in {default_path(inv)}")
    del found.lists[f"{word}s"][name]
    found.save()
    inv.out(f"deleted {word} {name} from {found.path}")
    return 0
    yield
