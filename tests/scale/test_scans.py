"""Nothing that reconciles one key looks at the whole cluster: counted event by event in a world of many nodes."""

import traceback
from collections import Counter

import pytest

from sim.bench.clusters import bring_up, make_lab
from sim.engine import Engine
from sim.etcd.store import Store

READS_MOST = 60
"""How many pods or nodes one simulation event may read from lists and indexes; far fewer than there are of either."""

OTHERS = """apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: team}
spec:
  serviceName: db
  replicas: 3
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: nginx}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: db, namespace: team}
spec: {minAvailable: 2, selector: {matchLabels: {app: db}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: team}
spec:
  completions: 2
  template: {spec: {restartPolicy: Never, containers: [{name: once, image: busybox, command: [sleep, '5']}]}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: few, namespace: team}
spec: {hard: {pods: '40'}}
"""
BUDGET = """apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 10%, selector: {matchLabels: {app: web}}}
"""


class Meter:
    """Counts how many pods and nodes each simulation event reads, and remembers the worst."""

    def __init__(self, monkeypatch):
        self.now = Counter()
        self.reset()
        step = Engine.step

        def counted_step(engine):
            self.now.clear()
            step(engine)
            self.events += 1

        monkeypatch.setattr(Engine, "step", counted_step)
        for name in ("list", "by_index"):
            monkeypatch.setattr(Store, name, self.counted(getattr(Store, name)))

    def reset(self):
        self.events, self.worst = 0, {"pods": (0, []), "nodes": (0, [])}
        self.total = Counter()

    def counted(self, read):
        def reads(store, resource, *more):
            found = read(store, resource, *more)
            if resource in self.worst:
                self.now[resource] += len(found)
                self.total[resource] += len(found)
                if self.now[resource] > self.worst[resource][0]:
                    lines = [f"{each.filename}:{each.lineno}" for each in traceback.extract_stack()[-6:-1]]
                    self.worst[resource] = self.now[resource], lines
            return found

        return reads


def do(lab, *lines):
    for line in lines:
        result = lab.run(line)
        assert result.status == 0, (line, result.stderr)
        lab.wait(5)


@pytest.mark.parametrize(("nodes", "pods"), [(120, 200), pytest.param(1000, 1500, marks=pytest.mark.slow)])
def test_no_event_reads_the_whole_cluster(nodes, pods, monkeypatch):
    meter = Meter(monkeypatch)  # before the lab: its readers keep the store's methods
    lab = make_lab(nodes)
    bring_up(lab, pods)
    do(lab, "kubectl expose deployment web --port=80", f"kubectl apply -f - <<'E'\n{BUDGET}E")
    assert meter.worst["pods"][0] >= pods, "a new service's selector is matched with every pod once: the meter counts it"
    meter.reset()
    do(lab, "kubectl create namespace team", f"kubectl apply -f - <<'E'\n{OTHERS}E",
       "kubectl create deployment small -n team --image=nginx --replicas=2",
       "kubectl expose deployment small -n team --port=80",
       f"kubectl scale deployment web --replicas={pods + 5}",
       "kubectl taint node node0002 a=b:NoExecute", "kubectl label node node0003 disk=ssd",
       "kubectl drain node0004 --ignore-daemonsets", "kubectl uncordon node0004", "kubectl delete node node0005",
       "kubectl set image deployment small -n team nginx=nginx:1.27")
    lab.lab_line(":fault node-silent node0006")
    lab.wait(420)
    do(lab, "kubectl delete namespace team --wait=false")
    assert meter.events > 10 * READS_MOST
    assert {resource: found for resource, found in meter.worst.items() if found[0] > READS_MOST} == {}
    # Whoever scales down ranks the set's own pods, as upstream; even that is a few looks, not one per pod that goes.
    meter.reset()
    do(lab, f"kubectl scale deployment web --replicas={pods - 20}")
    assert meter.total["pods"] <= 5 * pods
