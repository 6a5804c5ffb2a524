"""A scenario file damaged in any way is read, or refused with a place and a code for each fault."""

import re

import pytest
from hypothesis import HealthCheck, given, settings

from sim.lab.catalogue import FOLDER
from sim.lab.scenario import ScenarioError, parse
from sim.testing.fuzz import damaged

EXAMPLE = (FOLDER / "_example.yaml").read_text(encoding="utf-8")
QUICK = settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=3000, derandomize=False)


def _read(text):
    try:
        parse(text, "lab.yaml")
    except ScenarioError as error:
        assert error.problems
        lines = len(text.splitlines()) + 2
        for each in error.problems:
            assert re.fullmatch(r"E0\d\d", each.code), each
            assert each.file == "lab.yaml" and 1 <= each.line <= lines and each.column >= 1, each
            assert str(each).isprintable() and len(str(each)) < 1200, each


@QUICK
@given(damaged(EXAMPLE))
def test_a_damaged_scenario_is_refused_with_places_and_codes(text):
    _read(text)


@pytest.mark.slow
@LONG
@given(damaged(EXAMPLE))
def test_a_damaged_scenario_is_refused_for_long(text):
    _read(text)
