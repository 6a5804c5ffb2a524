"""Anything may be typed, anything may fail: what must hold, holds."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sim.testing.machine import Learner

CI = settings(max_examples=8, stateful_step_count=20, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))
NIGHTLY = settings(max_examples=500, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck))


def test_a_learner_who_does_anything():
    run_state_machine_as_test(Learner, settings=CI)


@pytest.mark.slow
def test_a_learner_who_does_anything_for_long():
    run_state_machine_as_test(Learner, settings=NIGHTLY)
