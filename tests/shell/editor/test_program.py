"""Editors on a terminal of a lab: files, keys as inputs, undo and replay, kubectl edit."""

import pytest

from sim.lab.lab import Lab
from sim.lab.scenario.model import Step
from tests.lab_fixtures import lab as fresh


@pytest.fixture(scope="module")
def base():
    found = fresh("first-steps")
    yield found
    found.close()


@pytest.fixture
def lab(base):
    found = base.fork()
    yield found
    found.close()


def keys(lab, *texts):
    lab.do_steps([Step(keys=list(texts))])


def out(lab, line):
    result = lab.run(line)
    return result.stdout + result.stderr


def test_a_file_is_edited_with_keys_undone_and_replayed(lab, tmp_path):
    lab.run("printf 'a: 1\\n' > f.yaml")
    assert lab.run("vim f.yaml").status == 0 and lab.busy("main")
    keys(lab, "o", "b: 2\x1b", ":wq\n")
    assert not lab.busy("main") and out(lab, "cat f.yaml") == "a: 1\nb: 2\n"
    lab.save(tmp_path / "run")
    again = Lab.load(tmp_path / "run")
    assert not again.differs and out(again, "cat f.yaml") == "a: 1\nb: 2\n"
    again.close()
    lab.undo(2)
    assert lab.screen("main") is not None  # the last key is undone, not the editor
    keys(lab, ":q!\n")
    assert out(lab, "cat f.yaml") == "a: 1\n"


def test_lines_typed_while_an_editor_is_open_are_its_keys(lab):
    lab.run("nano note")
    for line in ("one", "two", "\x18y"):
        lab.run(line)
    assert out(lab, "cat note") == "one\ntwo\n\n"
    lab.run("vi note")
    lab.run(":wait 5m")
    assert lab.screen("main").picture(80, 24).said.startswith("E492")
    lab.interrupt("main")
    assert lab.busy("main")
    lab.run(":q")
    assert not lab.busy("main") and lab.run("echo $?").stdout == "0\n"


def test_a_file_that_may_not_be_written_says_so(lab):
    lab.run("view /etc/hosts")
    keys(lab, "dd", ":wq\n")
    assert lab.screen("main").picture(80, 24).said.startswith("E45")
    keys(lab, ":w /nowhere/hosts\n")
    assert lab.screen("main").picture(80, 24).said == '"/nowhere/hosts" E212: Can\'t open file for writing'
    keys(lab, ":q\n")
    assert lab.screen("main").picture(80, 24).said.startswith("E37")
    keys(lab, ":w!\n", ":q\n")
    assert out(lab, "grep -c localhost /etc/hosts") == "0\n"


def test_keys_come_from_a_pipe_too(lab):
    assert out(lab, "printf 'ihello\\033:wq\\n' | vi f; cat f") == "hello\nVim: Warning: Input is not from a terminal\n"
    assert lab.run("echo x | vi f").status == 1 and "not simulated" in out(lab, "vi a b")
    assert out(lab, "vim -c '%s/hello/bye/' -c wq f; cat f") == "bye\n"


def test_a_manifest_that_is_written_moves_the_static_pod_for_the_true_reason(lab):
    lab.run("vi /etc/kubernetes/manifests/kube-scheduler.yaml")
    keys(lab, ":%s/--leader-elect=true/--leader-elect=false/\n", ":wq\n")
    lab.wait(60)
    assert "--leader-elect=false" in out(lab, "kubectl -n kube-system get pod kube-scheduler-controlplane -o yaml")


def test_kubectl_edit_opens_vi_and_edits_again_what_was_not_valid(lab):
    lab.run("kubectl run p1 --image=nginx; kubectl create deploy d1 --image=nginx")
    lab.run("kubectl edit deploy d1")
    keys(lab, ":%s/replicas: 1/replicas: 3/\n", ":wq\n")
    assert out(lab, "kubectl get deploy d1 -o jsonpath='{.spec.replicas}'") == "3"
    lab.run("KUBE_EDITOR=nano kubectl edit pod p1")
    keys(lab, "\x17restartPolicy\n", "\x05", "\x7f" * 6, "Never", "\x18", "y\n")
    assert lab.busy("main") and any("# pods \"p1\" was not valid:" in line for line in lab.screen("main").everything())
    keys(lab, "\x18")
    assert not lab.busy("main") and out(lab, "cat /tmp/kubectl-edit-*.yaml | grep -c 'restartPolicy: Never'") == "1\n"
