"""version, cluster-info, plugin list.

Models: kubectl/pkg/cmd/{version,clusterinfo,plugin}, component-base/version.
"""

from __future__ import annotations

from typing import Any

from sim.api.client import Key, Object
from sim.api.errors import TransportError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing.yaml import to_yaml
from sim.shell.kubectl.words.verbs import Verb
from sim.versions.builds import build

KUSTOMIZE = (((1, 36), "v5.8.1"), ((1, 34), "v5.7.1"), ((1, 32), "v5.6.0"), ((1, 31), "v5.4.2"),
             ((1, 28), "v5.0.4-0.20230601165947-6ce0bf390ce3"), ((1, 27), "v5.0.1"), ((1, 24), "v4.5.7"))
"""By client version; 1.28, 1.33 and 1.36 from golden runs, the others not verified."""
OLD_FORM_BEFORE = (1, 28)
"""Clients before it print Go's Info structs (and 1.24 to 1.27 warn about that)."""
DEPRECATED = ("WARNING: This version information is deprecated and will be replaced with the output from kubectl version "
              "--short.  Use --output=yaml|json to get the full version.")


def _info(found: Object) -> str:
    names = (("Major", "major"), ("Minor", "minor"), ("GitVersion", "gitVersion"), ("GitCommit", "gitCommit"),
             ("GitTreeState", "gitTreeState"), ("BuildDate", "buildDate"), ("GoVersion", "goVersion"),
             ("Compiler", "compiler"), ("Platform", "platform"))
    return "version.Info{" + ", ".join(f'{title}:"{found[key]}"' for title, key in names) + "}"


def version(inv: Invocation) -> Steps[int]:
    """Print the versions of client and server."""
    if inv.args:
        raise UsageError(f"extra arguments: [{' '.join(inv.args)}]")
    form = inv.flags["output"] or ""
    if form not in ("", "json", "yaml"):
        raise UsageError("--output must be 'yaml' or 'json'")
    text = inv.call.host.files.view().read("/usr/bin/kubectl").decode().split(" v", 1)[1].strip()
    kustomize = next((v for first, v in KUSTOMIZE if inv.version >= first), "")
    found: dict[str, Any] = {"clientVersion": build(text)}
    if kustomize:
        found["kustomizeVersion"] = kustomize
    failure: TransportError | None = None
    if not inv.flags["client"]:
        try:
            body = yield from inv.send("get", Key("", "", "/version"))
            found["serverVersion"] = build(body["gitVersion"].removeprefix("v"), server=True)
        except TransportError as error:
            failure = error
    _print(inv, form, found)
    if failure is not None:
        raise failure
    if not inv.flags["client"]:
        _skew(inv, found["serverVersion"])
    return 0


def _print(inv: Invocation, form: str, found: dict[str, Any]) -> None:
    import json

    if form == "json":
        inv.out(json.dumps(found, indent=2))
    elif form == "yaml":
        inv.call.write(to_yaml(found) + "\n")
    elif inv.version < OLD_FORM_BEFORE and not inv.flags["short"]:
        if inv.version >= (1, 24):
            inv.err(DEPRECATED)
        inv.out(f"Client Version: {_info(found['clientVersion'])}")
        if "kustomizeVersion" in found:
            inv.out(f"Kustomize Version: {found['kustomizeVersion']}")
        if "serverVersion" in found:
            inv.out(f"Server Version: {_info(found['serverVersion'])}")
    else:
        inv.out(f"Client Version: {found['clientVersion']['gitVersion']}")
        if "kustomizeVersion" in found:
            inv.out(f"Kustomize Version: {found['kustomizeVersion']}")
        if "serverVersion" in found:
            inv.out(f"Server Version: {found['serverVersion']['gitVersion']}")


def _skew(inv: Invocation, server: Object) -> None:
    if abs(inv.version[1] - int(server["minor"])) > 1:
        inv.err(f"WARNING: version difference between client (1.{inv.version[1]}) and server (1.{server['minor']}) exceeds the "
                "supported minor version skew of +/-1")


def cluster_info(inv: Invocation) -> Steps[int]:
    """Print where the control plane answers."""
    try:
        yield from inv.mappings()
    except TransportError:
        inv.out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.")
        raise
    where = inv.effective.server.rstrip("/")
    body = yield from inv.send("list", Key("services", "kube-system", ""), query={
        "labelSelector": "kubernetes.io/cluster-service=true"})
    inv.out(f"Kubernetes control plane is running at {where}")
    for service in body["items"]:
        name = service["metadata"]["name"]
        shown = (service["metadata"].get("labels") or {}).get("kubernetes.io/name") or name
        ports = service["spec"].get("ports") or []
        port = f":{ports[0]['name']}" if ports and ports[0].get("name") else ""
        inv.out(f"{shown} is running at {where}/api/v1/namespaces/kube-system/services/{name}{port}/proxy")
    inv.out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.")
    return 0


def plugin_list(inv: Invocation) -> Steps[int]:
    """Look for plugins in the path: there are none."""
    raise UsageError("unable to find any kubectl plugins in your PATH")
    yield


VERBS = {
    "version": Verb(version, ("client", "output", "short")),
    "cluster-info": Verb(cluster_info),
    "plugin list": Verb(plugin_list, ("name-only",)),
}
