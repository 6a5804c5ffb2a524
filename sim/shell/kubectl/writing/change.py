"""Verbs that change objects: apply, delete, scale, label, annotate, taint, patch, rollout.

Models: kubectl/pkg/cmd/{apply,delete,scale,label,annotate,taint,patch,rollout}.
"""

from __future__ import annotations

import json
from typing import Any

from sim.api import objects
from sim.api import patch as patches
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps, microseconds
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.frame.verbs import FILES, Verb

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
POLL_SECONDS = 0.5
RESTARTED = "kubectl.kubernetes.io/restartedAt"


def _need(inv: Invocation) -> None:
    if not inv.args and not inv.flags.get("filename"):
        raise UsageError("resource(s) were provided, but no name was specified")


def _targets(inv: Invocation) -> Steps[list[tuple[Mapping_, Key]]]:
    """Give (kind, key) of everything that names, selectors, files and --all choose."""
    found: list[tuple[Mapping_, Key]] = []
    for obj in (yield from inv.manifests()) if inv.flags.get("filename") else []:
        mapping = yield from inv.by_kind(obj["apiVersion"], obj["kind"])
        found.append((mapping, inv.key(mapping, objects.name(obj), objects.namespace(obj))))
    if not inv.args:
        return found
    for mapping, names in (yield from inv.named(inv.args)):
        if names:
            found += [(mapping, inv.key(mapping, name)) for name in names]
        elif inv.flags.get("all") or inv.flags.get("selector"):
            everywhere = inv.flags.get("all-namespaces") or not mapping.namespaced
            key = Key(mapping.resource, "" if everywhere else inv.namespace, "")
            query = {"labelSelector": inv.flags["selector"]} if inv.flags.get("selector") else {}
            body = yield from inv.send("list", key, query=query)
            found += [(mapping, objects.key(mapping.resource, item)) for item in body["items"]]
        else:
            raise UsageError("resource(s) were provided, but no name was specified")
    return found


def delete(inv: Invocation) -> Steps[int]:
    """Delete, and wait until the objects are gone."""
    if inv.flags["now"]:
        inv.flags["grace-period"] = 1
    targets = yield from _targets(inv)
    if not targets:
        if not inv.args:
            raise UsageError("You must provide one or more resources by argument or filename.")
        inv.out("No resources found")
        return 0
    force, grace = inv.flags["force"], inv.flags["grace-period"]
    if force:
        inv.err("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. "
                "The resource may continue to run on the cluster indefinitely.")
        grace = max(grace, 0)
    elif grace == 0:
        grace = 1
    if inv.flags["cascade"] not in ("background", "orphan", "foreground"):
        raise UsageError(f'invalid cascade value ({inv.flags["cascade"]}). Must be "background", "foreground", or "orphan"')
    query = {"propagationPolicy": {"background": "Background", "orphan": "Orphan", "foreground": "Foreground"}[
        inv.flags["cascade"]]}
    if grace >= 0:
        query["gracePeriodSeconds"] = str(grace)
    failed, waiting = False, []
    for mapping, key in targets:
        try:
            old = yield from inv.send("get", key)
            yield from inv.send("delete", key, query=query)
        except StatusError as error:
            if error.code == 404 and inv.flags["ignore-not-found"]:
                continue
            inv.err(f"Error from server ({error.reason}): {error.message}")
            failed = True
            continue
        space = f" from {key.namespace} namespace" if mapping.namespaced and inv.version >= (1, 35) else ""
        inv.out(f'{mapping.qualified} "{key.name}" {"force " if force else ""}deleted{space}')
        waiting.append((key, objects.uid(old)))
    for key, uid in waiting if inv.flags["wait"] else []:
        while True:
            found = yield from inv.find(key)
            if found is None or objects.uid(found) != uid:
                break
            yield inv.engine.sleep(microseconds(POLL_SECONDS))
    return 1 if failed else 0


def apply(inv: Invocation) -> Steps[int]:
    """Create, or change by a three-way patch against the last applied configuration."""
    if inv.flags["server-side"]:
        raise NotSimulated("kubectl apply --server-side")
    if not inv.flags["filename"]:
        raise UsageError("must specify one of -f and -k")
    failed = False
    for obj in (yield from inv.manifests()):
        mapping = yield from inv.by_kind(obj["apiVersion"], obj["kind"])
        key = inv.key(mapping, objects.name(obj), objects.namespace(obj))
        space = {"namespace": key.namespace} if mapping.namespaced else {}
        modified = {**obj, "metadata": {**obj["metadata"], **space}}
        modified["metadata"]["annotations"] = modified["metadata"].get("annotations") or {}
        text = json.dumps(modified, sort_keys=True, separators=(",", ":")) + "\n"
        modified = objects.put(modified, "metadata.annotations", {**objects.annotations(modified), LAST_APPLIED: text})
        try:
            word = yield from _apply_one(inv, mapping, key, modified)
            inv.out(f"{mapping.qualified}/{key.name} {word}")
        except StatusError as error:
            from sim.shell.kubectl.frame.errors import server_error

            inv.err(server_error(error))
            failed = True
    return 1 if failed else 0


def _apply_one(inv: Invocation, mapping: Mapping_, key: Key, modified: Object) -> Steps[str]:
    dry = inv.flags["dry-run"] != "none"
    suffix = {"none": "", "client": " (dry run)", "server": " (server dry run)"}.get(inv.flags["dry-run"], " (dry run)")
    current = yield from inv.find(key)
    if current is None:
        if not dry:
            yield from inv.send("create", key, body=modified)
        return f"created{suffix}"
    known = objects.annotations(current).get(LAST_APPLIED)
    change = patches.three_way(json.loads(known) if known else {}, modified, current)
    if not change:
        return f"unchanged{suffix}"
    if not dry:
        yield from inv.send("patch", key, body=change, query={"patchType": "strategic"})
    return f"configured{suffix}"


def scale(inv: Invocation) -> Steps[int]:
    """Set spec.replicas through the scale subresource."""
    if "replicas" not in inv.given:
        raise UsageError('required flag(s) "replicas" not set')
    _need(inv)
    for mapping, key in (yield from _targets(inv)):
        yield from inv.send("patch", key, subresource="scale", body={"spec": {"replicas": inv.flags["replicas"]}},
                            query={"patchType": "merge"})
        inv.out(f"{mapping.qualified}/{key.name} scaled")
    return 0


def label(inv: Invocation) -> Steps[int]:
    """Set and remove labels or annotations: `key=value`, `key-`."""
    field = "labels" if inv.command == "label" else "annotations"
    pairs = [word for word in inv.args if "=" in word or (word.endswith("-") and len(word) > 1)]
    inv.args = [word for word in inv.args if word not in pairs]
    if not pairs:
        raise UsageError(f"at least one {field[:-1]} update is required")
    failed = False
    for mapping, key in (yield from _targets(inv)):
        old = yield from inv.send("get", key)
        present: dict[str, str] = objects.labels(old) if field == "labels" else objects.annotations(old)
        new: dict[str, Any] = {}
        for word in pairs:
            name, equal, value = word.partition("=")
            if not equal:
                if word[:-1] not in present and field == "labels":
                    inv.out(f'label "{word[:-1]}" not found.')
                new[word[:-1]] = None
            elif name in present and present[name] != value and not inv.flags["overwrite"]:
                inv.err(f"error: '{name}' already has a value ({present[name]}), and --overwrite is false")
                failed = True
            else:
                new[name] = value
        if failed:
            continue
        changes = any(present.get(name) != value for name, value in new.items())
        removed, added = any(v is None for v in new.values()), any(v is not None for v in new.values())
        if changes:
            yield from inv.send("patch", key, body={"metadata": {field: new}}, query={"patchType": "merge"})
        if field == "annotations":
            word = "annotated"
        else:
            word = "not labeled" if not changes else ("unlabeled" if removed and not added else "labeled")
        inv.out(f"{mapping.qualified}/{key.name} {word}")
    return 1 if failed else 0


def taint(inv: Invocation) -> Steps[int]:
    """Set and remove taints: `key=value:Effect`, `key:Effect-`, `key-`."""
    words = [w for w in inv.args if ":" in w or "=" in w or w.endswith("-")]
    inv.args = [w for w in inv.args if w not in words]
    if not words:
        raise UsageError("at least one taint update is required")
    for word in words:
        effect = word.rstrip("-").rpartition(":")[2] if ":" in word else ""
        if not word.endswith("-") and effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
            raise UsageError(f"invalid taint spec: {word}" if not effect else f"invalid taint effect: {effect}, "
                             "unsupported taint effect")
    for mapping, key in (yield from _targets(inv)):
        old = yield from inv.send("get", key)
        taints, removed, added = _taints(old, words, inv)
        yield from inv.send("patch", key, body={"spec": {"taints": taints or None}}, query={"patchType": "merge"})
        word = "modified" if removed and added or inv.flags["overwrite"] else "untainted" if removed else "tainted"
        inv.out(f"{mapping.qualified}/{key.name} {word}")
    return 0


def _taints(node: Object, words: list[str], inv: Invocation) -> tuple[list[Object], bool, bool]:
    taints, name = list(objects.dig(node, "spec.taints", [])), objects.name(node)
    removed = added = False
    for word in words:
        head, _, effect = word.removesuffix("-").rpartition(":") if ":" in word else (word.removesuffix("-"), "", "")
        key, _, value = head.partition("=")
        same = [t for t in taints if t["key"] == key and effect in ("", t["effect"])]
        if word.endswith("-"):
            if not same:
                raise UsageError(f'taint "{key}{":" + effect if effect else ""}" not found')
            removed = True
        elif same and not inv.flags["overwrite"]:
            raise UsageError(f"node {name} already has {key} taint(s) with same effect(s) and --overwrite is false")
        taints = [t for t in taints if t not in same]
        if not word.endswith("-"):
            taints.append({"key": key, **({"value": value} if value else {}), "effect": effect})
            added = True
    return taints, removed, added


def patch(inv: Invocation) -> Steps[int]:
    """Patch by hand."""
    if "patch" not in inv.given:
        raise UsageError("must specify -p to patch")
    _need(inv)
    import yaml

    try:
        body = yaml.safe_load(inv.flags["patch"])
    except yaml.YAMLError:
        raise UsageError(f'unable to parse "{inv.flags["patch"]}": yaml: invalid') from None
    kind = inv.flags["type"]
    if kind not in ("json", "merge", "strategic"):
        raise UsageError(f"--type must be one of [json merge strategic], not \"{kind}\"")
    for mapping, key in (yield from _targets(inv)):
        old = yield from inv.send("get", key)
        new = yield from inv.send("patch", key, body=body, query={"patchType": kind})
        word = "patched" if new != old else "patched (no change)"
        inv.out(f"{mapping.qualified}/{key.name} {word}")
    return 0


# ---- rollout ------------------------------------------------------------------------------------------------------
def rollout_restart(inv: Invocation) -> Steps[int]:
    """Change the template so that every pod is replaced."""
    from sim.api import times

    for mapping, key in (yield from _targets(inv)):
        mark = {"metadata": {"annotations": {RESTARTED: times.stamp(inv.engine.unix_us)}}}
        yield from inv.send("patch", key, body={"spec": {"template": mark}}, query={"patchType": "strategic"})
        inv.out(f"{mapping.qualified}/{key.name} restarted")
    return 0


def rollout_status(inv: Invocation) -> Steps[int]:
    """Wait for a Deployment's rollout, saying what it waits for."""
    last = ""
    for mapping, key in (yield from _targets(inv)):
        if mapping.resource != "deployments":
            raise NotSimulated(f"kubectl rollout status {mapping.resource}")
        while True:
            obj = yield from inv.send("get", key)
            text, done = _progress(key.name, obj)
            if text != last:
                inv.out(text)
                last = text
            if done:
                break
            yield inv.engine.sleep(microseconds(POLL_SECONDS))
    return 0


def _progress(name: str, obj: Object) -> tuple[str, bool]:
    wanted, status = objects.dig(obj, "spec.replicas", 0), obj.get("status") or {}
    updated, total, usable = (status.get(n, 0) for n in ("updatedReplicas", "replicas", "availableReplicas"))
    head = f'Waiting for deployment "{name}" rollout to finish: '
    if status.get("observedGeneration", 0) < obj["metadata"].get("generation", 0):
        return "Waiting for deployment spec update to be observed...", False
    if updated < wanted:
        return f"{head}{updated} out of {wanted} new replicas have been updated...", False
    if total > updated:
        return f"{head}{total - updated} old replicas are pending termination...", False
    if usable < updated:
        return f"{head}{usable} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True


CHOICE = (*FILES, "all", "selector", "all-namespaces")
VERBS = {
    "delete": Verb(delete, (
        *CHOICE, "force", "now", "grace-period", "ignore-not-found", "wait", "cascade")),
    "apply": Verb(apply, (*FILES, "dry-run", "server-side", "force", "validate")),
    "scale": Verb(scale, (*CHOICE, "replicas")),
    "label": Verb(label, (*CHOICE, "overwrite")),
    "annotate": Verb(label, (*CHOICE, "overwrite")),
    "taint": Verb(taint, (*CHOICE, "overwrite")),
    "patch": Verb(patch, (*CHOICE, "patch", "type")),
    "rollout restart": Verb(rollout_restart, CHOICE),
    "rollout status": Verb(rollout_status, CHOICE),
}
