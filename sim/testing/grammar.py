"""Strategies: lines that a learner might type, right ones and wrong ones, and what may go wrong around them."""

from __future__ import annotations

from hypothesis import strategies as st

NODES = ("node01", "node02", "node03")
HOSTS = ("controlplane", *NODES)
DEPLOYMENTS = ("web", "db", "job")
KINDS = ("pods", "po", "nodes", "deploy", "rs", "ds", "svc", "pdb", "cm", "ns", "events", "all", "leases", "endpoints",
         "sts", "jobs", "cj", "pv", "pvc", "quota", "controllerrevisions", "endpointslices")
COMPONENTS = ("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
UNITS = ("kubelet", "containerd")
HELD = (
    *((name, node) for name in ("kubelet-not-ready", "memory-pressure", "disk-pressure", "node-silent", "power-off") for node in NODES),
    *(("partition", f"controlplane {node}") for node in NODES), ("partition", "node01 node02"))
"""Faults that hold until they are taken back."""
PASSING = (
    *((name, f"controlplane/{component}") for name in ("kill", "stop") for component in COMPONENTS),
    *((name, f"{host}/{unit}") for name in ("kill", "stop", "start") for host in HOSTS for unit in UNITS),
    *(("reboot", host) for host in HOSTS))
"""Faults that are over at once; a unit that was stopped is started when the world is healed."""

name = st.sampled_from((*DEPLOYMENTS, "nope"))
node = st.sampled_from((*NODES, "controlplane", "node99"))
replicas = st.integers(0, 4)
flags = st.lists(st.sampled_from((
    "--ignore-daemonsets", "--force", "--delete-emptydir-data", "--timeout=20s", "--grace-period=0", "--grace-period=5",
    "--disable-eviction", "--dry-run=server", "--dry-run=client", "--nope")), unique=True, max_size=5).map(" ".join)
output = st.sampled_from(("", "-o wide", "-o yaml", "-o json", "-o name", "--no-headers", "-A", "-o nope", "-w --timeout=1s",
                          "-o jsonpath='{.items[*].metadata.name}'", "--show-labels", "--sort-by=.metadata.name"))


def template(text: str, **parts: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    """Fill a line's places from strategies."""
    return st.builds(text.format, **parts)


MANIFEST = """cat <<'EOF' | kubectl {verb} -f -
apiVersion: {version}
kind: {kind}
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: {grace}
      containers: [{{name: c, image: nginx, resources: {{requests: {{cpu: {cpu}, memory: {memory}}}}}}}]
EOF"""
BARE = """cat <<'EOF' | kubectl apply -f -
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {app}}}}}
spec:
  nodeName: {node}
  containers: [{{name: c, image: nginx}}]
EOF"""

JOB = """cat <<'EOF' | kubectl apply -f -
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}}}
spec:
  completions: {completions}
  parallelism: {parallelism}
  backoffLimit: 2
  ttlSecondsAfterFinished: {ttl}
  template: {{spec: {{restartPolicy: {policy}, containers: [{{name: c, image: "{image}"}}]}}}}
EOF"""
INDEXED = """cat <<'EOF' | kubectl apply -f -
apiVersion: batch/v1
kind: Job
metadata: {{name: indexed}}
spec:
  completions: 3
  parallelism: {parallelism}
  completionMode: Indexed
  backoffLimitPerIndex: {limit}
  {policy}
  template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: "{image}"}}]}}}}
EOF"""
LOCAL = """cat <<'EOF' | kubectl apply -f -
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: local}}
provisioner: {provisioner}
volumeBindingMode: {mode}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: kept}}
spec: {{storageClassName: local, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: keeper}}
spec:
  replicas: {replicas}
  strategy: {{type: Recreate}}
  selector: {{matchLabels: {{app: keeper}}}}
  template:
    metadata: {{labels: {{app: keeper}}}}
    spec:
      containers: [{{name: c, image: nginx}}]
      volumes: [{{name: kept, persistentVolumeClaim: {{claimName: kept}}}}]
EOF"""
CRON = """cat <<'EOF' | kubectl apply -f -
apiVersion: batch/v1
kind: CronJob
metadata: {{name: tick}}
spec:
  schedule: "{schedule}"
  concurrencyPolicy: {policy}
  jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: "task:1.0"}}]}}}}}}}}
EOF"""
SET = """cat <<'EOF' | kubectl apply -f -
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: state}}
spec:
  serviceName: state
  replicas: {replicas}
  podManagementPolicy: {policy}
  persistentVolumeClaimRetentionPolicy: {{whenScaled: {scaled}, whenDeleted: {deleted}}}
  selector: {{matchLabels: {{app: state}}}}
  template:
    metadata: {{labels: {{app: state}}}}
    spec: {{containers: [{{name: nginx, image: nginx, volumeMounts: [{{name: data, mountPath: /data}}]}}]}}
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{storageClassName: "", accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}}}
EOF"""
DAEMONS = """cat <<'EOF' | kubectl apply -f -
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: agent}}
spec:
  selector: {{matchLabels: {{app: agent}}}}
  updateStrategy: {{type: RollingUpdate, rollingUpdate: {strategy}}}
  template:
    metadata: {{labels: {{app: agent}}}}
    spec: {{containers: [{{name: nginx, image: "nginx:{tag}"}}]}}
EOF"""
VOLUME = """cat <<'EOF' | kubectl apply -f -
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec:
  capacity: {{storage: {size}}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  hostPath: {{path: /srv/{name}}}
EOF"""
CLAIM = """cat <<'EOF' | kubectl apply -f -
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}}}
spec: {{storageClassName: "", accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}}}
EOF"""

READING = st.one_of(
    template("kubectl get {kind} {out}", kind=st.sampled_from(KINDS), out=output),
    template("kubectl get {kind} {name} {out}", kind=st.sampled_from(KINDS), name=name, out=output),
    template("kubectl describe {kind}", kind=st.sampled_from(("node node01", "nodes", "pdb", "deploy", "pod", "node nope"))),
    template("kubectl rollout status deployment {name} --timeout=20s", name=name),
    st.sampled_from(("kubectl get pods | grep -c Running", "kubectl version", "kubectl api-resources", "date", "jobs",
                     "for i in 1 2 3; do kubectl get nodes -o name; done", "sleep 5", "kubectl cluster-info")),
)
WRITING = st.one_of(
    template("kubectl create deployment {name} --image=nginx --replicas={n}", name=name, n=replicas),
    template("kubectl scale deployment {name} --replicas={n}", name=name, n=replicas),
    template("kubectl delete deployment {name} {how}", name=name, how=st.sampled_from(
        ("", "--now", "--wait=false", "--cascade=orphan", "--cascade=foreground", "--grace-period=0 --force"))),
    template("kubectl delete pods {how}", how=st.sampled_from(
        ("--all", "-l app=web", "-l app=db --force --grace-period=0", "--all --wait=false", "nope"))),
    template("kubectl drain {node} {flags}", node=node, flags=flags),
    template("kubectl drain {node} --ignore-daemonsets --force --delete-emptydir-data --timeout=60s", node=node),
    template("kubectl {verb} {node}", verb=st.sampled_from(("cordon", "uncordon")), node=node),
    template("kubectl taint nodes {node} {taint}", node=node, taint=st.sampled_from(
        ("a=b:NoSchedule", "a=b:NoExecute", "a-", "a:NoExecute-", "a=b:Nope", "a=c:NoSchedule --overwrite"))),
    template("kubectl label node {node} {label}", node=node, label=st.sampled_from(
        ("disk=ssd", "disk=hdd --overwrite", "disk-", "=", "topology.kubernetes.io/zone=a"))),
    template("kubectl create pdb {name} --selector=app={name} {rule}", name=name, rule=st.sampled_from(
        ("--min-available=1", "--min-available=50%", "--max-unavailable=1", "--max-unavailable=0", "--min-available=x", ""))),
    template("kubectl delete pdb {name}", name=name),
    template("kubectl rollout restart deployment {name}", name=name),
    template("kubectl set image deployment/{name} nginx=nginx:{tag}", name=name, tag=st.sampled_from(("1.27", "1.28"))),
    template("kubectl patch deployment {name} -p '{{\"spec\":{{\"replicas\":{n}}}}}'", name=name, n=replicas),
    template(MANIFEST, verb=st.sampled_from(("apply", "create", "replace")), kind=st.sampled_from(
        ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet", "Nope")), version=st.sampled_from(("apps/v1", "v1")),
        name=name, replicas=replicas, grace=st.sampled_from((0, 1, 30, 120)),
        cpu=st.sampled_from(("100m", "900m", "5")), memory=st.sampled_from(("64Mi", "1Gi", "1Ti", "x"))),
    template(BARE, name=st.sampled_from(("bare", "lonely")), app=name, node=node),
)
size = st.sampled_from(("1Gi", "5Gi"))
tag = st.sampled_from(("1.27", "1.28"))
NEWER = st.one_of(
    template(JOB, name=st.sampled_from(("once", "twice")), completions=st.integers(1, 3), parallelism=st.integers(0, 3),
             ttl=st.sampled_from(("null", 0, 60)), policy=st.sampled_from(("Never", "OnFailure")),
             image=st.sampled_from(("task:1.0", "broken:1.0"))),
    template("kubectl delete job {name} {how}", name=st.sampled_from(("once", "twice", "--all")), how=st.sampled_from(
        ("", "--wait=false", "--cascade=orphan", "--cascade=foreground"))),
    template("kubectl patch job once -p '{{\"spec\":{{\"suspend\":{on}}}}}'", on=st.sampled_from(("true", "false"))),
    template(CRON, schedule=st.sampled_from(("* * * * *", "*/2 * * * *", "@hourly")),
             policy=st.sampled_from(("Allow", "Forbid", "Replace"))),
    template("kubectl patch cronjob tick -p '{{\"spec\":{{\"suspend\":{on}}}}}'", on=st.sampled_from(("true", "false"))),
    st.sampled_from(("kubectl create job now --from=cronjob/tick", "kubectl delete cronjob tick", "kubectl delete job now",
                     "kubectl delete sts state", "kubectl delete sts state --cascade=orphan", "kubectl delete ds agent",
                     "kubectl delete pvc --all --wait=false", "kubectl delete pv --all --wait=false",
                     "kubectl rollout undo deployment web", "kubectl rollout undo ds agent", "kubectl rollout undo sts state",
                     "kubectl rollout pause deployment web", "kubectl rollout resume deployment web")),
    template(SET, replicas=replicas, policy=st.sampled_from(("OrderedReady", "Parallel")), size=size,
             scaled=st.sampled_from(("Retain", "Delete")), deleted=st.sampled_from(("Retain", "Delete"))),
    template(INDEXED, parallelism=st.integers(1, 3), limit=st.integers(0, 1), image=st.sampled_from(("task:1.0", "broken:1.0")),
             policy=st.sampled_from(("maxFailedIndexes: 1", "successPolicy: {rules: [{succeededCount: 2}]}",
                                     "podReplacementPolicy: Failed"))),
    template(LOCAL, replicas=replicas, provisioner=st.sampled_from(("rancher.io/local-path", "kubernetes.io/no-provisioner")),
             mode=st.sampled_from(("WaitForFirstConsumer", "Immediate"))),
    st.sampled_from(("kubectl delete job indexed", "kubectl delete sc local", "kubectl delete deploy keeper --wait=false",
                     "kubectl autoscale deployment web --min=2 --max=4 --cpu-percent=50", "kubectl delete hpa --all",
                     "kubectl top nodes", "kubectl top pods -A", "kubectl get hpa,apiservices",
                     "kubectl create role reader --verb=get --resource=pods", "kubectl delete role reader",
                     "kubectl create rolebinding reader --role=reader --user=jane", "kubectl get pods --as=jane",
                     "kubectl auth can-i list pods --as=jane", "kubectl delete rolebinding reader")),
    template("kubectl scale sts state --replicas={n}", n=replicas),
    template(DAEMONS, tag=tag, strategy=st.sampled_from(
        ("{maxUnavailable: 1}", "{maxUnavailable: 100%}", "{maxSurge: 1, maxUnavailable: 0}"))),
    template("kubectl set image ds/agent nginx=nginx:{tag}", tag=tag),
    template("kubectl set image sts/state nginx=nginx:{tag}", tag=tag),
    template("kubectl rollout restart {what}", what=st.sampled_from(("ds agent", "sts state", "ds -n kube-system kube-proxy"))),
    template(VOLUME, name=st.sampled_from(("vol1", "vol2", "vol3")), size=size),
    template(CLAIM, name=st.sampled_from(("data-state-0", "spare")), size=size),
    template("kubectl create quota limit --hard={hard}", hard=st.sampled_from(
        ("pods=3", "pods=0", "count/deployments.apps=1,pods=5", "count/jobs.batch=1", "persistentvolumeclaims=1", "cpu=1"))),
    st.just("kubectl delete quota limit"),
)
FURNITURE = (
    "kubectl create deployment web --image=nginx --replicas=3",
    "kubectl create pdb web --selector=app=web --min-available=1",
    VOLUME.format(name="vol1", size="1Gi"), VOLUME.format(name="vol2", size="5Gi"),
    SET.format(replicas=2, policy="OrderedReady", size="1Gi", scaled="Retain", deleted="Retain"),
    LOCAL.format(replicas=1, provisioner="rancher.io/local-path", mode="WaitForFirstConsumer"),
    INDEXED.format(parallelism=2, limit=1, image="broken:1.0", policy="maxFailedIndexes: 1"),
    DAEMONS.format(tag="1.27", strategy="{maxUnavailable: 1}"),
    CRON.format(schedule="* * * * *", policy="Forbid"),
    JOB.format(name="once", completions=3, parallelism=1, ttl="null", policy="Never", image="task:1.0"))
"""Lines that make one of everything, so that there is something to break."""
SHELL = st.one_of(
    template("mv /etc/kubernetes/manifests/{component}.yaml /root/", component=st.sampled_from(COMPONENTS)),
    template("mv /root/{component}.yaml /etc/kubernetes/manifests/", component=st.sampled_from(COMPONENTS)),
    template("ssh {node} 'systemctl {verb} kubelet'", node=node, verb=st.sampled_from(("stop", "start", "restart"))),
    template("mv /etc/kubernetes/manifests/{component}.yaml /root/; sleep {n}; mv /root/{component}.yaml /etc/kubernetes/manifests/ &",
             component=st.sampled_from(COMPONENTS), n=st.sampled_from((3, 30))),
    template("(sleep {n}; kubectl drain {node} --ignore-daemonsets --timeout=30s) &", n=st.sampled_from((1, 20)), node=node),
    st.sampled_from(("kill %1", "wait", "jobs -l", "fg", "bg", "kubectl get pods -w &", "kubectl get events -A -w > /tmp/e &",
                     "ssh node01 reboot", "kill -STOP $!", "disown")),
    st.sampled_from(("kubectl", "kubectl drain", "kubectl get", "kubectl 'get", "|", "&&", "kubectl get pods |", "(", "cd /nope",
                     "kubectl delete", "kubectl apply -f nope.yaml", "echo $((1/0))", "kubectl get po -l 'a in (b'", "fg",
                     "while true; do sleep 10; done", "kubectl get pods -w", "echo ${x?unset}", "kubectl --nope get po")),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20),
    st.lists(st.sampled_from(("kubectl", "get", "delete", "pods", "node01", "-o", "--all", "-f", "|", ";", "$(", ")", "'", "*",
                              "&", ">", "x", "-n", "kube-system", "!", "{", "}")), max_size=7).map(" ".join),
)
LINE = st.one_of(WRITING, NEWER, NEWER, READING, SHELL)
