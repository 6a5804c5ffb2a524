"""Jobs and cron jobs. Models: pkg/apis/batch/{v1/defaults.go,validation}, pkg/registry/batch, printers.go."""

from __future__ import annotations

from typing import Any

from sim.api import cron, objects, times, validation
from sim.api.client import Object
from sim.api.validation import Faults
from sim.apiserver.kinds import apps
from sim.apiserver.kinds.columns import AGE, NAME, SECOND, TEMPLATE, age_of, at, containers, selector
from sim.apiserver.kinds.row import Resource, Strategy, defaulted

LONGEST_CRON_NAME = 52
RESTART_WORDS = 'valid values: "OnFailure", "Never"'
COUNTED = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
           "backoffLimitPerIndex", "maxFailedIndexes")
NO_LIMIT = 2147483647
ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")


def _job_spec(spec: Object) -> Object:
    counts: Object = {"parallelism": 1}
    if spec.get("completions") is None and spec.get("parallelism") is None:
        counts["completions"] = 1
    return defaulted(spec, {
        **counts, "backoffLimit": NO_LIMIT if spec.get("backoffLimitPerIndex") is not None else 6, "completionMode": "NonIndexed", "suspend": False, "manualSelector": False,
        "podReplacementPolicy": "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"})


def _template_without_policy(obj: Object, path: str) -> Object:
    """Default the template but for restartPolicy: a job must say which of two it wants."""
    policy = objects.dig(obj, f"{path}.spec.restartPolicy")
    out = apps.templated(obj, path)
    return out if policy else objects.drop(out, f"{path}.spec.restartPolicy")


def default_job(obj: Object) -> Object:
    """Default a job."""
    given = obj.get("spec") or {}
    filled = _job_spec(given)
    out = obj if filled is given and "spec" in obj else {**obj, "spec": filled}
    return apps.labelled(_template_without_policy(out, "spec.template"))


def prepare_job(obj: Object) -> Object:
    """Give a job a selector over its uid. Models: pkg/registry/batch/job/strategy.go generateSelector."""
    if objects.dig(obj, "spec.manualSelector"):
        return obj
    uid = objects.uid(obj)
    mark = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": objects.name(obj),
            "controller-uid": uid, "job-name": objects.name(obj)}
    labels = {**objects.dig(obj, "spec.template.metadata.labels", {}), **mark}
    out = objects.put(obj, "spec.template.metadata.labels", labels)
    return objects.put(out, "spec.selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})


def _validate_spec(spec: Object, path: str, faults: Faults, *, cron_job: bool) -> None:
    for name in COUNTED:
        faults.not_negative(f"{path}.{name}", spec.get(name, 0))
    mode = spec.get("completionMode")
    faults.one_of(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))
    if mode == "Indexed" and spec.get("completions") is None:
        faults.required(f"{path}.completions", "when completion mode is Indexed")
    _validate_indexes(spec, path, faults)
    _validate_failure_policy(spec, path, faults)
    if cron_job and spec.get("selector") is not None:
        faults.invalid(f"{path}.selector", spec["selector"], "`selector` will be auto-generated")
    apps.template({"t": spec.get("template") or {}}, "t", _Renamed(faults, "t", f"{path}.template"))
    policy = objects.dig(spec, "template.spec.restartPolicy")
    if policy not in ("OnFailure", "Never") and (not policy or policy == "Always"):
        faults.required(f"{path}.template.spec.restartPolicy", RESTART_WORDS)


def _validate_indexes(spec: Object, path: str, faults: Faults) -> None:
    """List the faults of limits for each index, and of the success policy."""
    indexed = spec.get("completionMode") == "Indexed"
    if spec.get("backoffLimitPerIndex") is not None and not indexed:
        faults.invalid(f"{path}.backoffLimitPerIndex", spec["backoffLimitPerIndex"], "requires indexed completion mode")
    if spec.get("maxFailedIndexes") is not None:
        if spec.get("backoffLimitPerIndex") is None:
            faults.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
        elif spec.get("completions") is not None and spec["maxFailedIndexes"] > spec["completions"]:
            faults.invalid(f"{path}.maxFailedIndexes", spec["maxFailedIndexes"], "must be less than or equal to completions")
    policy = spec.get("successPolicy")
    if policy is None:
        return
    if not indexed:
        faults.invalid(f"{path}.successPolicy", policy, "requires indexed completion mode")
    if not policy.get("rules"):
        faults.required(f"{path}.successPolicy.rules", "at least one rules must be specified when the successPolicy is specified")
    for number, rule in enumerate(policy.get("rules") or []):
        if rule.get("succeededCount") is None and not rule.get("succeededIndexes"):
            faults.required(f"{path}.successPolicy.rules[{number}]",
                            "at least one of succeededCount or succeededIndexes must be specified")


def _validate_failure_policy(spec: Object, path: str, faults: Faults) -> None:
    policy = spec.get("podFailurePolicy")
    if policy is None:
        return
    restart = objects.dig(spec, "template.spec.restartPolicy")
    if restart == "OnFailure":
        faults.invalid(f"{path}.podFailurePolicy", policy, "only \"Never\" is supported for restartPolicy when podFailurePolicy is specified")
    for number, rule in enumerate(policy.get("rules") or []):
        here, action = f"{path}.podFailurePolicy.rules[{number}]", rule.get("action")
        faults.one_of(f"{here}.action", action, ACTIONS, optional=False)
        if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            faults.invalid(f"{here}.action", action, "requires the backoffLimitPerIndex to be set")
        if bool(rule.get("onExitCodes")) == bool(rule.get("onPodConditions")):
            both = "specifying both OnExitCodes and OnPodConditions is not supported" if rule.get("onExitCodes") else (
                "specifying one of OnExitCodes and OnPodConditions is required")
            faults.invalid(here, rule, both)
        if rule.get("onExitCodes"):
            faults.one_of(f"{here}.onExitCodes.operator", rule["onExitCodes"].get("operator"), ("In", "NotIn"), optional=False)
            if rule["onExitCodes"].get("operator") == "In" and 0 in (rule["onExitCodes"].get("values") or []):
                faults.invalid(f"{here}.onExitCodes.values[{rule['onExitCodes']['values'].index(0)}]", 0,
                               "must not be 0 for the In operator")


class _Renamed(Faults):
    """Faults whose paths begin otherwise."""

    def __init__(self, inner: Faults, before: str, after: str) -> None:
        super().__init__()
        self.inner, self.before, self.after = inner, before, after

    def append(self, fault: Any) -> None:
        """Hand a fault on under its true path."""
        fault = type(fault)(self.after + fault.field.removeprefix(self.before), fault.text, fault.reason)
        self.inner.append(fault)


def _validate_job(obj: Object, faults: Faults) -> None:
    _validate_spec(obj.get("spec") or {}, "spec", faults, cron_job=False)


def _update_job(new: Object, old: Object, faults: Faults) -> None:
    for name in ("completions",):
        if objects.dig(new, f"spec.{name}") != objects.dig(old, f"spec.{name}") and not _elastic(new, old):
            faults.invalid(f"spec.{name}", objects.dig(new, f"spec.{name}"), validation.IMMUTABLE)
    suspended = objects.dig(old, "spec.suspend") and not objects.dig(old, "status.startTime")
    for name in ("selector", "template", "completionMode"):
        before, after = objects.dig(old, f"spec.{name}"), objects.dig(new, f"spec.{name}")
        if before != after and not (name == "template" and suspended):
            faults.invalid(f"spec.{name}", after, validation.IMMUTABLE)


def _elastic(new: Object, old: Object) -> bool:
    """An indexed job may be resized with its parallelism."""
    spec = new.get("spec") or {}
    return bool(spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism"))


def _default_cron_job(obj: Object) -> Object:
    out = {**obj, "spec": defaulted(obj.get("spec") or {}, {
        "concurrencyPolicy": "Allow", "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
        "jobTemplate": {"metadata": {}, "spec": {}}})}
    return _template_without_policy(out, "spec.jobTemplate.spec.template")


def _validate_cron_job(obj: Object, faults: Faults) -> None:
    spec = obj.get("spec") or {}
    schedule = spec.get("schedule", "")
    if not schedule:
        faults.required("spec.schedule")
    else:
        try:
            cron.parse(schedule)
        except ValueError as error:
            faults.invalid("spec.schedule", schedule, str(error))
    faults.one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"))
    for name in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        faults.not_negative(f"spec.{name}", spec.get(name, 0))
    _validate_spec(objects.dig(spec, "jobTemplate.spec", {}), "spec.jobTemplate.spec", faults, cron_job=True)


def _cron_name(name: str) -> str:
    return validation.dns_subdomain(name) or (
        f"must be no more than {LONGEST_CRON_NAME} characters" if len(name) > LONGEST_CRON_NAME else "")


# ---- columns ------------------------------------------------------------------------------------------------------
def _status(obj: Object, _: int) -> str:
    for word, shown in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended"),
                        ("FailureTarget", "FailureTarget"), ("SuccessCriteriaMet", "SuccessCriteriaMet")):
        if objects.condition_status(obj, word) == "True":
            return shown
    return "Terminating" if objects.deleting(obj) else "Running"


def _completions(obj: Object, _: int) -> str:
    done, wanted = objects.dig(obj, "status.succeeded", 0), objects.dig(obj, "spec.completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallel = objects.dig(obj, "spec.parallelism", 1)
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _duration(obj: Object, now_us: int) -> str:
    start, end = objects.dig(obj, "status.startTime"), objects.dig(obj, "status.completionTime")
    if not start:
        return ""
    failed = objects.condition(obj, "Failed")
    if not end and failed is not None and failed.get("status") == "True":
        end = failed.get("lastTransitionTime")
    return times.age(((times.parse(end) if end else now_us) - times.parse(start)) // SECOND)


def _last_schedule(obj: Object, now_us: int) -> str:
    last = objects.dig(obj, "status.lastScheduleTime")
    return age_of(last, now_us) if last else "<none>"


JOB_TEMPLATE = "spec.jobTemplate.spec.template.spec"
ROWS = (
    Resource("cronjobs", "CronJob", "batch", short_names=("cj",), categories=("all",), subresources=("status",),
             spec_fields=("spec",), since=21, older="v1beta1",
             strategy=Strategy(_default_cron_job, validate=_validate_cron_job, name_rule=_cron_name, status={}),
             columns=(
                 NAME, ("Schedule", 0, at("spec.schedule", "")), ("Timezone", 0, at("spec.timeZone")),
                 ("Suspend", 0, lambda o, _: str(bool(objects.dig(o, "spec.suspend")))),
                 ("Active", 0, lambda o, _: len(objects.dig(o, "status.active", []))),
                 ("Last Schedule", 0, _last_schedule), AGE, ("Containers", 1, containers("name", JOB_TEMPLATE)),
                 ("Images", 1, containers("image", JOB_TEMPLATE)),
                 ("Selector", 1, selector("spec.jobTemplate.spec.selector")))),
    Resource("jobs", "Job", "batch", categories=("all",), subresources=("status",), spec_fields=("spec",),
             strategy=Strategy(default_job, prepare_job, validate=_validate_job, validate_update=_update_job, fields=("status.successful",),
                               status={}),
             columns=(NAME, ("Status", 0, _status), ("Completions", 0, _completions), ("Duration", 0, _duration), AGE,
                      *TEMPLATE, ("Selector", 1, selector()))),
)
