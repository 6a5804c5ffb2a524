"""create and run.

Models: kubectl/pkg/cmd/create, kubectl/pkg/cmd/run.
"""

from __future__ import annotations

import json

from sim.api import objects
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.frame.verbs import FILES, Verb


def _finish(inv: Invocation, resource: str, qualified: str, obj: Object, namespaced: bool = True) -> Steps[int]:
    """Send or print the object of a generator."""
    from sim.shell.kubectl.reading.get import to_yaml

    dry, form = inv.flags["dry-run"], inv.flags["output"]
    if namespaced:
        named = inv.flags.get("namespace")
        if dry == "none" or named:
            obj = objects.put(obj, "metadata.namespace", inv.namespace)
    if dry == "none":
        key = Key(resource, inv.namespace if namespaced else "", objects.name(obj))
        try:
            obj = yield from inv.send("create", key, body=obj)
        except StatusError as error:
            if error.reason == "AlreadyExists" and resource != "namespaces":
                raise UsageError(f"failed to create {qualified.partition('.')[0]}: {error.message}") from None
            raise
    if form == "yaml":
        inv.call.write(to_yaml(obj))
    elif form == "json":
        inv.out(json.dumps(obj, indent=4, sort_keys=True))
    elif form == "name":
        inv.out(f"{qualified}/{objects.name(obj)}")
    elif form:
        raise NotSimulated(f"kubectl create -o {form}")
    else:
        suffix = {"none": "", "client": " (dry run)", "server": " (server dry run)"}.get(dry, " (dry run)")
        inv.out(f"{qualified}/{objects.name(obj)} created{suffix}")
    return 0


def _name(inv: Invocation) -> str:
    if len(inv.args) != 1:
        raise UsageError(f"exactly one NAME is required, got {len(inv.args)}\n"
                         f"See 'kubectl {inv.command} -h' for help and examples")
    return inv.args[0]


def create(inv: Invocation) -> Steps[int]:
    """`kubectl create -f`."""
    if inv.flags["raw"]:
        return (yield from _raw(inv))
    if not inv.flags["filename"]:
        if inv.args:
            raise NotSimulated(f"kubectl create {inv.args[0]}")
        raise UsageError("must specify one of -f and -k")
    failed = False
    for obj in (yield from inv.manifests()):
        mapping = yield from inv.by_kind(obj["apiVersion"], obj["kind"])
        key = inv.key(mapping, objects.name(obj), objects.namespace(obj))
        try:
            made = yield from inv.send("create", key, body=obj)
            inv.out(f"{mapping.qualified}/{objects.name(made)} created")
        except StatusError as error:
            from sim.shell.kubectl.frame.errors import server_error

            where = inv.flags["filename"][0]
            shown = server_error(error)
            inv.err(shown.replace(f"({error.reason}): ", f'({error.reason}): error when creating "{where}": ', 1)
                    if shown.startswith("Error from server (") else shown)
            failed = True
    return 1 if failed else 0


def _raw(inv: Invocation) -> Steps[int]:
    """`create --raw PATH -f FILE`: a POST of the file, as it is."""
    parts = [part for part in inv.flags["raw"].split("/") if part]
    rest = parts[2:] if parts[:1] == ["api"] else parts[3:]
    space, rest = (rest[1], rest[2:]) if rest[:1] == ["namespaces"] and len(rest) > 2 else ("", rest)
    if not rest or not inv.flags["filename"]:
        raise UsageError("--raw can only use a single local file or stdin")
    name = inv.flags["filename"][0]
    try:
        body = json.loads(inv.call.files.read(inv.call.path(name)))
    except (OSError, ValueError) as error:
        raise UsageError(f"error when reading {name}: {error}") from None
    subresource = rest[2] if len(rest) > 2 else ""
    made = yield from inv.send("create", Key(rest[0], space, rest[1] if len(rest) > 1 else ""), body=body,
                               subresource=subresource)
    inv.out(json.dumps(made, separators=(",", ":")))
    return 0


def deployment(inv: Invocation) -> Steps[int]:
    """`kubectl create deployment`."""
    name = _name(inv)
    labels = {"app": name}
    containers = [{"image": image, "name": image.rpartition("/")[2].partition(":")[0].partition("@")[0], "resources": {}}
                  for image in inv.flags["image"]]
    if inv.flags["port"] >= 0:
        containers[0]["ports"] = [{"containerPort": int(inv.flags["port"])}]
    obj = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": inv.flags["replicas"], "selector": {"matchLabels": labels}, "strategy": {},
                 "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}}, "status": {}}
    return (yield from _finish(inv, "deployments", "deployment.apps", obj))


def namespace(inv: Invocation) -> Steps[int]:
    """`kubectl create namespace`."""
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _name(inv)}, "spec": {}, "status": {}}
    return (yield from _finish(inv, "namespaces", "namespace", obj, namespaced=False))


def configmap(inv: Invocation) -> Steps[int]:
    """`kubectl create configmap --from-literal`."""
    data = {}
    for pair in inv.flags["from-literal"]:
        key, equal, value = pair.partition("=")
        if not equal:
            raise UsageError(f"invalid literal source {pair}, expected key=value")
        data[key] = value
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _name(inv)}, "data": data}
    return (yield from _finish(inv, "configmaps", "configmap", obj))


def budget(inv: Invocation) -> Steps[int]:
    """`kubectl create poddisruptionbudget`."""
    from sim.api import selectors

    name, least, most = _name(inv), inv.flags["min-available"], inv.flags["max-unavailable"]
    if not inv.flags["selector"]:
        raise UsageError("a selector must be specified")
    if bool(least) == bool(most):
        raise UsageError("one of min-available or max-unavailable must be specified" if not least else
                         "min-available and max-unavailable cannot be both specified")
    labels = {r.key: r.values[0] for r in selectors.parse(inv.flags["selector"]).requirements if r.operator == "In"}
    value: int | str = least or most
    spec = {"minAvailable" if least else "maxUnavailable": int(value) if str(value).isdigit() else value,
            "selector": {"matchLabels": labels}}
    obj = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}
    return (yield from _finish(inv, "poddisruptionbudgets", "poddisruptionbudget.policy", obj))


def run(inv: Invocation) -> Steps[int]:
    """`kubectl run`: one bare pod."""
    if not inv.args:
        raise UsageError("NAME is required for run\nSee 'kubectl run -h' for help and examples")
    if not inv.flags["image"]:
        raise UsageError('required flag(s) "image" not set')
    for flag in ("stdin", "tty", "rm"):
        if inv.flags[flag]:
            raise NotSimulated(f"kubectl run --{flag}")
    name, words = inv.args[0], [w for w in inv.args[1:] if w != "--"]
    container: Object = {"name": name, "image": inv.flags["image"], "resources": {}}
    if words:
        container["command" if inv.flags["command"] else "args"] = words
    if inv.flags["port"]:
        if not inv.flags["port"].isdecimal():
            raise UsageError(f'strconv.ParseInt: parsing "{inv.flags["port"]}": invalid syntax')
        container["ports"] = [{"containerPort": int(inv.flags["port"])}]
    labels = dict(pair.split("=", 1) for pair in inv.flags["labels"].split(",") if "=" in pair) or {"run": name}
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
           "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": inv.flags["restart"]},
           "status": {}}
    return (yield from _finish(inv, "pods", "pod", obj))


COMMON = ("dry-run", "output")
VERBS = {
    "create": Verb(create, (*FILES, "raw", "validate")),
    "create deployment": Verb(deployment, (*COMMON, "port", "image", "replicas"), required=("image",)),
    "create namespace": Verb(namespace, COMMON),
    "create configmap": Verb(configmap, (*COMMON, "from-literal")),
    "create poddisruptionbudget": Verb(budget, (*COMMON, "min-available", "max-unavailable", "selector")),
    "run": Verb(run, (*COMMON, "port", "image", "restart", "labels", "command", "stdin", "tty", "rm")),
}
