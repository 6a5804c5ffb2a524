"""Any order of upgrade steps, with faults: the skew policy holds, and the documented repair leads to the end."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sim.testing.upgrades import Upgrades

CI = settings(max_examples=1, stateful_step_count=8, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))
NIGHTLY = settings(max_examples=200, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))


def test_a_few_orders():
    run_state_machine_as_test(Upgrades, settings=CI)


@pytest.mark.slow
def test_many_orders():
    run_state_machine_as_test(Upgrades, settings=NIGHTLY)
