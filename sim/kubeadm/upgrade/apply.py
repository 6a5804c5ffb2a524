"""kubeadm upgrade apply: from the question to the success line.

Models: cmd/kubeadm/app/cmd/upgrade/apply.go, cmd/phases/upgrade/apply.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.api.errors import NotSimulated
from sim.engine import Steps
from sim.kubeadm import images, releases
from sim.kubeadm.frame.session import PREFLIGHT_EXIT, KubeadmError, Session
from sim.kubeadm.phases import manifests
from sim.kubeadm.phases.config import Configuration
from sim.kubeadm.upgrade import after, checks, plan, policy
from sim.kubeadm.upgrade.staticpods import Upgrader
from sim.versions import catalogue, defaults
from sim.versions.catalogue import VersionError

PREPULL_UNTIL, PHASED_SINCE = (1, 16), (1, 32)


def run(session: Session, flags: Any, words: list[str]) -> Steps[None]:
    """Upgrade the control plane of this host, and what belongs to the cluster."""
    session.dry_run = flags["dry-run"]
    if not words and not flags["config"]:
        raise KubeadmError("missing one or more required arguments. Required arguments: [version]")
    config = yield from checks.requirements(session, flags, apply=True)
    version = releases.target_of(session, words[0])
    yield from _allowed(session, flags, version)
    if not (flags["yes"] or flags["force"] or session.dry_run):
        answer = (yield from session.ask(session.text("apply.question"))).strip().lower()
        if answer not in ("y", "yes"):
            session.fail("apply.no")
    try:
        catalogue.release_date(version)
    except VersionError as error:
        raise NotSimulated(f"the upgrade to {version}: {error}") from None
    config = replace(config, version=version)
    yield from _pull(session, flags, config)
    session.say("apply.upgrading", version=version)
    if session.dry_run:
        from sim.kubeadm.upgrade.preview import dry_run

        yield from dry_run(session, config, etcd=flags["etcd-upgrade"])
        return
    try:
        yield from Upgrader(session, config, renews=flags["certificate-renewal"], etcd=flags["etcd-upgrade"]).run()
    except KubeadmError as error:
        raise error.wrap(session.text("apply.fatal")) from None
    session.say("apply.done-plane")
    yield from _afterwards(session, config)
    session.say("apply.success", version=version)


def _allowed(session: Session, flags: Any, version: str) -> Steps[None]:
    """See that the version may be gone to. Raises KubeadmError."""
    session.say("apply.cri")
    session.say("apply.chosen", version=version)
    cluster = yield from plan.cluster_version(session)
    session.say("versions.cluster", version=f"v{cluster}")
    session.say("versions.kubeadm", version=session.version)
    kubelets = yield from plan.kubelet_versions(session)
    verdict = policy.judge(
        f"v{version}", f"v{cluster}", f"v{session.version}", kubelets, experimental=flags["allow-experimental-upgrades"],
        candidates=flags["allow-release-candidate-upgrades"])

    def listed(errors: tuple[str, ...]) -> str:
        return "".join(f"\t- {error}\n" for error in errors)

    if verdict.mandatory:
        session.fail("apply.fatal-version", errors=listed(verdict.mandatory))
    if verdict.skippable and not flags["force"]:
        session.fail("apply.wrong-version", errors=listed(verdict.skippable))
    if verdict.skippable:
        session.write(session.text("apply.forced", count=len(verdict.skippable), errors=listed(verdict.skippable)), "stdout")


def _pull(session: Session, flags: Any, config: Configuration) -> Steps[None]:
    """Pull the images; a fault ends the run unless ImagePull is ignored. Raises KubeadmError."""
    phase = "upgrade/preflight" if session.minor >= PHASED_SINCE else "upgrade/prepull"
    if session.dry_run:
        session.say("pull.would", phase=phase)
        return
    if session.minor < PREPULL_UNTIL:
        yield from _prepull(session, config)
        return
    for name in ("pull.1", "pull.2", "pull.3"):
        session.say(name, phase=phase)
    yield from pull_all(session, config, flags["ignore-preflight-errors"])


def pull_all(session: Session, config: Configuration, ignore: tuple[str, ...]) -> Steps[None]:
    """Pull all images that the version wants. Raises KubeadmError."""
    errors = []
    for name in images.names(config):
        problem = yield from images.pull(session, name)
        if problem and policy.ignored(ignore, "ImagePull"):
            session.err(f"\t[WARNING ImagePull]: failed to pull image {name}: {problem}")
        elif problem:
            errors.append(f"\t[ERROR ImagePull]: failed to pull image {name}: {problem}\n")
    if errors:
        head = "error execution phase preflight: " if session.minor >= PHASED_SINCE else ""
        raise KubeadmError(f"{head}[preflight] Some fatal errors occurred:\n{''.join(errors)}[preflight] If you know what you are "
                           "doing, you can make a check non-fatal with `--ignore-preflight-errors=...`", PREFLIGHT_EXIT)


def _prepull(session: Session, config: Configuration) -> Steps[None]:
    """Pull the images by DaemonSets of their own, as up to 1.15. Raises KubeadmError."""
    session.say("prepull.will")
    wanted = manifests.images(config)
    for name in ("etcd", "kube-controller-manager", "kube-scheduler", "kube-apiserver"):
        session.say("prepull.one", component=name)
    label = defaults.names("control-plane-labels", config.version)[0]
    planes = len((yield from session.list("nodes", labelSelector=label)))
    late = ("kube-controller-manager", "etcd", "kube-scheduler")
    for name, count in (*((name, 0) for name in late), ("kube-apiserver", planes), *((name, planes) for name in late)):
        yield from session.pause(0.2)
        session.say("pods.found", count=count, selector=f"k8s-app=upgrade-prepull-{name}")
    for name in ("kube-apiserver", "kube-controller-manager", "etcd", "kube-scheduler"):
        problem = yield from images.pull(session, wanted[name])
        if problem:
            raise KubeadmError(f"[upgrade/prepull] Failed prepulled the images for the control plane components error: {problem}")
    for name in ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager"):
        session.say("prepull.done", component=name)
    session.say("prepull.all")


def _afterwards(session: Session, config: Configuration) -> Steps[None]:
    phased = session.minor >= PHASED_SINCE
    if not phased:
        yield from after.labels_and_taints(session)
    yield from after.upload(session, config)
    yield from after.kubelet_map(session, config)
    if phased:
        session.say("apply.kubeconfig")
    yield from after.kubelet_file(session, config.minor)
    session.say("apply.kubelet")
    yield from after.annotate(session)
    after.kubeconfigs(session, config)
    session.say("apply.bootstrap")
    yield from after.token_rules(session)
    yield from after.apply_addons(session, config)


