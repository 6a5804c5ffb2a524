"""Ready-made state is what the controllers would have made: they find nothing to do, and a real run looks the same."""

import re
from collections import Counter

import pytest

from sim.api.client import Key
from sim.api.errors import KubedrillError
from sim.bench.clusters import bring_up, make_lab
from sim.lab.install.readymade import scale_out

WEB = Key("deployments", "default", "web")
PODS = 40


def ready_made(pods=PODS):
    lab = make_lab(4, history=True)
    bring_up(lab, 1)
    scale_out(lab.network, lab.server(), WEB, pods)
    lab.wait(10)
    return lab


def plain(value):
    """Leave out what chance and the clock give: names, uids, addresses, times, revisions."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if key not in (
            "name", "uid", "resourceVersion", "podIP", "podIPs", "hostIP", "hostIPs", "containerID", "nodeName", "time")}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
        return "TIME"
    return value


def test_running_on_changes_nothing():
    lab = ready_made()
    before = len(lab.world.changes())
    lab.wait(2 * 3600)
    changed = [change for change in lab.world.changes()[before:] if change.key.resource != "events"]
    assert [(change.type, change.key, change.because) for change in changed] == []


def test_it_is_as_if_it_had_been_brought_up():
    lab, real = ready_made(), make_lab(4, history=True)
    bring_up(real, PODS)
    real.wait(10)
    for resource in ("pods", "replicasets", "deployments"):
        mine, its = (sorted((plain(each) for each in one.store().list(resource, "default")), key=str) for one in (lab, real))
        if resource == "deployments":
            for each in (*mine, *its):  # the one was scaled, the other created so: generation and managers differ
                del each["metadata"]["managedFields"], each["metadata"]["generation"], each["status"]["observedGeneration"]
        if resource == "replicasets":
            for each in (*mine, *its):
                del each["metadata"]["generation"], each["status"]["observedGeneration"]
        assert mine == its
    nodes = [Counter(pod["spec"]["nodeName"] for pod in one.store().list("pods", "default")) for one in (lab, real)]
    assert [sorted(each.values()) for each in nodes] == [[PODS // 4] * 4] * 2


def test_it_lives_on_as_usual():
    lab = ready_made()
    assert lab.run("kubectl drain node0001 --ignore-daemonsets").status == 0
    lab.wait(60)
    pods = lab.store().list("pods", "default")
    assert len(pods) == PODS and not any(pod["spec"]["nodeName"] == "node0001" for pod in pods)
    assert all(pod["status"]["phase"] == "Running" for pod in pods)


def test_no_room_is_said():
    lab = make_lab(1, pods=20)
    bring_up(lab, 1)
    with pytest.raises(KubedrillError, match="no room"):
        scale_out(lab.network, lab.server(), WEB, 200)
