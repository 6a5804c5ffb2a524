"""drain: cordon all nodes, then take the pods of one after another away.

Models: kubectl/pkg/cmd/drain/drain.go, kubectl/pkg/drain/drain.go. All pods of a node are evicted at once; one that a
budget protects is tried again every 5 s; a pod that goes is looked at every second. Upstream prints reasons in the
random order of Go's maps; here they stand in the order of the pods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.api import objects, selectors, times
from sim.api.client import Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Steps, microseconds
from sim.shell.kubectl.frame.errors import UsageError, server_error
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.nodes import filters
from sim.shell.kubectl.nodes.cordon import chosen_nodes, cordon_one
from sim.shell.kubectl.resource.urls import go_error
from sim.shell.kubectl.writing.output import dry_run

RETRY_SECONDS, POLL_SECONDS = 5.0, 1.0
ABORTING_UP_TO = 20
"""Up to this minor version a node that cannot be drained ends the command."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What changed between client versions."""

    timed_out: str
    deletes_timed_out: str
    colon: str

    @classmethod
    def of(cls, minor: int, timeout: str) -> Wording:
        """Give the words of a minor version; timeout as it is printed."""
        old = f"global timeout reached: {timeout}"
        return cls("context deadline exceeded" if minor >= 32 else old,
                   "context deadline exceeded" if minor >= 32 else "timed out waiting for the condition",
                   "error: " if minor >= 31 else "error:")


class NodeFailed(Exception):
    """A node could not be drained. reasons: one text each; shown: as the last lines on stderr say them."""

    def __init__(self, reasons: list[str], shown: list[str] | None = None) -> None:
        super().__init__(reasons)
        self.reasons = reasons
        self.shown = shown or reasons

    def __str__(self) -> str:
        """Join the reasons as Go's aggregate does."""
        return joined(self.reasons)


def joined(texts: list[str]) -> str:
    """Write several errors as Go's aggregate does: `[a, b]`; equal ones once."""
    once = list(dict.fromkeys(texts))
    return once[0] if len(once) == 1 else f"[{', '.join(once)}]"


class Drainer:
    """One `kubectl drain`."""

    def __init__(self, inv: Invocation) -> None:
        self.inv = inv
        self.dry = dry_run(inv)
        self.timeout_seconds: float = inv.flags["timeout"] or 0
        self.words = Wording.of(inv.version[1], times.duration(self.timeout_seconds))
        try:
            self.pod_selector = selectors.parse(inv.flags["pod-selector"] or "")
        except ValueError:
            raise UsageError("--pod-selector=<pod_selector> must be a valid label selector") from None

    def run(self) -> Steps[int]:
        """Cordon all, then drain one after another."""
        nodes = yield from chosen_nodes(self.inv)
        for node in nodes:
            yield from cordon_one(self.inv, node, self.dry, wanted=True)
        failed: dict[str, NodeFailed] = {}
        aborts = self.inv.version[1] <= ABORTING_UP_TO
        for node in nodes:
            name = objects.name(node)
            try:
                yield from self.node(name)
                self.inv.out(f"node/{name} drained{self.dry.suffix}")
            except NodeFailed as error:
                failed[name] = error
                if aborts:
                    self.inv.err(f'error: unable to drain node "{name}", aborting command...\n')
                    at = [objects.name(each) for each in nodes].index(name)
                    failed |= {objects.name(each): NodeFailed([], []) for each in nodes[at + 1:]}
                    break
                self.inv.err(f'error: unable to drain node "{name}" due to {self.words.colon}{error}, '
                             "continuing command...")
        if failed:
            self.report(failed)
        return 1 if failed else 0

    def report(self, failed: Mapping[str, NodeFailed]) -> None:
        """Say at the end which nodes are left, and why."""
        self.inv.err("There are pending nodes to be drained:")
        for name in failed:
            self.inv.err(f" {name}")
        errors = [error for error in failed.values() if error.reasons]
        lines = errors[0].shown if len(errors) == 1 else [str(error) for error in errors]
        prefix = "error: " if self.inv.version[1] <= ABORTING_UP_TO and len(lines) == 1 else ""
        for line in dict.fromkeys(lines):
            self.inv.err(prefix + line)

    # ---- one node ---------------------------------------------------------------------------------------------
    def node(self, name: str) -> Steps[None]:
        """Drain one node. Raises NodeFailed."""
        judged = yield from self.judged(name)
        if judged.refusals:
            raise NodeFailed(judged.refusals)
        if judged.warning:
            word = "Warning" if self.inv.version[1] > ABORTING_UP_TO else "WARNING"
            self.inv.err(f"{word}: {judged.warning}")
        if self.dry.client:
            for pod in judged.pods:
                self.inv.out(f"evicting pod {objects.namespace(pod)}/{objects.name(pod)}{self.dry.suffix}")
            return
        began_us = self.inv.engine.now_us
        remove = self.delete_all if self.inv.flags["disable-eviction"] else self.evict_all
        try:
            yield from remove(judged.pods, began_us)
        except NodeFailed as error:
            yield from self.pending(name, error)
            raise

    def judged(self, name: str) -> Steps[filters.Judged]:
        """List the pods of the node and judge them. Raises NodeFailed where the server cannot be asked."""
        flags = self.inv.flags
        settings = filters.Settings(
            self.inv.version[1], self.inv.engine.unix_us, flags["force"], flags["ignore-daemonsets"],
            bool(flags["delete-emptydir-data"] or flags["delete-local-data"]), flags["skip-wait-for-delete-timeout"] or 0)
        query = {"fieldSelector": f"spec.nodeName={name}", "limit": str(flags["chunk-size"] or 500)}
        if flags["pod-selector"]:
            query["labelSelector"] = flags["pod-selector"]
        key = Key("pods", "", "")
        try:
            body = yield from self.inv.send("list", key, query=query)
            return (yield from filters.judge_all(settings, body["items"], self.look_up))
        except StatusError as error:
            raise NodeFailed([error.message], [server_error(error)]) from None
        except TransportError as error:
            raise NodeFailed([go_error(self.inv, "Get", key, error, query=query)]) from None

    def look_up(self, key: Key) -> Steps[Any]:
        """Get an object for a filter."""
        return (yield from self.inv.send("get", key))

    def pending(self, name: str, failure: NodeFailed) -> Steps[None]:
        """Say which pods are still there after something went wrong."""
        try:
            judged = yield from self.judged(name)
        except NodeFailed as error:
            self.inv.call.write("Following errors occurred while getting the list of pods to delete:\n"
                                f"{error}", "stderr")
            return
        if judged.pods:
            self.inv.err(f'There are pending pods in node "{name}" when an error occurred: {failure}')
        for pod in judged.pods:
            self.inv.err(f"pod/{objects.name(pod)}")
        if judged.refusals:
            self.inv.call.write("Following errors occurred while getting the list of pods to delete:\n"
                                f"{joined(judged.refusals)}", "stderr")

    # ---- eviction ---------------------------------------------------------------------------------------------
    def evict_all(self, pods: list[Object], began_us: int) -> Steps[None]:
        """Evict the pods side by side and wait until they are gone. Raises NodeFailed."""
        call, failures = self.inv.call, list[str]()
        workers = [call.login.spawn(self.evict(pod, began_us, failures), call.shell.job) for pod in pods]
        for worker in workers:  # noqa: UP028  (a process sends values, which a list does not take)
            yield worker
        if failures:
            raise NodeFailed(failures)

    def evict(self, pod: Object, began_us: int, failures: list[str]) -> Steps[int]:
        """Evict one pod; what goes wrong joins the failures, in the order of time."""
        inv, key = self.inv, objects.key("pods", pod)
        where = f'error when evicting pods/"{key.name}" -n "{key.namespace}"'
        query = dict(self.dry.query)
        while True:
            inv.out(f"evicting pod {key.namespace}/{key.name}{self.dry.suffix}")
            if self.over(began_us):
                failures.append(f"{where}: global timeout reached: {times.duration(self.timeout_seconds)}")
                return 1
            body = {"apiVersion": "policy/v1", "kind": "Eviction", "deleteOptions": self.grace(),
                    "metadata": {"name": key.name, "namespace": key.namespace}}
            try:
                yield from inv.send("create", key, subresource="eviction", body=body, query=query)
                break
            except StatusError as error:
                if error.code == 404:
                    return 0
                ending = error.code == 403 and any(
                    cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or [])
                if ending and objects.deleting(pod):
                    break
                if error.code == 429:
                    inv.err(f"{where} (will retry after 5s): {error.message}")
                elif ending:
                    inv.err(f'error when evicting pod "{key.name}" from terminating namespace "{key.namespace}" '
                            f"(will retry after 5s): {error.message}")
                    pod = (yield from inv.find(key)) or pod
                else:
                    failures.append(f"{where}: {error.message}")
                    return 1
                yield inv.engine.sleep(microseconds(RETRY_SECONDS))
            except TransportError as error:
                failures.append(f"{where}: " + go_error(inv, "Post", key, error, subresource="eviction", query=query))
                return 1
        if not self.dry:
            try:
                yield from self.wait([pod], began_us, "evicted", self.words.timed_out)
            except NodeFailed as error:
                failures.append(f'error when waiting for pod "{key.name}" in namespace "{key.namespace}" to terminate: '
                                f"{error}")
        return 0

    def delete_all(self, pods: list[Object], began_us: int) -> Steps[None]:
        """Delete the pods, budgets or not, and wait until they are gone. Raises NodeFailed."""
        grace = {name: str(value) for name, value in self.grace().items()}
        for pod in pods:
            key = objects.key("pods", pod)
            try:
                yield from self.inv.send("delete", key, query={**grace, **self.dry.query})
            except StatusError as error:
                if error.code != 404:
                    raise NodeFailed([error.message], [server_error(error)]) from None
            except TransportError as error:
                raise NodeFailed([go_error(self.inv, "Delete", key, error)]) from None
        if not self.dry:
            try:
                yield from self.wait(pods, began_us, "deleted", self.words.deletes_timed_out)
            except NodeFailed as error:
                raise NodeFailed(error.reasons, [f"error: {error}"]) from None

    def grace(self) -> dict[str, int]:
        """Give the options that --grace-period asks for."""
        seconds = self.inv.flags["grace-period"]
        return {"gracePeriodSeconds": seconds} if seconds >= 0 else {}

    # ---- waiting ----------------------------------------------------------------------------------------------
    def over(self, began_us: int) -> bool:
        """Tell whether --timeout has run out."""
        return bool(self.timeout_seconds) and self.inv.engine.now_us - began_us > self.timeout_seconds * SECOND_US

    def wait(self, pods: list[Object], began_us: int, word: str, timed_out: str) -> Steps[None]:
        """Look every second until the pods are gone or are other ones. Raises NodeFailed."""
        inv, left = self.inv, pods
        while True:
            still = []
            for pod in left:
                if (yield from self.still_there(pod, word)):
                    still.append(pod)
            left = still
            if not left:
                return
            if self.over(began_us):
                raise NodeFailed([timed_out])
            pause_us = microseconds(POLL_SECONDS)
            if self.timeout_seconds:
                until_us = began_us + microseconds(self.timeout_seconds)
                if inv.engine.now_us + pause_us > until_us:
                    yield inv.engine.sleep(until_us - inv.engine.now_us)
                    raise NodeFailed([timed_out])
            yield inv.engine.sleep(pause_us)

    def still_there(self, pod: Object, word: str) -> Steps[bool]:
        """Look whether a pod still needs to be waited for. Raises NodeFailed where the server cannot be asked."""
        inv, key = self.inv, objects.key("pods", pod)
        skip_seconds = inv.flags["skip-wait-for-delete-timeout"] or 0
        try:
            found = yield from inv.find(key)
        except (StatusError, TransportError) as error:
            inv.out(f"pod/{key.name} {'eviction' if word == 'evicted' else 'deletion'} failed")
            text = error.message if isinstance(error, StatusError) else go_error(inv, "Get", key, error)
            raise NodeFailed([text]) from None
        if found is None or objects.uid(found) != objects.uid(pod):
            inv.out(f"pod/{key.name} {word}")
            return False
        settings = filters.Settings(inv.version[1], inv.engine.unix_us, skip_deleted_seconds=skip_seconds)
        if filters.stale(settings, found):
            inv.out(f'pod "{key.name}" has DeletionTimestamp older than {skip_seconds} seconds, skipping')
            return False
        return True


def drain(inv: Invocation) -> Steps[int]:
    """Run `kubectl drain`."""
    return (yield from Drainer(inv).run())
