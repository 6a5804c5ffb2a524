"""ResourceQuotas: what an object costs is charged before it is stored. Models: plugin/pkg/admission/resourcequota."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from sim.api import errors, objects, quantity, quota
from sim.api.client import Object, Reader
from sim.apiserver.kinds.row import Resource


def charge(row: Resource, obj: Object, old: Object | None, reader: Reader) -> list[Object]:
    """Charge an object to the namespace's quotas; give those whose status must be written before it.

    Raises StatusError 403 when one would be exceeded.
    """
    if not row.namespaced or not reader.count("resourcequotas"):
        return []
    out = []
    quotas = reader.list("resourcequotas", objects.namespace(obj))
    for each in quotas:
        hard: Object = objects.dig(each, "status.hard") or objects.dig(each, "spec.hard", {})
        if not quota.in_scope(each, row.resource, obj):
            continue
        name = objects.name(each)
        silent = quota.missing(obj, hard) if row.resource == "pods" and old is None else {}
        if silent:
            texts = [f"{what} for: {','.join(sorted(names))}" for what, names in silent.items()]
            raise errors.forbidden(row.plural, objects.name(obj), f"failed quota: {name}: must specify {'; '.join(texts)}",
                                   row.group)
        before = quota.usage(row.resource, row.group, old) if old is not None else {}
        after = quota.usage(row.resource, row.group, obj)
        delta = {what: amount - before.get(what, 0) for what, amount in after.items()
                 if what in hard and amount != before.get(what, 0)}
        if not delta:
            continue
        used = _used(each, hard, reader)
        over = [what for what, amount in sorted(delta.items()) if amount > 0 and
                quantity.parse(used.get(what, "0")) + amount > quantity.parse(hard[what])]
        if over:
            shown = [",".join(f"{what}={value(what)}" for what in over) for value in (
                lambda what: quota.text(what, delta[what]), lambda what: used.get(what, "0"), lambda what: hard[what])]  # noqa: B023  (called in this very round)
            raise errors.forbidden(
                row.plural, objects.name(obj), f"exceeded quota: {name}, requested: {shown[0]}, used: {shown[1]}, "
                f"limited: {shown[2]}", row.group)
        used.update({what: quota.text(what, quantity.parse(used.get(what, "0")) + amount)
                     for what, amount in delta.items()})
        out.append(objects.put(each, "status", {**(each.get("status") or {}), "hard": hard, "used": used}))
    return out


def _used(each: Object, hard: Iterable[str], reader: Reader) -> Object:
    """Give a quota's used amounts; what nobody has counted yet is counted here."""
    used: Object = dict(objects.dig(each, "status.used", {}))
    for what in hard:
        if what not in used:
            resource, group = quota.counted_by(what)
            present = reader.list(resource, objects.namespace(each))
            total = sum((quota.usage(resource, group, obj).get(what, Fraction(0)) for obj in present
                         if quota.in_scope(each, resource, obj)), Fraction(0))
            used[what] = quota.text(what, total)
    return used
