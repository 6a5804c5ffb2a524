"""Lab lines, and going back: what is undone is not lost, and a replay is the same run."""

import json

import pytest

from sim.lab.lab import Lab, LabError
from sim.lab.recording import numbers_of, ranges_of
from sim.lab.telling import events
from tests.lab_fixtures import lab


def nodes(one):
    return one.run("kubectl get nodes --no-headers | awk '{print $2}' | paste -sd,").stdout.strip()


def test_undo_after_background_jobs_and_pipes():
    one = lab()
    one.run("(sleep 30; kubectl cordon node01) & kubectl get pods | head -2 > seen")
    before = one.run("cat seen; jobs").stdout
    one.wait(60)
    assert nodes(one) == "Ready,Ready,SchedulingDisabled"
    one.lab_line(":undo 2")                     # the look and the wait
    assert nodes(one) == "Ready,Ready"
    assert one.run("cat seen; jobs").stdout == before
    one.wait(60)                                # the job is still there, and does its work again
    assert nodes(one) == "Ready,Ready,SchedulingDisabled"


def test_the_recording_is_append_only_and_survives_saving(tmp_path):
    one = lab()
    one.run("kubectl cordon node01")
    one.lab_line(":undo")
    one.run("kubectl label node node01 a=b")
    one.lab_line(":wait 10s")
    assert [each.kind for each in one.recording.inputs] == ["line", "rewind", "line", "lab"]
    one.save(tmp_path / "run")
    again = Lab.load(tmp_path / "run")
    assert again.differs == "" and list(events.lines(again)) == list(events.lines(one))
    assert [each.data for each in again.recording.abandoned()] == ["kubectl cordon node01"]
    assert again.lab_line(":undo 2").startswith("undone: kubectl label")


def test_a_replay_that_differs_says_so(tmp_path):
    one = lab("first-steps")
    one.run("kubectl scale deployment web --replicas=1")
    one.run("kubectl get pods")
    one.save(tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run").read_text().splitlines()]
    rows[0]["seed"] = 7
    (tmp_path / "run").write_text("\n".join(map(json.dumps, rows)) + "\n")
    assert "differs from the recorded run" in Lab.load(tmp_path / "run").differs


@pytest.mark.parametrize("row", [[0, 0, "meteor", "x", "", 0], [0, 0, "line"], ["x", 0, "line", "ls", "main", 0], [0, 0, "line", "ls", "nowhere", 0],
                                 [0, 0, "lab", "fault [1]", "", 0], [0, 0, "rewind", "{}", "", 0]])
def test_a_recording_with_nonsense_is_a_clear_error(tmp_path, row):
    one = lab("first-steps")
    one.save(tmp_path / "run")
    head, foot = (tmp_path / "run").read_text().splitlines()
    (tmp_path / "run").write_text("\n".join([head, json.dumps(row), json.dumps({**json.loads(foot), "inputs": 1})]) + "\n")
    with pytest.raises(LabError, match="is not a whole recording|cannot be replayed"):
        Lab.load(tmp_path / "run")


def test_rewind_restart_and_fork():
    one = lab()
    one.run("kubectl cordon node01")
    one.lab_line(":wait 2m")
    one.run("kubectl uncordon node01")
    assert one.lab_line(":rewind 1m") == "it is +1m again"
    assert nodes(one) == "Ready,Ready,SchedulingDisabled"
    assert "kept as fork 1" in one.lab_line(":fork")
    one.run("kubectl uncordon node01")
    assert "this is fork 1" in one.lab_line(":fork 1") and nodes(one) == "Ready,Ready,SchedulingDisabled"
    assert "this is fork 1" in one.lab_line(":fork 1") and nodes(one) == "Ready,Ready"
    assert one.lab_line(":rewind -30s").startswith("it is +30")
    assert "the lab starts again" in one.lab_line(":restart lab") and nodes(one) == "Ready,Ready"
    assert one.now_us > one.origin_us and one.recording.rewinds() == 6 - 1


def test_restart_task_keeps_what_was_done_before():
    one = lab("first-steps")
    one.lab_line(":answer 2")
    one.run("kubectl scale deployment web --replicas=5")
    assert one.lab_line(":restart task").startswith("task")
    assert one.task.name != one.tasks[0].name and one.run("kubectl get deploy web -o jsonpath='{.spec.replicas}'").stdout == "2"


def test_undo_takes_an_answer_back():
    one = lab("first-steps")
    one.lab_line(":answer 2")
    assert one.task_number == 1
    said = one.lab_line(":undo")
    assert one.task_number == 0 and one.answers == {} and "Task 1" in said


def test_undo_across_a_restored_world():
    one = lab()
    one.go_to("cordon-only")
    assert one.run("kubectl get deployment hr-app").status == 0
    one.run("kubectl cordon node01")
    one.lab_line(":undo")
    assert nodes(one) == "Ready,Ready"
    one.lab_line(":undo 3")
    assert one.task.name != "cordon-only"


def test_next_asks_first_and_marks_the_task():
    one = lab("first-steps")
    assert ":next yes" in one.lab_line(":next") and one.task_number == 0
    said = one.lab_line(":next yes")
    assert "kubectl get nodes" in said and "skipped: " in said and one.task_number == 1
    assert one.progress.outcome == {one.tasks[0].name: "skipped"} and not one.passed
    one.fork().close()


def test_writing_needs_a_local_terminal_and_a_plain_name(tmp_path):
    one = lab("first-steps")
    assert "only from a local interactive terminal" in one.lab_line(":save x")
    for name in ("../x", "a/b", ".hidden", "a b", "x" * 99):
        assert "plain name" in one.lab_line(f":save {name}", folder=tmp_path)
    one.run("kubectl get nodes")
    assert one.lab_line(":save mine", folder=tmp_path).startswith("saved")
    assert Lab.load(tmp_path / "runs" / "mine.run").inputs == one.inputs
    one.run("echo '<script>'")
    assert one.lab_line(":report mine", folder=tmp_path).startswith("written")
    page = (tmp_path / "reports" / "mine.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page and "http" not in page


def test_speed_pause_jump_and_docs():
    one = lab("node-down")
    assert one.lab_line(":speed 60") == "speed ×60" and one.rate == 60
    assert "paused" in one.lab_line(":pause") and one.paused
    assert "at most" in one.lab_line(":speed fast") and "at most" in one.lab_line(":speed 99999")
    before = one.now_us
    assert one.lab_line(":jump").startswith("it is now") and one.now_us > before
    assert "--ignore-daemonsets" in one.lab_line(":docs drain") and "no topic" in one.lab_line(":docs nosuch")
    assert ":rewind" in one.lab_line(":help")
    verbs = one.lab_line(":commands").splitlines()[0].split()
    assert {"kubectl", "drain", "autoscale", "rollout"} <= set(verbs) and "proxy" not in verbs  # built, and of that client
    assert "did you mean :answer" in one.lab_line(":answr x")


def test_only_a_colon_and_a_lower_case_letter_speak_to_the_lab():
    assert [Lab.is_lab_line(text) for text in (":task", ": task", ":Task", ":", ":1", "x:task", ":é")] == [True] + [False] * 6


def test_ranges():
    assert ranges_of([0, 1, 2, 5, 7, 8]) == [[0, 2], [5, 5], [7, 8]] and numbers_of([[0, 2], [5, 5]]) == [0, 1, 2, 5]


def test_a_wrong_terminal_is_told():
    with pytest.raises(LabError, match="there is no terminal x; there are main"):
        lab("first-steps").run("ls", terminal="x")


def test_settle_waits_until_nothing_changes():
    one = lab()
    one.run("kubectl delete pods --all --wait=false")
    assert one.settle() and one.run("kubectl get deploy blue -o jsonpath='{.status.readyReplicas}'").stdout == "3"
