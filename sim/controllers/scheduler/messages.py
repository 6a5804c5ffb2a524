"""The texts of FailedScheduling, as each version writes them. Models: framework/types.go FitError, preemption.go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sim.controllers.scheduler.plugins.filters import Refusal, Version

NO_NODES = "no nodes available to schedule pods"
PREEMPTION_SHOWN, CLAIMS_SHOWN = (1, 24), (1, 34)


def fit_error(total: int, refusals: Sequence[Refusal], *, prefilter: str = "", postfilter: str = "") -> str:
    """Say why no node fits. total: nodes in the cluster; prefilter: one reason for all; postfilter: of preemption."""
    text = f"0/{total} nodes are available:"
    if prefilter:
        text += f" {prefilter}."
    else:
        counts = Counter(reason for refusal in refusals for reason in refusal.reasons)
        if counts:
            text += " " + ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items())) + "."
    return f"{text} {postfilter}" if postfilter else text


def filtered_out(version: Version) -> str:
    """Give the reason of nodes that were never looked at, because the pod names others."""
    if version >= (1, 31):
        return "node(s) didn't satisfy plugin(s) [NodeAffinity]"
    if version >= (1, 26):
        return "node is filtered out by the prefilter result"
    if version >= (1, 23):
        return ""
    return "node(s) didn't match Pod's node affinity" + ("/selector" if version >= (1, 21) else "")


def no_preemption(total: int, refusals: Sequence[Refusal], version: Version, *, never: str = "") -> str:
    """Say why preemption did not help. never: a reason for not even trying it."""
    if version < PREEMPTION_SHOWN:
        return ""
    claims = "no new claims to deallocate, " if version >= CLAIMS_SHOWN else ""
    if never:
        return f"{claims}preemption: {never}"
    helpless = sum(1 for refusal in refusals if refusal.helpless)
    tails = []
    if total - helpless:
        tails.append(f"{total - helpless} No preemption victims found for incoming pod")
    if helpless:
        tails.append(f"{helpless} Preemption is not helpful for scheduling")
    return f"{claims}preemption: 0/{total} nodes are available: {', '.join(sorted(tails))}."
