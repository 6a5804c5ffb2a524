"""Goals: what holds, what is said, when it broke, and how far back :undo must go."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.api.errors import NotSimulated
from sim.lab.goals.compare import meets, results_meet
from sim.lab.goals.objects import Selection
from sim.lab.lab import Lab
from sim.lab.scenario import ScenarioError, parse
from sim.lab.scenario.rules import writes

HEAD = """
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: trial, topic: testing, title: Trial}
spec:
  versions: [{kubernetes: "1.33.1"}]
  clusters: [{nodes: [{name: controlplane, role: control-plane, taints: []}, {name: node01}]}]
  setup:
  - kubectl create deployment web --image=nginx --replicas=2
  - {until: {object: deployment/web, where: {status.readyReplicas: 2}}, at_most: 3m}
"""


def trial(goals, more=""):
    task = f"  tasks:\n  - name: only\n    prompt: Do it.\n    goals:\n{textwrap.indent(textwrap.dedent(goals).strip(), ' ' * 4)}\n"
    return Lab(parse(HEAD + textwrap.indent(textwrap.dedent(more), "  ") + task + "    solutions: [['true']]\n", "trial.yaml"))


@pytest.mark.parametrize(("value", "want", "fits"), [
    (3, 3, True), ("3", 3, True), (None, 0, True), (None, False, True), (True, True, True), ("True", True, True),
    ("1000m", {"eq": 1}, True), ("8Gi", {"gt": "4Gi"}, True), ("v1.33.10", {"gt": "v1.33.9"}, True),
    ("1.33.1", {"lt": "1.30.0"}, False), (2, {"gte": 2, "lt": 3}, True), (None, {"lt": 1}, True), ("x", {"gt": 1}, False),
    ("Running", {"in": ["Running", "Pending"]}, True), (["a", "b"], {"contains": "b"}, True), ("nginx:1", {"contains": "nginx"}, True),
    ("web-7", {"matches": r"^web-\d$"}, True), ("a", {"ne": "a"}, False), (None, {"ne": "a"}, True), ("1.30", {"eq": "1.3"}, True),
])
def test_one_value(value, want, fits):
    assert meets(value, want) is fits


@pytest.mark.parametrize(("results", "want", "fits"), [
    ([], {"exists": False}, True), ([1], {"exists": False}, False), ([1, 2], {"count": 2}, True), ([1, 2], {"count": {"gt": 2}}, False),
    ([1, 2], 2, True), ([1, 2], {"eq": 2, "all": True}, False), ([2, 2], {"eq": 2, "all": True}, True), ([], {"eq": 2, "all": True}, False),
    ([], {"ne": 2, "all": True}, True),
])
def test_several_results(results, want, fits):
    assert results_meet(results, want) is fits


@given(st.one_of(st.none(), st.integers(), st.text(max_size=20), st.booleans()),
       st.fixed_dictionaries({}, optional={w: st.one_of(st.integers(), st.text(max_size=5)) for w in ("eq", "ne", "gt", "lte")}))
def test_comparing_never_fails(value, want):
    meets(value, want)


@pytest.mark.parametrize("text", ["pods/", "pods/x?selector=a", "meteor/x", "pods?sel=a", "pods?selector=a b c", "pods?fieldSelector=x"])
def test_a_selection_that_cannot_be_is_told(text):
    with pytest.raises(ValueError, match="."):
        Selection.parse(text)


@pytest.mark.parametrize(("line", "what"), [
    ("kubectl get pods | grep x | wc -l", ""), ("kubectl -n kube-system delete pod x", "kubectl delete"), ("cat a > b", "> b"),
    ("kubectl get pods 2>/dev/null", ""), ("kubectl get pods > /dev/null 2>&1", ""), ("sudo systemctl restart kubelet", "systemctl restart"),
    ("systemctl is-active kubelet", ""), ("kubectl rollout status deploy/x", ""), ("kubectl rollout restart deploy/x", "kubectl rollout"),
    ("echo $(kubectl scale deploy x --replicas=2)", "kubectl scale"), ("grep -c 'kubectl delete pod > x' notes", ""), ("ls && rm -r x", "rm"),
    ("kubectl get pods -o jsonpath='{range .items[?(@.a>1)]}x{end}'", ""), ("kubectl get pod delete", ""),
])
def test_a_line_that_writes_is_found(line, what):
    assert writes(line).strip() == what


def test_what_is_so_instead_and_when_it_broke():
    lab = trial("- {object: node/node01, where: {spec.unschedulable: {ne: true}}, why: node01 takes no pods}\n"
                "- {object: deployment/web, where: {spec.replicas: 5}, why: web is small}")
    lab.run("kubectl get nodes")
    lab.run("kubectl cordon node01")
    lab.wait(5)
    said = lab.lab_line(":check")
    assert "not yet: node01 takes no pods" in said and "node/node01: spec.unschedulable is True" in said
    assert "because you typed `kubectl cordon node01`" in said and ":undo 2 goes back to before that" in said
    assert "deployment/web: spec.replicas is 2" in said
    lab.lab_line(":undo 2")
    assert "node01 takes no pods" not in lab.lab_line(":check")


def test_collections_any_and_all():
    goal = "- {object: 'pods?selector=app=web', where: {spec.nodeName: {eq: node01, all: true}}, why: not all there}"
    lab = trial(goal)
    spread = lab.run("kubectl get pods -o jsonpath='{.items[*].spec.nodeName}'").stdout.split()
    assert bool(lab.missing(lab.task)) is (set(spread) != {"node01"})
    lab.run("kubectl drain controlplane --ignore-daemonsets --force")
    lab.wait(30)
    assert lab.missing(lab.task) == []
    lab.run("kubectl delete deployment web")
    lab.wait(60)
    assert lab.missing(lab.task) == []      # none is elsewhere


def test_always_is_broken_for_good_and_undo_repairs_it():
    lab = trial("- {always: {object: deployment/web, where: {status.readyReplicas: {gte: 1}}}, why: web was down}\n"
                "- {object: deployment/web, where: {spec.replicas: 3}, why: not three}")
    lab.run("kubectl scale deployment web --replicas=0")
    lab.wait(20)
    lab.run("kubectl scale deployment web --replicas=3")
    lab.wait(60)
    said = lab.lab_line(":check")
    assert "not yet: web was down" in said and "kubectl scale deployment web --replicas=0" in said and ":undo 4" in said
    lab.lab_line(":undo 4")
    lab.run("kubectl scale deployment web --replicas=3")
    lab.wait(60)
    assert lab.lab_line(":check").startswith("done: only")


@pytest.mark.parametrize(("lines", "missing"), [
    (["kubectl cordon node01", "kubectl drain node01 --ignore-daemonsets"], []),
    (["kubectl drain node01 --ignore-daemonsets"], ["cordon first"]), ([], ["cordon first"]),
])
def test_order(lines, missing):
    lab = trial("- {order: [{line_matches: kubectl cordon}, {change: pods, type: evicted}], why: cordon first}")
    for line in lines:
        lab.run(line)
    assert lab.missing(lab.task) == missing


def test_order_or_never():
    lab = trial("- {order: [{line_matches: x}, {change: pods, type: deleted}], or_never: true, why: 'no'}")
    assert lab.missing(lab.task) == []


def test_order_wants_the_same_object_in_collections():
    lab = trial("- {order: [{object: nodes, where: {spec.unschedulable: true}}, {object: nodes, where: {metadata.labels.done: 'yes'}}], why: cordon each}")
    lab.run("kubectl cordon node01")
    lab.run("kubectl label node controlplane done=yes")
    assert lab.missing(lab.task) == ["cordon each"]
    lab.undo(1)
    lab.run("kubectl label node node01 done=yes")
    assert lab.missing(lab.task) == []


@pytest.mark.parametrize(("seconds", "missing"), [(30, []), (200, ["late"])])
def test_within(seconds, missing):
    lab = trial("- {within: {of: {line_matches: scale}, limit: 2m, then: {object: deployment/web, where: {metadata.labels.seen: 'yes'}}}, why: late}")
    lab.run("kubectl scale deployment web --replicas=1")
    assert "there are 1m59.8s left" in lab.lab_line(":check") or "left" in lab.lab_line(":check")
    lab.wait(seconds)
    lab.run("kubectl label deployment web seen=yes")
    assert lab.missing(lab.task) == missing


def test_never_and_lines_of_the_present_branch():
    lab = trial("- {never: {line_matches: '^kubectl delete'}, why: nothing may be deleted}\n- {object: node/x, why: 'no'}")
    lab.run("kubectl delete pod nope")
    assert "nothing may be deleted" in lab.missing(lab.task)
    lab.undo()
    assert "nothing may be deleted" not in lab.missing(lab.task)
    assert lab.recording.abandoned()[0].data == "kubectl delete pod nope"


def test_hosts_now_and_over_time():
    lab = trial("- {host: node01, file: {path: /root/a, contains: b, owner: root}, why: no file}\n"
                "- {always: {host: node01, file: {path: /etc/hostname}}, why: hostname was away}\n"
                "- {never: {host: node01, file: {path: /tmp/x}}, why: x was there}")
    lab.run("ssh node01 'echo b > a; touch /tmp/x; rm /tmp/x'")
    assert lab.missing(lab.task) == []              # both at one instant: nobody saw it
    lab.run("ssh node01 'touch /tmp/x; sleep 1; rm /tmp/x; mv /etc/hostname /etc/h; sleep 1; mv /etc/h /etc/hostname'")
    assert lab.missing(lab.task) == ["hostname was away", "x was there"]
    lab.undo()
    assert lab.missing(lab.task) == []


def test_a_line_is_tried_in_a_fork():
    lab = trial("- {line: 'cat notes; echo x > notes', expect: {matches: hello}, why: no notes}".replace("; echo x > notes", ""))
    assert lab.missing(lab.task) == ["no notes"]
    lab.run("echo hello > notes")
    before = lab.position
    assert lab.missing(lab.task) == [] and lab.position == before


def test_a_line_of_a_goal_may_not_write():
    with pytest.raises(ScenarioError, match=r"would write: kubectl delete.*\(E013\)"):
        trial("- {line: kubectl delete pods --all}")
    lab = trial("- {line: 'v=del; kubectl ${v}ete deployment web'}")
    assert "may only read" in lab.lab_line(":check")
    assert "web" in lab.run("kubectl get deployments").stdout


@pytest.mark.parametrize(("correct", "said", "right"), [
    ("node01", " NODE01 ", True), ('["a,b", "b,a"]', "b, a", True), ("{matches: 'v?1\\.33\\.\\d+'}", "v1.33.4", True),
    ("{matches: 'v?1'}", "v12", False), ("{from: 'echo 4'}", "4", True), ("[x, {from: 'echo 5'}]", "5", True), ("{from: 'echo 4'}", "5", False),
])
def test_answers(correct, said, right):
    lab = trial(f"- answer: {{correct: {correct}}}")
    lab.lab_line(f":answer {said}")
    assert (lab.task is None) is right


def test_a_choice_by_number_and_by_language():
    goal = '- answer: {choices: [{en: "two", ko: "둘"}, "three"], correct: two}'
    for said in ("1", "둘", "two"):
        lab = trial(goal)
        assert lab.lab_line(f":answer {said}").startswith("done")
    assert trial(goal).lab_line(":answer 2") == "not yet: that is not the answer"



def test_goals_of_the_whole_lab_and_the_timeline():
    lab = trial("- {object: node/x, why: 'no'}", """
        goals: [{always: {object: node/node01, where: {"status.conditions[?(@.type=='Ready')].status": "True"}}, why: node01 fell}]
        timeline: [{at: 1m, fault: node-silent, host: node01}]
    """)
    assert lab.grader.whole_lab()[0].holds
    lab.wait(180)
    assert not lab.grader.whole_lab()[0].holds
    assert "BROKEN: node01 fell" in "\n".join(__import__("sim.lab.telling.debrief", fromlist=["x"]).debrief(lab).lines())
