"""Images as behaviours: how long containers take to start and stop, and whether they end by themselves.

Sources of the seconds: facts/latencies.yaml (estimates unless said there).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sim.api import objects
from sim.api.client import Object


@dataclass(frozen=True, slots=True)
class Image:
    """Seconds are typical values; stop_seconds None: ignores SIGTERM and is killed after the grace period."""

    pull_seconds: float = 2.0
    start_seconds: float = 1.0
    stop_seconds: float | None = 0.5
    run_seconds: float | None = None
    ready: bool = True
    spread: bool = True


CATALOGUE = {
    "nginx": Image(6, 1.1, 0.2), "httpd": Image(5, 1.1, 0.5), "redis": Image(4, 1.1, 0.3),
    "busybox": Image(1, 0.8, None), "coredns": Image(3, 2.5, 5.2), "kube-proxy": Image(4, 1.5, 0.3),
    "flannel": Image(3, 1.5, 0.3),
}
"""By the last part of the image's name, without tag."""


def behaviour(image: str, pod: Object, own: dict[str, dict[str, Any]]) -> Image:
    """Give an image's behaviour: the scenario's, the catalogue's, or the common one; a pod's annotations win.

    own: images of the scenario, by full name, or `default` for all.
    """
    plain = image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    found = CATALOGUE.get(plain, Image())
    given = own.get(image) or own.get("default")
    if given:
        stops = given.get("stops_on_term", True)
        found = replace(
            found, pull_seconds=given.get("pull_seconds", 0.0),
            start_seconds=given.get("start_seconds", found.start_seconds), run_seconds=given.get("run_seconds"),
            stop_seconds=given.get("stop_seconds", found.stop_seconds) if stops else None, spread=False)
    notes = objects.annotations(pod)
    if "oracle/start-seconds" in notes:
        found = replace(found, start_seconds=float(notes["oracle/start-seconds"]))
    if "oracle/stop-seconds" in notes:
        found = replace(found, stop_seconds=float(notes["oracle/stop-seconds"]))
    if "oracle/run-seconds" in notes:
        found = replace(found, run_seconds=float(notes["oracle/run-seconds"]))
    if "oracle/never-ready" in notes:
        found = replace(found, ready=False)
    return found
