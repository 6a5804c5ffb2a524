"""velero get, describe, logs, version. Models: pkg/cmd/util/output, pkg/cmd/cli/*/{get,describe,logs}.go."""

from __future__ import annotations

from typing import Any

from sim.api import objects, times
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated
from sim.components.velero.bucket import Bucket, bucket_of
from sim.engine import Steps
from sim.shell.kubectl.printing.tables import layout
from sim.shell.kubectl.printing.yaml import to_json, to_yaml
from sim.shell.velero.session import Session, VeleroError, phase

NONE = "<none>"


def print_object(session: Session, obj: Object) -> int:
    """Print an object or a list in the form that -o names."""
    form = session.flags["output"]
    if form not in ("yaml", "json"):
        raise VeleroError(f"invalid output format {form!r} - valid values are 'table', 'json', and 'yaml'".replace("'" + form + "'", f'"{form}"'))
    session.call.write(to_yaml(obj) if form == "yaml" else to_json(obj, indent=2) + "\n")
    return 0


def moment(stamp: Any) -> str:
    """Write a stamp as Go prints a time: `2025-06-10 00:01:02 +0000 UTC`."""
    return f"{str(stamp)[:10]} {str(stamp)[11:19]} +0000 UTC" if stamp else "<n/a>"


def _selector(obj: Object, path: str) -> str:
    pairs = objects.dig(obj, f"{path}.matchLabels", {}) or {}
    return ",".join(f"{name}={value}" for name, value in sorted(pairs.items())) or NONE


def _until(session: Session, stamp: Any) -> str:
    if not stamp:
        return "n/a"
    seconds = (times.parse(str(stamp)) - session.call.engine.unix_us) / 1e6
    days = int(seconds // 86400)
    return f"{days}d" if days else times.age(int(seconds))


def _table(session: Session, plural: str, head: list[str], row: Any) -> Steps[int]:
    found = yield from session.list(plural)
    wanted = [obj for obj in found if not session.args or objects.name(obj) in session.args]
    missing = [name for name in session.args if name not in [objects.name(obj) for obj in found]]
    if missing:
        raise VeleroError(f'{plural}.velero.io "{missing[0]}" not found')
    if session.flags["output"] and session.flags["output"] != "table":
        one = len(session.args) == 1
        return print_object(session, wanted[0] if one else {"apiVersion": "v1", "kind": "List", "items": wanted})
    for line in layout([head, *(row(obj) for obj in sorted(wanted, key=objects.name))]) if wanted else []:
        session.out(line)
    return 0


def backups(session: Session) -> Steps[int]:
    """Run `velero backup get`."""
    head = ["NAME", "STATUS", "ERRORS", "WARNINGS", "CREATED", "EXPIRES", "STORAGE LOCATION", "SELECTOR"]

    def row(obj: Object) -> list[str]:
        return [objects.name(obj), phase(obj), str(objects.dig(obj, "status.errors", 0)), str(objects.dig(obj, "status.warnings", 0)),
                moment(objects.dig(obj, "status.startTimestamp")), _until(session, objects.dig(obj, "status.expiration")),
                str(objects.dig(obj, "spec.storageLocation", "")), _selector(obj, "spec.labelSelector")]

    return (yield from _table(session, "backups", head, row))


def restores(session: Session) -> Steps[int]:
    """Run `velero restore get`."""
    head = ["NAME", "BACKUP", "STATUS", "STARTED", "COMPLETED", "ERRORS", "WARNINGS", "CREATED", "SELECTOR"]

    def row(obj: Object) -> list[str]:
        return [objects.name(obj), str(objects.dig(obj, "spec.backupName", "")), phase(obj),
                moment(objects.dig(obj, "status.startTimestamp")), moment(objects.dig(obj, "status.completionTimestamp")),
                str(objects.dig(obj, "status.errors", 0)), str(objects.dig(obj, "status.warnings", 0)),
                moment(obj["metadata"].get("creationTimestamp")), _selector(obj, "spec.labelSelector")]

    return (yield from _table(session, "restores", head, row))


def schedules(session: Session) -> Steps[int]:
    """Run `velero schedule get`."""
    head = ["NAME", "STATUS", "CREATED", "SCHEDULE", "BACKUP TTL", "LAST BACKUP", "SELECTOR", "PAUSED"]

    def row(obj: Object) -> list[str]:
        last = objects.dig(obj, "status.lastBackup")
        ago = times.since(last, session.call.engine.unix_us) + " ago" if last else "n/a"
        return [objects.name(obj), phase(obj), moment(obj["metadata"].get("creationTimestamp")), str(objects.dig(obj, "spec.schedule")),
                str(objects.dig(obj, "spec.template.ttl", "0s")), ago, _selector(obj, "spec.template.labelSelector"),
                str(bool(objects.dig(obj, "spec.paused"))).lower()]

    return (yield from _table(session, "schedules", head, row))


def locations(session: Session) -> Steps[int]:
    """Run `velero backup-location get`."""
    head = ["NAME", "PROVIDER", "BUCKET/PREFIX", "PHASE", "LAST VALIDATED", "ACCESS MODE", "DEFAULT"]

    def row(obj: Object) -> list[str]:
        store = objects.dig(obj, "spec.objectStorage", {})
        return [objects.name(obj), str(objects.dig(obj, "spec.provider")), "/".join(filter(None, (store.get("bucket"), store.get("prefix")))),
                str(objects.dig(obj, "status.phase") or "Unknown"), moment(objects.dig(obj, "status.lastValidationTime")).replace("<n/a>", "Unknown"),
                "ReadWrite", "true" if objects.dig(obj, "spec.default") else ""]

    return (yield from _table(session, "backupstoragelocations", head, row))


# ---- describe -------------------------------------------------------------------------------------------------------
def _lines(session: Session, rows: list[tuple[str, str] | str]) -> None:
    """Write rows with their second column aligned in each run of lines. Models: tabwriter with padding 2."""
    block: list[tuple[str, str]] = []

    def flush() -> None:
        width = max((len(name) for name, value in block if value), default=0)
        for name, value in block:
            session.out(f"{name:{width}}  {value}" if value else name)
        block.clear()

    for row in rows:
        if isinstance(row, str):
            flush()
            session.out(row)
        else:
            block.append(row)
    flush()


def _head(obj: Object) -> list[tuple[str, str] | str]:
    labels = [f"{name}={value}" for name, value in sorted(objects.labels(obj).items())]
    notes = [f"{name}={value}" for name, value in sorted(objects.annotations(obj).items())]
    rows: list[tuple[str, str] | str] = [("Name:", objects.name(obj)), ("Namespace:", objects.namespace(obj))]
    for title, pairs in (("Labels:", labels), ("Annotations:", notes)):
        rows.append((title, pairs[0] if pairs else NONE))
        rows += [(" " * len(title), pair) for pair in pairs[1:]]
    return rows


def _chosen(spec: Object, everything: str = "*") -> list[tuple[str, str] | str]:
    included = spec.get("includedNamespaces") or ["*"]
    whole = spec.get("includeClusterResources")
    scoped = "auto" if whole is None else "included" if whole else "excluded"
    selector = ",".join(f"{n}={v}" for n, v in sorted((objects.dig(spec, "labelSelector.matchLabels", {}) or {}).items())) or NONE
    return [
        "Namespaces:", ("  Included:", everything if included == ["*"] else ", ".join(included)),
        ("  Excluded:", ", ".join(spec.get("excludedNamespaces") or []) or NONE), "", "Resources:",
        ("  Included:", ", ".join(spec.get("includedResources") or []) or "*"),
        ("  Excluded:", ", ".join(spec.get("excludedResources") or []) or NONE), ("  Cluster-scoped:", scoped), "",
        ("Label selector:", selector), "", ("Or label selector:", NONE), ""]


def describe_backup(session: Session) -> Steps[int]:
    """Run `velero backup describe`."""
    obj = yield from session.find("backups", session.only("requires at least 1 arg(s), only received 0"))
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    rows: list[tuple[str, str] | str] = [*_head(obj), "", ("Phase:", phase(obj)), "", ""]
    for fault in status.get("validationErrors") or ():
        rows[-1:] = [f"Validation errors:  {fault}", "", ""]
    rows += _chosen(spec)
    snapshots = {None: "auto", True: "true", False: "false"}[spec.get("snapshotVolumes")]
    rows += [("Storage Location:", str(spec.get("storageLocation", ""))), "", ("Velero-Native Snapshot PVs:", snapshots),
             ("Snapshot Move Data:", "false"), ("Data Mover:", "velero"), "", ("TTL:", str(spec.get("ttl", "0s"))), "",
             ("CSISnapshotTimeout:", str(spec.get("csiSnapshotTimeout", "0s"))),
             ("ItemOperationTimeout:", str(spec.get("itemOperationTimeout", "0s"))), "", ("Hooks:", NONE), "",
             ("Backup Format Version:", str(status.get("formatVersion", ""))), "", ("Started:", moment(status.get("startTimestamp"))),
             ("Completed:", moment(status.get("completionTimestamp"))), "", ("Expiration:", moment(status.get("expiration"))), ""]
    progress = status.get("progress")
    if progress:
        rows += [("Total items to be backed up:", str(progress["totalItems"])), ("Items backed up:", str(progress["itemsBackedUp"])), ""]
    if session.flags["details"]:
        rows += yield from _resource_list(session, objects.name(obj))
    rows += ["Backup Volumes:", "  Velero-Native Snapshots: <none included>", "", "  CSI Snapshots: <none included>", "",
             "  Pod Volume Backups: <none included>", "", "HooksAttempted:  0", "HooksFailed:     0"]
    _lines(session, rows)
    return 0


def _bucket(session: Session) -> Steps[Bucket | None]:
    found = yield from session.list("backupstoragelocations")
    return bucket_of(session.call.host.network, found[0]) if found else None


def _resource_list(session: Session, name: str) -> Steps[list[tuple[str, str] | str]]:
    bucket = yield from _bucket(session)
    kept = bucket.backups.get(name) if bucket is not None else None
    if kept is None:
        return ["Resource List:  <backup resource list not found>", ""]
    kinds: dict[str, list[str]] = {}
    for key, obj in kept.items:
        kinds.setdefault(f"{obj.get('apiVersion', 'v1')}/{obj['kind']}", []).append("/".join(filter(None, (key.namespace, key.name))))
    rows: list[tuple[str, str] | str] = ["Resource List:"]
    for kind in sorted(kinds):
        rows += [f"  {kind}:", *(f"    - {each}" for each in kinds[kind])]
    return [*rows, ""]


def describe_restore(session: Session) -> Steps[int]:
    """Run `velero restore describe`."""
    obj = yield from session.find("restores", session.only("requires at least 1 arg(s), only received 0"))
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    note = f" (run 'velero restore logs {objects.name(obj)}' for more information)" if phase(obj) in ("Failed", "PartiallyFailed") else ""
    rows: list[tuple[str, str] | str] = [*_head(obj), "", ("Phase:", phase(obj) + note)]
    progress = status.get("progress")
    if progress:
        rows += [("Total items to be restored:", str(progress["totalItems"])), ("Items restored:", str(progress["itemsRestored"]))]
    rows += ["", ("Started:", moment(status.get("startTimestamp"))), ("Completed:", moment(status.get("completionTimestamp")))]
    for fault in status.get("validationErrors") or ():
        rows += ["", f"Validation errors:  {fault}"]
    rows += yield from _results(session, obj)
    rows += ["", ("Backup:", str(spec.get("backupName", ""))), "", *_chosen(spec, "all namespaces found in the backup")[:-4]]
    mapping = spec.get("namespaceMapping") or {}
    rows += ["Namespace mappings:  " + (", ".join(f"{old}={new}" for old, new in sorted(mapping.items())) or NONE), "",
             ("Label selector:", _selector(obj, "spec.labelSelector")), "", ("Or label selector:", NONE), "", ("Restore PVs:", "auto"), "",
             ("Existing Resource Policy:", str(spec.get("existingResourcePolicy") or NONE)),
             ("ItemOperationTimeout:", str(spec.get("itemOperationTimeout", "0s"))), "",
             ("Preserve Service NodePorts:", {None: "auto", True: "true", False: "false"}[spec.get("preserveNodePorts")])]
    _lines(session, rows)
    return 0


def _results(session: Session, obj: Object) -> Steps[list[tuple[str, str] | str]]:
    if not objects.dig(obj, "status.warnings") and not objects.dig(obj, "status.errors"):
        return []
    bucket = yield from _bucket(session)
    log = bucket.restores.get(objects.name(obj), []) if bucket is not None else []
    rows: list[tuple[str, str] | str] = []
    for title, level in (("Warnings", "level=warning"), ("Errors", "level=error")):
        said = [line.partition('msg="')[2].rpartition('" ')[0] for line in log if level in line]
        if said:
            rows += ["", f"{title}:", "  Velero:     <none>", "  Cluster:    <none>", "  Namespaces:", *(f"    {each}" for each in said)]
    return rows


def describe_schedule(session: Session) -> Steps[int]:
    """Run `velero schedule describe`."""
    obj = yield from session.find("schedules", session.only("requires at least 1 arg(s), only received 0"))
    rows: list[tuple[str, str] | str] = [
        *_head(obj), "", ("Phase:", phase(obj)), "", ("Paused:", str(bool(objects.dig(obj, "spec.paused"))).lower()), "",
        ("Schedule:", str(objects.dig(obj, "spec.schedule", ""))), "", "Backup Template:"]
    rows += [row if isinstance(row, str) and not row else f"  {row}" if isinstance(row, str) else (f"  {row[0]}", row[1])
             for row in _chosen(objects.dig(obj, "spec.template", {}))]
    last = objects.dig(obj, "status.lastBackup")
    rows.append(("Last Backup:", moment(last) if last else "<never>"))
    _lines(session, rows)
    return 0


# ---- logs, version --------------------------------------------------------------------------------------------------
def backup_logs(session: Session) -> Steps[int]:
    """Run `velero backup logs`."""
    name = session.only("accepts 1 arg(s), received 0")
    found = yield from session.client.find(session.key("backups", name))
    if found is None:
        raise VeleroError(f"Backup \"{name}\" does not exist.")
    if phase(found) in ("New", "InProgress"):
        raise VeleroError(f"Logs for backup \"{name}\" are not available until it's finished processing. Please wait until the backup "
                          "has a phase of Completed or Failed and try again.")
    bucket = yield from _bucket(session)
    kept = bucket.backups.get(name) if bucket is not None else None
    session.call.write("".join(f"{line}\n" for line in (kept.log if kept is not None else ())))
    return 0


def restore_logs(session: Session) -> Steps[int]:
    """Run `velero restore logs`."""
    name = session.only("accepts 1 arg(s), received 0")
    found = yield from session.client.find(session.key("restores", name))
    if found is None:
        raise VeleroError(f"Restore \"{name}\" does not exist.")
    bucket = yield from _bucket(session)
    session.call.write("".join(f"{line}\n" for line in (bucket.restores.get(name, []) if bucket is not None else ())))
    return 0


def version(session: Session) -> Steps[int]:
    """Run `velero version`."""
    session.out("Client:\n\tVersion: v1.16.2\n\tGit commit: -")
    if session.flags["client-only"]:
        return 0
    found = yield from session.client.find(Key("deployments", session.space, "velero"))
    if found is None:
        raise NotSimulated("velero version without a server")
    image = str(objects.dig(found, "spec.template.spec.containers")[0]["image"])
    session.out(f"Server:\n\tVersion: {image.rpartition(':')[2]}")
    return 0
