"""velero install: everything that the server needs, created one after another.

Models: pkg/cmd/cli/install, pkg/install/{install,resources,deployment}.go.
"""

from __future__ import annotations

import base64
from typing import Any

from sim.api.client import Key, Object
from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.velero.session import GROUP, Session, VeleroError

IMAGE = "velero/velero:v1.16.2"
LABELS = {"component": "velero"}
AGE = {"jsonPath": ".metadata.creationTimestamp", "name": "Age", "type": "date"}
CUSTOM: tuple[tuple[str, str, tuple[str, ...], tuple[tuple[str, str], ...]], ...] = (
    ("backuprepositories", "BackupRepository", (), ()), ("backups", "Backup", (), ()),
    ("backupstoragelocations", "BackupStorageLocation", ("bsl",), (
        ("Phase", ".status.phase"), ("Last Validated", ".status.lastValidationTime"))),
    ("deletebackuprequests", "DeleteBackupRequest", (), ()), ("downloadrequests", "DownloadRequest", (), ()),
    ("podvolumebackups", "PodVolumeBackup", (), ()), ("podvolumerestores", "PodVolumeRestore", (), ()),
    ("restores", "Restore", (), ()), ("schedules", "Schedule", (), (("Status", ".status.phase"), ("Schedule", ".spec.schedule"))),
    ("serverstatusrequests", "ServerStatusRequest", ("ssr",), ()), ("volumesnapshotlocations", "VolumeSnapshotLocation", ("vsl",), ()))


def run(session: Session) -> Steps[int]:
    """Run `velero install`."""
    flags = session.flags
    _check(session)
    secret = b""
    if flags["secret-file"]:
        try:
            secret = session.call.files.read(session.call.path(flags["secret-file"]))
        except FileError:
            raise VeleroError(f"open {flags['secret-file']}: no such file or directory") from None
    made: list[tuple[str, Object]] = [("customresourcedefinitions", _definition(*row)) for row in CUSTOM]
    made += _rest(session, secret)
    for resource, body in made:
        kind, name = body["kind"], body["metadata"]["name"]
        if resource == "namespaces":
            session.out("Waiting for resources to be ready in cluster...")
        session.out(f"{kind}/{name}: attempting to create resource")
        session.out(f"{kind}/{name}: attempting to create resource client")
        key = Key(resource, body["metadata"].get("namespace", ""), name)
        if (yield from session.client.find(key)) is not None:
            session.out(f"{kind}/{name}: already exists, proceeding")
        yield from _make(session, key, body)
        session.out(f"{kind}/{name}: created")
    session.out(f"Velero is installed! ⛵ Use 'kubectl logs deployment/velero -n {session.space}' to view the status.")
    return 0


def _make(session: Session, key: Key, body: Object) -> Steps[None]:
    if (yield from session.client.find(key)) is None:
        yield from session.client.send("create", Key(key.resource, key.namespace, ""), agent="velero", body=body)


def _check(session: Session) -> None:
    flags = session.flags
    if not flags["provider"]:
        raise VeleroError("--provider is required")
    if not flags["bucket"]:
        raise VeleroError("--bucket is required")
    if not flags["secret-file"] and not flags["no-secret"]:
        raise VeleroError("One of --secret-file or --no-secret is required")
    if not flags["plugins"]:
        raise VeleroError("--plugins flag is required")


def _definition(plural: str, kind: str, short: tuple[str, ...], columns: tuple[tuple[str, str], ...]) -> Object:
    printed = [{"name": name, "type": "string", "jsonPath": path} for name, path in columns]
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names: dict[str, Any] = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {
        "name": f"{plural}.{GROUP}", "labels": LABELS}, "spec": {"group": GROUP, "scope": "Namespaced", "names": {
            **names, **({"shortNames": list(short)} if short else {})},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything},
                      **({"additionalPrinterColumns": [*printed, AGE]} if printed else {})}]}}


def _pairs(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, _, value in (part.partition("=") for part in (text or "").split(",") if part)}


def _rest(session: Session, secret: bytes) -> list[tuple[str, Object]]:
    flags, space = session.flags, session.space
    here = {"namespace": space, "labels": LABELS}
    config = _pairs(flags["backup-location-config"])
    store = {"bucket": flags["bucket"], **({"prefix": flags["prefix"]} if flags["prefix"] else {})}
    found: list[tuple[str, Object]] = [
        ("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space, "labels": {
            **LABELS, "pod-security.kubernetes.io/enforce": "privileged"}}}),
        ("clusterrolebindings", {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "velero", "labels": LABELS},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "velero", "namespace": space}]}),
        ("serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "velero", **here}})]
    if secret:
        found.append(("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cloud-credentials", **here},
                                  "type": "Opaque", "data": {"cloud": base64.b64encode(secret).decode()}}))
    found.append(("backupstoragelocations.velero.io", {
        "apiVersion": f"{GROUP}/v1", "kind": "BackupStorageLocation", "metadata": {"name": "default", **here},
        "spec": {"provider": flags["provider"], "default": True, "objectStorage": store, **({"config": config} if config else {})}}))
    if flags["use-volume-snapshots"] != "false":
        found.append(("volumesnapshotlocations.velero.io", {
            "apiVersion": f"{GROUP}/v1", "kind": "VolumeSnapshotLocation", "metadata": {"name": "default", **here},
            "spec": {"provider": flags["provider"], "config": _pairs(flags["snapshot-location-config"])}}))
    found.append(("deployments", _deployment(session)))
    return found


def _deployment(session: Session) -> Object:
    labels = {**LABELS, "deploy": "velero"}
    plugins = [{"name": image.rpartition("/")[2].partition(":")[0], "image": image, "volumeMounts": [
        {"name": "plugins", "mountPath": "/target"}]} for image in session.flags["plugins"]]
    pod = {
        "serviceAccountName": "velero", "restartPolicy": "Always", "hostNetwork": False, "initContainers": plugins,
        "containers": [{
            "name": "velero", "image": session.flags["image"] or IMAGE, "command": ["/velero"], "args": ["server"],
            "ports": [{"name": "metrics", "containerPort": 8085}],
            "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "500m", "memory": "128Mi"}},
            "volumeMounts": [{"name": "plugins", "mountPath": "/plugins"}, {"name": "scratch", "mountPath": "/scratch"}]}],
        "volumes": [{"name": "plugins", "emptyDir": {}}, {"name": "scratch", "emptyDir": {}}]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {
        "name": "velero", "namespace": session.space, "labels": LABELS}, "spec": {
        "replicas": 1, "selector": {"matchLabels": {"deploy": "velero"}}, "template": {
            "metadata": {"labels": labels, "annotations": {"prometheus.io/path": "/metrics", "prometheus.io/port": "8085",
                                                           "prometheus.io/scrape": "true"}}, "spec": pod}}}
