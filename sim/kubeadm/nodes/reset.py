"""kubeadm reset: takes back what init or join did to this host. Models: cmd/kubeadm/app/cmd/reset.go, cmd/phases/reset."""

from __future__ import annotations

from typing import Any

from sim.api.errors import TransportError
from sim.components import ETCD_PORT
from sim.engine import Steps, microseconds
from sim.etcd.requests import EtcdError
from sim.host.etcd import changes
from sim.host.files import DIRECTORY
from sim.kubeadm.frame.command import Command, Flag, Values
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.phases import config as configs
from sim.kubeadm.phases.manifests import FOLDER

ADMIN, PKI, KUBELET, ETCD = "/etc/kubernetes/admin.conf", "/etc/kubernetes/pki", "/var/lib/kubelet", "/var/lib/etcd"
FILES = ("admin.conf", "super-admin.conf", "kubelet.conf", "bootstrap-kubelet.conf", "controller-manager.conf", "scheduler.conf")
SUPER_SINCE, SHORT_SINCE = (1, 29), (1, 30)
ASK = "[reset] Are you sure you want to proceed? [y/N]: "
STOP_SECONDS, CONTAINER_SECONDS = 1.0, 2.0
LEFT = """
The reset process does not clean CNI configuration. To do so, you must remove /etc/cni/net.d

The reset process does not reset or clean up iptables rules or IPVS tables.
If you wish to reset iptables, you must do so manually by using the "iptables" command.

If your cluster was setup to utilize IPVS, run ipvsadm --clear (or similar)
to reset your system's IPVS tables.

The reset process does not clean your kubeconfig files and you must remove them manually.
Please, check the contents of the $HOME/.kube/config file."""
LEFT_NEW = """
The reset process does not perform cleanup of CNI plugin configuration,
network filtering rules and kubeconfig files.

For information on how to perform this cleanup manually, please see:
    https://k8s.io/docs/reference/setup-tools/kubeadm/kubeadm-reset/
"""
LEFT_NEW_SINCE = (1, 32)


def run(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Reset this host. Raises KubeadmError."""
    plane = session.files.exists(f"{FOLDER}/kube-apiserver.yaml")
    yield from _configuration(session, flags["kubeconfig"] or ADMIN)
    if not flags["force"]:
        session.klog("W", "preflight.go:56", "[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will be "
                     "reverted.")
        answer = yield from session.ask(ASK)
        if answer.strip().lower() not in ("y", "yes"):
            raise KubeadmError("error execution phase preflight: aborted reset operation" if session.minor >= (1, 14) else
                               "aborted reset operation")
    session.out("[preflight] Running pre-flight checks")
    if session.uid:
        raise KubeadmError("error execution phase preflight: [preflight] Some fatal errors occurred:\n\t[ERROR IsPrivilegedUser]: "
                           "user is not running as root\n[preflight] If you know what you are doing, you can make a check non-fatal "
                           "with `--ignore-preflight-errors=...`", 2)
    yield from _etcd(session, plane=plane)
    yield from _node(session)
    session.out(LEFT_NEW if session.minor >= LEFT_NEW_SINCE else LEFT)


def _configuration(session: Session, path: str) -> Steps[None]:
    """Read the cluster's configuration where there is a kubeconfig; without an answer reset goes on."""
    if not session.files.exists(path):
        return
    try:
        session.connect(path)
        session.say("config.reading", phase="reset")
        yield from session.get(configs.CONFIG_MAP)
        session.say("config.look", phase="reset")
    except KubeadmError as error:
        session.klog("W", "reset.go:143", f"[reset] Unable to fetch the kubeadm-config ConfigMap from cluster: failed to get config "
                     f"map: {error}")


def _etcd(session: Session, *, plane: bool) -> Steps[None]:
    yield from session.pause(0.1)
    local = session.files.exists(f"{FOLDER}/etcd.yaml")
    if not local:
        session.klog("W", "removeetcdmember.go:106", "[reset] No kubeadm config, using etcd pod spec to get data directory")
        session.out("[reset] No etcd config found. Assuming external etcd")
        session.out("[reset] Please, manually reset etcd to prevent further issues")
        return
    try:
        member: Any = session.host.dial("127.0.0.1", ETCD_PORT)
        if len(member.cluster.members) > 1:
            changes.remove(member, member.id)
    except (TransportError, EtcdError, AttributeError) as error:
        session.klog("W", "removeetcdmember.go:88", f"[reset] Failed to remove etcd member: {error}, please manually remove this etcd "
                     "member using etcdctl")
    session.out(f"[reset] Deleted contents of the etcd data directory: {ETCD}")


def _node(session: Session) -> Steps[None]:
    host = session.host
    session.out("[reset] Stopping the kubelet service")
    unit = host.unit("kubelet")
    if unit is not None and unit.running:
        yield session.engine.sleep(microseconds(max(STOP_SECONDS, unit.stop())))
    session.out(f'[reset] Unmounting mounted directories in "{KUBELET}"')
    for sandbox in list(host.runtime.sandboxes.values()):
        host.runtime.remove(sandbox)
    yield from session.pause(CONTAINER_SECONDS)
    for folder in (ETCD, FOLDER, KUBELET, PKI):
        _empty(session, folder)
    order = (FOLDER, KUBELET, PKI) if session.minor >= (1, 27) else (FOLDER, PKI)
    session.out(f"[reset] Deleting contents of directories: [{' '.join(order)}]")
    files = [f"/etc/kubernetes/{name}" for name in FILES if name != "super-admin.conf" or session.minor >= SUPER_SINCE]
    session.out(f"[reset] Deleting files: [{' '.join(files)}]")
    for path in files:
        if session.files.exists(path):
            session.files.remove(path)


def _empty(session: Session, folder: str) -> None:
    if session.files.is_dir(folder):
        for name, node in session.files.entries(folder):
            session.files.remove(f"{folder}/{name}", recursive=node.kind == DIRECTORY)


COMMANDS = (
    Command("reset", "Performs a best effort revert of changes made to this host by 'kubeadm init' or 'kubeadm join'", run, (
        Flag("cert-dir", PKI, "The path to the directory where the certificates are stored. If specified, clean this directory.",
             modelled=False),
        Flag("cleanup-tmp-dir", False, 'Cleanup the "/etc/kubernetes/tmp" directory', since=(1, 28)),
        Flag("config", "", "Path to a kubeadm configuration file.", since=(1, 30), modelled=False),
        Flag("cri-socket", "", "Path to the CRI socket to connect. If empty kubeadm will try to auto-detect this value; use this option "
             "only if you have more than one CRI installed or if you have non-standard CRI socket."),
        Flag("dry-run", False, "Don't apply any changes; just output what would be done.", modelled=False),
        Flag("force", False, "Reset the node without prompting for confirmation.", "f"),
        Flag("ignore-preflight-errors", (), "A list of checks whose errors will be shown as warnings. Example: "
             "'IsPrivilegedUser,Swap'. Value 'all' ignores errors from all checks."),
        Flag("kubeconfig", ADMIN, "The kubeconfig file to use when talking to the cluster. If the flag is not set, a set of standard "
             "locations can be searched for an existing kubeconfig file."),
        Flag("skip-phases", (), "List of phases to be skipped", modelled=False))),
)
