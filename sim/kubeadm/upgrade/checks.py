"""What an upgrade looks at before it does anything: root, health of the cluster, the configuration.

Models: cmd/kubeadm/app/cmd/upgrade/common.go, phases/upgrade/health.go, preflight.RunChecks. Left out: CoreDNS migration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import yaml

from sim.api import objects
from sim.api.client import Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import Steps
from sim.kubeadm.frame.session import ERROR_SINCE, PREFLIGHT_EXIT, KubeadmError, Session
from sim.kubeadm.phases import config as configs
from sim.kubeadm.phases.config import Configuration
from sim.kubeadm.phases.manifests import FOLDER, PLANE
from sim.kubeadm.upgrade.policy import ignored
from sim.versions import catalogue, defaults

ORDER = (((1, 30), "sure preflight reading health"), ((1, 16), "sure reading preflight health"), ((1, 0), "preflight health sure reading"))
APPLY_PHASES_SINCE = (1, 32)
JOB = "upgrade-health-check"
JOB_SINCE, MANIFEST_SINCE = (1, 18), (1, 13)
JOB_SUFFIX_SINCE, JOB_MINUTE_SINCE = (1, 31), (1, 36)
JOB_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
Check = tuple[str, Callable[[Session, Configuration], Steps[str]]]


def run_checks(session: Session, config: Configuration, checks: Sequence[Check], ignore: Sequence[str]) -> Steps[None]:
    """Run checks; what fails and is not ignored ends the run, after all were made. Raises KubeadmError."""
    errors = []
    for name, check in checks:
        found = yield from check(session, config)
        if not found:
            continue
        if ignored(ignore, name):
            session.err(f"\t[WARNING {name}]: {found}")
        else:
            errors.append(f"\t[ERROR {name}]: {found}\n")
    if errors:
        listed = ("[preflight] Some fatal errors occurred:\n" + "".join(errors) + "[preflight] If you know what you are doing, you "
                  "can make a check non-fatal with `--ignore-preflight-errors=...`")
        if session.minor >= ERROR_SINCE:
            session.err(listed)
            listed = "preflight checks failed"
        raise KubeadmError(listed, PREFLIGHT_EXIT)


def root(session: Session, _: Configuration) -> Steps[str]:
    """Check that the user is root."""
    yield from session.pause(0.0)
    return "" if session.uid == 0 else "user is not running as root"


def healthy(session: Session, config: Configuration, ignore: Sequence[str], *, phased: bool = False) -> Steps[None]:
    """Check the cluster's health. phased: as a part of apply's phase preflight (1.32). Raises KubeadmError."""
    session.say("health")
    checks: list[Check] = [("CreateJob", create_job)] if session.minor >= JOB_SINCE else [("APIServerHealth", api_healthy)]
    checks.append(("ControlPlaneNodesReady" if session.minor >= (1, 15) else "MasterNodesReady", planes_ready))
    if session.minor >= MANIFEST_SINCE:
        checks.append(("StaticPodManifest", manifests_there))
    try:
        yield from run_checks(session, config, checks, ignore)
    except KubeadmError as error:
        raise error.wrap("error execution phase preflight" if phased else session.text("health.fatal")) from None


def api_healthy(session: Session, _: Configuration) -> Steps[str]:
    """Check that the API server answers (kubeadm up to 1.17)."""
    try:
        yield from session.send("list", Key("namespaces", "", ""))
    except (StatusError, TransportError) as error:
        return f"the API Server is unhealthy; /healthz didn't return \"ok\": {error.message}"
    return ""


def create_job(session: Session, config: Configuration) -> Steps[str]:
    """Check that a Job gets done within 15 seconds."""
    if session.dry_run:
        session.out(f'[upgrade/health] Would create the Job "{JOB}" in namespace "kube-system" and wait until it completes')
        return ""
    nodes = yield from session.list("nodes", fieldSelector="spec.unschedulable=false")
    if not nodes and session.minor >= (1, 19):
        session.klog("W", f"health.go:{135 if session.minor >= (1, 33) else 132}", session.text("health.skipped"))
        return ""
    name = f"{JOB}-{session.stream.text(JOB_ALPHABET, 5)}" if session.minor >= JOB_SUFFIX_SINCE else JOB
    seconds = 60 if session.minor >= JOB_MINUTE_SINCE else 15
    key, shown = Key("jobs", "kube-system", name), f'Job "{name}" in the namespace "kube-system"'
    last = ""

    def created() -> Steps[bool]:
        nonlocal last
        try:
            yield from session.send("create", key, body=_job(config, name), because="kubeadm upgrade looks whether a Job gets done")
        except (StatusError, TransportError) as error:
            last = error.message
            return False
        return True

    def done() -> Steps[bool]:
        nonlocal last
        last = "no condition of type Complete"
        try:
            job = yield from session.send("get", key)
        except (StatusError, TransportError) as error:
            last = error.message
            return False
        return any(row["type"] == "Complete" and row["status"] == "True" for row in objects.dig(job, "status.conditions", []) or [])

    yield from _delete(session, key, only_if_there=True)
    if not (yield from session.until(seconds, created, 1.0)):
        return f"could not create {shown}: {last}"
    in_time = yield from session.until(seconds, done, 1.0)
    yield from _delete(session, key)
    return "" if in_time else f"{shown} did not complete in {'1m0s' if seconds == 60 else '15s'}: {last}"


def _delete(session: Session, key: Key, *, only_if_there: bool = False) -> Steps[None]:
    try:
        if only_if_there:
            yield from session.send("get", key)
        yield from session.send("delete", key, query={"propagationPolicy": "Foreground"})
    except (StatusError, TransportError):
        return


def _job(config: Configuration, name: str) -> Object:
    tolerated = dict.fromkeys(("node-role.kubernetes.io/control-plane", *defaults.names("control-plane-taints", config.version)))
    pause = f"{config.images}/pause:{catalogue.images(config.version).pause}"
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "kube-system"}, "spec": {
        "backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never", "securityContext": {"runAsUser": 999, "runAsGroup": 999, "runAsNonRoot": True},
            "tolerations": [{"key": taint, "effect": "NoSchedule"} for taint in tolerated],
            "containers": [{"name": JOB, "image": pause, "args": ["-v"]}]}}}}


def planes_ready(session: Session, config: Configuration) -> Steps[str]:
    """Check that the control plane's nodes are ready."""
    label = defaults.names("control-plane-labels", config.version)[0]
    try:
        nodes = yield from session.list("nodes", labelSelector=label)
    except KubeadmError as error:
        return f'could not list nodes labeled with "{label}": {error}'
    bad = [objects.name(node) for node in nodes for row in objects.dig(node, "status.conditions", []) or []
           if row["type"] == "Ready" and row["status"] != "True"]
    word = "control-planes" if session.minor >= (1, 19) else "masters"
    return f"there are NotReady {word} in the cluster: [{' '.join(bad)}]" if bad else ""


def manifests_there(session: Session, _: Configuration) -> Steps[str]:
    """Check that the manifests of the control plane are on this host."""
    yield from session.pause(0.0)
    missing = [path for name in PLANE if not session.files.exists(path := f"{FOLDER}/{name}.yaml")]
    if not missing:
        return ""
    if session.minor >= (1, 31):
        return f"manifest files not found: [{' '.join(missing)}]"
    return ("The control plane seems to be Static Pod-hosted, but some of the manifests don't seem to exist on disk. This probably "
            "means you're running 'kubeadm upgrade' on a remote machine, which is not supported for a Static Pod-hosted cluster. "
            f"Manifest files not found: [{' '.join(missing)}]")


def read_config(session: Session, phase: str) -> Steps[Configuration]:
    """Read the cluster's configuration, and say so. Raises KubeadmError."""
    session.say("config.reading", phase=phase)
    found = yield from session.get(configs.CONFIG_MAP)
    session.say("config.look", phase=phase)
    if found is None:
        if phase != "upgrade" or session.minor >= APPLY_PHASES_SINCE:
            session.say("config.missing")
            session.fail("config.missing-error")
        raise KubeadmError('unable to fetch the kubeadm-config ConfigMap: failed to get config map: configmaps "kubeadm-config" '
                           "not found")
    try:
        return configs.read(found)
    except (KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise KubeadmError(f"failed to decode cluster configuration data: {error}").wrap(session.text("config.fatal")) from None


def requirements(session: Session, flags: Any, *, apply: bool) -> Steps[Configuration]:
    """Do what plan and apply begin with; gives the cluster's configuration. Raises KubeadmError."""
    path = flags["kubeconfig"] or "/etc/kubernetes/admin.conf"
    ignore = flags["ignore-preflight-errors"]
    phased = apply and session.minor >= APPLY_PHASES_SINCE
    order = "reading preflight health" if phased else next(text for since, text in ORDER if session.minor >= since)
    config = Configuration(session.version)
    for step in order.split():
        if step == "sure":
            session.say("config.sure")
        elif step == "reading":
            session.connect(path)
            try:
                config = yield from read_config(session, "upgrade" if phased else "upgrade/config")
            except KubeadmError as error:
                known = str(error).startswith("[upgrade")
                raise error if known else error.wrap(session.text("config.fatal")) from None
        elif step == "preflight":
            session.say("apply.preflight" if apply else "preflight")
            yield from run_checks(session, config, [("IsPrivilegedUser", root)], ignore)
        else:
            session.connect(path)
            yield from healthy(session, config, ignore, phased=phased)
    return config
