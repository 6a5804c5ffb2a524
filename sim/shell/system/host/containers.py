"""crictl and the versions of host programs: containers as the runtime sees them, API server or not.

Models: crictl ps, pods, images, logs, inspect, stop, rm, pull, version, info. Left out: exec, stats, runp.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from sim.api import times
from sim.api.times import parse_duration
from sim.engine import SECOND_US, Steps, microseconds
from sim.host.files import FileError
from sim.host.images import full_name, image_id, pull_problem
from sim.host.runtime import Container, Sandbox
from sim.program import LogLine
from sim.shell.pipes import COMMANDS, Call, Pipe

ASK_SECONDS = 0.1
NO_SOCKET = ('validate service connection: validate CRI v1 runtime API for endpoint "unix:///run/containerd/containerd.sock": '
             'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix '
             '/run/containerd/containerd.sock: connect: no such file or directory"')
STATES = {"created": "Created", "running": "Running", "exited": "Exited"}


def _ago(us: int, now_us: int) -> str:
    """Write an age as go-units does: `About a minute ago`, `3 hours ago`."""
    seconds = max(0, (now_us - us) // SECOND_US)
    if seconds < 1:
        return "Less than a second ago"
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'} ago"
    if seconds < 120:
        return "About a minute ago"
    if seconds < 3600:
        return f"{seconds // 60} minutes ago"
    if seconds < 7200:
        return "About an hour ago"
    if seconds < 172_800:
        return f"{seconds // 3600} hours ago"
    return f"{seconds // 86_400} days ago"


def _table(call: Call, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Write a table as Go's tabwriter does with a minimal width of 20 and 3 blanks between."""
    widths = [max([17, len(head[at]), *(len(row[at]) for row in rows)]) + 3 for at in range(len(head))]
    for row in (head, *rows):
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        call.write("".join(cells[:-1]) + row[-1] + "\n")


def crictl(call: Call) -> Steps[int]:
    """Ask the container runtime."""
    words = list(call.argv)
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word in ("-r", "--runtime-endpoint", "-i", "--image-endpoint", "-c", "--config", "-t", "--timeout") and words:
            words.pop(0)
    yield call.engine.sleep(microseconds(ASK_SECONDS))
    if not words:
        return call.refuse("crictl's root help")
    if call.login.uid != 0:
        call.write(f'time="{times.stamp(call.engine.unix_us)}" level=fatal msg="validate service connection: validate CRI v1 '
                   'runtime API for endpoint \\"unix:///run/containerd/containerd.sock\\": rpc error: code = Unavailable desc = '
                   'connection error: desc = \\"transport: Error while dialing: dial unix /run/containerd/containerd.sock: '
                   'connect: permission denied\\""\n', "stderr")
        return 1
    if words[0] == "config":
        return config(call, words[1:])
    if not call.host.runtime.up:
        _fatal(call, NO_SOCKET)
        return 1
    verb = VERBS.get(words[0])
    if verb is None:
        return call.refuse(f"crictl {words[0]}")
    found = verb(call, words[1:])
    return found if isinstance(found, int) else (yield from found)


def _fatal(call: Call, text: str) -> None:
    shown = text.replace('"', '\\"')
    call.write(f'time="{times.stamp(call.engine.unix_us)}" level=fatal msg="{shown}"\n', "stderr")


def _options(words: list[str], with_value: dict[str, str], plain: dict[str, str]) -> tuple[dict[str, str], list[str]] | str:
    """Split options and names; gives the word that is not known."""
    options: dict[str, str] = {}
    names: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equal, value = word.partition("=")
        if name in with_value:
            options[with_value[name]] = value if equal else (rest.pop(0) if rest else "")
        elif word in plain:
            options[plain[word]] = "yes"
        elif word.startswith("-"):
            return word
        else:
            names.append(word)
    return options, names


def _matches(wanted: str, name: str) -> bool:
    """Tell whether a name fits crictl's --name, a regular expression of Go."""
    try:
        return re.search(wanted, name) is not None
    except re.error:
        return wanted in name


def _containers(call: Call) -> list[Container]:
    """Give all containers, the newest first."""
    found = [each for sandbox in call.host.runtime.sandboxes.values() for each in sandbox.all()]
    return sorted(found, key=lambda each: (-each.created_us, each.id))


def ps(call: Call, words: list[str]) -> int:
    """List containers."""
    parsed = _options(words, {"--name": "name", "--state": "state", "-s": "state", "--pod": "pod", "-p": "pod", "-o": "output",
                              "--output": "output", "-n": "last", "--last": "last", "--label": "label", "--image": "image"},
                      {"-a": "all", "--all": "all", "-q": "quiet", "--quiet": "quiet", "-l": "latest", "--latest": "latest",
                       "--no-trunc": "whole", "-v": "verbose"})
    if isinstance(parsed, str) or "output" in parsed[0] or "label" in parsed[0] or "verbose" in parsed[0]:
        return call.refuse(f"crictl ps {' '.join(words)}")
    options, _ = parsed
    now = call.engine.unix_us
    rows = []
    for each in _containers(call):
        if not ("all" in options or "state" in options or "latest" in options or "last" in options or each.running):
            continue
        if not _matches(options.get("name", ""), each.name) or options.get("pod", "") != each.sandbox.id[:len(options.get("pod", ""))]:
            continue
        if "state" in options and each.state != options["state"].lower():
            continue
        whole = "whole" in options
        rows.append((each.id if whole else each.id[:13], image_id(each.image).rpartition("sha256:")[2][:13], _ago(each.created_us, now),
                     STATES[each.state], each.name, str(each.attempt), each.sandbox.id[:13], each.sandbox.name,
                     each.sandbox.namespace))
    rows = rows[: int(options["last"])] if options.get("last", "").isdigit() else rows[:1] if "latest" in options else rows
    if "quiet" in options:
        call.write("".join(f"{row[0]}\n" for row in rows))
        return 0
    head = ("CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE")
    _table(call, head, rows)
    return 0


def pods(call: Call, words: list[str]) -> int:
    """List sandboxes."""
    parsed = _options(words, {"--name": "name", "--namespace": "namespace", "--state": "state", "-s": "state"},
                      {"-q": "quiet", "--quiet": "quiet", "--no-trunc": "whole", "-l": "latest"})
    if isinstance(parsed, str):
        return call.refuse(f"crictl pods {' '.join(words)}")
    options, _ = parsed
    now = call.engine.unix_us
    found: list[Sandbox] = sorted(call.host.runtime.sandboxes.values(), key=lambda each: (-each.created_us, each.id))
    found = [s for s in found if _matches(options.get("name", ""), s.name) and options.get("namespace", s.namespace) == s.namespace]
    if "quiet" in options:
        call.write("".join(f"{sandbox.id}\n" for sandbox in found))
        return 0
    rows = [(s.id[:13], _ago(s.created_us, now), "Ready" if s.ready else "NotReady", s.name, s.namespace, str(s.attempt),
             "(default)") for s in found]
    _table(call, ("POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"), rows)
    return 0


def images(call: Call, words: list[str]) -> int:
    """List images."""
    if [word for word in words if word != "-a"]:
        return call.refuse(f"crictl images {' '.join(words)}")
    rows = []
    for name, mib in sorted(call.host.runtime.images.items(), key=lambda item: full_name(item[0])):
        where, _, tag = full_name(name).rpartition(":")
        megabytes = mib * 1.048576
        size = f"{megabytes:.3g}MB" if megabytes >= 1 else f"{megabytes * 1000:.0f}kB"
        rows.append((where, tag, image_id(name).rpartition("sha256:")[2][:13], size))
    _table(call, ("IMAGE", "TAG", "IMAGE ID", "SIZE"), rows)
    return 0


def _by_id(call: Call, start: str) -> Container | None:
    return next((each for each in _containers(call) if start and each.id.startswith(start)), None)


def _missing(call: Call, start: str, doing: str) -> int:
    """Say that there is no such container."""
    call.write(f'E{times.stamp(call.engine.unix_us)[5:10].replace("-", "")} {times.stamp(call.engine.unix_us)[11:19]}.000000    '
               f'4999 remote_runtime.go:366] "{doing} from runtime service failed" err="rpc error: code = NotFound desc = an '
               f'error occurred when try to find container \\"{start}\\": not found" containerID="{start}"\n', "stderr")
    _fatal(call, f'rpc error: code = NotFound desc = an error occurred when try to find container "{start}": not found')
    return 1


def logs(call: Call, words: list[str]) -> int | Steps[int]:
    """Print a container's output."""
    parsed = _options(words, {"--tail": "tail", "--since": "since"},
                      {"-f": "follow", "--follow": "follow", "-t": "stamps", "--timestamps": "stamps", "-p": "previous",
                       "--previous": "previous"})
    if isinstance(parsed, str):
        return call.refuse(f"crictl logs {' '.join(words)}")
    options, names = parsed
    if not names:
        _fatal(call, "ID cannot be empty")
        return 1
    found = _by_id(call, names[0])
    if found is None:
        return _missing(call, names[0], "ContainerStatus")
    if options.get("previous"):
        kept = found.sandbox.containers[found.name]
        found = kept[0] if len(kept) > 1 else found
    lines = found.log()
    if "since" in options:
        lines = [line for line in lines if line.at_us >= call.engine.unix_us - parse_duration(options["since"]) * SECOND_US]
    if options.get("tail", "").isdigit():
        lines = lines[len(lines) - int(options["tail"]):] if int(options["tail"]) < len(lines) else lines
    for line in lines:
        _say(call, line, stamps="stamps" in options)
    return _follow(call, found, stamps="stamps" in options) if "follow" in options else 0


def _say(call: Call, line: LogLine, *, stamps: bool) -> None:
    head = f"{times.stamp_micro(line.at_us)} " if stamps else ""
    call.write(f"{head}{line.text}\n", line.stream)


def _follow(call: Call, container: Container, *, stamps: bool) -> Steps[int]:
    if not container.running:
        return 0
    since = call.engine.unix_us
    pipe = Pipe(call.engine)

    def told(line: LogLine | None) -> None:
        if line is None:
            pipe.close()
        else:
            pipe.write(f"{line.text}\n".encode())

    container.writers[told] = None
    try:
        while container.running:
            at_us = container.next_line_us(since)
            if at_us is None:
                chunk = yield from pipe.read()
                if chunk is None:
                    return 0
                call.write(chunk, "stderr")
                continue
            yield call.engine.sleep(at_us - call.engine.unix_us)
            for line in container.log(since):
                _say(call, line, stamps=stamps)
            since = call.engine.unix_us
    finally:
        container.writers.pop(told, None)
    return 0


def inspect(call: Call, words: list[str]) -> int:
    """Describe containers in JSON."""
    for start in [word for word in words if not word.startswith("-")]:
        found = _by_id(call, start)
        if found is None:
            return _missing(call, start, "ContainerStatus")
        info = {"status": {
            "id": found.id, "metadata": {"attempt": found.attempt, "name": found.name}, "state": f"CONTAINER_{found.state.upper()}",
            "createdAt": times.stamp_micro(found.created_us), "exitCode": found.exit_code, "reason": found.reason,
            "image": {"image": full_name(found.image)}, "imageRef": image_id(found.image), "labels": {
                "io.kubernetes.container.name": found.name, "io.kubernetes.pod.name": found.sandbox.name,
                "io.kubernetes.pod.namespace": found.sandbox.namespace, "io.kubernetes.pod.uid": found.sandbox.uid},
            "logPath": f"/var/log/pods/{found.sandbox.namespace}_{found.sandbox.name}_{found.sandbox.uid}/{found.name}/"
                       f"{found.attempt}.log"},
            "info": {"pid": found.pid, "runtimeType": "io.containerd.runc.v2"}}
        call.write(json.dumps(info, indent=2) + "\n")
    return 0


def stop(call: Call, words: list[str]) -> int | Steps[int]:
    """Stop containers; their kubelet starts them again."""
    parsed = _options(words, {"-t": "timeout", "--timeout": "timeout"}, {})
    if isinstance(parsed, str):
        return call.refuse(f"crictl stop {' '.join(words)}")
    return _stopping(call, parsed[1], int(parsed[0].get("timeout") or 0))


def _stopping(call: Call, names: list[str], grace: int) -> Steps[int]:
    for start in names:
        found = _by_id(call, start)
        if found is None:
            return _missing(call, start, "StopContainer")
        takes_us = found.stop(grace * SECOND_US)
        yield call.engine.sleep(takes_us)
        call.write(f"{start}\n")
    return 0


def remove(call: Call, words: list[str]) -> int:
    """Remove containers that have ended (-f: any)."""
    force = "-f" in words or "--force" in words
    for start in [word for word in words if not word.startswith("-")]:
        found = _by_id(call, start)
        if found is None:
            return _missing(call, start, "RemoveContainer")
        if found.running and not force:
            _fatal(call, f'container "{start}" is running, please stop it first')
            return 1
        found.kill()
        kept = found.sandbox.containers[found.name]
        if len(kept) > 1:
            kept.remove(found)
        call.write(f"{start}\n")
    return 0


def pull(call: Call, words: list[str]) -> int | Steps[int]:
    """Pull an image."""
    names = [word for word in words if not word.startswith("-")]
    return _pulling(call, names[0]) if len(names) == len(words) == 1 else call.refuse(f"crictl pull {' '.join(words)}")


def _pulling(call: Call, name: str) -> Steps[int]:
    host = call.host
    kind = host.catalogue.behaviour(name, {"metadata": {}})
    yield call.engine.sleep(round(host.runtime.vary(kind.pull_seconds, kind) * host.network.slow_images.get(name, 1.0)))
    if kind.pull_error:
        call.write(f'E0000 00:00:00.000000    4999 remote_image.go:180] "PullImage from image service failed" err="'
                   f'{pull_problem(name, kind.pull_error)}" image="{name}"\n', "stderr")
        _fatal(call, f"pulling image: {pull_problem(name, kind.pull_error)}")
        return 1
    host.runtime.images[name] = kind.mib
    call.write(f"Image is up to date for {image_id(name)}\n")
    return 0


def version(call: Call, words: list[str]) -> int:
    """Print the runtime's version."""
    call.write(f"Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  v{call.host.containerd}\nRuntimeApiVersion:  v1\n")
    return 0


def info(call: Call, words: list[str]) -> int:
    """Print the runtime's state in JSON."""
    view = call.host.files.view()
    names = view.list("/etc/cni/net.d") if view.is_dir("/etc/cni/net.d") else []
    ready = any(name.endswith((".conf", ".conflist", ".json")) for name in names)
    conditions = [{"message": "", "reason": "", "status": True, "type": "RuntimeReady"},
                  {"message": "" if ready else "Network plugin returns error: cni plugin not initialized",
                   "reason": "" if ready else "NetworkPluginNotReady", "status": ready, "type": "NetworkReady"}]
    body = {"status": {"conditions": conditions}, "cniconfig": {"PluginDirs": ["/opt/cni/bin"],
            "PluginConfDir": "/etc/cni/net.d"}, "config": {"containerd": {"defaultRuntimeName": "runc", "runtimes": {
                "runc": {"runtimeType": "io.containerd.runc.v2", "options": {"SystemdCgroup": True}}}}}}
    call.write(json.dumps(body, indent=2) + "\n")
    return 0


SETTINGS = ("runtime-endpoint", "image-endpoint", "timeout", "debug", "pull-image-on-create", "disable-pull-on-run")


def config(call: Call, words: list[str]) -> int:
    """Read and write /etc/crictl.yaml: `config KEY VALUE`, `--set KEY=VALUE`, `--get KEY`, `--list`."""
    path = "/etc/crictl.yaml"
    try:
        text = call.files.read(path).decode(errors="replace")
    except FileError:
        text = ""
    known = {line.partition(":")[0]: line.partition(":")[2].strip() for line in text.splitlines() if ":" in line}
    rest, changed = list(words), False
    while rest:
        word = rest.pop(0)
        name, equal, value = word.partition("=")
        if name in ("--set", "--get") and not equal:
            value = rest.pop(0) if rest else ""
        if name == "--get":
            call.write(f"{known.get(value, '')}\n")
            continue
        if name == "--list":
            _table(call, ("KEY", "VALUE"), [(key, known.get(key, "")) for key in SETTINGS])
            continue
        key, _, setting = value.partition("=") if name == "--set" else (word, "", rest.pop(0) if rest else "")
        if key not in SETTINGS:
            _fatal(call, f"no configuration key named {key}")
            return 1
        known[key], changed = setting, True
    if changed:
        call.files.write(path, "".join(f"{key}: {known[key]}\n" for key in known).encode())
    return 0


VERBS = {"ps": ps, "pods": pods, "images": images, "image": images, "img": images, "logs": logs, "inspect": inspect,
         "stop": stop, "rm": remove, "pull": pull, "version": version, "info": info}


def kubelet(call: Call) -> int:
    """Print the version of the kubelet on disk."""
    if call.argv == ["--version"]:
        call.write(f"Kubernetes v{call.host.version_of('/usr/bin/kubelet')}\n")
        return 0
    return call.refuse("kubelet by hand; its unit runs it")


def containerd(call: Call) -> int:
    """Print the version of containerd."""
    if call.argv in (["--version"], ["-v"]):
        call.write(f"containerd containerd.io {call.host.containerd} 4f65fb2ae8a5\n")
        return 0
    return call.refuse(f"containerd {' '.join(call.argv)}")


COMMANDS.update({"crictl": crictl, "kubelet": kubelet, "containerd": containerd})
