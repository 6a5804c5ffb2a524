"""etcd's part of an upgrade: data is kept aside first, and put back with the old manifest where the new one fails.

Models: performEtcdStaticPodUpgrade of cmd/kubeadm/app/phases/upgrade/staticpods.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api.errors import TransportError
from sim.components import ETCD_PORT
from sim.engine import Steps
from sim.host.files import FileError
from sim.host.machine import Host
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.phases import manifests
from sim.versions.catalogue import Version, VersionError

if TYPE_CHECKING:
    from sim.kubeadm.upgrade.staticpods import Upgrader

TRIES, TRY_SECONDS = 10, 15.0


def answers(host: Host) -> bool:
    """Tell whether etcd serves on a host."""
    try:
        host.dial("127.0.0.1", ETCD_PORT)
    except TransportError:
        return False
    return True


def available(session: Session) -> Steps[bool]:
    """Wait until etcd serves, ten times 15 seconds at most."""

    def look() -> Steps[bool]:
        yield from session.pause(0.01)
        return answers(session.host)

    return (yield from session.until(TRIES * TRY_SECONDS, look, TRY_SECONDS))


def copy_tree(host: Host, source: str, target: str) -> None:
    """Copy a folder with owners and modes. Raises FileError."""
    root = host.files.view()
    for name, node in root.entries(source):
        old, new = f"{source}/{name}", f"{target}/{name}"
        if root.is_dir(old):
            root.make_dir(new, parents=True)
            copy_tree(host, old, new)
        else:
            root.copy(old, new)
        root.chmod(new, node.mode)


def running_version(host: Host) -> str:
    """Give the version of the etcd container that runs on a host, "" when none does."""
    for sandbox in host.runtime.sandboxes.values():
        container = sandbox.latest("etcd")
        if container is not None and container.running:
            return container.image.rpartition(":")[2].removeprefix("v")
    return ""


def upgrade(upgrader: Upgrader, before: str) -> Steps[None]:
    """Upgrade etcd. Raises KubeadmError where the upgrade of the control plane must end."""
    session, paths, config = upgrader.session, upgrader.paths, upgrader.config
    session.say("etcd.tls")
    if not answers(session.host):
        raise KubeadmError("context deadline exceeded").wrap(session.text("etcd.unhealthy"))
    yield from session.takes(0.5, 1.0, 3.0)
    try:
        copy_tree(session.host, config.data_dir, paths.etcd_backup)
    except FileError as error:
        raise KubeadmError(f"failed to back up etcd data: {str(error).lower()}") from None
    image, words = upgrader.lines["etcd"]
    wanted, current = image.rpartition(":")[2], running_version(session.host)
    try:
        old = bool(current) and Version.parse(wanted.partition("-")[0]) < Version.parse(current.partition("-")[0])
    except VersionError:
        old = False
    if old:
        text = session.text("etcd.older", version=config.version, wanted=wanted.partition("-")[0], current=current.partition("-")[0])
        session.say("etcd.not-fatal", error=text)
        return
    if session.minor < (1, 16) and wanted == current:
        return
    before = before or (yield from upgrader.hashes(["etcd"]))["etcd"]
    manifests.write(session.host, "etcd", image, words, session.minor, folder=paths.new)
    try:
        yield from upgrader.component("etcd", before)
    except KubeadmError as error:
        session.say("etcd.failed", error=error)
        yield from _recover(upgrader, str(error))
    session.say("etcd.waiting")
    if not (yield from available(session)):
        session.say("etcd.no-health", error="timeout waiting for etcd cluster to be available")
        session.say("etcd.rolling-data")
        _restore(upgrader)
        session.say("etcd.rolled-data")
        session.say("etcd.rolling-manifest")
        yield from _put_back(upgrader)


def _restore(upgrader: Upgrader) -> None:
    """Put the data back that was kept aside."""
    root, folder = upgrader.root, upgrader.config.data_dir
    for name in root.list(folder) if root.is_dir(folder) else []:
        root.remove(f"{folder}/{name}", recursive=True)
    copy_tree(upgrader.session.host, upgrader.paths.etcd_backup, folder)


def _recover(upgrader: Upgrader, error: str) -> Steps[None]:
    """See that the old etcd serves again after its manifest was put back. Raises KubeadmError."""
    session = upgrader.session
    session.say("etcd.previous")
    if not (yield from available(session)):
        session.say("etcd.no-previous", error="timeout waiting for etcd cluster to be available")
        session.say("etcd.rolling-data")
        _restore(upgrader)
        session.say("etcd.rolled-data")
        session.say("etcd.previous")
        if not (yield from available(session)):
            session.say("etcd.no-previous", error="timeout waiting for etcd cluster to be available")
            raise KubeadmError(session.text("etcd.lost-fatal", folder=upgrader.paths.etcd_backup, error=error))
    session.say("etcd.rolled")
    raise KubeadmError(session.text("etcd.rolled-fatal", error=error))


def _put_back(upgrader: Upgrader) -> Steps[None]:
    try:
        upgrader.roll_back("etcd", "timeout waiting for etcd cluster to be available")
    except KubeadmError as error:
        yield from _recover(upgrader, str(error))
