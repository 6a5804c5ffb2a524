"""The apps group and replication controllers.

Models: pkg/apis/apps/{v1/defaults.go,validation}, pkg/registry/apps, printers.go. Left out: validation of volume
claim templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sim.api import objects, selectors, validation
from sim.api.client import Object
from sim.api.validation import Faults
from sim.apiserver.kinds import podspec
from sim.apiserver.kinds.columns import AGE, NAME, TEMPLATE, number, pairs, ready_of, selector
from sim.apiserver.kinds.row import Change, Columns, Resource, Strategy, defaulted

ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
PERCENT = re.compile(r"[0-9]+%")
SET_FIELDS = ("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
              "persistentVolumeClaimRetentionPolicy", "minReadySeconds")
SET_UPDATE_TEXT = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


# ---- defaults -----------------------------------------------------------------------------------------------------
def templated(obj: Object, path: str = "spec.template") -> Object:
    """Default the pod template."""
    template = objects.dig(obj, path, {})
    spec = podspec.default(template.get("spec") or {})
    metadata = template.get("metadata")
    if spec is template.get("spec") and metadata is not None:
        return obj
    return objects.put(obj, path, {**template, "metadata": metadata or {}, "spec": spec})


def workload(**spec: Any) -> Change:
    """Make the defaulting of a kind with a pod template."""
    def default(obj: Object) -> Object:
        given = obj.get("spec") or {}
        filled = defaulted(given, spec)
        return templated(obj if filled is given and "spec" in obj else {**obj, "spec": filled})

    return default


def labelled(obj: Object) -> Object:
    """Give the labels of the template to an object that has none."""
    labels = objects.dig(obj, "spec.template.metadata.labels")
    return objects.put(obj, "metadata.labels", labels) if labels and not objects.labels(obj) else obj


def _deployment(obj: Object) -> Object:
    out = workload(replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)(obj)
    strategy = objects.dig(out, "spec.strategy", {})
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        filled = defaulted(strategy, ROLLING)
        return out if filled is strategy else objects.put(out, "spec.strategy", filled)
    return out


def _daemon_set(obj: Object) -> Object:
    out = workload(revisionHistoryLimit=10)(obj)
    strategy = objects.dig(out, "spec.updateStrategy", {})
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        filled = defaulted(strategy, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}})
        return out if filled is strategy else objects.put(out, "spec.updateStrategy", filled)
    return out


TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def _first_template(obj: Object) -> Object:
    """Number the template. Models: apps/v1's conversion of the deprecated spec.templateGeneration."""
    return objects.put(obj, "metadata.annotations", {**objects.annotations(obj), TEMPLATE_GENERATION: "1"})


def next_template(new: Object, old: Object) -> Object:
    """Raise the number of a DaemonSet's template when it changes."""
    if objects.dig(new, "spec.template") == objects.dig(old, "spec.template"):
        return new
    number_ = objects.annotations(old).get(TEMPLATE_GENERATION, "0")
    raised = str(int(number_) + 1) if number_.isdecimal() else "1"
    return objects.put(new, "metadata.annotations", {**objects.annotations(new), TEMPLATE_GENERATION: raised})


def _stateful_set(obj: Object) -> Object:
    out = workload(
        replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady", serviceName="",
        persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"},
    )(obj)
    strategy = objects.dig(out, "spec.updateStrategy", {})
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        filled = defaulted(strategy, {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
        if filled is not strategy:
            out = objects.put(out, "spec.updateStrategy", filled)
    claims = objects.dig(out, "spec.volumeClaimTemplates", [])
    filled_claims = [defaulted(claim, CLAIM) for claim in claims]
    if any(a is not b for a, b in zip(claims, filled_claims, strict=True)):
        out = objects.put(out, "spec.volumeClaimTemplates", filled_claims)
    return out


CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"volumeMode": "Filesystem"},
         "status": {"phase": "Pending"}}


def _replication_controller(obj: Object) -> Object:
    out = labelled(workload(replicas=1)(obj))
    labels = objects.dig(out, "spec.template.metadata.labels")
    return objects.put(out, "spec.selector", labels) if labels and not objects.dig(out, "spec.selector") else out


# ---- validation ---------------------------------------------------------------------------------------------------
def template(obj: Object, path: str, faults: Faults) -> None:
    """Check a pod template."""
    found = objects.dig(obj, path, {})
    faults.labels(f"{path}.metadata.labels", objects.dig(found, "metadata.labels"))
    faults.annotations(f"{path}.metadata.annotations", objects.dig(found, "metadata.annotations"))
    podspec.validate(found.get("spec") or {}, f"{path}.spec", faults)


def _selected(obj: Object, faults: Faults) -> None:
    """Check the selector, and that it selects the template."""
    wanted, labels = objects.dig(obj, "spec.selector"), objects.dig(obj, "spec.template.metadata.labels", {})
    path = "spec.template.metadata.labels"
    if wanted is None:
        faults.required("spec.selector")
        faults.invalid(path, labels, "`selector` does not match template `labels`")
        return
    before = len(faults)
    faults.selector("spec.selector", wanted)
    if not wanted.get("matchLabels") and not wanted.get("matchExpressions"):
        faults.invalid("spec.selector", wanted, f"empty selector is invalid for {obj['kind'].lower()}")
    if len(faults) == before and not selectors.from_object(wanted).matches(labels):
        faults.invalid(path, labels, "`selector` does not match template `labels`")


def _always(obj: Object, faults: Faults) -> None:
    policy = objects.dig(obj, "spec.template.spec.restartPolicy", "Always")
    if policy != "Always" and policy in podspec.RESTART_POLICIES:
        faults.unsupported("spec.template.spec.restartPolicy", policy, ("Always",))
    if objects.dig(obj, "spec.template.spec.activeDeadlineSeconds") is not None:
        faults.forbidden("spec.template.spec.activeDeadlineSeconds", f"must not be specified in {obj['kind']}")


def _set_template(obj: Object, path: str, faults: Faults) -> None:
    """Check a StatefulSet's template: not the pod's spec, whose mounts may name claims; a wrong one fails with its pods.

    Models: pkg/apis/apps/validation ValidatePodTemplateSpecForStatefulSet.
    """
    found = objects.dig(obj, path, {})
    faults.labels(f"{path}.labels", objects.dig(found, "metadata.labels"))
    faults.annotations(f"{path}.annotations", objects.dig(found, "metadata.annotations"))


def _replicated(obj: Object, faults: Faults, template: Callable[[Object, str, Faults], None] = template) -> None:
    faults.not_negative("spec.replicas", objects.dig(obj, "spec.replicas", 0))
    _selected(obj, faults)
    template(obj, "spec.template", faults)
    _always(obj, faults)
    for name in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        faults.not_negative(f"spec.{name}", objects.dig(obj, f"spec.{name}", 0))


def bounds(faults: Faults, path: str, value: Any) -> None:
    """Check a number or percentage."""
    if isinstance(value, str):
        if not PERCENT.fullmatch(value):
            faults.invalid(path, value, "a valid percent string must be a numeric string followed by an ending '%' (e.g. "
                           "'1%',  or '93%', regex used for validation is '[0-9]+%')")
        elif int(value[:-1]) > 100 and not path.endswith("maxSurge"):
            faults.invalid(path, value, "must not be greater than 100%")
    else:
        faults.not_negative(path, value)


def _validate_deployment(obj: Object, faults: Faults) -> None:
    _replicated(obj, faults)
    strategy = objects.dig(obj, "spec.strategy", {})
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "Recreate" and rolling is not None:
        faults.forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    elif kind == "RollingUpdate":
        if rolling is None:
            faults.required("spec.strategy.rollingUpdate", "this should be defaulted and never be nil")
            return
        for name in ("maxUnavailable", "maxSurge"):
            bounds(faults, f"spec.strategy.rollingUpdate.{name}", rolling.get(name, 0))
        if all(rolling.get(name) in (0, "0%") for name in ("maxUnavailable", "maxSurge")):
            faults.invalid("spec.strategy.rollingUpdate.maxUnavailable", rolling["maxUnavailable"],
                           "may not be 0 when `maxSurge` is 0")
    elif kind != "Recreate":
        faults.unsupported("spec.strategy.type", kind, ("Recreate", "RollingUpdate"))
    deadline = objects.dig(obj, "spec.progressDeadlineSeconds")
    ready = objects.dig(obj, "spec.minReadySeconds", 0)
    if deadline is not None and deadline <= ready:
        faults.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _validate_daemon_set(obj: Object, faults: Faults) -> None:
    _selected(obj, faults)
    template(obj, "spec.template", faults)
    _always(obj, faults)
    strategy = objects.dig(obj, "spec.updateStrategy", {})
    faults.one_of("spec.updateStrategy.type", strategy.get("type"), ("RollingUpdate", "OnDelete"))
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "RollingUpdate" and rolling is not None:
        for name in ("maxUnavailable", "maxSurge"):
            bounds(faults, f"spec.updateStrategy.rollingUpdate.{name}", rolling.get(name, 0))
        zero = [name for name in ("maxUnavailable", "maxSurge") if rolling.get(name) in (0, "0%")]
        if len(zero) == 2:
            faults.required("spec.updateStrategy.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0")
        elif not zero:
            faults.invalid("spec.updateStrategy.rollingUpdate.maxSurge", rolling.get("maxSurge"),
                           "may not be set when maxUnavailable is non-zero")
    for name in ("minReadySeconds", "revisionHistoryLimit"):
        faults.not_negative(f"spec.{name}", objects.dig(obj, f"spec.{name}", 0))


def _validate_set(obj: Object, faults: Faults) -> None:
    faults.one_of("spec.podManagementPolicy", objects.dig(obj, "spec.podManagementPolicy"), ("OrderedReady", "Parallel"))
    faults.one_of("spec.updateStrategy.type", objects.dig(obj, "spec.updateStrategy.type"), ("RollingUpdate", "OnDelete"))
    faults.not_negative("spec.updateStrategy.rollingUpdate.partition",
                        objects.dig(obj, "spec.updateStrategy.rollingUpdate.partition", 0))
    _replicated(obj, faults, _set_template)


def _validate_controller(obj: Object, faults: Faults) -> None:
    wanted, labels = objects.dig(obj, "spec.selector", {}), objects.dig(obj, "spec.template.metadata.labels", {})
    faults.not_negative("spec.minReadySeconds", objects.dig(obj, "spec.minReadySeconds", 0))
    if not wanted:
        faults.required("spec.selector")
    faults.not_negative("spec.replicas", objects.dig(obj, "spec.replicas", 0))
    if not objects.dig(obj, "spec.template.spec"):
        faults.required("spec.template")
        return
    if wanted and any(labels.get(key) != value for key, value in wanted.items()):
        faults.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    template(obj, "spec.template", faults)
    _always(obj, faults)


def immutable(*paths: str) -> Callable[[Object, Object, Faults], None]:
    """Make the check that some fields stay as they are."""
    def check(new: Object, old: Object, faults: Faults) -> None:
        for path in paths:
            if objects.dig(new, path) != objects.dig(old, path):
                faults.invalid(path, objects.dig(new, path), validation.IMMUTABLE)

    return check


def _update_set(new: Object, old: Object, faults: Faults) -> None:
    def core(obj: Object) -> Object:
        return {name: value for name, value in (obj.get("spec") or {}).items() if name not in SET_FIELDS}

    if core(new) != core(old):
        faults.forbidden("spec", SET_UPDATE_TEXT)


# ---- columns ------------------------------------------------------------------------------------------------------
def _controller(obj: Object, _: int) -> str:
    """Models: printControllerRevision: `statefulset.apps/db`."""
    owner = objects.controller_of(obj)
    if owner is None:
        return "<none>"
    group = owner["apiVersion"].rpartition("/")[0]
    return f"{owner['kind'].lower()}{'.' + group if group else ''}/{owner['name']}"


COUNTS: Columns = (NAME, ("Desired", 0, number("spec.replicas")), ("Current", 0, number("status.replicas")),
                   ("Ready", 0, number("status.readyReplicas")), AGE, *TEMPLATE)
ALL, SCALED, SPEC = ("all",), ("status", "scale"), ("spec",)
NO_REPLICAS = {"replicas": 0}
REPLICATION_CONTROLLER = Resource(
    "replicationcontrollers", "ReplicationController", short_names=("rc",), categories=ALL, subresources=SCALED,
    spec_fields=SPEC, columns=(*COUNTS, ("Selector", 1, pairs("spec.selector"))),
    strategy=Strategy(_replication_controller, validate=_validate_controller, fields=("status.replicas",),
                      status=NO_REPLICAS))
ROWS = (
    Resource("controllerrevisions", "ControllerRevision", "apps",
             columns=(NAME, ("Controller", 0, _controller), ("Revision", 0, number("revision")), AGE),
             strategy=Strategy(validate_update=immutable("data"))),
    Resource("daemonsets", "DaemonSet", "apps", short_names=("ds",), categories=ALL, subresources=("status",),
             spec_fields=SPEC, strategy=Strategy(
                 _daemon_set, _first_template, next_template, validate=_validate_daemon_set, validate_update=immutable("spec.selector"),
                 status={"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0,
                         "numberReady": 0}),
             columns=(
                 NAME, ("Desired", 0, number("status.desiredNumberScheduled")),
                 ("Current", 0, number("status.currentNumberScheduled")), ("Ready", 0, number("status.numberReady")),
                 ("Up-to-date", 0, number("status.updatedNumberScheduled")),
                 ("Available", 0, number("status.numberAvailable")),
                 ("Node Selector", 0, pairs("spec.template.spec.nodeSelector")), AGE, *TEMPLATE,
                 ("Selector", 1, selector()))),
    Resource("deployments", "Deployment", "apps", short_names=("deploy",), categories=ALL, subresources=SCALED,
             spec_fields=SPEC,
             strategy=Strategy(_deployment, validate=_validate_deployment, validate_update=immutable("spec.selector"),
                               status={}),
             columns=(
                 NAME, ("Ready", 0, ready_of("spec.replicas")), ("Up-to-date", 0, number("status.updatedReplicas")),
                 ("Available", 0, number("status.availableReplicas")), AGE, *TEMPLATE, ("Selector", 1, selector()))),
    Resource("replicasets", "ReplicaSet", "apps", short_names=("rs",), categories=ALL, subresources=SCALED,
             spec_fields=SPEC, columns=(*COUNTS, ("Selector", 1, selector())),
             strategy=Strategy(workload(replicas=1), validate=_replicated, validate_update=immutable("spec.selector"),
                               fields=("status.replicas",), status=NO_REPLICAS)),
    Resource("statefulsets", "StatefulSet", "apps", short_names=("sts",), categories=ALL, subresources=SCALED,
             spec_fields=SPEC, columns=(NAME, ("Ready", 0, ready_of("spec.replicas")), AGE, *TEMPLATE),
             strategy=Strategy(_stateful_set, validate=_validate_set, validate_update=_update_set,
                               status={"replicas": 0, "availableReplicas": 0})),
)
