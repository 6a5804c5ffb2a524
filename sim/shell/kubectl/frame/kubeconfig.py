"""The kubeconfig: files of $KUBECONFIG merged, overridden by flags, read from the host's files.

Models: client-go/tools/clientcmd (loader.go, client_config.go). Certificates and tokens are not checked here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sim.api.errors import NotSimulated
from sim.host import tls
from sim.host.files import FileError
from sim.pki import PkiError
from sim.shell.kubectl.frame import goyaml
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.pipes import Call

LISTS = ("clusters", "contexts", "users")


def paths(call: Call, flag: str | None) -> list[str]:
    """Give the files that count: --kubeconfig, or those of $KUBECONFIG, or ~/.kube/config."""
    if flag:
        return [flag]
    return [path for path in call.env.get("KUBECONFIG", "").split(":") if path] or [f"{call.login.home}/.kube/config"]


def load(call: Call, flag: str | None, *, must: bool = True) -> dict[str, Any]:
    """Read and merge the files; the first that sets a name or a value wins. must: the file of --kubeconfig must be there.

    Raises UsageError.
    """
    merged: dict[str, Any] = {}
    for path in paths(call, flag):
        one = _file(call, path, must=bool(flag) and must)
        for name in LISTS:
            known = {each["name"] for each in merged.get(name) or []}
            merged[name] = [*(merged.get(name) or []), *(e for e in one.get(name) or [] if e.get("name") not in known)]
        for name, value in one.items():
            if name not in LISTS and not merged.get(name):
                merged[name] = value
    return merged


def _file(call: Call, path: str, *, must: bool) -> dict[str, Any]:
    try:
        found = goyaml.load(call.files.read(call.path(path)).decode())
    except FileError as error:
        if error.args[0] == "Permission denied":
            raise UsageError(f'error loading config file "{path}": open {path}: permission denied') from None
        if must:
            raise UsageError(f"stat {path}: no such file or directory") from None
        return {}
    except (goyaml.GoYamlError, UnicodeDecodeError) as error:
        text = str(error) if isinstance(error, goyaml.GoYamlError) else "yaml: invalid leading UTF-8 octet"
        raise UsageError(f'error loading config file "{path}": {text.removeprefix("error converting YAML to JSON: ")}') from None
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


def credentials(
    call: Call, effective: Effective, flags: Mapping[str, Any], version: tuple[int, int]
) -> tls.Credentials | None:
    """Read what the client trusts and shows, flags before the file; None for a plain server. Raises UsageError."""
    if not effective.server.startswith("https"):
        return None
    cluster, user = dict(effective.cluster), dict(effective.user)
    for entry, names in ((cluster, ("certificate-authority",)), (user, ("client-certificate", "client-key", "token"))):
        for name in names:
            if flags.get(name):
                entry.pop(f"{name}-data", None)
                entry[name] = flags[name]
    if flags.get("insecure-skip-tls-verify"):
        cluster["insecure-skip-tls-verify"] = True
    try:
        return tls.credentials_of(cluster, user, lambda path: call.files.read(call.path(path)), version)
    except PkiError as error:
        raise UsageError(str(error)) from None
    except FileError as error:
        raise UsageError(str(error)) from None


TIMEOUT = re.compile(r"\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h)?")
READ = (("certificate-authority", "certificate-authority"), ("client-certificate", "client-cert"), ("client-key", "client-key"))


def check_files(call: Call, effective: Effective, flags: Mapping[str, Any]) -> None:
    """See that what a client must read is there, and that its settings make sense. Raises UsageError."""
    if not TIMEOUT.fullmatch(str(flags.get("request-timeout") or "0")):
        raise UsageError("Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a "
                         "corresponding time unit (e.g. 1s | 2m | 3h)")
    if flags.get("tls-server-name"):
        raise NotSimulated("kubectl --tls-server-name")
    faults = []
    user = {**effective.user, **{key: flags[key] for key in ("client-certificate", "client-key") if flags.get(key)}}
    certificate = user.get("client-certificate")
    if certificate and not user.get("client-key") and not user.get("client-key-data"):
        faults.append(f"client-key-data or client-key must be specified for {effective.user_name} to use the clientCert "
                      "authentication method.")
    for key, words in READ:
        path = flags.get(key) or (effective.cluster if key == "certificate-authority" else user).get(key)
        if not path or (key == "client-key" and not certificate):
            continue
        owner = effective.cluster_name if key == "certificate-authority" else effective.user_name
        try:
            call.files.read(call.path(path))
        except FileError as error:
            faults.append(f"unable to read {words} {path} for {owner} due to open {path}: {str(error.args[0]).lower()}")
    if len(faults) == 1:
        raise UsageError(faults[0])
    if faults:
        raise UsageError("Error in configuration: \n" + "\n".join(f"* {fault}" for fault in faults), prefix="")
