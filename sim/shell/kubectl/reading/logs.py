"""kubectl logs.

Models: kubectl/pkg/cmd/logs/logs.go, kubectl/pkg/polymorphichelpers/logsforobject.go, podutils.ByLogging.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.api import objects, selectors, times
from sim.api.client import Key, Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError, server_error
from sim.shell.kubectl.frame.following import follow_log
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource import selection
from sim.shell.kubectl.words.verbs import Verb

USAGE = ("expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs "
         "command")
SELECTING = {"deployments": "*v1.Deployment", "replicasets": "*v1.ReplicaSet", "statefulsets": "*v1.StatefulSet",
             "daemonsets": "*v1.DaemonSet", "jobs": "*v1.Job", "services": "*v1.Service",
             "replicationcontrollers": "*v1.ReplicationController"}
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
DEFAULTED_SINCE, WRAPPED_SINCE, OUT_OF_SINCE = (1, 21), (1, 32), (1, 34)
"""Client versions: take the first container unasked; `error from server (…)`; `out of: …`. golden/kubectl-errors."""
SELECTED_TAIL = 10


@dataclass(frozen=True, slots=True)
class Source:
    """One container whose log is read."""

    pod: Object
    container: str

    @property
    def prefix(self) -> str:
        """Give what --prefix writes before each line."""
        return f"[pod/{objects.name(self.pod)}/{self.container}] "


class Logs:
    """One `kubectl logs`."""

    def __init__(self, inv: Invocation) -> None:
        self.inv = inv
        self.flags = inv.flags
        self.check()

    def check(self) -> None:
        """Check arguments and flags. Raises UsageError."""
        inv, flags = self.inv, self.flags
        self.container: str = flags["container"] or ""
        if not inv.args and not flags["selector"] or len(inv.args) > 2:
            raise inv.usage(USAGE)
        if inv.args and flags["selector"]:
            raise UsageError("only a selector (-l) or a POD name is allowed")
        if len(inv.args) == 2:
            if "container" in inv.given:
                raise UsageError("only one of -c or an inline [CONTAINER] arg is allowed")
            self.container = inv.args[1]
        if flags["since-time"] and flags["since"]:
            raise UsageError("at most one of `sinceTime` or `sinceSeconds` may be specified")
        if flags["tail"] < -1:
            raise UsageError("--tail must be greater than or equal to -1")
        if flags["since-time"]:
            try:
                times.parse(flags["since-time"])
            except ValueError:
                text = flags["since-time"]
                raise UsageError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"'
                                 ) from None
        if flags["all-containers"] and self.container:
            raise UsageError("--all-containers=true should not be specified with container name " + self.container)

    def query(self, source: Source) -> dict[str, str]:
        """Give the query of a request."""
        flags = self.flags
        tail = flags["tail"] if "tail" in self.inv.given or not flags["selector"] else SELECTED_TAIL
        found = {"container": source.container}
        if flags["previous"]:
            found["previous"] = "true"
        if tail >= 0:
            found["tailLines"] = str(tail)
        if flags["since"]:
            found["sinceSeconds"] = str(max(1, round(flags["since"])))
        if flags["since-time"]:
            found["sinceTime"] = flags["since-time"]
        if flags["limit-bytes"]:
            found["limitBytes"] = str(flags["limit-bytes"])
        if flags["timestamps"]:
            found["timestamps"] = "true"
        return found

    def run(self) -> Steps[int]:
        """Print the logs."""
        pods = yield from self.pods()
        if not pods:
            self.inv.err(f"No resources found in {self.inv.namespace} namespace.")
            return 0
        sources = [source for pod in pods for source in self.sources(pod)]
        most = self.flags["max-log-requests"]
        if self.flags["follow"] and len(sources) > most:
            raise UsageError(f"you are attempting to follow {len(sources)} log streams, but maximum allowed concurrency is "
                             f"{most}, use --max-log-requests to increase the limit")
        if self.flags["follow"] and len(sources) > 1:
            jobs = [self.inv.call.login.spawn(self.stream(source)) for source in sources]
            statuses: list[int] = []
            for job in jobs:
                statuses.append((yield job))
            return max(statuses)
        for source in sources:
            status = yield from self.stream(source)
            if status:
                return status
        return 0

    # ---- which ------------------------------------------------------------------------------------------------
    def pods(self) -> Steps[list[Object]]:
        """Give the pods that are meant. Raises UsageError, StatusError."""
        inv = self.inv
        if self.flags["selector"]:
            body = yield from inv.send("list", Key("pods", inv.namespace, ""), query={"labelSelector": self.flags["selector"]})
            found: list[Object] = body["items"]
            return found
        word = inv.args[0]
        kind, _, name = word.rpartition("/")
        mapping = yield from inv.resolve(kind or "pods")
        try:
            obj = yield from selection.get(inv, inv.key(mapping, name))
        except StatusError as error:
            if error.code == 404 and inv.version >= WRAPPED_SINCE:
                raise UsageError(f'error from server (NotFound): {error.message} in namespace "{inv.namespace}"') from None
            raise
        if mapping.resource == "pods":
            return [obj]
        if mapping.resource not in SELECTING:
            raise UsageError(f"cannot get the logs from *v1.{mapping.kind}: selector for *v1.{mapping.kind} not implemented")
        return (yield from self.behind(mapping.resource, obj))

    def behind(self, resource: str, obj: Object) -> Steps[list[Object]]:
        """Give the pod of a workload or service that is looked at: the oldest ready one."""
        chosen = objects.dig(obj, "spec.selector") or {}
        plain = chosen if "matchLabels" in chosen or "matchExpressions" in chosen else {"matchLabels": chosen}
        text = selectors.text_of(plain)
        space = objects.namespace(obj)
        body = yield from self.inv.send("list", Key("pods", space, ""), query={"labelSelector": text})
        pods = sorted(body["items"], key=_rank)
        if not pods:
            raise UsageError("timed out waiting for the condition")
        if self.flags["all-pods"]:
            return pods
        if len(pods) > 1:
            self.inv.err(f"Found {len(pods)} pods, using pod/{objects.name(pods[0])}")
        return pods[:1]

    def sources(self, pod: Object) -> list[Source]:
        """Give the containers of a pod whose logs are read. Raises UsageError."""
        inits = [c["name"] for c in objects.dig(pod, "spec.initContainers", [])]
        plain = [c["name"] for c in objects.dig(pod, "spec.containers", [])]
        later = [c["name"] for c in objects.dig(pod, "spec.ephemeralContainers", [])]
        if self.flags["all-containers"]:
            return [Source(pod, name) for name in (*inits, *plain, *later)]
        names = ", ".join([*plain, *(f"{name} (init)" for name in inits), *(f"{name} (ephem)" for name in later)])
        if self.container:
            if self.container not in (*inits, *plain, *later):
                end = f" out of: {names}" if self.inv.version >= OUT_OF_SINCE else ""
                raise UsageError(f"container {self.container} is not valid for pod {objects.name(pod)}{end}")
            return [Source(pod, self.container)]
        wanted = objects.annotations(pod).get(DEFAULT_CONTAINER)
        if wanted in plain and wanted:
            return [Source(pod, wanted)]
        if len(plain) + len(inits) + len(later) > 1:
            if self.inv.version < DEFAULTED_SINCE and len(plain) > 1:
                raise UsageError(f"a container name must be specified for pod {objects.name(pod)}, choose one of: "
                                 f"[{' '.join(plain)}]")
            if self.inv.version >= DEFAULTED_SINCE:
                self.inv.err(f'Defaulted container "{plain[0]}" out of: {names}')
        return [Source(pod, plain[0])]

    # ---- reading ----------------------------------------------------------------------------------------------
    def stream(self, source: Source) -> Steps[int]:
        """Print one container's log, and what it writes later with --follow."""
        inv = self.inv
        key = objects.key("pods", source.pod)
        query = self.query(source)
        try:
            if not self.flags["follow"]:
                self.show(source, (yield from inv.send("get", key, subresource="log", query=query)))
                return 0
            return (yield from follow_log(inv, key, query, lambda text: self.show(source, text)))
        except StatusError as error:
            if not self.flags["ignore-errors"]:
                raise
            inv.err(f"error: {server_error(error)}")
            return 0

    def show(self, source: Source, text: str) -> None:
        """Print some of a log."""
        if self.flags["prefix"] and text:
            lines = text.removesuffix("\n").split("\n")
            text = "".join(f"{source.prefix}{line}\n" for line in lines)
        self.inv.call.write(text)


PHASES = ("Running", "Unknown", "Pending")


def _rank(pod: Object) -> tuple[Any, ...]:
    """Order pods as a log reader wants them. Models: podutils.ByLogging."""
    phase = objects.dig(pod, "status.phase", "")
    ready = objects.condition(pod, "Ready") or {}
    is_ready = ready.get("status") == "True"
    restarts = sum(each.get("restartCount", 0) for each in objects.dig(pod, "status.containerStatuses", []))
    return (not objects.dig(pod, "spec.nodeName"), PHASES.index(phase) if phase in PHASES else 0, not is_ready,
            ready.get("lastTransitionTime", "") if is_ready else "", -restarts, pod["metadata"].get("creationTimestamp", ""))


def logs(inv: Invocation) -> Steps[int]:
    """Run `kubectl logs`."""
    return (yield from Logs(inv).run())


VERBS = {"logs": Verb(logs, (
    "all-containers", "all-pods", "container", "follow", "ignore-errors", "limit-bytes", "max-log-requests", "prefix",
    "previous", "selector", "since", "since-time", "tail", "timestamps", "pod-running-timeout",
    "insecure-skip-tls-verify-backend"))}
