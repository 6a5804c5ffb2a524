"""Pods and pod templates.

Models: kubectl/pkg/describe/describe.go (PodDescriber, DescribePodTemplate).
"""

from __future__ import annotations

from sim.api import objects, times
from sim.api.client import Object
from sim.shell.kubectl.describe.common import annotated, controlled_by, labels, when
from sim.shell.kubectl.describe.pod.containers import containers
from sim.shell.kubectl.describe.pod.volumes import volumes
from sim.shell.kubectl.describe.writer import Writer


def pod(w: Writer, obj: Object, now_us: int, version: tuple[int, int]) -> None:
    """Write a pod, without its events."""
    spec, status, metadata = obj.get("spec") or {}, obj.get("status") or {}, obj["metadata"]
    w.line("Name:", metadata["name"])
    w.line("Namespace:", metadata["namespace"])
    if spec.get("priority") is not None:
        w.line("Priority:", spec["priority"])
    if spec.get("priorityClassName"):
        w.line("Priority Class Name:", spec["priorityClassName"])
    if spec.get("runtimeClassName"):
        w.line("Runtime Class Name:", spec["runtimeClassName"])
    if spec.get("serviceAccountName"):
        w.line("Service Account:", spec["serviceAccountName"])
    w.line("Node:", f"{spec['nodeName']}/{status.get('hostIP', '')}" if spec.get("nodeName") else "<none>")
    if status.get("startTime"):
        w.line("Start Time:", when(status["startTime"]))
    labels(w, "Labels", metadata.get("labels"))
    annotated(w, metadata.get("annotations"))
    if metadata.get("deletionTimestamp") and status.get("phase") not in ("Failed", "Succeeded"):
        gone = (now_us - times.parse(metadata["deletionTimestamp"])) // 1_000_000
        w.line("Status:", f"Terminating (lasts {'<invalid>' if gone < 0 else times.age(gone)})")
        w.line("Termination Grace Period:", f"{metadata.get('deletionGracePeriodSeconds', 0)}s")
    else:
        w.line("Status:", status.get("phase", ""))
    if status.get("reason"):
        w.line("Reason:", status["reason"])
    if status.get("message"):
        w.line("Message:", status["message"])
    seccomp = objects.dig(spec, "securityContext.seccompProfile")
    if seccomp:
        w.line("SeccompProfile:", seccomp.get("type", ""))
    w.line("IP:", status.get("podIP", ""))
    if status.get("podIPs"):
        w.write("IPs:\n")
        for ip in status["podIPs"]:
            w.line("IP:", ip.get("ip", ""), level=1)
    else:
        w.line("IPs:", "<none>")
    controlled_by(w, obj)
    if status.get("nominatedNodeName"):
        w.line("NominatedNodeName:", status["nominatedNodeName"])
    if spec.get("initContainers"):
        containers(w, "Init Containers", spec["initContainers"], status.get("initContainerStatuses") or [],
                   version=version, pod=obj)
    containers(w, "Containers", spec.get("containers") or [], status.get("containerStatuses") or [], version=version, pod=obj)
    if spec.get("ephemeralContainers"):
        containers(w, "Ephemeral Containers", spec["ephemeralContainers"], status.get("ephemeralContainerStatuses") or [],
                   version=version, pod=obj)
    _conditions(w, spec, status)
    volumes(w, spec.get("volumes") or [], "", version)
    if status.get("qosClass"):
        w.line("QoS Class:", status["qosClass"])
    labels(w, "Node-Selectors", spec.get("nodeSelector"))
    tolerations(w, spec.get("tolerations"), "")
    _spread(w, spec)


def _conditions(w: Writer, spec: Object, status: Object) -> None:
    gates = spec.get("readinessGates") or []
    if gates:
        w.write("Readiness Gates:\n  Type\tStatus\n")
        for gate in gates:
            found = next((c["status"] for c in status.get("conditions") or [] if c["type"] == gate["conditionType"]), "<none>")
            w.write(f"  {gate['conditionType']} \t{found} \n")
    if status.get("conditions"):
        w.write("Conditions:\n  Type\tStatus\n")
        for condition in status["conditions"]:
            w.write(f"  {condition['type']} \t{condition['status']} \n")


def tolerations(w: Writer, found: list[Object] | None, space: str) -> None:
    """Write tolerations. Models: printPodTolerationsMultilineWithIndent."""
    w.write(f"{space}Tolerations:\t")
    ordered = sorted(found or [], key=lambda each: each.get("key", ""))
    if not ordered:
        w.write("<none>\n")
    for number, each in enumerate(ordered):
        text = f"{space}\t" if number else ""
        text += each.get("key", "")
        if each.get("value"):
            text += f"={each['value']}"
        if each.get("effect"):
            text += f":{each['effect']}"
        if each.get("operator") == "Exists" and not each.get("value"):
            text += " op=Exists" if each.get("key") or each.get("effect") else "op=Exists"
        if each.get("tolerationSeconds") is not None:
            text += f" for {each['tolerationSeconds']}s"
        w.write(text + "\n")


def _spread(w: Writer, spec: Object) -> None:
    found = spec.get("topologySpreadConstraints") or []
    if not found:
        return
    from sim.api import selectors

    w.write("Topology Spread Constraints:\t")
    for number, each in enumerate(sorted(found, key=lambda c: c["topologyKey"])):
        text = f"{each['topologyKey']}:{each['whenUnsatisfiable']} when max skew {each['maxSkew']} is exceeded"
        if each.get("labelSelector"):
            text += f" for selector {selectors.text_of(each['labelSelector'])}"
        w.write(("\t" if number else "") + text + "\n")


TEMPLATE_SCHEDULING_SINCE = (1, 30)
"""From then on templates show node selectors and tolerations. golden: 1.28 does not, 1.33 does."""


def template(w: Writer, found: Object, version: tuple[int, int]) -> None:
    """Write a pod template."""
    w.write("Pod Template:\n")
    metadata, spec = found.get("metadata") or {}, found.get("spec") or {}
    labels(w, "Labels", metadata.get("labels"), "  ")
    if metadata.get("annotations"):
        annotated(w, metadata["annotations"], indent="  ")
    if spec.get("serviceAccountName"):
        w.line("  Service Account:", spec["serviceAccountName"])
    if spec.get("initContainers"):
        containers(w, "Init Containers", spec["initContainers"], [], version=version, pod=None, indent="  ")
    containers(w, "Containers", spec.get("containers") or [], [], version=version, pod=None, indent="  ")
    volumes(w, spec.get("volumes") or [], "  ", version)
    if spec.get("priorityClassName"):
        w.line("  Priority Class Name:", spec["priorityClassName"])
    if version >= TEMPLATE_SCHEDULING_SINCE:
        labels(w, "Node-Selectors", spec.get("nodeSelector"), "  ")
        tolerations(w, spec.get("tolerations"), "  ")
