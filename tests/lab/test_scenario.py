"""Scenario files: every fault at once, with its place; nothing unknown gets through."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.lab.catalogue import FOLDER, find
from sim.lab.headless.prove import prove
from sim.lab.scenario import ScenarioError, fields, json_schema, parse

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
    (("  setup:\n", "  setup:\n  - {until: {line: kubectl get nodes, on: controlplane}, at_most: 1m}\n"),
     "would come to this step again", "E012"),
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


TINY = """\
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: x, topic: nodes, level: 1, title: Tiny}
spec:
  minutes: 1
  versions: [{kubernetes: "1.33.1"}]
  clusters: [{nodes: [{name: controlplane, role: control-plane}, {name: node01}]}]
  setup:
  - kubectl create deployment blue --image=nginx
  tasks:
  - name: cordon
    prompt: Cordon node01.
    goals: [{object: node/node01, where: {spec.unschedulable: true}, why: node01 takes pods}]
    hints: [kubectl cordon node01]
    solutions: [[kubectl cordon node01]]
    mistakes: [{steps: [kubectl cordon controlplane], why: node01 takes pods}]
"""


def test_a_typo_in_a_solution_fails_the_proof(tmp_path):
    file = tmp_path / "x.yaml"

    def failures(old, new):
        assert old in TINY
        file.write_text(TINY.replace(old, new, 1), encoding="utf-8")
        return prove(file).failures

    assert failures("minutes: 1", "minutes: 2") == []
    wrong = failures("[[kubectl cordon node01]]", "[[kubectl get nodess, kubectl cordon node01]]")
    assert len(wrong) == 1 and '`kubectl get nodess` ends with 1: error: the server doesn\'t have a resource type "nodess"' in wrong[0]
    assert "(P002)" in wrong[0]
    wrong = failures("--image=nginx", "--image=nginx\n  - kubectl get nope")
    assert len(wrong) == 1 and "setup: `kubectl get nope`" in wrong[0] and "(P006)" in wrong[0]
    wrong = failures("steps: [kubectl cordon", "steps: [kubctl cordon")
    assert any("mistake 1: `kubctl cordon controlplane` ends with 127" in each and "(P003)" in each for each in wrong)


@pytest.mark.parametrize(("path", "said"), [
    ("spec.replcas", "Deployment.spec has no field replcas; did you mean replicas?"),
    ("spec.template.spec.containers.image", "Deployment.spec.template.spec.containers is a list: write containers[*].image or [0]"),
    ("status.conditions[?(@.typ=='Available')].status", "Deployment.status.conditions[] has no field typ; did you mean type?"),
    ("spec.replicas.x", "Deployment.spec.replicas is int32: it has no field x"), ("metadata[0].name", ""),
    ("metadata.labels.anything", ""), ("spec.template.spec.containers[*].resources.limits.cpu", ""), ("..image", ""),
    ("metadata.annotations.a\\.b/c", ""), ("status.conditions[?(@.type=='Available')].status", "")])
def test_fields_of_goals_are_checked_against_the_schema(path, said):
    assert fields.stray("deployments", path) == said
