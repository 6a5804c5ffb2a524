"""The small programs that `kubectl exec` knows: what a container says of itself, and files that the cluster put into it.

Models: what busybox and coreutils print. A container's own files are not modelled: asking for them refuses.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from sim.api import objects, times
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps
from sim.shell.etcd import inside as inside_etcd
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.session import volumes

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHELL_MARKS = "|<>&;$`(){}*?"
"""What makes a text more than one plain command, which is all that is known of shells in containers."""
DATE = "%a %b %e %H:%M:%S UTC %Y"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Inside:
    """A container of a pod, seen from within."""

    inv: Invocation
    pod: Object
    container: Object

    def unknown(self, what: str) -> NotSimulated:
        """Make the refusal of something that only the real container knows."""
        return NotSimulated(f"kubectl exec: {what} in a container")

    def find(self, resource: str, name: str) -> Steps[Object]:
        """Get an object of the pod's namespace, empty where there is none."""
        try:
            return (yield from self.inv.send("get", Key(resource, objects.namespace(self.pod), name)))  # type: ignore[no-any-return]
        except StatusError:
            return {}


def environment(inside: Inside) -> Steps[dict[str, str]]:
    """Give the variables of the container."""
    env = {"PATH": PATH, "HOSTNAME": hostname(inside)}
    service = yield from inside.inv.send("get", Key("services", "default", "kubernetes"))
    address = objects.dig(service, "spec.clusterIP", "10.96.0.1")
    for each in inside.container.get("env") or []:
        source = each.get("valueFrom") or {}
        if not source:
            env[each["name"]] = str(each.get("value", ""))
            continue
        for field, resource in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
            if field in source:
                data = (yield from inside.find(resource, source[field]["name"])).get("data") or {}
                text = data.get(source[field]["key"], "")
                env[each["name"]] = base64.b64decode(text).decode() if resource == "secrets" else text
        if "fieldRef" in source:
            env[each["name"]] = str(objects.dig(inside.pod, source["fieldRef"]["fieldPath"], ""))
    port = f"tcp://{address}:443"
    return {**env, "KUBERNETES_SERVICE_HOST": address, "KUBERNETES_SERVICE_PORT": "443", "KUBERNETES_SERVICE_PORT_HTTPS": "443",
            "KUBERNETES_PORT": port, "KUBERNETES_PORT_443_TCP": port, "KUBERNETES_PORT_443_TCP_PROTO": "tcp",
            "KUBERNETES_PORT_443_TCP_PORT": "443", "KUBERNETES_PORT_443_TCP_ADDR": address, "HOME": "/root"}


def hostname(inside: Inside) -> str:
    """Give the name of the pod's machine."""
    spec = inside.pod["spec"]
    if spec.get("hostNetwork"):
        return str(spec["nodeName"])
    return str(spec.get("hostname") or objects.name(inside.pod))


# ---- programs -----------------------------------------------------------------------------------------------------
def _env(inside: Inside, words: list[str]) -> Steps[int]:
    env = yield from environment(inside)
    if words and any(word not in env for word in words):
        return 1
    for name, value in env.items():
        if not words:
            inside.inv.out(f"{name}={value}")
        elif name in words:
            inside.inv.out(value)
    return 0


def _hostname(inside: Inside, words: list[str]) -> Steps[int]:
    if words in (["-i"], ["-I"]):
        inside.inv.out(objects.dig(inside.pod, "status.podIP", ""))
    elif words:
        raise inside.unknown(f"hostname {' '.join(words)}")
    else:
        inside.inv.out(hostname(inside))
    return 0
    yield


def _date(inside: Inside, words: list[str]) -> Steps[int]:
    if words not in ([], ["-u"]):
        raise inside.unknown(f"date {' '.join(words)}")
    from datetime import UTC, datetime

    now = datetime.fromisoformat(times.stamp(inside.inv.engine.unix_us)).astimezone(UTC)
    inside.inv.out(f"{DAYS[now.weekday()]} {MONTHS[now.month - 1]} {now.day:2d} {now:%H:%M:%S} UTC {now.year}")
    return 0
    yield


def _echo(inside: Inside, words: list[str]) -> Steps[int]:
    if words[:1] == ["-n"]:
        inside.inv.call.write(" ".join(words[1:]))
    elif words and words[0].startswith("-"):
        raise inside.unknown(f"echo {words[0]}")
    else:
        inside.inv.out(" ".join(words))
    return 0
    yield


def _cat(inside: Inside, words: list[str]) -> Steps[int]:
    if not words or any(word.startswith("-") for word in words):
        raise inside.unknown(f"cat {' '.join(words)}".rstrip())
    status = 0
    for path in words:
        data = yield from _read(inside, path)
        if data is None:
            inside.inv.err(f"cat: {path}: No such file or directory")
            status = 1
        else:
            inside.inv.call.write(data)
    return status


def _read(inside: Inside, path: str) -> Steps[bytes | None]:
    """Read a file, also those that every container has."""
    if path == "/etc/hostname":
        return f"{hostname(inside)}\n".encode()
    if path == "/var/run/secrets/kubernetes.io/serviceaccount/namespace":
        return objects.namespace(inside.pod).encode()
    return (yield from volumes.read(inside, path))


def _ls(inside: Inside, words: list[str]) -> Steps[int]:
    if len(words) != 1 or words[0].startswith("-"):
        raise inside.unknown(f"ls {' '.join(words)}".rstrip())
    path = words[0].rstrip("/")
    names = (yield from volumes.mounted(inside)).get(path)
    there = volumes.place(inside, path) if names is None else None
    if names is None and there is None:
        raise inside.unknown(f"ls {words[0]}")
    if there is not None and not there.files.exists(there.path):
        inside.inv.err(f"ls: {words[0]}: No such file or directory")
        return 1
    shown = list(names or ())
    if there is not None:
        shown = [each[0] for each in there.files.entries(there.path)] if there.files.is_dir(there.path) else [words[0]]
    for name in sorted(shown):
        inside.inv.out(name)
    return 0


def _sh(inside: Inside, words: list[str]) -> Steps[int]:
    if len(words) != 2 or words[0] != "-c":
        raise inside.unknown("a shell that waits for keys")
    text = words[1]
    if any(mark in text for mark in SHELL_MARKS):
        raise inside.unknown(f"sh -c {shlex.quote(text)}")
    try:
        split = shlex.split(text)
        env = dict[str, str]()
        while split and ASSIGNMENT.match(split[0]):
            name, _, value = split.pop(0).partition("=")
            env[name] = value
        if split and split[0] in inside_etcd.TOOLS and inside_etcd.is_etcd(inside.container):
            return (yield from _etcd_tool(inside, split, env))
        return (yield from run(inside, split))
    except ValueError:
        inside.inv.err("sh: syntax error: unterminated quoted string")
        return 2


def _true(inside: Inside, words: list[str]) -> Steps[int]:
    return 0
    yield


def _false(inside: Inside, words: list[str]) -> Steps[int]:
    return 1
    yield


PROGRAMS: dict[str, Callable[[Inside, list[str]], Steps[int]]] = {
    "env": _env, "printenv": _env, "hostname": _hostname, "date": _date, "echo": _echo, "cat": _cat, "ls": _ls, "sh": _sh,
    "bash": _sh, "true": _true, "false": _false,
}


def known(words: list[str]) -> str:
    """Give what of a command is not known here, "" when all of it may be: asked before anything is made."""
    program = words[0].rpartition("/")[2] if words else ""
    if program in ("sh", "bash") and len(words) == 3 and words[1] == "-c":
        if any(mark in words[2] for mark in SHELL_MARKS):
            return f"sh -c {shlex.quote(words[2])}"
        try:
            return known(shlex.split(words[2]))
        except ValueError:
            return ""
    if program in ("sh", "bash", ""):
        return "a shell that waits for keys"
    return "" if program in PROGRAMS else program


def _etcd_tool(inside: Inside, words: list[str], env: dict[str, str] | None = None) -> Steps[int]:
    host = inside.inv.call.host.network.hosts.get(inside.pod["spec"]["nodeName"])
    uids = (objects.uid(inside.pod), objects.annotations(inside.pod).get("kubernetes.io/config.mirror", ""))
    found = [each for uid in uids if host is not None and uid in host.runtime.sandboxes
             for each in host.runtime.sandboxes[uid].all() if each.name == inside.container["name"] and each.running]
    if host is None or not found:
        raise inside.unknown(words[0])
    return (yield from inside_etcd.tool(inside.inv.call, host, found[-1], words, {**(yield from environment(inside)), **(env or {})}))


def run(inside: Inside, words: list[str]) -> Steps[int]:
    """Run a program in the container; gives its status. Raises NotSimulated for what is not known here."""
    if not words:
        return 0
    name = words[0].rpartition("/")[2]
    if name in inside_etcd.TOOLS and inside_etcd.is_etcd(inside.container):
        return (yield from _etcd_tool(inside, [name, *words[1:]]))
    program = PROGRAMS.get(name)
    if program is None:
        raise inside.unknown(words[0])
    return (yield from program(inside, words[1:]))
