"""Strategies: lines that a learner might type, right ones and wrong ones, and what may go wrong around them."""

from __future__ import annotations

from hypothesis import strategies as st

NODES = ("node01", "node02")
HOSTS = ("controlplane", *NODES)
DEPLOYMENTS = ("web", "db", "job")
KINDS = ("pods", "po", "nodes", "deploy", "rs", "ds", "svc", "pdb", "cm", "ns", "events", "all", "leases", "endpoints")
COMPONENTS = ("kube-scheduler", "kube-controller-manager")
SETTINGS = ("kubelet-not-ready", "memory-pressure", "disk-pressure", "node-silent", "power-off")

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
SHELL = st.one_of(
    template("mv /etc/kubernetes/manifests/{component}.yaml /root/", component=st.sampled_from(COMPONENTS)),
    template("mv /root/{component}.yaml /etc/kubernetes/manifests/", component=st.sampled_from(COMPONENTS)),
    template("ssh {node} 'systemctl {verb} kubelet'", node=node, verb=st.sampled_from(("stop", "start", "restart"))),
    st.sampled_from(("kubectl", "kubectl drain", "kubectl get", "kubectl 'get", "|", "&&", "kubectl get pods |", "(", "cd /nope",
                     "kubectl delete", "kubectl apply -f nope.yaml", "echo $((1/0))", "kubectl get po -l 'a in (b'", "fg",
                     "while true; do sleep 10; done", "kubectl get pods -w", "echo ${x?unset}", "kubectl --nope get po")),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20),
    st.lists(st.sampled_from(("kubectl", "get", "delete", "pods", "node01", "-o", "--all", "-f", "|", ";", "$(", ")", "'", "*",
                              "&", ">", "x", "-n", "kube-system", "!", "{", "}")), max_size=7).map(" ".join),
)
LINE = st.one_of(WRITING, WRITING, READING, SHELL)
