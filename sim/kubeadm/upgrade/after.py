"""What follows the control plane in an upgrade: configurations, the kubelet's file, tokens' rules, addons, labels and taints.

Models: cmd/kubeadm/app/phases/upgrade/postupgrade.go.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import Steps
from sim.host.files import FileError
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.phases import addons, bootstrap, kubelet, manifests
from sim.kubeadm.phases.config import CONFIG_MAP, ROLE, Configuration
from sim.kubeadm.upgrade.staticpods import TMP
from sim.versions import defaults

OLD, NEW = "node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"
CRI = "kubeadm.alpha.kubernetes.io/cri-socket"
SUPER_ADMIN_SINCE, BACKUP_SINCE = (1, 29), (1, 27)
DROPPED_FLAGS = {"container-runtime": ((1, 27), "postupgrade.go"), "pod-infra-container-image": ((1, 35), "postupgrade.go")}


def upload(session: Session, config: Configuration) -> Steps[None]:
    """Keep the configuration in the ConfigMap kubeadm-config. Raises KubeadmError."""
    session.say("post.config")
    label = defaults.names("control-plane-labels", config.version)[0]
    nodes = yield from session.list("nodes", labelSelector=label)
    addresses = {objects.name(node): next((row["address"] for row in objects.dig(node, "status.addresses", []) or []
                                           if row["type"] == "InternalIP"), "") for node in nodes}
    yield from session.put(CONFIG_MAP, config.config_map(session.minor, addresses),
                           because=f"kubeadm keeps the configuration of v{config.version}")
    for key, body in bootstrap.readers(CONFIG_MAP, ROLE):
        yield from session.put(key, body)


def kubelet_map(session: Session, config: Configuration) -> Steps[Object]:
    """Keep the kubelets' configuration in its ConfigMap; what was changed there stays. Raises KubeadmError."""
    key = kubelet.config_map_key(config.minor)
    session.say("post.kubelet-map", name=key.name)
    found = None
    for version in (config.minor, (config.minor[0], config.minor[1] - 1)):
        found = found or (yield from session.get(kubelet.config_map_key(version)))
    body = {"data": dict(found["data"])} if found is not None else {"data": {"kubelet": kubelet.config_file().decode()}}
    yield from session.put(key, body, because=f"kubeadm keeps the kubelets' configuration of v{config.version}")
    for rule, rules in bootstrap.readers(key, kubelet.role(config.minor)):
        yield from session.put(rule, rules)
    return body


def kubelet_file(session: Session, minor: tuple[int, int]) -> Steps[None]:
    """Write the kubelet's configuration of this host from the ConfigMap. Raises KubeadmError."""
    key = kubelet.config_map_key(minor)
    session.say("post.download", name=key.name)
    found = yield from session.get(key)
    if found is None:
        raise KubeadmError(f'configmaps "{key.name}" not found')
    root = session.host.files.view()
    if session.minor >= BACKUP_SINCE:
        folder = f"{TMP}/kubeadm-kubelet-config{session.digits()}"
        root.make_dir(folder, parents=True)
        text = session.text("post.temporary", folder=folder)
        if text:
            session.klog("W", f"postupgrade.go:{116 if session.minor >= (1, 34) else 117}", text)
        session.say("post.backup", folder=folder)
        try:
            root.write(f"{folder}/config.yaml", root.read(kubelet.CONFIG_FILE))
        except FileError as error:
            raise KubeadmError(f"error backing up the kubelet config file: open {kubelet.CONFIG_FILE}: {str(error).lower()}") from None
    session.say("post.kubelet-file")
    root.write(kubelet.CONFIG_FILE, kubelet.config_file(found))
    _drop_flags(session)


def _drop_flags(session: Session) -> None:
    """Take flags out of kubeadm-flags.env that the kubelet of this version no longer knows."""
    root = session.host.files.view()
    try:
        text = root.read(kubelet.FLAGS_FILE).decode()
    except (FileError, UnicodeDecodeError):
        return
    head, quote, rest = text.partition('"')
    words = rest.rpartition('"')[0].split()
    kept = [word for word in words if not any(
        word.startswith(f"--{flag}=") and session.minor >= since for flag, (since, _) in DROPPED_FLAGS.items())]
    if quote and kept != words:
        root.write(kubelet.FLAGS_FILE, f'{head}"{" ".join(kept)}"\n'.encode())


def kubeconfigs(session: Session, config: Configuration) -> None:
    """Write super-admin.conf where this host has none yet (1.29)."""
    root = session.host.files.view()
    if session.minor < SUPER_ADMIN_SINCE or root.exists("/etc/kubernetes/super-admin.conf"):
        return
    for name in ("admin.conf", "super-admin.conf"):
        session.say("post.kubeconfigs", name=name)
    root.copy("/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf")


def annotate(session: Session) -> Steps[None]:
    """Keep the runtime's socket as the node's annotation, and say so up to 1.13. Raises KubeadmError."""
    text = session.text("post.cri", socket="/var/run/dockershim.sock", node=session.host.name)
    if not text:
        return
    session.out(text)
    yield from _patch(session, Key("nodes", "", session.host.name), {"metadata": {"annotations": {CRI: kubelet.SOCKET}}},
                      "kubeadm keeps the runtime's socket")


def _patch(session: Session, key: Key, body: Object, because: str) -> Steps[None]:
    try:
        yield from session.send("patch", key, body=body, query={"patchType": "merge"}, because=because)
    except (StatusError, TransportError) as error:
        raise KubeadmError(error.message) from None


def token_rules(session: Session) -> Steps[None]:
    """Apply the RBAC rules of bootstrap tokens. Raises KubeadmError."""
    for name, parts in bootstrap.rules(session.minor):
        for key, body in parts:
            yield from session.put(key, body, because="kubeadm lets new nodes in")
        session.say(name)


def labels_and_taints(session: Session) -> Steps[None]:
    """Move the control plane's nodes from master to control-plane, as versions did from 1.20 to 1.25. Raises KubeadmError."""
    if session.text("post.label"):
        session.say("post.label")
        for node in (yield from session.list("nodes", labelSelector=OLD)):
            change: Object = {NEW: ""} if session.minor < (1, 24) else {NEW: "", OLD: None}
            yield from _patch(session, Key("nodes", "", objects.name(node)), {"metadata": {"labels": change}},
                              "kubeadm moves the label of control-plane nodes")
    if session.text("post.taint"):
        session.say("post.taint")
        for node in (yield from session.list("nodes", labelSelector=NEW)):
            taints = list(objects.dig(node, "spec.taints", []) or [])
            keys = [taint["key"] for taint in taints]
            if OLD in keys and session.minor < (1, 25) and NEW not in keys:
                taints.append({"key": NEW, "effect": "NoSchedule"})
            if session.minor >= (1, 25):
                taints = [taint for taint in taints if taint["key"] != OLD]
            yield from _patch(session, Key("nodes", "", objects.name(node)), {"spec": {"taints": taints}},
                              "kubeadm moves the taint of control-plane nodes")


def behind(session: Session, config: Configuration) -> Steps[list[str]]:
    """Give the control-plane nodes whose API server is not of the version yet. Raises KubeadmError."""
    wanted = manifests.images(config)["kube-apiserver"].rpartition(":")[2]
    pods = yield from session.list("pods", "kube-system", labelSelector="component=kube-apiserver")
    return sorted(str(pod["spec"].get("nodeName", "")) for pod in pods
                  if str(pod["spec"]["containers"][0]["image"]).rpartition(":")[2] != wanted)


def apply_addons(session: Session, config: Configuration) -> Steps[None]:
    """Apply the addons once all API servers are of the version. Raises KubeadmError."""
    waiting = yield from behind(session, config)
    if waiting:
        for _ in range(2 if session.minor >= (1, 32) else 1):
            session.say("addons.skipped", nodes=f"[{' '.join(waiting)}]")
        return
    yield from addons.apply(session, config)
