"""Replaces the control plane's manifests one by one, waits for the kubelet, and puts the old ones back where it must.

Models: cmd/kubeadm/app/phases/upgrade/staticpods.go, util/apiclient/wait.go. Left out: self-hosted control planes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sim.api import objects
from sim.api.client import Key
from sim.api.errors import StatusError, TransportError
from sim.engine import Steps, microseconds
from sim.host.files import FileError
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.phases import manifests, renew
from sim.kubeadm.phases.config import Configuration
from sim.kubeadm.phases.manifests import FOLDER, PLANE

PATIENCE_SECONDS = 300
TMP = "/etc/kubernetes/tmp"
PREPARES_SINCE, PHASED_SINCE, HASH_LINES_UNTIL = (1, 16), (1, 32), (1, 25)
HASH = "kubernetes.io/config.hash"


@dataclass
class Paths:
    """Where manifests lie during an upgrade. moved: programs whose manifest was replaced."""

    new: str
    backup: str
    etcd_backup: str
    moved: dict[str, None] = field(default_factory=dict)

    @classmethod
    def make(cls, session: Session) -> Paths:
        """Make the folders."""
        stamp, root = session.stamp(), session.host.files.view()
        paths = cls(f"{TMP}/kubeadm-upgraded-manifests{session.digits()}", f"{TMP}/kubeadm-backup-manifests-{stamp}",
                    f"{TMP}/kubeadm-backup-etcd-{stamp}")
        for folder in (paths.new, paths.backup, paths.etcd_backup):
            root.make_dir(folder, parents=True)
            root.chmod(folder, 0o700)
        return paths


class Upgrader:
    """Upgrades the static pods of one host to a configuration's version.

    renews: whether certificates are renewed; etcd: whether etcd is upgraded, too.
    """

    def __init__(self, session: Session, config: Configuration, *, renews: bool = True, etcd: bool = True) -> None:
        self.session, self.config, self.renews = session, config, renews
        self.etcd = etcd and not config.external_etcd
        self.node = session.host.name
        self.root = session.host.files.view()
        self.lines: dict[str, tuple[str, list[str]]] = {}
        self.paths: Paths

    def run(self) -> Steps[None]:
        """Upgrade everything; what was done is taken back where a program does not come up. Raises KubeadmError."""
        session = self.session
        self.lines = manifests.commands(session.host, self.config, self.peers())
        before = yield from self.hashes(PLANE if session.minor < PREPARES_SINCE or not self.etcd else ("etcd", *PLANE))
        self.paths = Paths.make(session)
        late = session.minor < (1, 31)
        if late:
            yield from self._etcd(before)
        session.say("pods.writing", folder=self.paths.new)
        for name in PLANE:
            manifests.write(session.host, name, *self.lines[name], session.minor, folder=self.paths.new)
        yield from session.takes(0.1, 0.2, 0.5)
        if not late:
            yield from self._etcd(before)
        for name in PLANE:
            yield from self.component(name, before.get(name, ""))
        if self.renews:
            for name in ("admin.conf", "super-admin.conf"):
                renew.renew(session.host, name)
        self.root.remove(self.paths.new, recursive=True)
        if not self.etcd:
            self.root.remove(self.paths.etcd_backup, recursive=True)

    def peers(self) -> dict[str, str]:
        """Give etcd's members as this host's manifest has them: kubeadm leaves them as they are."""
        try:
            text = self.root.read(f"{FOLDER}/etcd.yaml").decode()
        except (FileError, UnicodeDecodeError):
            text = ""
        line = next((row.partition("--initial-cluster=")[2] for row in text.splitlines() if "--initial-cluster=" in row), "")
        pairs = [part.partition("=https://") for part in line.strip("'\" ").split(",") if "=https://" in part]
        return {name: rest.rpartition(":")[0] for name, _, rest in pairs} or {self.node: self.session.host.address}

    # ---- one program ------------------------------------------------------------------------------------------
    def _hash(self, name: str) -> Steps[str]:
        pod = f"{name}-{self.node}"
        try:
            found = yield from self.session.send("get", Key("pods", "kube-system", pod))
        except (StatusError, TransportError):
            return ""
        value = objects.annotations(found).get(HASH, "")
        self.session.say("pods.hash", pod=pod, hash=value)
        return value

    def hashes(self, names: Iterable[str]) -> Steps[dict[str, str]]:
        """Give the hashes of the mirror pods before the upgrade. Raises KubeadmError."""
        found: dict[str, str] = {}
        for name in names:

            def seen(name: str = name) -> Steps[bool]:
                found[name] = yield from self._hash(name)
                return bool(found[name])

            if not (yield from self.session.until(PATIENCE_SECONDS, seen)):
                raise KubeadmError(f'failed to obtain static Pod hash for component {name} on Node {self.node}: pods '
                                   f'"{name}-{self.node}" not found')
        return found

    def component(self, name: str, before: str) -> Steps[None]:
        """Replace a program's manifest and wait for it. Raises KubeadmError after everything was put back."""
        session, paths = self.session, self.paths
        session.say("pods.preparing", component=name)
        current, new, backup = (f"{folder}/{name}.yaml" for folder in (FOLDER, paths.new, paths.backup))
        try:
            equal = self.root.read(current) == self.root.read(new)
        except FileError as error:
            raise KubeadmError(f"open {current}: {str(error).lower()}") from None
        if equal and session.minor >= PREPARES_SINCE and not self._restarts_anyway(name):
            session.say("pods.equal", component=name)
            return
        if self.renews:
            for certificate in renew.BY_COMPONENT[name]:
                session.say("pods.renewing", certificate=certificate)
                if not renew.renew(session.host, certificate):
                    session.out(f"[upgrade/staticpods] External CA detected, {certificate} certificate can't be renewed")
        if equal:
            if session.minor < PREPARES_SINCE:
                session.say("pods.equal", component=name)
                return
            session.say("pods.restarting", component=name, backup=backup)
        moved = session.text("pods.moved", path=current, backup=backup)
        if session.minor >= (1, 31) and not equal:
            session.out(moved)
        paths.moved[name] = None
        self.root.rename(current, backup)
        if equal:
            yield from session.until(PATIENCE_SECONDS, lambda: self._stopped(name))
        self.root.rename(new, current)
        if session.minor < (1, 31):
            session.out(moved)
        session.say("pods.waiting")
        session.say("pods.patience")
        yield from self._wait(name, "" if equal else before)
        session.say("pods.upgraded", component=name)

    def _stopped(self, name: str) -> Steps[bool]:
        """Tell whether no container of a program runs on this host."""
        yield from self.session.pause(0.0)
        found = [sandbox.latest(name) for sandbox in self.session.host.runtime.sandboxes.values()]
        return not any(container is not None and container.running for container in found)

    def _restarts_anyway(self, name: str) -> bool:
        """Tell whether etcd is restarted though its manifest is the same: the API server gets new certificates (1.31)."""
        if name != "etcd" or not self.renews or self.session.minor < (1, 31):
            return False
        try:
            return self.root.read(f"{FOLDER}/kube-apiserver.yaml") != self.root.read(f"{self.paths.new}/kube-apiserver.yaml")
        except FileError:
            return False

    def _wait(self, name: str, before: str) -> Steps[None]:
        session = self.session
        end_us = session.engine.now_us + microseconds(PATIENCE_SECONDS)

        def changed() -> Steps[bool]:
            found = yield from self._hash(name)
            return bool(found) and found != before

        if not (yield from session.until(PATIENCE_SECONDS, changed)):
            self.roll_back(name, session.text("pods.timeout", component=name, node=self.node))
        selector, seen = f"component={name}", [-1]

        def running() -> Steps[bool]:
            try:
                pods = (yield from session.send("list", Key("pods", "kube-system", ""), query={"labelSelector": selector}))["items"]
            except (StatusError, TransportError):
                return False
            if len(pods) != seen[0]:
                seen[0] = len(pods)
                session.say("pods.found", count=len(pods), selector=selector)
            return bool(pods) and all(objects.dig(pod, "status.phase", "") == "Running" for pod in pods)

        left = max(1.0, (end_us - session.engine.now_us) / 1e6) if session.minor >= (1, 31) else PATIENCE_SECONDS
        if not (yield from session.until(left, running)):
            self.roll_back(name, session.text("pods.not-running"))

    def roll_back(self, failed: str, error: str) -> None:
        """Put the manifests back that were replaced; etcd's only when it is etcd that failed. Raises KubeadmError."""
        for name in self.paths.moved:
            if name == "etcd" and failed != "etcd":
                continue
            backup = f"{self.paths.backup}/{name}.yaml"
            if self.root.exists(backup):
                self.root.rename(backup, f"{FOLDER}/{name}.yaml")
        raise KubeadmError(f"{self.session.text('pods.rolled-back')}: {error}")

    # ---- etcd -------------------------------------------------------------------------------------------------
    def _etcd(self, before: dict[str, str]) -> Steps[None]:
        if self.etcd:
            from sim.kubeadm.upgrade.etcd import upgrade

            yield from upgrade(self, before.get("etcd", ""))
