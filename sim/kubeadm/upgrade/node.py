"""kubeadm upgrade node: the control plane of a further host, and the kubelet's configuration of any; and its old form.

Models: cmd/kubeadm/app/cmd/upgrade/node.go, cmd/phases/upgrade/node.
"""

from __future__ import annotations

from typing import Any

from sim.engine import Steps
from sim.kubeadm.frame.session import ADMIN_CONF, KUBELET_CONF, KubeadmError, Session
from sim.kubeadm.phases import config as configs
from sim.kubeadm.phases.config import Configuration
from sim.kubeadm.phases.manifests import FOLDER
from sim.kubeadm.upgrade import after, apply, checks
from sim.kubeadm.upgrade.staticpods import Upgrader
from sim.versions.catalogue import Version, VersionError

PHASED_SINCE = (1, 32)


def run(session: Session, flags: Any, words: list[str]) -> Steps[None]:
    """Upgrade this node."""
    session.dry_run = flags["dry-run"]
    plane = session.files.exists(f"{FOLDER}/kube-apiserver.yaml")
    session.connect(flags["kubeconfig"] or (ADMIN_CONF if plane else KUBELET_CONF))
    config = yield from _config(session)
    yield from _preflight(session, flags, config, plane=plane)
    yield from _control_plane(session, flags, config, plane=plane)
    if session.minor >= PHASED_SINCE:
        session.say("apply.kubeconfig" if plane else "node.no-kubeconfig")
    elif plane:
        after.kubeconfigs(session, config)
    if session.dry_run:
        session.say("dryrun.finished")
        return
    yield from kubelet_config(session, config)
    if session.minor >= PHASED_SINCE:
        if plane:
            yield from after.apply_addons(session, config)
        else:
            for name in ("coredns", "kube-proxy"):
                session.say("node.no-addon", name=name)


def kubelet_config(session: Session, config: Configuration) -> Steps[None]:
    """Write the kubelet's configuration of this host. Raises KubeadmError."""
    try:
        yield from after.kubelet_file(session, config.minor)
    except KubeadmError as error:
        raise error.wrap("error execution phase kubelet-config") from None
    yield from session.takes(0.5, 1.5, 4.0)
    session.say("node.config-done")
    session.say("node.now")


def _config(session: Session) -> Steps[Configuration]:
    try:
        return (yield from checks.read_config(session, "upgrade"))
    except KubeadmError as error:
        text = str(error)
        raise error if text.startswith(("[upgrade", "unable to fetch")) else error.wrap(
            "unable to fetch the kubeadm-config ConfigMap: failed to get config map") from None


def _preflight(session: Session, flags: Any, config: Configuration, *, plane: bool) -> Steps[None]:
    session.say("node.preflight")
    ignore = flags["ignore-preflight-errors"]
    try:
        yield from checks.run_checks(session, config, [("IsPrivilegedUser", checks.root)], ignore)
        if not plane:
            session.say("node.no-pull")
        elif session.minor >= (1, 19):
            phase = "upgrade/preflight" if session.minor >= PHASED_SINCE else "preflight"
            if session.dry_run:
                session.say("pull.would", phase=phase)
                return
            for name in ("pull.1", "pull.2", "pull.3"):
                session.say(name, phase=phase)
            yield from apply.pull_all(session, config, ignore)
    except KubeadmError as error:
        raise error if str(error).startswith("error execution") else error.wrap("error execution phase preflight") from None


def _control_plane(session: Session, flags: Any, config: Configuration, *, plane: bool) -> Steps[None]:
    if not plane:
        session.say("node.not-plane")
        return
    session.say("node.upgrading", version=config.version)
    if session.dry_run:
        from sim.kubeadm.upgrade.preview import manifests_only

        yield from manifests_only(session, config, etcd=flags["etcd-upgrade"])
        return
    try:
        yield from Upgrader(session, config, renews=flags["certificate-renewal"], etcd=flags["etcd-upgrade"]).run()
        if session.minor < PHASED_SINCE and session.minor >= (1, 28):
            yield from after.apply_addons(session, config)
    except KubeadmError as error:
        raise error.wrap(session.text("node.plane-failed")) from None
    session.say("node.plane-done")


def kubelet_phase(session: Session, flags: Any, words: list[str]) -> Steps[None]:
    """Write the kubelet's configuration only (`upgrade node phase kubelet-config`)."""
    plane = session.files.exists(f"{FOLDER}/kube-apiserver.yaml")
    session.connect(flags["kubeconfig"] or (ADMIN_CONF if plane else KUBELET_CONF))
    yield from kubelet_config(session, (yield from _config(session)))


def plane_phase(session: Session, flags: Any, words: list[str]) -> Steps[None]:
    """Upgrade the control plane of this host only (`upgrade node phase control-plane`)."""
    plane = session.files.exists(f"{FOLDER}/kube-apiserver.yaml")
    session.connect(flags["kubeconfig"] or (ADMIN_CONF if plane else KUBELET_CONF))
    yield from _control_plane(session, flags, (yield from _config(session)), plane=plane)


def old_config(session: Session, flags: Any, words: list[str]) -> Steps[None]:
    """Write the kubelet's configuration for a version (`upgrade node config --kubelet-version`, 1.11 to 1.15)."""
    text = flags["kubelet-version"]
    if not text:
        raise KubeadmError("The --kubelet-version argument is required")
    try:
        version = Version.parse(text)
    except VersionError:
        raise KubeadmError(f'couldn\'t parse kubelet version "{text}": could not parse "{text}" as version') from None
    session.connect(KUBELET_CONF)
    yield from after.kubelet_file(session, version[:2])
    yield from session.takes(0.5, 1.5, 4.0)
    session.out("[upgrade] The configuration for this node was successfully updated!")
    session.out("[upgrade] Now you should go ahead and upgrade the kubelet package using your package manager.")


def old_plane(session: Session, flags: Any, words: list[str]) -> Steps[None]:
    """Upgrade a further control plane (`upgrade node experimental-control-plane`, 1.12 to 1.14)."""
    session.connect(ADMIN_CONF)
    found = yield from session.get(configs.CONFIG_MAP)
    if found is None:
        raise KubeadmError("unable to fetch the kubeadm-config ConfigMap")
    config = configs.read(found)
    session.say("node.upgrading", version=config.version)
    yield from Upgrader(session, config).run()
    session.say("node.plane-done")
