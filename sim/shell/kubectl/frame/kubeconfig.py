"""The kubeconfig: files of $KUBECONFIG merged, overridden by flags, read from the host's files.

Models: client-go/tools/clientcmd (loader.go, client_config.go). Certificates and tokens are not checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from sim.api import documents
from sim.host.files import FileError
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.pipes import Call

LISTS = ("clusters", "contexts", "users")


def paths(call: Call, flag: str | None) -> list[str]:
    """Give the files that count: --kubeconfig, or those of $KUBECONFIG, or ~/.kube/config."""
    if flag:
        return [flag]
    return [path for path in call.env.get("KUBECONFIG", "").split(":") if path] or [f"{call.login.home}/.kube/config"]


def load(call: Call, flag: str | None) -> dict[str, Any]:
    """Read and merge the files; the first that sets a name or a value wins. Raises UsageError."""
    merged: dict[str, Any] = {}
    for path in paths(call, flag):
        one = _file(call, path, must=bool(flag))
        for name in LISTS:
            known = {each["name"] for each in merged.get(name) or []}
            merged[name] = [*(merged.get(name) or []), *(e for e in one.get(name) or [] if e.get("name") not in known)]
        for name, value in one.items():
            if name not in LISTS and not merged.get(name):
                merged[name] = value
    return merged


def _file(call: Call, path: str, *, must: bool) -> dict[str, Any]:
    try:
        found = documents.load(call.files.read(call.path(path)))
    except FileError as error:
        if error.args[0] == "Permission denied":
            raise UsageError(f'error loading config file "{path}": open {path}: permission denied') from None
        if must:
            raise UsageError(f"stat {path}: no such file or directory") from None
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise UsageError(f'error loading config file "{path}": yaml: {line}'
                         f"{getattr(error, 'problem', 'invalid')}") from None
    if found is None:
        return {}
    if not isinstance(found, dict) or any(not isinstance(e, dict) for n in LISTS for e in found.get(n) or []):
        raise UsageError(f"error loading config file \"{path}\": couldn't get version/kind; json parse error: json: cannot "
                         "unmarshal string into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty"
                         "\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }")
    return found


def _named(config: Mapping[str, Any], kind: str, name: str) -> dict[str, Any] | None:
    for each in config.get(f"{kind}s") or []:
        if each.get("name") == name:
            return dict(each.get(kind) or {})
    return None


class Effective:
    """What a command uses of a kubeconfig after its flags. Raises UsageError where a named thing is not there."""

    def __init__(self, config: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
        name = flags.get("context") or config.get("current-context") or ""
        context = _named(config, "context", name) if name else {}
        if context is None:
            raise UsageError(f"Error in configuration: context was not found for specified context: {name}", prefix="")
        self.cluster_name: str = flags.get("cluster") or context.get("cluster") or ""
        asked = flags.get("user")
        asked = asked if isinstance(asked, str) else ""  # `create rolebinding --user` is another flag, a list
        self.user_name: str = asked or context.get("user") or ""
        self.namespace: str = flags.get("namespace") or context.get("namespace") or "default"
        cluster, user = _named(config, "cluster", self.cluster_name), _named(config, "user", self.user_name)
        if flags.get("cluster") and cluster is None:
            raise UsageError(f'no server found for cluster "{self.cluster_name}"')
        if asked and user is None:
            raise UsageError(f'auth info "{self.user_name}" does not exist')
        self.cluster: dict[str, Any] = cluster or {}
        self.user: dict[str, Any] = user or {}
        self.server: str = str(flags.get("server") or self.cluster.get("server") or "")

    def address(self) -> tuple[str, int] | None:
        """Give the server's (address, port), None without one."""
        if not self.server:
            return None
        scheme, _, rest = self.server.rpartition("//")
        where, _, port = rest.partition("/")[0].rpartition(":")
        if port.isdigit() and where:
            return where, int(port)
        return port, 80 if scheme == "http:" else 443
