"""Scenario files: every fault at once, with its place; nothing unknown gets through."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.lab.catalogue import FOLDER
from sim.lab.scenario import ScenarioError, json_schema, parse

GOOD = (FOLDER / "first-steps.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("change", "place", "code"), [
    (("minutes: 5", "minutes: 5\n  minuts: 6"), "11:3: spec.minuts: unknown key", "E003"),
    (('kubernetes: "1.33.1"', "kubernetes: 1.33"), "not a full patch version: 1.33", "E015"),
    (("minutes: 5", "minutes: 5\n  minutes: 6"), "spec.minutes: duplicate key", "E002"),
    (("{name: node01}", "{name: controlplane}"), "two hosts have the same name", "E006"),
    (("role: control-plane", "role: worker"), "needs a control-plane node", "E006"),
    (("minutes: 5", "minutes: five"), "spec.minutes:", "E005"),
    (("minutes: 5", "minutes: [5"), "(file):", "E001"),
    (("minutes: 5", 'minutes: !!int ""'), "not a value of type int", "E001"),
    (("minutes: 5", "minutes: !!bool maybe"), "not a value of type bool", "E001"),
    (('kubernetes: "1.33.1"', 'kubernetes: "1.99.1"'), "not in the version catalogue", "E015"),
    (("minutes: 5", 'minutes: 5\n  files: {"controlplane:/../../etc/passwd": x}'), "without ..", "E009"),
])
def test_a_fault_is_found_with_its_place(change, place, code):
    assert change[0] in GOOD
    with pytest.raises(ScenarioError) as caught:
        parse(GOOD.replace(*change, 1), "lab.yaml")
    assert place in str(caught.value) and f"({code})" in str(caught.value)


def test_a_fault_is_one_printable_line():
    with pytest.raises(ScenarioError) as caught:
        parse(GOOD.replace("minutes: 5", f'"\\e[2J\\n": 1\n  {"long" * 99}: 2', 1), "lab.yaml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 2 and all(line.isprintable() and len(line) < 200 for line in lines)


def test_all_faults_at_once():
    with pytest.raises(ScenarioError) as caught:
        parse(GOOD.replace("minutes: 5", "minutes: five\n  colour: red"), "lab.yaml")
    assert len(caught.value.problems) == 2


def test_the_schema_is_published():
    assert json_schema()["properties"]["spec"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_refused(text):
    try:
        parse(text, "x.yaml")
    except ScenarioError as error:
        assert error.problems
