"""`:why KIND/NAME`: the story of an object, from what it is now back to the line, timer or fault that began it.

A story is a walk over the causes that every change carries: a change names the changes, timers, lines and faults that
led to it, and those changes name theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api import objects
from sim.api.client import Change
from sim.engine import Cause
from sim.lab.goals.objects import resource_of
from sim.lab.recording import LabError
from sim.lab.telling import states
from sim.lab.telling.clock import clock

if TYPE_CHECKING:
    from sim.lab.lab import Lab

STORY_MOST = 8
DEPTH_MOST = 6
NOISE = ("leases", "events")
WRITERS = {
    "kubectl": "kubectl", "kube-scheduler": "the scheduler", "kubelet": "the kubelet", "kube-apiserver": "the API server",
    "kubeadm": "the installer"}


def text(lab: Lab, what: str) -> str:
    """Tell the story of `KIND/NAME` (a namespace may stand before it: `NAMESPACE/KIND/NAME`). Raises LabError.

    A cluster's name may follow; without one the first cluster that knows the object is meant.
    """
    what, _, cluster = what.partition(" ")
    if cluster and cluster.strip() not in lab.world.clusters:
        raise LabError(f"there is no cluster {cluster.strip()}; there are {', '.join(lab.world.clusters)}")
    parts = what.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise LabError("write :why KIND/NAME, for example :why pod/web-1 or :why node/node01")
    *space, kind, name = parts
    try:
        resource = resource_of(kind)
    except KeyError:
        raise LabError(f"no kind {kind}; write :why pod/NAME") from None
    about = {each: found for each in ([cluster.strip()] if cluster else lab.world.clusters) if (found := [
        c for c in lab.world.changes(each) if c.key.resource == resource and c.key.name == name
        and (not space or c.key.namespace == space[0])])}
    if not about:
        near = sorted({c.key.name for _, c in lab.world.history() if c.key.resource == resource and c.key.name.startswith(name)})
        hint = f"; there are {', '.join(near[:5])}" if near else ""
        return f"nothing is known of {what}{hint}"
    where, *others = about
    key = about[where][-1].key
    changes = [c for c in about[where] if c.key == key]
    lines = [lab.world.named(where, states.headline(lab, key, changes[-1]))]
    lines += [f"  {line}" for line in states.details(lab, key, changes[-1], where)]
    lines += [f"  (one in {other}, too: `:why {what} {other}`)" for other in others]
    told = [change for change in changes if _matters(change)][-STORY_MOST:]
    by_revision = {change.revision: change for change in lab.world.changes(where)}
    known: dict[int, None] = {}
    for change in told:
        lines.append(f"  {clock(lab, change.at_us):>9}  {what_of(change)}")
        lines += [f"             {'  ' * depth}because {said}" for depth, said in chain(lab, change, by_revision, known)]
    return "\n".join(lines)


def _matters(change: Change) -> bool:
    """Tell whether a change belongs into a story: not a mere count or heartbeat."""
    if change.type != "MODIFIED" or change.because:
        return True
    return bool(states.difference(change))


def writer(change: Change) -> str:
    """Name who wrote a change, as people speak of them."""
    by = change.by.partition("/")[0]
    return WRITERS.get(by, f"the {by.removesuffix('-controller')} controller" if by.endswith("-controller") else by or "the server")


def what(change: Change) -> str:
    """Say in one line what a change was: which object, what happened, by whom."""
    name = "/".join(filter(None, (change.object.get("kind", change.key.resource), change.key.name)))
    return f"{name} {what_of(change)}"


def what_of(change: Change) -> str:
    """Say what happened to the object of a change, and by whom."""
    verb = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "removed"}[change.type]
    if change.type == "MODIFIED" and change.new is not None:
        if objects.deleting(change.new) and not objects.deleting(change.old or change.new):
            verb = "told to stop" if change.key.resource == "pods" else "marked for deletion"
        else:
            verb = states.difference(change) or verb
    because = f": {change.because}" if change.because else ""
    return f"{verb}, by {writer(change)}{because}"


def chain(lab: Lab, change: Change, by_revision: dict[int, Change], known: dict[int, None]) -> list[tuple[int, str]]:
    """Walk back from a change to what began it: (depth, sentence) from the nearest cause to the first.

    known: revisions whose own causes were told before; the walk ends there.
    """
    found: list[tuple[int, str]] = []
    known[change.revision] = None
    seen: dict[int, None] = {change.revision: None}
    depth, causes = 0, change.causes
    while causes and depth < DEPTH_MOST:
        before = [cause for cause in causes if cause.kind != "start" and cause.revision not in seen]
        roots = _last_timers([cause for cause in before if cause.kind != "change"])
        links = [cause for cause in before if cause.kind == "change" and cause.revision in by_revision]
        links = [cause for cause in links if by_revision[cause.revision].key.resource not in NOISE]
        if not links:
            found += [(depth, root_text(lab, cause)) for cause in reversed(roots)]
            break
        nearest = max(links, key=lambda cause: cause.revision)
        later = [cause for cause in roots if cause.at_us > nearest.at_us]
        if later:
            found += [(depth, root_text(lab, cause)) for cause in reversed(later)]
            depth += 1
        link = by_revision[nearest.revision]
        seen[nearest.revision] = None
        if link.at_us < lab.origin_us and not any(cause.at_us >= lab.origin_us for cause in roots):
            found.append((depth, f"{what(link)} (before you came)"))
            break
        if link.revision in known:
            found.append((depth, f"{what(link)} ({clock(lab, link.at_us)}, as told above)"))
            break
        known[link.revision] = None
        found.append((depth, f"{what(link)} ({clock(lab, link.at_us)})"))
        depth, causes = depth + 1, link.causes
    return found


def _last_timers(roots: list[Cause]) -> list[Cause]:
    """Leave out timers that only led to the last one (a back-off that ended before)."""
    timers = [cause for cause in roots if cause.kind == "timer"]
    return [cause for cause in roots if cause.kind != "timer" or cause is timers[-1]]


def root_text(lab: Lab, cause: Cause) -> str:
    """Say what began it: something typed, a timer with its setting, a fault."""
    when = clock(lab, cause.at_us)
    if cause.kind == "line":
        who = "the scenario ran" if cause.text.startswith("(scenario)") else "you typed"
        return f"{who} `{cause.text.removeprefix('(scenario) ').removeprefix('$ ')}` ({when})"
    if cause.kind == "timer":
        return f"{cause.text.replace(' runs out', ' ran out').replace(' ends', ' ended')} ({when})"
    if cause.kind == "fault":
        return f"the fault {cause.text.removeprefix('fault ')} came ({when})"
    return f"{cause.text} ({when})"
