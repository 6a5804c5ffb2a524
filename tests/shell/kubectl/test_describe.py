"""kubectl describe: tab stops, events, and that no kind of an ordinary cluster is left out or crashes."""
import pytest

from sim.shell.kubectl.describe.pod.containers import probe
from sim.shell.kubectl.describe.generic import title
from sim.shell.kubectl.describe.writer import tabulate
from tests.lab_fixtures import lab


@pytest.fixture(scope="module")
def one():
    return lab("os-upgrades")


def test_columns_end_where_lines_have_no_such_cell():
    assert tabulate("a\tb\nlonger\tc\nno cells\nx\ty\n") == "a       b\nlonger  c\nno cells\nx  y\n"
    assert tabulate("A:\t<none>\n\tb\n") == "A:  <none>\n    b\n"


@pytest.mark.parametrize("field, words", [
    ("leaseDurationSeconds", "Lease Duration Seconds"), ("apiVersion", "API Version"), ("uid", "UID"), ("$patch", "$patch"),
    ("deprecated.daemonset.template.generation", "deprecated.daemonset.template.generation"), ("creationTimestamp",
                                                                                             "Creation Timestamp")])
def test_fields_in_words(field, words):
    assert title(field) == words


def test_probes():
    assert probe({"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "timeoutSeconds": 1}) == (
        "http-get http://:http/healthz delay=0s timeout=1s period=10s #success=1 #failure=3")
    assert probe({"exec": {"command": ["cat", "/x"]}, "failureThreshold": 30}).startswith("exec [cat /x] delay=0s")


def test_a_pod_and_its_events(one):
    pod = one.run("kubectl get pods -o name").stdout.split()[0]
    text = one.run(f"kubectl describe {pod}").stdout
    lines = text.splitlines()
    assert lines[0].startswith("Name:             ") and "Containers:" in lines and "Conditions:" in lines
    assert "  Type    Reason" in text and "default-scheduler  Successfully assigned" in text
    assert one.run(f"kubectl describe {pod} --show-events=false").stdout == text[:text.index("Events:")]


def test_a_name_that_is_not_there_is_a_beginning(one):
    names = one.run("kubectl get pods -o name").stdout.split()
    beginning = names[0].partition("/")[2].rpartition("-")[0]
    shown = one.run(f"kubectl describe pod {beginning}").stdout
    assert shown.count("\nNamespace:") == sum(beginning in name for name in names)
    missing = one.run("kubectl describe pod nosuch")
    assert (missing.status, missing.stderr) == (1, 'Error from server (NotFound): pods "nosuch" not found\n')


def test_every_kind_can_be_described(one):
    for kind in one.run("kubectl api-resources --verbs=list -o name").stdout.split():
        result = one.run(f"kubectl describe {kind} -A")
        assert result.status in (0, 120), (kind, result.stderr)
