"""A lab is (scenario, seed, recording): proved, replayed, undone, saved."""

import json

import pytest

from sim.lab.telling import events
from sim.lab.catalogue import files
from sim.lab.lab import Lab, LabError
from sim.lab.headless.prove import prove
from sim.lab.headless.runner import do_nothing
from tests.lab_fixtures import lab


LONG = ("backup-and-restore", "backup-and-restore-2", "three-strategies", "time-travel",
        "upgrade-gone-wrong", "upgrade-ha", "upgrade-the-old-way",
        "velero-or-etcd")
"""Labs whose proof takes more than three seconds: proved with the slow tests only."""


@pytest.mark.parametrize("path", [path for path in files() if path.stem not in LONG], ids=lambda path: path.stem)
def test_every_scenario_is_proved(path):
    proof = prove(path)
    assert proof.passed, str(proof)


@pytest.mark.slow
@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_every_scenario_is_proved_in_full(path):
    proof = prove(path, full=True)
    assert proof.passed, str(proof)


def test_doing_nothing_fails_every_task():
    report = do_nothing(lab())
    assert not any(passed for _, passed, _ in report.verdicts)


def test_undo_takes_the_world_back():
    one = lab()
    before = one.run("kubectl get pods -o wide").stdout.split("\n")[1].split()[0]
    one.run("kubectl drain node01 --ignore-daemonsets")
    assert "SchedulingDisabled" in one.run("kubectl get nodes").stdout
    one.lab_line(":undo 2")
    assert "SchedulingDisabled" not in one.run("kubectl get nodes").stdout
    assert before in one.run("kubectl get pods").stdout


def test_a_fork_goes_its_own_way():
    one = lab()
    other = one.fork()
    other.run("kubectl cordon node01")
    assert "SchedulingDisabled" not in one.run("kubectl get nodes").stdout
    assert "SchedulingDisabled" in other.run("kubectl get nodes").stdout


LINES = [
    "kubectl get pods | grep blue | wc -l", "for n in controlplane node01; do kubectl get node $n; done",
    "kubectl drain node01 --ignore-daemonsets & sleep 20; kubectl get pods", "ssh node01 hostname | tr a-z A-Z",
    "timeout 3 kubectl get pods -w", "kubectl uncordon node01",
]


def test_a_saved_run_replays_to_the_same_bytes(tmp_path):
    one = lab(seed=3)
    for line in LINES:
        one.run(line)
    one.save(tmp_path / "run")
    again = Lab.load(tmp_path / "run")
    assert list(events.lines(again)) == list(events.lines(one))
    one.store().verify_unchanged()


@pytest.mark.parametrize("damage", [b"", b"{", b'{"kubedrill": 2}\n', b"\xff\xfe", b"[]\n[]\n", b'{"kubedrill": 2, "scenario": 1}\n{"inputs": 0}\n'])
def test_a_damaged_recording_is_a_clear_error(tmp_path, damage):
    path = tmp_path / "run"
    path.write_bytes(damage)
    with pytest.raises(LabError, match="is not a whole recording"):
        Lab.load(path)


def test_a_cut_recording_is_a_clear_error(tmp_path):
    one = lab()
    one.run("kubectl get nodes")
    one.save(tmp_path / "run")
    data = (tmp_path / "run").read_bytes()
    (tmp_path / "run").write_bytes(data[:-7])
    with pytest.raises(LabError, match="is not a whole recording"):
        Lab.load(tmp_path / "run")


def test_why_leads_from_an_eviction_to_the_typed_line():
    one = lab()
    pod = one.run("kubectl get pods -o jsonpath='{.items[?(@.spec.nodeName==\"node01\")].metadata.name}'").stdout.split()[0]
    one.run("kubectl drain node01 --ignore-daemonsets")
    text = one.lab_line(f":why pod/{pod}")
    assert "evicted through the eviction API" in text and "you typed `kubectl drain node01 --ignore-daemonsets`" in text


def test_timers_name_their_setting():
    one = lab("node-down")
    one.lab_line(":wait 70s")
    assert "tolerationSeconds 300 of Pod default/shop-" in one.lab_line(":timers")


@pytest.mark.parametrize("line", [":why", ":why foo/x", ":wait abc", ":nosuch", ":undo x", ":fault meteor node01",
                                  ":fault power-off mars", ":answer"])
def test_bad_lab_lines_are_one_clear_line(line):
    one = lab("first-steps")
    assert one.lab_line(line).startswith(("kubedrill:", "nothing is known"))


def test_events_are_json_lines():
    one = lab("first-steps")
    assert all(json.loads(line) for line in events.lines(one))


def test_a_fault_that_cannot_be_leaves_the_lab_whole():
    one = lab("first-steps")
    one.lab_line(":fault power-off mars")
    one.lab_line(":fault kill etcd")
    one.run("kubectl cordon node01")
    assert one.lab_line(":undo").startswith("undone: kubectl cordon")


@pytest.mark.parametrize("line", ["kubectl debug x --image=y 2>/dev/null || true", "perl x 2>&1 | cat"])
def test_a_refusal_cannot_be_hidden(line):
    one = lab("first-steps")
    one.run(line)
    assert len(one.refusals) == 1


def test_a_recording_cut_at_a_line_end_is_a_clear_error(tmp_path):
    one = lab("first-steps")
    one.run("kubectl get nodes")
    one.save(tmp_path / "run")
    lines = (tmp_path / "run").read_text().splitlines(keepends=True)
    (tmp_path / "run").write_text("".join(lines[:-1]))
    with pytest.raises(LabError, match="is not a whole recording"):
        Lab.load(tmp_path / "run")


def test_forks_are_saved_too(tmp_path):
    one = lab()
    one.run("kubectl cordon node01")
    one.lab_line(":fork")
    one.run("kubectl uncordon node01")
    one.save(tmp_path / "a.run")
    again = Lab.load(tmp_path / "a.run")
    assert "SchedulingDisabled" not in again.run("kubectl get nodes").stdout
    again.lab_line(":fork 1")
    assert "SchedulingDisabled" in again.run("kubectl get nodes").stdout


@pytest.mark.parametrize(("words", "said"), [
    ("node-back node01", "node01 has no node-silent to be taken back"), ("heal node01 controlplane", "reach each other already"),
    ("partition node01 node01", "a host always reaches itself"), ("start node01/kubelet", "node01/kubelet runs already"),
    ("usual-pull nginx", "takes its usual time already"), ("power-on node01", "on already")])
def test_a_fault_that_would_do_nothing_says_so(words, said):
    one = lab()
    assert said in one.lab_line(f":fault {words}")
    assert one.inputs == []


def test_a_jump_ends_where_something_can_be_seen():
    one = lab()
    one.run("kubectl delete pod --all --wait=false")
    assert "ready replicas" in one.lab_line(":jump")
    one.fault("power-off", "node01")
    said = [one.lab_line(":jump") for _ in range(12)]
    assert not any("Lease/" in text or "nothing that anybody" in text for text in said)
