"""velero backup, restore and schedule create, delete, pause. Models: pkg/cmd/cli/{backup,restore,schedule}."""

from __future__ import annotations

from typing import Any

from sim.api import objects, times
from sim.api.client import Object
from sim.engine import Steps, microseconds
from sim.shell.velero import showing
from sim.shell.velero.session import KINDS, Session, VeleroError, phase, selector_of

WORKING = ("New", "InProgress", "Finalizing", "WaitingForPluginOperations")
LOOK_SECONDS = 1.0


def _spec(session: Session, *, template: bool = False) -> Object:
    """Make the part of a spec that says what is meant."""
    flags = session.flags
    spec: dict[str, Any] = {"includedNamespaces": flags["include-namespaces"] or ["*"]}
    for flag, field in (("exclude-namespaces", "excludedNamespaces"), ("include-resources", "includedResources"),
                        ("exclude-resources", "excludedResources")):
        if flags[flag]:
            spec[field] = flags[flag]
    if flags["include-cluster-resources"]:
        spec["includeClusterResources"] = flags["include-cluster-resources"] == "true"
    selector = selector_of(flags["selector"])
    if selector is not None:
        spec["labelSelector"] = selector
    if flags["ttl"] is not None:
        try:
            times.parse_duration(flags["ttl"])
        except ValueError:
            raise VeleroError(f'invalid argument "{flags["ttl"]}" for "--ttl" flag: time: invalid duration "{flags["ttl"]}"') from None
        spec |= {"ttl": flags["ttl"], **({"storageLocation": flags["storage-location"]} if flags["storage-location"] else {})}
        if flags["snapshot-volumes"]:
            spec["snapshotVolumes"] = flags["snapshot-volumes"] == "true"
    return spec


def _labels(session: Session) -> Object:
    labels = dict(part.partition("=")[::2] for part in str(session.flags["labels"] or "").split(",") if part)
    return {"labels": labels} if labels else {}


def backup(session: Session) -> Steps[int]:
    """Run `velero backup create`."""
    flags = session.flags
    plan = flags["from-schedule"]
    if not plan and len(session.args) != 1:
        raise VeleroError("a backup name is required, unless you are creating based on a schedule")
    if flags["storage-location"]:
        yield from session.find("backupstoragelocations", flags["storage-location"])
    spec, labels = _spec(session), _labels(session)
    name = session.args[0] if session.args else ""
    if plan:
        schedule = yield from session.find("schedules", plan)
        digits = "".join(letter for letter in times.stamp(session.call.engine.unix_us) if letter.isdigit())
        name = name or f"{plan}-{digits}"
        spec, labels = dict(objects.dig(schedule, "spec.template", {})), {"labels": {"velero.io/schedule-name": plan}}
    body = {"metadata": {"name": name, **labels}, "spec": spec}
    if flags["output"]:
        return showing.print_object(session, {"apiVersion": "velero.io/v1", "kind": "Backup", **body})
    if plan:
        session.out("Creating backup from schedule, all other filters are ignored.")
    yield from session.create("backups", body)
    session.out(f'Backup request "{name}" submitted successfully.')
    return (yield from _follow(session, "backups", name))


def _follow(session: Session, plural: str, name: str) -> Steps[int]:
    """Wait for the end with --wait, else say how to look."""
    kind = KINDS[plural].lower()
    if not session.flags["wait"]:
        session.out(f"Run `velero {kind} describe {name}` or `velero {kind} logs {name}` for more details.")
        return 0
    session.out(f"Waiting for {kind} to complete. You may safely press ctrl-c to stop waiting - your {kind} will continue in the "
                "background.")
    while True:
        obj = yield from session.client.find(session.key(plural, name))
        if obj is None or phase(obj) not in WORKING:
            break
        yield session.call.engine.sleep(microseconds(LOOK_SECONDS))
        session.call.write(".")
    ended = phase(obj) if obj is not None else "Deleting"
    session.out(f"\n{KINDS[plural]} completed with status: {ended}. You may check for more information using the commands "
                f"`velero {kind} describe {name}` and `velero {kind} logs {name}`.")
    return 0


def restore(session: Session) -> Steps[int]:
    """Run `velero restore create`."""
    flags = session.flags
    if bool(flags["from-backup"]) == bool(flags["from-schedule"]):
        raise VeleroError("either a backup or schedule must be specified, but not both")
    if flags["existing-resource-policy"] not in ("", "none", "update"):
        raise VeleroError("existing-resource-policy has invalid value, it accepts only none, update as value")
    source = flags["from-backup"] or flags["from-schedule"]
    digits = "".join(letter for letter in times.stamp(session.call.engine.unix_us) if letter.isdigit())
    name = session.args[0] if session.args else f"{source}-{digits}"
    if flags["from-backup"]:
        yield from session.find("backups", source)
    spec = _spec(session)
    spec |= {"backupName": source} if flags["from-backup"] else {"scheduleName": source}
    pairs = dict(part.partition(":")[::2] for part in str(flags["namespace-mappings"] or "").split(",") if part)
    if pairs:
        spec["namespaceMapping"] = pairs
    if flags["existing-resource-policy"]:
        spec["existingResourcePolicy"] = flags["existing-resource-policy"]
    if flags["preserve-nodeports"]:
        spec["preserveNodePorts"] = flags["preserve-nodeports"] == "true"
    body = {"metadata": {"name": name, **_labels(session)}, "spec": spec}
    if flags["output"]:
        return showing.print_object(session, {"apiVersion": "velero.io/v1", "kind": "Restore", **body})
    yield from session.create("restores", body)
    session.out(f'Restore request "{name}" submitted successfully.')
    return (yield from _follow(session, "restores", name))


def schedule(session: Session) -> Steps[int]:
    """Run `velero schedule create`."""
    if not session.flags["schedule"]:
        raise VeleroError("--schedule is required")
    name = session.only("accepts 1 arg(s), received 0")
    yield from session.create("schedules", {"metadata": {"name": name, **_labels(session)}, "spec": {
        "schedule": session.flags["schedule"], "template": _spec(session), "paused": bool(session.flags["paused"])}})
    session.out(f'Schedule "{name}" created successfully.')
    return 0


def pause(session: Session) -> Steps[int]:
    """Run `velero schedule pause` and `unpause`."""
    name, on = session.only("requires at least 1 arg(s), only received 0"), session.path.endswith(" pause")
    obj = yield from session.find("schedules", name)
    if bool(objects.dig(obj, "spec.paused")) == on:
        session.out(f"Schedule {name} is already {'paused' if on else 'unpaused'}, skip")
        return 0
    yield from session.client.send("update", session.key("schedules", name), agent="velero", body=objects.put(obj, "spec.paused", on))
    session.out(f"Schedule {name} {'paused' if on else 'unpaused'} successfully")
    return 0


def delete_backup(session: Session) -> Steps[int]:
    """Run `velero backup delete`: the server takes it out of the object store, too."""
    name = yield from _sure(session)
    if not name:
        return 0
    yield from session.find("backups", name)
    suffix = session.call.engine.stream("velero.names").text("bcdfghjklmnpqrstvwxz2456789", 5)
    yield from session.create("deletebackuprequests", {"metadata": {"name": f"{name}-{suffix}"}, "spec": {"backupName": name}})
    session.out(f'Request to delete backup "{name}" submitted successfully.\nThe backup will be fully deleted after all associated '
                "data (disk snapshots, backup files, restores) are removed.")
    return 0


def _sure(session: Session) -> Steps[str]:
    """Give the name to delete; "" where the question is not answered with yes."""
    if session.flags["all"]:
        raise VeleroError("--all is not simulated; name one")
    if not session.args:
        raise VeleroError("you must specify only one of: specific " + session.path.partition(" ")[0] + " name(s), the --all flag, or the --selector flag")
    if session.flags["confirm"]:
        return str(session.args[0])
    session.call.write("Are you sure you want to continue (Y/N)? ")
    stdin = session.call.streams.stdin
    said = ((yield from stdin.read(b"\n")) or b"").decode(errors="replace").strip() if stdin is not None else ""
    return str(session.args[0]) if said.lower() in ("y", "yes") else ""


def delete(session: Session) -> Steps[int]:
    """Run `velero restore delete` and `velero schedule delete`."""
    kind = session.path.partition(" ")[0]
    name = yield from _sure(session)
    if name:
        yield from session.find(f"{kind}s", name)
        yield from session.client.send("delete", session.key(f"{kind}s", name), agent="velero")
        words = f"Request to delete restore \"{name}\" submitted successfully.\nThe restore will be fully deleted after all associated data (restore files in object storage) are removed." \
            if kind == "restore" else f"Schedule deleted: {name}"
        session.out(words)
    return 0
