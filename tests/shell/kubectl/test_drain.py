"""Drain beyond upstream's cases: time, budgets, losses, several nodes; texts of the clients 1.28 to 1.36."""
import pytest

from sim.api.client import Key
from sim.api.errors import StatusError
from sim.engine import microseconds
from tests.conformance.areas.drain import a_node, a_pod
from tests.shell.kubectl.desk import Desk, failing

OWNED = {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "rs", "controller": True}]}
BUDGET = "Cannot evict pod as it would violate the pod's disruption budget."


def desk(version="1.36.2", pods=("web",), nodes=("node",)):
    made = Desk(version)
    for node in nodes:
        a_node(made, node)
        for pod in pods:
            a_pod(made, f"{pod}-{node}", node, metadata=OWNED)
    return made


def seconds(made, line):
    before = made.engine.now_us
    status, out, err = made.run(line)
    return status, out, err, (made.engine.now_us - before) / 1e6


def test_a_protected_pod_is_tried_again_every_five_seconds_and_the_timeout_is_seen_then():
    made = desk()
    made.answers.append(failing((429, "TooManyRequests", BUDGET), ("create", "pods", "eviction")))
    status, out, err, took = seconds(made, "kubectl drain node --timeout=12s")
    assert status == 1 and 15 < took < 16.5
    assert out.count("evicting pod default/web-node\n") == 4
    assert err.count(f'error when evicting pods/"web-node" -n "default" (will retry after 5s): {BUDGET}\n') == 3
    assert err.endswith('There are pending nodes to be drained:\n node\nerror when evicting pods/"web-node" -n "default": global '
                        "timeout reached: 12s\n")


def test_retry_after_is_obeyed_in_silence_ten_times():
    made = desk()

    def still_processing(request):
        if request.subresource == "eviction":
            raise StatusError(429, "TooManyRequests", BUDGET, {"retryAfterSeconds": 10})

    made.answers.append(still_processing)
    status, out, err, took = seconds(made, "kubectl drain node --timeout=12s")
    assert status == 1 and 104 < took < 107
    assert out.count("evicting pod") == 2 and err.count("will retry after 5s") == 1


def test_two_budgets_end_the_drain_at_once():
    made = desk()
    text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    made.answers.append(failing((500, "InternalError", text), ("create", "pods", "eviction")))
    status, _, err, took = seconds(made, "kubectl drain node")
    assert status == 1 and took < 1
    assert f'due to error: error when evicting pods/"web-node" -n "default": {text}, continuing command...' in err
    assert 'There are pending pods in node "node" when an error occurred' in err and "pod/web-node\n" in err


def test_a_pod_is_looked_at_every_second():
    made = desk()
    going = []

    def slow(request):
        if request.subresource == "eviction":
            going.append(made.engine.now_us)
            from sim.api.client import Response

            return Response(201, {})
        if request.verb == "get" and request.key == Key("pods", "default", "web-node") and (
                made.engine.now_us - going[0] > microseconds(2.5)):
            raise StatusError(404, "NotFound", "gone")
        return None

    made.answers.append(slow)
    status, out, _, took = seconds(made, "kubectl drain node")
    assert status == 0 and 3 < took < 3.5
    assert out == "node/node cordoned\nevicting pod default/web-node\npod/web-node evicted\nnode/node drained\n"


def test_several_nodes_are_all_cordoned_first_and_all_named_at_the_end():
    made = desk("1.33.1", pods=(), nodes=("one", "two"))
    for node in ("one", "two"):
        a_pod(made, f"bare-{node}", node)
    status, out, err = made.run("kubectl drain one two")
    fatal = "cannot delete cannot delete Pods that declare no controller (use --force to override): default/bare"
    assert (status, out) == (1, "node/one cordoned\nnode/two cordoned\n")
    assert err == (f'error: unable to drain node "one" due to error: {fatal}-one, continuing command...\n'
                   f'error: unable to drain node "two" due to error: {fatal}-two, continuing command...\n'
                   f"There are pending nodes to be drained:\n one\n two\n{fatal}-one\n{fatal}-two\n")


@pytest.mark.parametrize("version, text", [
    ("1.36.2", "error: cannot delete Pods that declare no controller (use --force to override)"),
    ("1.33.1", "error: cannot delete cannot delete Pods that declare no controller (use --force to override)"),
    ("1.30.1", "error:cannot delete cannot delete Pods that declare no controller (use --force to override)"),
    ("1.28.15", "error:cannot delete Pods declare no controller (use --force to override)"),
])
def test_refusals_are_worded_as_the_version_words_them(version, text):
    made = desk(version, pods=())
    a_pod(made, "bare", "node")
    assert f"due to {text}: default/bare, continuing command...\n" in made.run("kubectl drain node")[2]


def test_the_server_may_be_lost_in_the_middle():
    made = desk("1.33.1")

    def evicted_then_lost(request):
        from sim.api.client import Response

        if request.subresource != "eviction":
            return None
        made.network.close(made.host, 6443)
        return Response(201, {})

    made.answers.append(evicted_then_lost)
    status, out, err = made.run("kubectl drain node")
    lost = "dial tcp 127.0.0.1:6443: connect: connection refused"
    url = "https://127.0.0.1:6443/api/v1"
    reason = (f'error when waiting for pod "web-node" in namespace "default" to terminate: Get '
              f'"{url}/namespaces/default/pods/web-node": {lost}')
    assert (status, out) == (1, "node/node cordoned\nevicting pod default/web-node\npod/web-node eviction failed\n")
    assert err == ("Following errors occurred while getting the list of pods to delete:\n"
                   f'Get "{url}/pods?fieldSelector=spec.nodeName%3Dnode&limit=500": {lost}'
                   f'error: unable to drain node "node" due to error: {reason}, continuing command...\n'
                   f"There are pending nodes to be drained:\n node\n{reason}\n")


def test_a_dry_run_changes_nothing_and_the_servers_asks_budgets():
    made = desk()
    assert made.run("kubectl drain node --dry-run=client")[1] == (
        "node/node cordoned (dry run)\nevicting pod default/web-node (dry run)\nnode/node drained (dry run)\n")
    assert made.sent("create", "pods", "eviction") == []
    assert made.run("kubectl drain node --dry-run=server")[1] == (
        "node/node cordoned (server dry run)\nevicting pod default/web-node (server dry run)\nnode/node drained (server dry run)\n")
    assert [request.query for request in made.sent("create", "pods", "eviction")] == [{"dryRun": "All"}]
    assert made.store.get(Key("pods", "default", "web-node")) is not None


def test_without_eviction_pods_are_deleted_and_their_grace_is_sent():
    made = desk()
    assert made.run("kubectl drain node --disable-eviction --grace-period=3")[1] == (
        "node/node cordoned\npod/web-node deleted\nnode/node drained\n")
    assert [request.query.get("gracePeriodSeconds") for request in made.sent("delete", "pods")] == ["3"]


@pytest.mark.parametrize("line, text", [
    ("drain", "error: USAGE: drain NODE [flags]\nSee 'kubectl drain -h' for help and examples\n"),
    ("drain node --selector=a=b", "error: cannot specify both a node name and a --selector option\nSee 'kubectl drain -h' for help "
                                  "and examples\n"),
    ("drain node other", 'Error from server (NotFound): nodes "other" not found\n'),
    ("drain node --pod-selector='a b'", "error: --pod-selector=<pod_selector> must be a valid label selector\n"),
    ("drain node --dry-run=foo", 'error: Invalid dry-run value (foo). Must be "none", "server", or "client".\n'),
    ("drain node --delete-local-data", "error: unknown flag: --delete-local-data\nSee 'kubectl drain --help' for usage.\n"),
    ("cordon", "error: USAGE: cordon NODE [flags]\nSee 'kubectl cordon -h' for help and examples\n"),
])
def test_wrong_words_change_nothing(line, text):
    made = desk()
    before = made.store.revision
    assert made.run(f"kubectl {line}") == (1, "", text)
    assert made.store.revision == before


def test_older_clients_still_take_the_old_name_of_emptydir():
    made = desk("1.28.15")
    status, _, err = made.run("kubectl drain node --delete-local-data")
    assert (status, err) == (0, "Flag --delete-local-data has been deprecated, This option is deprecated and will be deleted. Use "
                                "--delete-emptydir-data.\n")
