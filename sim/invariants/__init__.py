"""Named properties that hold in every run, whatever a learner, a fault or a strategy does.

`Judge` reads a store's history once, change by change, and says which property was broken when; for `compare`, rehearse
and tests alike. Imports `sim.api` and the store; leaves out how a run was made (and hypothesis: that is `sim.testing`).
"""

from sim.invariants.judge import HISTORY, SETTLED, Judge, Violation

__all__ = ["HISTORY", "SETTLED", "Judge", "Violation"]
