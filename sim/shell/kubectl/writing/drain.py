"""drain, cordon, uncordon.

Models: kubectl/pkg/cmd/drain/drain.go, kubectl/pkg/drain (filters.go, drain.go, cordon.go). All pods of a node are
evicted at once; a refused one is retried after 5 s; the pod is polled every second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sim.api import objects, selectors, times
from sim.api.client import Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Process, Steps, microseconds
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.frame.verbs import Verb
from sim.versions import defaults

RETRY_SECONDS, POLL_SECONDS = 5.0, 1.0
DAEMONSET_FATAL = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
DAEMONSET_WARNING = "ignoring DaemonSet-managed Pods"
STORAGE_FATAL = "Pods with local storage (use --delete-emptydir-data to override)"
STORAGE_WARNING = "deleting Pods with local storage"
UNMANAGED_WARNING = "deleting Pods that declare no controller"
RESOURCES = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "Job": "jobs", "DaemonSet": "daemonsets",
             "ReplicationController": "replicationcontrollers"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filter says of a pod: delete it or not; a warning, or a reason to refuse the whole node."""

    delete: bool
    warning: str = ""
    fatal: str = ""


OKAY = Verdict(delete=True)
Filter = Callable[[Invocation, Object, Object | None], Verdict]


def skip_deleted(inv: Invocation, pod: Object, owner: Object | None) -> Verdict:
    """Leave pods that have been going for longer than --skip-wait-for-delete-timeout."""
    limit = inv.flags["skip-wait-for-delete-timeout"]
    if limit and objects.deleting(pod):
        gone_us = inv.engine.unix_us - times.parse(pod["metadata"]["deletionTimestamp"])
        if gone_us > limit * SECOND_US:
            return Verdict(delete=False)
    return OKAY


def daemon_set(inv: Invocation, pod: Object, owner: Object | None) -> Verdict:
    """DaemonSet pods would come back at once: refuse, or leave them."""
    reference = objects.controller_of(pod)
    if reference is None or reference["kind"] != "DaemonSet" or objects.pod_finished(pod):
        return OKAY
    if owner is None:
        return Verdict(delete=True, warning=UNMANAGED_WARNING) if inv.flags["force"] else Verdict(
            delete=False, fatal=unmanaged_fatal(inv.version))
    if not inv.flags["ignore-daemonsets"]:
        return Verdict(delete=False, fatal=DAEMONSET_FATAL)
    return Verdict(delete=False, warning=DAEMONSET_WARNING)


def mirror(inv: Invocation, pod: Object, owner: Object | None) -> Verdict:
    """Static pods cannot be evicted."""
    return Verdict(delete="kubernetes.io/config.mirror" not in objects.annotations(pod))


def local_storage(inv: Invocation, pod: Object, owner: Object | None) -> Verdict:
    """What lies in an emptyDir is lost."""
    if objects.pod_finished(pod) or not any("emptyDir" in v for v in objects.dig(pod, "spec.volumes", [])):
        return OKAY
    if inv.flags["delete-emptydir-data"]:
        return Verdict(delete=True, warning=STORAGE_WARNING)
    return Verdict(delete=False, fatal=STORAGE_FATAL)


def unmanaged(inv: Invocation, pod: Object, owner: Object | None) -> Verdict:
    """Nobody would make the pod anew."""
    if objects.pod_finished(pod) or (objects.controller_of(pod) and owner is not None):
        return OKAY
    if inv.flags["force"]:
        return Verdict(delete=True, warning=UNMANAGED_WARNING)
    return Verdict(delete=False, fatal=unmanaged_fatal(inv.version))


def unmanaged_fatal(version: tuple[int, int]) -> str:
    """Give the text for pods without a controller in that client version."""
    return defaults.text("drain-unmanaged-text", version)


FILTERS: tuple[Filter, ...] = (skip_deleted, daemon_set, mirror, local_storage, unmanaged)


def judge(inv: Invocation, pod: Object, owner: Object | None) -> Verdict:
    """Ask the filters in order: the first that says no stops, otherwise the last one's word stands."""
    verdict = OKAY
    for check in FILTERS:
        verdict = check(inv, pod, owner)
        if not verdict.delete:
            break
    return verdict


class NodeFailed(Exception):
    """A node could not be drained; the text goes into the closing message. pods: as in the API's error."""


class Drainer:
    """One `kubectl drain`."""

    def __init__(self, inv: Invocation) -> None:
        self.inv = inv
        self.dry = dry_run(inv)
        self.suffix = {"": "", "client": " (dry run)", "server": " (server dry run)"}[self.dry]
        self.timeout_seconds: float = inv.flags["timeout"]

    def run(self) -> Steps[int]:
        """Cordon all, then drain one after another."""
        nodes = yield from chosen_nodes(self.inv)
        for node in nodes:
            yield from cordon_one(self.inv, node, wanted=True, dry=self.dry)
        failures: list[tuple[str, str]] = []
        for node in nodes:
            name = objects.name(node)
            try:
                yield from self.node(name)
                self.inv.out(f"node/{name} drained{self.suffix}")
            except NodeFailed as error:
                failures.append((name, str(error)))
                lines = str(error).split("\n")
                shown = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
                self.inv.err(f'error: unable to drain node "{name}" due to error: {shown}, continuing command...')
        if failures:
            self.inv.err("There are pending nodes to be drained:")
            for name, text in failures:
                self.inv.err(f" {name}")
                for line in text.split("\n"):
                    self.inv.err(line)
        return 1 if failures else 0

    def node(self, name: str) -> Steps[None]:
        """Drain one node. Raises NodeFailed."""
        pods, warnings = yield from self.pods_of(name)
        if warnings:
            texts = "; ".join(f"{text}: {', '.join(where)}" for text, where in sorted(warnings.items()))
            self.inv.err(f"Warning: {texts}")
        if not pods:
            return
        began_us = self.inv.engine.now_us
        workers: list[tuple[Object, Process]] = []
        for pod in pods:
            workers.append((pod, self.inv.call.login.spawn(self.one(pod, began_us))))
        failures = []
        for _, worker in workers:
            text = yield worker
            if isinstance(text, str) and text:
                failures.append(text)
            elif worker.value in (130, 120):
                failures.append("interrupted")
        if failures:
            left = []
            for pod in pods:
                if (yield from self.inv.find(objects.key("pods", pod))) is not None:
                    left.append(pod)
            shown = failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]"
            self.inv.err(f'There are pending pods in node "{name}" when an error occurred: {shown}')
            for pod in left:
                self.inv.err(f"pod/{objects.name(pod)}")
            raise NodeFailed("\n".join(failures))

    def pods_of(self, name: str) -> Steps[tuple[list[Object], dict[str, list[str]]]]:
        """Give the pods to evict and the warnings. Raises NodeFailed when one must not go."""
        body = yield from self.inv.send("list", Key("pods", "", ""), query={"fieldSelector": f"spec.nodeName={name}"})
        chosen = selectors.parse(self.inv.flags["pod-selector"])
        pods, warnings, fatal = [], {}, {}  # type: ignore[var-annotated]
        for pod in body["items"]:
            if not chosen.matches(objects.labels(pod)):
                continue
            verdict = judge(self.inv, pod, (yield from self.owner(pod)))
            where = f"{objects.namespace(pod)}/{objects.name(pod)}"
            if verdict.fatal:
                fatal.setdefault(verdict.fatal, []).append(where)
            if verdict.warning:
                warnings.setdefault(verdict.warning, []).append(where)
            if verdict.delete:
                pods.append(pod)
        if fatal:
            raise NodeFailed("\n".join(f"cannot delete {text}: {', '.join(where)}" for text, where in fatal.items()))
        return pods, warnings

    def owner(self, pod: Object) -> Steps[Object | None]:
        """Give the pod's controller if it still exists."""
        reference = objects.controller_of(pod)
        if reference is None or reference["kind"] == "Node":
            return None if reference is None else {"metadata": {}}
        resource = RESOURCES.get(reference["kind"])
        if resource is None:
            return {"metadata": {}}
        return (yield from self.inv.find(Key(resource, objects.namespace(pod), reference["name"])))

    # ---- one pod ----------------------------------------------------------------------------------------------
    def one(self, pod: Object, began_us: int) -> Steps[str]:
        """Evict (or delete) one pod and wait until it is gone; gives what went wrong, if anything did."""
        inv, key = self.inv, objects.key("pods", pod)
        evict = not inv.flags["disable-eviction"]
        while True:
            if evict:
                inv.out(f"evicting pod {key.namespace}/{key.name}{self.suffix}")
            if self.dry == "client":
                return ""
            where = f'error when evicting pods/"{key.name}" -n "{key.namespace}"'
            if self.over(began_us):
                return f"{where}: global timeout reached: {times.duration(self.timeout_seconds)}"
            try:
                yield from self.send(key, evict=evict)
                break
            except StatusError as error:
                if error.code == 404:
                    return ""
                if error.code != 429:
                    return f"{where}: {error.message}"
                wait = float(error.details.get("retryAfterSeconds") or 0)
                if not wait:
                    inv.err(f"{where} (will retry after 5s): {error.message}")
                yield inv.engine.sleep(microseconds(wait or RETRY_SECONDS))
            except TransportError as error:
                inv.err(f"pod/{key.name} eviction failed: {error.message}")
                return error.message
        if self.dry:
            return ""
        return (yield from self.wait(pod, key, began_us, evict=evict))

    def send(self, key: Key, *, evict: bool) -> Steps[None]:
        """Ask for the pod's end."""
        grace = self.inv.flags["grace-period"]
        if not evict:
            query = {"gracePeriodSeconds": str(grace)} if grace >= 0 else {}
            yield from self.inv.send("delete", key, query=query)
            return
        options = {"gracePeriodSeconds": grace} if grace >= 0 else {}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": key.name, "namespace": key.namespace},
                "deleteOptions": options}
        query = {"dryRun": "All"} if self.dry == "server" else {}
        yield from self.inv.send("create", key, subresource="eviction", body=body, query=query)

    def over(self, began_us: int) -> bool:
        """Tell whether --timeout has run out."""
        return bool(self.timeout_seconds) and self.inv.engine.now_us - began_us > self.timeout_seconds * SECOND_US

    def wait(self, pod: Object, key: Key, began_us: int, *, evict: bool) -> Steps[str]:
        """Poll until the pod is gone or is another one."""
        while True:
            found = yield from self.inv.find(key)
            if found is None or objects.uid(found) != objects.uid(pod):
                self.inv.out(f"pod/{key.name} {'evicted' if evict else 'deleted'}")
                return ""
            if self.over(began_us):
                return (f'error when waiting for pod "{key.name}" in namespace "{key.namespace}" to terminate: '
                        "context deadline exceeded")
            limit = self.inv.flags["skip-wait-for-delete-timeout"]
            if limit and skip_deleted(self.inv, found, None) != OKAY:
                return ""
            delay_us = microseconds(POLL_SECONDS)
            if self.timeout_seconds:
                left_us = began_us + microseconds(self.timeout_seconds) - self.inv.engine.now_us
                delay_us = max(1, min(delay_us, left_us + 1))
            yield self.inv.engine.sleep(delay_us)


# ---- cordon -------------------------------------------------------------------------------------------------------
def dry_run(inv: Invocation) -> str:
    """Read --dry-run. Raises UsageError."""
    value = inv.flags["dry-run"]
    if value == "none":
        return ""
    if value == "unchanged":
        inv.err("W0000 --dry-run is deprecated and can be replaced with --dry-run=client.")
        return "client"
    if value not in ("client", "server"):
        raise UsageError(f'Invalid dry-run value ({value}). Must be "none", "server", or "client".')
    return str(value)


def chosen_nodes(inv: Invocation) -> Steps[list[Object]]:
    """Get the nodes that are named or selected. Raises UsageError or StatusError; nothing is changed then."""
    selector = inv.flags["selector"]
    if inv.args and selector:
        raise UsageError("cannot specify both a node name and a --selector option\n"
                         f"See 'kubectl {inv.command} -h' for help and examples")
    if not inv.args and not selector:
        raise UsageError(f"error: USAGE: {inv.command} NODE [flags]\nSee 'kubectl {inv.command} -h' for help and examples",
                         prefix="")
    if selector:
        body = yield from inv.send("list", Key("nodes", "", ""), query={"labelSelector": selector})
        items: list[Object] = body["items"]
        return items
    found = []
    for word in inv.args:
        found.append((yield from inv.send("get", Key("nodes", "", word.removeprefix("node/").removeprefix("nodes/")))))
    return found


def cordon_one(inv: Invocation, node: Object, *, wanted: bool, dry: str) -> Steps[None]:
    """Set or unset spec.unschedulable."""
    name, word = objects.name(node), "cordoned" if wanted else "uncordoned"
    suffix = {"": "", "client": " (dry run)", "server": " (server dry run)"}[dry]
    if bool(objects.dig(node, "spec.unschedulable")) == wanted:
        inv.out(f"node/{name} already {word}{suffix}")
        return
    if dry != "client":
        query = {"patchType": "strategic", **({"dryRun": "All"} if dry else {})}
        yield from inv.send("patch", Key("nodes", "", name), body={"spec": {"unschedulable": wanted or None}}, query=query)
    inv.out(f"node/{name} {word}{suffix}")


def drain(inv: Invocation) -> Steps[int]:
    """Run `kubectl drain`."""
    return (yield from Drainer(inv).run())


def cordon(inv: Invocation) -> Steps[int]:
    """Run `kubectl cordon` and `kubectl uncordon`."""
    dry = dry_run(inv)
    for node in (yield from chosen_nodes(inv)):
        yield from cordon_one(inv, node, wanted=inv.command == "cordon", dry=dry)
    return 0


CORDON = ("selector", "dry-run")
VERBS = {
    "drain": Verb(drain, (
        *CORDON, "pod-selector", "force", "ignore-daemonsets", "delete-emptydir-data", "disable-eviction", "grace-period",
        "timeout", "skip-wait-for-delete-timeout")),
    "cordon": Verb(cordon, CORDON),
    "uncordon": Verb(cordon, CORDON),
}
