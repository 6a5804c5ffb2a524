"""autoscale: a HorizontalPodAutoscaler for a workload.

Models: kubectl/pkg/cmd/autoscale/autoscale.go.
"""

from __future__ import annotations

import re

from sim.api.client import Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.generate.generator import create, mapping
from sim.shell.kubectl.resource.chosen import Info, choose
from sim.shell.kubectl.words.verbs import FILES, Verb
from sim.shell.kubectl.writing.output import Printer, dry_run, report, typed

SCALABLE = ("deployments", "replicasets", "replicationcontrollers", "statefulsets")
V1, V2 = (mapping("horizontalpodautoscalers", "HorizontalPodAutoscaler", "autoscaling", version=version)
          for version in ("v1", "v2"))
V2_FROM = (1, 33)
"""Since when the object is made in autoscaling/v2."""


def autoscaler(inv: Invocation, info: Info) -> Object:
    """Make the autoscaler."""
    flags, space = inv.flags, {"namespace": inv.namespace} if "namespace" in inv.given else {}
    goal = {"kind": info.mapping.kind, "name": info.name, "apiVersion": info.mapping.api_version}
    spec: Object = {"scaleTargetRef": goal}
    if flags["min"] > 0:
        spec["minReplicas"] = flags["min"]
    spec["maxReplicas"] = flags["max"]
    percent = flags["cpu-percent"]
    if inv.version < V2_FROM:
        if percent is not None and percent >= 0:
            spec["targetCPUUtilizationPercentage"] = percent
        status: Object = {"currentReplicas": 0, "desiredReplicas": 0}
    else:
        metrics = [_metric(name, flags[name]) for name in ("cpu", "memory") if flags[name]]
        if percent is not None and percent >= 0:
            metrics.append(_metric("cpu", f"{percent}%"))
        if metrics:
            spec["metrics"] = metrics
        status = {"desiredReplicas": 0, "currentMetrics": None}
    return {"metadata": {"name": flags["name"] or info.name, **space}, "spec": spec, "status": status}


def _metric(name: str, text: str) -> Object:
    if found := re.fullmatch(r"(\d+)%?", text):
        target: Object = {"type": "Utilization", "averageUtilization": int(found[1])}
    else:
        target = {"type": "AverageValue", "averageValue": text}
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def autoscale(inv: Invocation) -> Steps[int]:
    """Run `kubectl autoscale`."""
    least, most = inv.flags["min"], inv.flags["max"]
    if most < 1:
        raise UsageError(f"--max=MAXPODS is required and must be at least 1, max: {most}")
    if most < least:
        raise UsageError(f"--max=MAXPODS must be larger or equal to --min=MINPODS, max: {most}, min: {least}")
    dry = dry_run(inv)
    printer = Printer(inv, dry)
    kind = V1 if inv.version < V2_FROM else V2
    chosen = yield from choose(inv)
    errors = list(chosen.errors)
    for info in chosen:
        try:
            if info.mapping.plural not in SCALABLE:
                raise UsageError(f"cannot autoscale a {info.mapping.kind}: could not find scale subresource for "
                                 f"{info.group_resource} in discovery information")
            whole = {"kind": kind.kind, "apiVersion": kind.api_version, **autoscaler(inv, info)}
            if dry.client:
                printer.done(kind, typed(inv, whole), "created", in_order=True)
                continue
            made = yield from create(inv, V2, {**whole, "apiVersion": V2.api_version} if kind is V2 else whole, dry)
            word = "autoscaled"
            printer.done(kind, made, word)
        except (UsageError, StatusError) as error:
            errors.append(error)
    return report(inv, errors)


MODELS = (*FILES, "dry-run", "output", "save-config", "field-manager", "min", "max", "cpu-percent", "cpu", "memory", "name")
VERBS = {"autoscale": Verb(autoscale, MODELS, required=("max",))}
