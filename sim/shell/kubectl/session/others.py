"""attach, cp, port-forward, debug: attach shows what a container writes, cp copies files of volumes; the others refuse.

Models: kubectl/pkg/cmd/{attach,cp,portforward,debug}.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated
from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.following import follow_log
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.session import volumes
from sim.shell.kubectl.session.exec import check_running, container_of, pod_of, reach
from sim.shell.kubectl.session.programs import Inside


def attach(inv: Invocation) -> Steps[int]:
    """Run `kubectl attach`."""
    if not inv.args:
        raise UsageError("at least 1 argument is required for attach")
    pod = yield from pod_of(inv, inv.args[0])
    if inv.version >= (1, 34):
        inv.err("All commands and output from this session will be recorded in container logs, including credentials and "
                "sensitive information passed through the command prompt.")
    check_running(inv, pod)
    container = container_of(inv, pod)["name"]
    yield from reach(inv, pod, container, "attach", "error=1&output=1")
    if inv.flags["stdin"] or inv.flags["tty"]:
        raise NotSimulated("kubectl attach --stdin: what a container reads")
    return (yield from follow(inv, pod, container))


def follow(inv: Invocation, pod: Object, container: str) -> Steps[int]:
    """Show what a container writes from now on, until it ends or Ctrl-C."""
    return (yield from follow_log(inv, objects.key("pods", pod), {"container": container, "tailLines": "0"}, inv.call.write))


def cp(inv: Invocation) -> Steps[int]:
    """Run `kubectl cp`."""
    if len(inv.args) != 2:
        raise UsageError("source and destination are required")
    source, goal = inv.args
    if ":" in source and ":" in goal:
        raise UsageError("one of src or dest must be a local file specification")
    if ":" not in source and ":" not in goal:
        raise UsageError("one of src or dest must be a remote file specification")
    if ":" not in source and not inv.call.files.exists(inv.call.path(source)):
        raise UsageError(f"{source} doesn't exist in local filesystem")
    place, _, path = (source if ":" in source else goal).partition(":")
    space, slash, name = place.rpartition("/")
    pod = yield from inv.send("get", Key("pods", space if slash else inv.namespace, name))
    check_running(inv, pod)
    inside = Inside(inv, pod, container_of(inv, pod))
    yield from reach(inv, pod, inside.container["name"], "exec", "command=tar&error=1&output=1")
    if ":" in source:
        return (yield from _fetch(inv, inside, path, goal))
    local = inv.call.path(source)
    if inv.call.files.is_dir(local):
        raise NotSimulated("kubectl cp of a directory")
    said = yield from volumes.write(inside, path, local.rpartition("/")[2], inv.call.files.read(local))
    return _tar(inv, said)


def _fetch(inv: Invocation, inside: Inside, path: str, goal: str) -> Steps[int]:
    """Copy a file out of the container."""
    data = yield from volumes.read(inside, path)
    if data is None:
        return _tar(inv, f"tar: {path}: Cannot stat: No such file or directory\n"
                    "tar: Exiting with failure status due to previous errors")
    if path.startswith("/"):
        inv.err("tar: Removing leading `/' from member names")
    local = inv.call.path(goal)
    if inv.call.files.is_dir(local):
        local = f"{local}/{path.rpartition('/')[2]}"
    try:
        inv.call.files.write(local, data)
    except FileError as error:
        raise UsageError(f"open {local}: {str(error).lower()}") from None
    return 0


def _tar(inv: Invocation, said: str) -> int:
    """Pass on what tar in the container complained of."""
    if not said:
        return 0
    inv.err(f"{said}\ncommand terminated with exit code 2")
    return 2


def port_forward(inv: Invocation) -> Steps[int]:
    """Run `kubectl port-forward`."""
    if len(inv.args) < 2:
        raise inv.usage("TYPE/NAME and list of ports are required for port-forward")
    pod = yield from pod_of(inv, inv.args[0])
    phase = objects.dig(pod, "status.phase")
    if phase != "Running":
        raise UsageError(f"unable to forward port because pod is not running. Current status={phase}")
    raise NotSimulated("kubectl port-forward")


def debug(inv: Invocation) -> Steps[int]:
    """Run `kubectl debug`."""
    if not inv.flags["image"] and not inv.flags["copy-to"]:
        raise UsageError("you must specify --image when not using --copy-to.")
    if not inv.args:
        raise UsageError("NAME or TYPE/NAME is required")
    raise NotSimulated("kubectl debug")
    yield
