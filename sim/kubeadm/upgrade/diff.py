"""kubeadm upgrade diff: what an upgrade would change in the manifests. Models: cmd/kubeadm/app/cmd/upgrade/diff.go."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any

from sim.engine import Steps
from sim.host.files import FileError
from sim.kubeadm import releases
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.phases import manifests
from sim.kubeadm.phases.manifests import FOLDER, PLANE
from sim.kubeadm.upgrade import checks
from sim.kubeadm.upgrade.staticpods import Upgrader


def run(session: Session, flags: Any, words: list[str]) -> Steps[None]:
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
