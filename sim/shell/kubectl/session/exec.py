"""exec: a program in a container.

Models: kubectl/pkg/cmd/exec/exec.go. The programs are those of programs.py; others, and shells with a terminal, refuse.
"""

from __future__ import annotations

from urllib.parse import quote

from sim.api import objects
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.session.programs import Inside, run

NO_DASH = "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead"
DASH_NEEDED_FROM = (1, 30)
HOST_SAID_BY_CLIENT_FROM = (1, 34)
"""Since when a pod without a node is the client's own complaint."""


def pod_of(inv: Invocation, word: str) -> Steps[Object]:
    """Get the pod that `NAME` or `TYPE/NAME` means. Raises StatusError, UsageError."""
    kind, slash, name = word.partition("/")
    if not slash:
        pod: Object = yield from inv.send("get", Key("pods", inv.namespace, word))
        return pod
    mapping = yield from inv.resolve(kind)
    obj: Object = yield from inv.send("get", inv.key(mapping, name))
    if mapping.kind == "Pod":
        return obj
    selector = objects.dig(obj, "spec.selector.matchLabels") or (
        objects.dig(obj, "spec.selector") if mapping.kind in ("Service", "ReplicationController") else None)
    if not selector:
        kind = f"*{mapping.version}.{mapping.kind}"
        raise UsageError(f"cannot attach to {kind}: selector for {kind} not implemented")
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in sorted(selector.items()))}
    body = yield from inv.send("list", Key("pods", inv.namespace, ""), query=query)
    pods = sorted(body["items"], key=lambda each: not objects.pod_ready(each))
    if not pods:
        raise UsageError("timed out waiting for the condition")
    first: Object = pods[0]
    return first


def container_of(inv: Invocation, pod: Object) -> Object:
    """Choose the container. Raises UsageError."""
    containers = objects.dig(pod, "spec.containers", [])
    wanted = inv.flags["container"] or objects.annotations(pod).get("kubectl.kubernetes.io/default-container", "")
    names = [each["name"] for each in containers]
    if not wanted:
        if len(containers) > 1 and not inv.flags["quiet"]:
            inv.err(f'Defaulted container "{names[0]}" out of: {", ".join(names)}')
        return dict(containers[0])
    if wanted not in names:
        among = f" out of: {', '.join(names)}" if inv.version >= (1, 34) else ""
        raise UsageError(f"container {wanted} is not valid for pod {objects.name(pod)}{among}")
    return dict(containers[names.index(wanted)])


def check_running(inv: Invocation, pod: Object) -> None:
    """Complain about a pod in which nothing runs. Raises UsageError, StatusError."""
    phase = objects.dig(pod, "status.phase", "")
    if phase in ("Succeeded", "Failed"):
        raise UsageError(f"cannot exec into a container in a completed pod; current phase is {phase}")
    if not objects.dig(pod, "spec.nodeName"):
        text = f"pod {objects.name(pod)} does not have a host assigned"
        if inv.version >= HOST_SAID_BY_CLIENT_FROM:
            raise UsageError(f"unable to upgrade connection: {text}")
        raise StatusError(400, "BadRequest", text)


def reach(inv: Invocation, pod: Object, container: str, what: str, query: str) -> Steps[None]:
    """Ask the pod's kubelet through the server. Raises UsageError where it does not answer."""
    key = Key("pods", objects.namespace(pod), objects.name(pod))
    try:
        yield from inv.send("get", key, subresource="log", query={"container": container, "limitBytes": "1"})
    except StatusError as error:
        address, _, lost = error.message.partition("/containerLogs/")[0], "", error.message.rpartition('": ')[2]
        if "dial tcp" not in lost:
            return
        url = address.removeprefix('Get "')
        if inv.version < (1, 30):
            raise UsageError(f"error dialing backend: {lost}", prefix="Error from server: ") from None
        raise UsageError(f'Internal error occurred: error sending request: Post "{url}/{what}/{key.namespace}/{key.name}/'
                         f'{container}?{query}": {lost}') from None


def exec_(inv: Invocation) -> Steps[int]:
    """Run `kubectl exec`."""
    words = inv.args if inv.dash is None else inv.args[:inv.dash]
    command = [] if inv.dash is None else inv.args[inv.dash:]
    if inv.dash is None and len(words) > 1:
        if inv.version >= DASH_NEEDED_FROM:
            raise inv.usage(NO_DASH)
        words, command = words[:1], words[1:]
    if not words and not inv.flags["filename"]:
        raise UsageError("pod, type/name or --filename must be specified")
    if not command:
        raise UsageError("you must specify at least one command for the container")
    if inv.flags["filename"]:
        raise NotSimulated("kubectl exec -f")
    pod = yield from pod_of(inv, words[0])
    check_running(inv, pod)
    container = container_of(inv, pod)
    asked = [*(f"command={quote(word, safe='')}" for word in command), "error=1", *(["input=1"] if inv.flags["stdin"] else []),
             "output=1", *(["tty=1"] if inv.flags["tty"] else [])]
    yield from reach(inv, pod, container["name"], "exec", "&".join(asked))
    status = yield from run(Inside(inv, pod, container), command)
    if status:
        inv.err(f"command terminated with exit code {status}")
    return status
