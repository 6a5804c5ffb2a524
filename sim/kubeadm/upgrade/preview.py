"""What an upgrade would do, without doing it: `kubeadm upgrade diff`, and what --dry-run shows.

Models: cmd/kubeadm/app/cmd/upgrade/diff.go, phases/upgrade/staticpods.go (DryRunStaticPodUpgrade), util/dryrun. Left out: the
log of reading requests.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any

from sim.engine import Steps
from sim.host.files import FileError
from sim.kubeadm import releases
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.phases import manifests
from sim.kubeadm.phases.config import Configuration
from sim.kubeadm.phases.manifests import FOLDER, PLANE
from sim.kubeadm.upgrade import checks
from sim.kubeadm.upgrade.staticpods import Upgrader


def diff(session: Session, flags: Any, words: list[str]) -> Steps[None]:
    """Show the differences between the manifests of this host and those of a version."""
    if not words:
        raise KubeadmError("missing one or more required arguments. Required arguments: [version]")
    session.connect(flags["kubeconfig"] or "/etc/kubernetes/admin.conf")
    config = replace((yield from checks.read_config(session, "upgrade/diff")), version=releases.target_of(session, words[0]))
    lines = manifests.commands(session.host, config, Upgrader(session, config).peers())
    context = flags["context-lines"]
    for name in PLANE:
        path = f"{FOLDER}/{name}.yaml"
        try:
            old = session.files.read(path).decode()
        except FileError as error:
            raise KubeadmError(f'the manifest file "{path}" does not exist: stat {path}: {str(error).lower()}') from None
        new = manifests.manifest(session.host, name, *lines[name], session.minor).decode()
        session.write("".join(difflib.unified_diff(
            old.splitlines(keepends=True), new.splitlines(keepends=True), path, "new manifest",
            n=int(context) if context.isdigit() else 3)), "stdout")


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
