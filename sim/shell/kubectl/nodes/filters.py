"""Which pods of a node drain takes away, which it leaves, and which make it refuse the node.

Models: kubectl/pkg/drain/filters.go. A filter is a generator: the one for DaemonSets asks the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sim.api import objects, times
from sim.api.client import Key, Object
from sim.api.errors import StatusError
from sim.engine import SECOND_US, Steps

DAEMONSET_FATAL = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
DAEMONSET_WARNING = "ignoring DaemonSet-managed Pods"
STORAGE_FATAL = "Pods with local storage (use --delete-emptydir-data to override)"
STORAGE_WARNING = "deleting Pods with local storage"
UNMANAGED_WARNING = "deleting Pods that declare no controller"
UNMANAGED_FATAL = (
    (36, "Pods that declare no controller (use --force to override)"),
    (30, "cannot delete Pods that declare no controller (use --force to override)"),
    (25, "Pods declare no controller (use --force to override)"),
    (0, ("Pods not managed by ReplicationController, ReplicaSet, Job, DaemonSet or StatefulSet "
         "(use --force to override)")),
)
"""By minor version of the client, newest first; 1.30 to 1.35 double `cannot delete`."""
GROUP_CHECKED_FROM = 36
"""Since when the owner must be a DaemonSet of apps/v1, and a missing owner's warning is not overwritten."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the filters want to know of the command: flags, the client's minor version, the date in microseconds."""

    minor: int
    now_us: int
    force: bool = False
    ignore_daemonsets: bool = False
    delete_emptydir_data: bool = False
    skip_deleted_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filter says of a pod.

    delete: take it away. warning: said of the pod. fatal: why the whole node is refused. last: no filter is asked after.
    """

    delete: bool
    warning: str = ""
    fatal: str = ""
    last: bool = False


OKAY, SKIP = Verdict(delete=True), Verdict(delete=False)
Find = Callable[[Key], Steps[Any]]
"""Ask the server for an object; raises StatusError."""
Filter = Callable[[Settings, Object, Find], Steps[Verdict]]


def stale(settings: Settings, pod: Object) -> bool:
    """Tell whether the pod has been terminating for longer than --skip-wait-for-delete-timeout."""
    if settings.skip_deleted_seconds <= 0 or not objects.deleting(pod):
        return False
    age_us = settings.now_us - times.parse(pod["metadata"]["deletionTimestamp"])
    return age_us // SECOND_US > settings.skip_deleted_seconds


def skip_deleted(settings: Settings, pod: Object, find: Find) -> Steps[Verdict]:
    """Leave pods that nobody needs to wait for."""
    return SKIP if stale(settings, pod) else OKAY
    yield


def daemon_set(settings: Settings, pod: Object, find: Find) -> Steps[Verdict]:
    """Refuse or leave DaemonSet pods: they would come back at once, on the very node."""
    owner = objects.controller_of(pod)
    if owner is None or owner["kind"] != "DaemonSet" or objects.pod_finished(pod):
        return OKAY
    if settings.minor >= GROUP_CHECKED_FROM and owner["apiVersion"] != "apps/v1":
        return OKAY
    try:
        yield from find(Key("daemonsets", objects.namespace(pod), owner["name"]))
    except StatusError as error:
        if error.code == 404 and settings.force:
            return Verdict(delete=True, warning=error.message, last=settings.minor >= GROUP_CHECKED_FROM)
        return Verdict(delete=False, fatal=error.message)
    if not settings.ignore_daemonsets:
        return Verdict(delete=False, fatal=DAEMONSET_FATAL)
    return Verdict(delete=False, warning=DAEMONSET_WARNING)


def mirror(settings: Settings, pod: Object, find: Find) -> Steps[Verdict]:
    """Leave static pods: the API server cannot delete what a kubelet reads from a file."""
    return SKIP if "kubernetes.io/config.mirror" in objects.annotations(pod) else OKAY
    yield


def local_storage(settings: Settings, pod: Object, find: Find) -> Steps[Verdict]:
    """Refuse pods whose data would be lost with them."""
    if objects.pod_finished(pod) or not any("emptyDir" in v for v in objects.dig(pod, "spec.volumes", [])):
        return OKAY
    if settings.delete_emptydir_data:
        return Verdict(delete=True, warning=STORAGE_WARNING)
    return Verdict(delete=False, fatal=STORAGE_FATAL)
    yield


def unmanaged(settings: Settings, pod: Object, find: Find) -> Steps[Verdict]:
    """Refuse pods that nobody would make anew."""
    if objects.pod_finished(pod) or objects.controller_of(pod) is not None:
        return OKAY
    if settings.force:
        return Verdict(delete=True, warning=UNMANAGED_WARNING)
    return Verdict(delete=False, fatal=next(text for first, text in UNMANAGED_FATAL if settings.minor >= first))
    yield


FILTERS: tuple[Filter, ...] = (skip_deleted, daemon_set, mirror, local_storage, unmanaged)
"""In upstream's order."""


def judge(settings: Settings, pod: Object, find: Find, filters: Iterable[Filter] = FILTERS) -> Steps[Verdict]:
    """Ask the filters in order: the first that says no stops them, otherwise the last one's word stands.

    So the warning about local storage is lost, as it is upstream.
    """
    verdict = OKAY
    for check in filters:
        verdict = yield from check(settings, pod, find)
        if verdict.last or not verdict.delete:
            break
    return verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """All pods of a node, judged: those to take away, the warnings, the reasons to refuse the node."""

    pods: list[Object]
    warnings: dict[str, list[str]]
    fatal: dict[str, list[str]]

    @property
    def warning(self) -> str:
        """Give the text of the one line of warnings, "" without any."""
        return "; ".join(f"{text}: {', '.join(where)}" for text, where in sorted(self.warnings.items()))

    @property
    def refusals(self) -> list[str]:
        """Give the reasons why the node must not be drained, one for each kind of fault."""
        return [f"cannot delete {text}: {', '.join(where)}" for text, where in self.fatal.items()]


def judge_all(settings: Settings, pods: Iterable[Object], find: Find) -> Steps[Judged]:
    """Judge the pods of a node."""
    judged = Judged([], {}, {})
    for pod in pods:
        verdict = yield from judge(settings, pod, find)
        where = f"{objects.namespace(pod)}/{objects.name(pod)}"
        for text, group in ((verdict.warning, judged.warnings), (verdict.fatal, judged.fatal)):
            if text:
                group.setdefault(text, []).append(where)
        if verdict.delete:
            judged.pods.append(pod)
    return judged
