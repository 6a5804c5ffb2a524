"""Kubeconfig files to be changed: where an entry lives, and how a file is written.

Models: client-go/tools/clientcmd/config.go (ModifyConfig), loader.go (GetDefaultFilename), latest codec (sorted lists).
"""

from __future__ import annotations

from typing import Any

import yaml

from sim.api import documents
from sim.host.files import FileError
from sim.shell.kubectl.frame import kubeconfig
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing.yaml import to_yaml
from sim.shell.kubectl.words.pages import pages

Entry = dict[str, Any]
PREFERENCES_BEFORE = (1, 34)
"""Before this version every file and view has `preferences`, empty or not."""


class ConfigFile:
    """One kubeconfig file: its path and what it says. Lists are kept as dictionaries by name."""

    def __init__(self, inv: Invocation, path: str) -> None:
        self.inv, self.path = inv, path
        try:
            loaded = documents.load(inv.call.files.read(inv.call.path(path)))
        except FileError:
            loaded = None
        except (yaml.YAMLError, UnicodeDecodeError):
            raise UsageError(f'error loading config file "{path}": yaml: invalid') from None
        content = loaded if isinstance(loaded, dict) else {}
        self.rest: dict[str, Any] = {name: value for name, value in content.items()
                                     if name not in kubeconfig.LISTS}
        self.lists: dict[str, dict[str, Entry]] = {
            name: {each["name"]: dict(each.get(name[:-1]) or {}) for each in content.get(name) or []}
            for name in kubeconfig.LISTS}

    def save(self) -> None:
        """Write the file, lists sorted by name."""
        text = to_yaml(whole(self.inv, self.rest, self.lists))
        files, path = self.inv.call.files, self.inv.call.path(self.path)
        try:
            folder = path.rpartition("/")[0] or "/"
            if not files.exists(folder):
                files.make_dir(folder, parents=True)
            files.write(path, text.encode())
        except FileError as error:
            raise UsageError(f"open {self.path}: {str(error.args[0]).lower()}") from None


def whole(inv: Invocation, rest: dict[str, Any], lists: dict[str, dict[str, Entry]]) -> dict[str, Any]:
    """Put a kubeconfig together as it is written."""
    preferences = rest.get("preferences") or {}
    shown = {"preferences": preferences} if preferences or inv.version < PREFERENCES_BEFORE else {}
    empty: dict[str, Entry] = {"context": {"cluster": "", "user": ""}}
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": rest.get("current-context") or "",
        **({name: value for name, value in rest.items()
            if name not in ("apiVersion", "kind", "current-context", "preferences")}), **shown,
        **{name: [{"name": each, name[:-1]: {**empty.get(name[:-1], {}), **entries[each]}} for each in sorted(entries)] or None
           for name, entries in lists.items()}}


def default_path(inv: Invocation) -> str:
    """Give the file to which new entries go."""
    paths = kubeconfig.paths(inv.call, inv.flags["kubeconfig"])
    return next((path for path in paths if inv.call.files.exists(inv.call.path(path))), paths[-1])


def file_of(inv: Invocation, kind: str, name: str) -> ConfigFile:
    """Give the file that has the entry, or the one where it would be made. kind: clusters, contexts, users."""
    for path in kubeconfig.paths(inv.call, inv.flags["kubeconfig"]):
        found = ConfigFile(inv, path)
        if name in found.lists[kind]:
            return found
    return ConfigFile(inv, default_path(inv))


def main_file(inv: Invocation) -> ConfigFile:
    """Give the file that says what the current context is, or where it would be said."""
    for path in kubeconfig.paths(inv.call, inv.flags["kubeconfig"]):
        found = ConfigFile(inv, path)
        if found.rest.get("current-context"):
            return found
    return ConfigFile(inv, default_path(inv))


def arguments(inv: Invocation, count: int) -> list[str]:
    """Give exactly so many arguments; otherwise the help page is printed and the command ends. Raises UsageError."""
    if len(inv.args) != count:
        inv.call.write(pages(inv.version[1]).texts[inv.command])
        word = "unexpected" if inv.command.endswith("set-credentials") else "Unexpected"
        raise UsageError(f"{word} args: [{' '.join(inv.args)}]")
    return inv.args
