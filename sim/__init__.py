"""The simulated world: clusters, hosts, shells and labs on one simulated clock.

No terminal, no sockets, no wall clock, no threads in here; `sim.http` and `sim.cli` are the outer skins.
The map of the folders is docs/architecture.md.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.http.library import Served


def serve(scenario: str, *, seed: int = 0, kubernetes: str | None = None, speed: float = 0.0) -> AbstractContextManager[Served]:
    """Serve a lab to real clients while a `with` block runs; the block drives the clock (`cluster.advance(60)`).

    scenario: the name of a built-in one, or a path. speed: simulated seconds a second; 0: time stands still by itself.
    Raises ScenarioError for a file that is none, LabError for a name that is not known.
    """
    from sim.http.library import serve as serve_lab
    from sim.lab.catalogue import find
    from sim.lab.lab import Lab
    from sim.lab.scenario import load

    return serve_lab(Lab(load(find(scenario)), seed=seed, kubernetes=kubernetes), speed=speed)
