"""logs, wait, events, auth and what discovery says: outcomes and texts of the real client."""
import pytest

from sim.shell.kubectl.printing import rules
from sim.shell.kubectl.reading import sorting
from sim.shell.kubectl.reading.wait import condition
from tests.lab_fixtures import lab


@pytest.fixture(scope="module")
def one():
    return lab("os-upgrades")


def test_wait_for_a_condition_and_for_what_never_comes(one):
    pod = one.run("kubectl get pods -o name").stdout.split()[0]
    assert one.run(f"kubectl wait --for=condition=Ready {pod}").stdout == f"{pod} condition met\n"
    assert one.run(f"kubectl wait --for=jsonpath='{{.status.phase}}'=Running {pod}").stdout == f"{pod} condition met\n"
    before = one.now_us
    late = one.run(f"kubectl wait --for=condition=Ready=false {pod} --timeout=3s")
    name = pod.partition("/")[2]
    assert (late.status, late.stderr) == (1, f"error: timed out waiting for the condition on pods/{name}\n")
    assert 3 <= (one.now_us - before) / 1e6 < 3.5
    assert one.run("kubectl wait --for=delete pod/nosuch").status == 0
    assert one.run("kubectl wait --for=condition pod/x").stderr == 'error: unrecognized condition: "condition"\n'


def test_wait_for_a_pod_that_goes(one):
    one.run("kubectl run goes --image=nginx && kubectl wait --for=condition=Ready pod/goes")
    one.run("(sleep 2; kubectl delete pod goes >/dev/null) &")
    assert one.run("kubectl wait --for=delete pod/goes --timeout=90s").stdout == "pod/goes condition met\n"


def test_conditions_of_an_older_generation_do_not_count():
    obj = {"metadata": {"generation": 2}, "status": {"observedGeneration": 1, "conditions": [
        {"type": "Available", "status": "True"}]}}
    assert not condition("condition=available")(obj)
    obj["status"]["observedGeneration"] = 2
    assert condition("condition=available")(obj) and condition("condition=Available=true")(obj)


@pytest.mark.parametrize("line, text, status", [
    ("logs nosuch", 'error: error from server (NotFound): pods "nosuch" not found in namespace "default"\n', 1),
    ("logs -l app=nosuch", "No resources found in default namespace.\n", 0),
    ("logs x --tail=-5", "error: --tail must be greater than or equal to -1\n", 1),
    ("logs node/node01", "error: cannot get the logs from *v1.Node: selector for *v1.Node not implemented\n", 1),
    ("logs a -l b=c", "error: only a selector (-l) or a POD name is allowed\n", 1),
    ("events --for pod/nosuch", "No events found in default namespace.\n", 0),
    ("events --types=x", "error: valid --types are Normal or Warning\n", 1),
    ("top nodes", "error: Metrics API not available\n", 1),
    ("explain nosuch", 'the server doesn\'t have a resource type "nosuch"\n', 1),
    ("api-resources --sort-by=nosuch", "error: --sort-by accepts only name or kind\n", 1),
    ("get pods -l 'a in (b'", 'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector '
     '"a in (b", field selector "": unable to parse requirement: found \'\', expected: \',\' or \')\'\n', 1),
    ("get pod x -n nosuch", 'Error from server (NotFound): namespaces "nosuch" not found\n', 1),
    ("get pods,svc -w", "error: you may only specify a single resource type\n", 1),
    ("get pods x -l a=b", "error: name cannot be provided when a selector is specified\n", 1)])
def test_complaints(one, line, text, status):
    result = one.run(f"kubectl {line}")
    said = "".join(line for line in result.stderr.splitlines(keepends=True) if not line.startswith("["))
    assert (said, result.status) == (text, status)


def test_what_a_user_may_do(one):
    assert one.run("kubectl auth can-i '*' '*'").stdout == "yes\n"
    no = one.run("kubectl auth can-i get pods --as=jane")
    assert (no.stdout, no.status) == ("no\n", 1)
    assert "Username    jane" in one.run("kubectl auth whoami --as=jane").stdout
    assert "forbidden" in one.run("kubectl get pods --as=jane").stderr


def test_rules_stand_in_the_order_of_their_go_text():
    found = rules.rows([{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]},
                        {"apiGroups": [""], "resources": ["pods"], "verbs": ["watch"]}, {"nonResourceURLs": ["/x"], "verbs": ["*"]}])
    assert found == [["", "[/x]", "[]", "[*]"], ["pods", "[]", "[]", "[get list watch]"], ["pods/log", "[]", "[]", "[get list]"]]


def test_partial_failures_come_after_what_was_found(one):
    result = one.run("kubectl get nodes nosuch1 node01 nosuch2")
    assert result.status == 1 and "node01" in result.stdout
    assert result.stderr == ('Error from server (NotFound): nodes "nosuch1" not found\n'
                             'Error from server (NotFound): nodes "nosuch2" not found\n')


def test_natural_order():
    assert sorted(["n10", "n2", "n1"], key=__import__("functools").cmp_to_key(sorting.natural)) == ["n1", "n2", "n10"]
    assert sorting.compare([], ["a"]) < 0 and sorting.compare(["1Gi"], ["500Mi"]) > 0


def test_a_watch_shows_every_state(one):
    result = one.run("(sleep 1; kubectl run seen --image=nginx >/dev/null) & timeout 20 kubectl get pods seen -w --ignore-not-found")
    assert result.status == 124 or result.stderr
    rows = one.run("(sleep 1; kubectl run also --image=nginx >/dev/null) & timeout 20 kubectl get pods -l run=also -w").stdout
    states = [row.split()[2] for row in rows.splitlines()[1:]]
    assert states[0] == "Pending" and states[-1] == "Running" and len(states) >= 3


def test_explain_shows_the_published_descriptions(one):
    text = one.run("kubectl explain pod.spec.containers.resources").stdout
    assert text.startswith("KIND:       Pod\nVERSION:    v1\n\nFIELD: resources <ResourceRequirements>\n\n\nDESCRIPTION:\n    Compute")
    assert "\nFIELDS:\n  claims\t<[]ResourceClaim>\n" in text
    assert "  rollingUpdate\t<RollingUpdateDeployment>\n    maxSurge\t<IntOrString>\n" in one.run(
        "kubectl explain deploy.spec.strategy --recursive").stdout
    wrong = one.run("kubectl explain pod.nosuch.deeper")
    assert (wrong.stderr, wrong.status) == ('error: field "deeper" does not exist\n', 1)


def test_lines_break_at_blanks_only():
    from sim.shell.kubectl.reading.explain import wrap

    assert wrap("aa bb  cc", 5) == ["aa bb", "cc"] and wrap("  - x", 9) == ["  - x"] and wrap("a\n\nb") == ["a", "", "b"]


@pytest.mark.parametrize("typed, some", [
    ("kubectl dr", ["drain"]), ("kubectl rollout st", ["status"]), ("kubectl create dep", ["deployment"]),
    ("kubectl drain --ignore-d", ["--ignore-daemonsets"]), ("kubectl get po", ["pod", "pods"]),
    ("kubectl -n kube-system get --all-n", ["--all-namespaces"]), ("kubectl drain node", ["node01"]),
    ("kubectl describe node nod", ["node01"])])
def test_what_a_line_could_become(one, typed, some):
    found = one.completions(typed, one.main_terminal)
    assert set(some) <= set(found), found
