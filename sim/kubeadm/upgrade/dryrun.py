"""What --dry-run shows of an upgrade: the manifests that would be written, and the requests that would be sent.

Models: phases/upgrade/staticpods.go (DryRunStaticPodUpgrade), util/dryrun. Left out: the log of reading requests.
"""

from __future__ import annotations

from sim.engine import Steps
from sim.kubeadm.frame.session import Session
from sim.kubeadm.phases import manifests
from sim.kubeadm.phases.config import Configuration
from sim.kubeadm.phases.manifests import FOLDER, PLANE
from sim.kubeadm.upgrade.staticpods import Upgrader


def manifests_only(session: Session, config: Configuration, *, etcd: bool) -> Steps[None]:
    """Show the manifests that would be written."""
    upgrader = Upgrader(session, config, etcd=etcd)
    lines = manifests.commands(session.host, config, upgrader.peers())
    folder = f"/etc/kubernetes/tmp/kubeadm-upgrade-dryrun{session.digits()}"
    yield from session.takes(0.1, 0.3, 1.0)
    root = session.host.files.view()
    root.make_dir(folder, parents=True)
    for name in (*(("etcd",) if etcd and "etcd" in lines else ()), *PLANE):
        data = manifests.manifest(session.host, name, *lines[name], session.minor)
        root.write(f"{folder}/{name}.yaml", data)
        session.out(f'[dryrun] Would write file "{FOLDER}/{name}.yaml" with content:')
        session.write("".join(f"\t{line}\n" for line in data.decode().splitlines()), "stdout")


def dry_run(session: Session, config: Configuration, *, etcd: bool) -> Steps[None]:
    """Show an upgrade without doing it."""
    yield from manifests_only(session, config, etcd=etcd)
    session.out("[dryrun] Would upload the kubeadm ClusterConfiguration to a ConfigMap")
    session.out("[dryrun] Would upload the kubelet configuration to a ConfigMap")
    session.out("[dryrun] Would configure bootstrap token and cluster-info RBAC rules")
    session.say("dryrun.finished")
