"""The shell over simulated hosts: control flow, time, ssh, and lines nobody would want to type."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lab_fixtures import lab


@pytest.fixture(scope="module")
def one():
    return lab("first-steps")


@pytest.mark.parametrize(("line", "out", "status"), [
    ("echo hi | tr a-z A-Z", "HI\n", 0),
    ("for i in 1 2 3; do echo $i; done | wc -l", "3\n", 0),
    ("x=$(kubectl get nodes --no-headers | wc -l); echo $x", "2\n", 0),
    ("kubectl get nodes | grep -c Ready", "2\n", 0),
    ("false || echo no", "no\n", 0),
    ("nosuch", "", 127),
    ("ssh node01 hostname", "node01\n", 0),
    ("cat <<EOF | wc -l\na\nb\nEOF", "2\n", 0),
    ("if kubectl get node node01 > /dev/null; then echo there; fi", "there\n", 0),
    ("while :; do :; done", "", 1),
    ("perl -v", "", 120),
])
def test_a_line(one, line, out, status):
    result = one.run(line)
    assert result.stdout == out
    assert (result.status == status) or (status == 1 and result.status != 0)


@pytest.mark.parametrize("number", ["-n 2", "-n2", "-2", "-n +2", "-qn 1", "--lines 2", "-c 5"])
def test_tail_of_a_missing_file_ends_in_a_pipe_too(one, number):
    result = one.run(f"tail {number} /nosuch | wc -l", patience_seconds=5)
    assert (result.status, result.stdout) == (0, "0\n")
    assert result.stderr == "tail: cannot open '/nosuch' for reading: No such file or directory\n"


def test_sleep_takes_simulated_time(one):
    before = one.now_us
    one.run("sleep 600")
    assert one.now_us - before == 600_000_000


def test_patience_ends_a_line_that_never_would(one):
    result = one.run("kubectl get pods -w", patience_seconds=60)
    assert result.status == 130 and "interrupted after 60 s" in result.stderr


def test_ssh_and_back(one):
    one.run("ssh node01")
    assert one.prompt("main").startswith("root@node01:")
    assert "localhost:8080 was refused" in one.run("kubectl get nodes").stderr
    one.run("exit")
    assert one.prompt("main").startswith("root@controlplane:")


WORDS = st.sampled_from(["kubectl", "get", "pods", "nodes", "-o", "yaml", "-A", "|", ";", "&&", "grep", "x", "drain", "'", '"',
                         "$(", ")", "node01", "--force", "<", ">", "/tmp/x", "&", "sleep", "1", "if", "fi", "{", "}", "\x00",
                         "-", "--", "=", "delete", "apply", "-f", "create", "run", "*", "ssh"])


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=9).map(" ".join))
def test_no_line_crashes_or_hangs(line):
    one = test_no_line_crashes_or_hangs.__dict__.setdefault("lab", None) or lab("first-steps")
    test_no_line_crashes_or_hangs.lab = one
    result = one.run(line, patience_seconds=30)
    assert 0 <= result.status <= 255


def test_a_dry_run_changes_nothing(one):
    gone = one.run("kubectl delete deployment web --dry-run=client")
    assert (gone.status, gone.stdout) == (0, 'deployment.apps "web" deleted (dry run)\n')
    assert one.run("kubectl get deployment web").status == 0


def test_timeout_ends_everything_it_started(one):
    one.run("kubectl create pdb web --selector=app=web --min-available=2")
    one.run("sleep 5")
    assert one.run("timeout 7 kubectl drain node01 --ignore-daemonsets").status == 124
    assert one.run("sleep 30").stdout == ""
    assert one.run("kubectl delete deployment web --cascade=xx").stderr.startswith("error: invalid cascade value (xx)")
    one.run("kubectl uncordon node01; kubectl delete pdb web")


@pytest.mark.parametrize("line", ["printf '%(%s)T'", "awk 'BEGIN{srand(); print rand()}'",
                                  "seq 9 | sort -R", "jq -n now"])
def test_what_would_read_the_real_clock_or_chance_refuses(one, line):
    assert one.run(line).status == 120
