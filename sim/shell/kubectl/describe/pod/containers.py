"""Containers: what they are, and what state they are in.

Models: kubectl/pkg/describe/describe.go (describeContainers and kin).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sim.api import objects
from sim.api.client import Object
from sim.shell.kubectl.describe.common import when
from sim.shell.kubectl.describe.writer import Writer

NAMED_PORTS_SINCE = (1, 34)
"""From then on ports are written with their names. golden/KUBECTL-FINDINGS.md A4 (1.33 without, 1.36 with)."""
Resolve = Callable[[Object], str]


def containers(w: Writer, title: str, found: Sequence[Object], statuses: Sequence[Object], *, version: tuple[int, int],
               pod: Object | None, indent: str = "") -> None:
    """Write containers. pod: whose field references are resolved, None in a template."""
    by_name = {status["name"]: status for status in statuses}
    w.write(f"{indent}{title}:\n" if found else f"{indent}{title}: <none>\n")
    for each in found:
        status = by_name.get(each["name"])
        w.write(f"{'   ' if indent else '  '}{each['name']}:\n")
        _basics(w, each, status, version)
        _command(w, each)
        if status:
            _status(w, status)
        _resources(w, each)
        for name, key in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
            if each.get(key):
                w.write(f"    {name}:\t{probe(each[key])}\n")
        _environment(w, each, pod)
        _mounts(w, each)


def _basics(w: Writer, each: Object, status: Object | None, version: tuple[int, int]) -> None:
    if status:
        w.write(f"    Container ID:\t{status.get('containerID', '')}\n")
    w.write(f"    Image:\t{each.get('image', '')}\n")
    if status:
        w.write(f"    Image ID:\t{status.get('imageID', '')}\n")
    named = version >= NAMED_PORTS_SINCE

    def text(key: str) -> str:
        parts = [f"{port.get(key, 0)}/{port.get('protocol', 'TCP')}"
                 + (f" ({port['name']})" if named and port.get("name") else "") for port in each.get("ports") or []]
        return ", ".join(parts)

    for title, key in (("Port", "containerPort"), ("Host Port", "hostPort")):
        shown = text(key)
        w.write(f"    {title}{'s' if ', ' in shown else ''}:\t{shown or '<none>'}\n")


def _command(w: Writer, each: Object) -> None:
    for title, key in (("Command", "command"), ("Args", "args")):
        if each.get(key):
            w.write(f"    {title}:\n")
            for word in each[key]:
                for line in str(word).split("\n"):
                    w.write(f"      {line}\n")


def _status(w: Writer, status: Object) -> None:
    state(w, "State", status.get("state") or {})
    if objects.dig(status, "lastState.terminated"):
        state(w, "Last State", status["lastState"])
    w.write(f"    Ready:\t{'True' if status.get('ready') else 'False'}\n")
    w.write(f"    Restart Count:\t{status.get('restartCount', 0)}\n")


def state(w: Writer, title: str, found: Object) -> None:
    """Write one state of a container."""
    lead = "    "
    if found.get("running") is not None:
        w.write(f"{lead}{title}:\tRunning\n{lead}  Started:\t{when(found['running'].get('startedAt'))}\n")
    elif found.get("terminated") is not None:
        ended = found["terminated"]
        w.write(f"{lead}{title}:\tTerminated\n")
        if ended.get("reason"):
            w.write(f"{lead}  Reason:\t{ended['reason']}\n")
        if ended.get("message"):
            w.write(f"{lead}  Message:\t{ended['message']}\n")
        w.write(f"{lead}  Exit Code:\t{ended.get('exitCode', 0)}\n")
        if ended.get("signal"):
            w.write(f"{lead}  Signal:\t{ended['signal']}\n")
        w.write(f"{lead}  Started:\t{when(ended.get('startedAt'), NEVER)}\n")
        w.write(f"{lead}  Finished:\t{when(ended.get('finishedAt'), NEVER)}\n")
    else:
        w.write(f"{lead}{title}:\tWaiting\n")
        if objects.dig(found, "waiting.reason"):
            w.write(f"{lead}  Reason:\t{found['waiting']['reason']}\n")


NEVER = "Mon, 01 Jan 0001 00:00:00 +0000"


def _resources(w: Writer, each: Object) -> None:
    for title in ("Limits", "Requests"):
        found = objects.dig(each, f"resources.{title.lower()}", {})
        if found:
            w.write(f"    {title}:\n")
            for name in sorted(found):
                w.write(f"      {name}:\t{found[name]}\n")


def probe(found: Object) -> str:
    """Write a probe. Models: DescribeProbe."""
    attributes = (f"delay={found.get('initialDelaySeconds', 0)}s timeout={found.get('timeoutSeconds', 1)}s "
                  f"period={found.get('periodSeconds', 10)}s #success={found.get('successThreshold', 1)} "
                  f"#failure={found.get('failureThreshold', 3)}")
    if "exec" in found:
        return f"exec [{' '.join(found['exec'].get('command') or [])}] {attributes}"
    if "httpGet" in found:
        get = found["httpGet"]
        scheme = str(get.get("scheme", "HTTP")).lower()
        path = str(get.get("path", ""))
        path = path if path.startswith("/") or not path else f"/{path}"
        return f"http-get {scheme}://{get.get('host', '')}:{get.get('port', '')}{path} {attributes}"
    if "tcpSocket" in found:
        return f"tcp-socket {found['tcpSocket'].get('host', '')}:{found['tcpSocket'].get('port', '')} {attributes}"
    if "grpc" in found:
        return f"grpc <pod>:{found['grpc'].get('port')} {found['grpc'].get('service', '')} {attributes}"
    return f"unknown {attributes}"


def _environment(w: Writer, each: Object, pod: Object | None) -> None:
    lead = "    "
    sources = each.get("envFrom") or []
    if sources:
        w.write(f"{lead}Environment Variables from:\n")
        for source in sources:
            kind = "ConfigMap" if "configMapRef" in source else "Secret"
            ref = source.get("configMapRef") or source.get("secretRef") or {}
            prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
            w.write(f"{lead}  {ref.get('name', '')}\t{kind}{prefix}\tOptional: {_optional(ref)}\n")
    variables = each.get("env") or []
    w.write(f"{lead}Environment:{'' if variables else f'{chr(9)}<none>'}\n")
    for variable in variables:
        source = variable.get("valueFrom")
        if not source:
            lines = str(variable.get("value", "")).split("\n")
            for number, line in enumerate(lines):
                w.write(f"{lead}  {variable['name']}:\t{line}\n" if not number else f"{lead}  \t{line}\n")
            continue
        w.write(f"{lead}  {variable['name']}:\t{_reference(source, pod)}\n")


def _reference(source: Mapping[str, Any], pod: Object | None) -> str:
    if "fieldRef" in source:
        ref = source["fieldRef"]
        value = objects.dig(pod, ref["fieldPath"], "") if pod is not None else ""
        return f"{value} ({ref.get('apiVersion', 'v1')}:{ref['fieldPath']})"
    if "resourceFieldRef" in source:
        ref = source["resourceFieldRef"]
        return f" ({ref.get('resource')})"
    for key, words, preposition in (("secretKeyRef", "secret", "in"), ("configMapKeyRef", "config map", "of")):
        if key in source:
            ref = source[key]
            return (f"<set to the key '{ref.get('key')}' {preposition} {words} '{ref.get('name')}'>\t"
                    f"Optional: {_optional(ref)}")
    return ""


def _optional(ref: Mapping[str, Any]) -> str:
    return "true" if ref.get("optional") else "false"


def _mounts(w: Writer, each: Object) -> None:
    found = each.get("volumeMounts") or []
    w.write(f"    Mounts:{'' if found else f'{chr(9)}<none>'}\n")
    for mount in sorted(found, key=lambda m: m["mountPath"]):
        flags = ["ro" if mount.get("readOnly") else "rw"]
        if mount.get("subPath"):
            flags.append(f'path="{mount["subPath"]}"')
        w.write(f"      {mount['mountPath']} from {mount['name']} ({','.join(flags)})\n")
    devices = each.get("volumeDevices") or []
    if devices:
        w.write("    Devices:\n")
        for device in sorted(devices, key=lambda d: d["devicePath"]):
            w.write(f"      {device['devicePath']} from {device['name']}\n")
