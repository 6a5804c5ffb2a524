"""The eviction subresource: may this pod go now?

Models: pkg/registry/core/pod/storage/eviction.go. Left out: the conflict retries inside the server (a commit here
cannot lose a race), dry-run of the delete itself is the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.api import objects, selectors
from sim.api.client import Key, Object, Reader
from sim.api.errors import StatusError, forbidden, too_many_requests

REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
STILL_PROCESSED_SECONDS = 10
DISRUPTED_PODS_MAX = 2000
RACE_SECONDS = 0.5
"""What the loser of two evictions at once waits: conflict retries in the server. golden/drain-pdb, FINDINGS 25."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The pod may be evicted; budget is the PDB as it must be written first, None where nothing is spent."""

    budget: Object | None = None


def budgets_of(pod: Object, reader: Reader) -> list[Object]:
    """Give the budgets that select the pod; policy/v1: an empty selector selects all."""
    found = []
    for budget in reader.list("poddisruptionbudgets", objects.namespace(pod)):
        if selectors.from_object(objects.dig(budget, "spec.selector")).matches(objects.labels(pod)):
            found.append(budget)
    return found


def rule(pod: Object, budgets: list[Object], now: str) -> Ruling:
    """Decide. Raises StatusError 429 (not now), 500 (several budgets), 403 (a broken budget)."""
    phase = objects.dig(pod, "status.phase")
    if phase in ("Succeeded", "Failed", "Pending") or objects.deleting(pod):
        return Ruling()
    if not budgets:
        return Ruling()
    if len(budgets) > 1:
        raise StatusError(500, "", SEVERAL)
    budget = budgets[0]
    status = budget.get("status") or {}
    if not objects.pod_ready(pod):
        if objects.dig(budget, "spec.unhealthyPodEvictionPolicy") == "AlwaysAllow":
            return Ruling()
        healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
        if healthy >= desired > 0:
            return Ruling()
    return Ruling(_spend(budget, pod, now))


def _spend(budget: Object, pod: Object, now: str) -> Object:
    status, name = budget.get("status") or {}, objects.name(budget)
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise too_many_requests(
            REFUSED, retry_after_seconds=STILL_PROCESSED_SECONDS,
            causes=[_cause(f"The disruption budget {name} is still being processed by the server.")])
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        raise forbidden("poddisruptionbudget", name, "pdb disruptions allowed is negative", "policy")
    if len(status.get("disruptedPods") or {}) > DISRUPTED_PODS_MAX:
        raise forbidden("poddisruptionbudget", name,
                        "DisruptedPods map too big - too many evictions not confirmed by PDB controller", "policy")
    if allowed == 0:
        refusal = too_many_requests(REFUSED, causes=[_cause(_why_not(budget))])
        if now in (status.get("disruptedPods") or {}).values():
            refusal.after_seconds = RACE_SECONDS
        raise refusal
    disrupted = {**(status.get("disruptedPods") or {}), objects.name(pod): now}
    return {**budget, "status": {**status, "disruptionsAllowed": allowed - 1, "disruptedPods": disrupted}}


def _cause(text: str) -> dict[str, str]:
    return {"reason": "DisruptionBudget", "message": text}


def _why_not(budget: Object) -> str:
    status, name = budget.get("status") or {}, objects.name(budget)
    condition = objects.condition(budget, "DisruptionAllowed")
    if condition and condition.get("reason") == "SyncFailed":
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: " + str(
            condition.get("message", ""))
    desired, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    if condition and condition.get("status") == "False" and condition.get("reason"):
        return (f"The disruption budget {name} does not allow evicting pods currently "
                f"({condition['reason']}): {condition.get('message', '')}")
    return f"The disruption budget {name} does not allow evicting pods currently"


DISRUPTION_TARGET = {
    "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
}


def key_of(budget: Object) -> Key:
    """Give the key of a budget."""
    return objects.key("poddisruptionbudgets", budget)
