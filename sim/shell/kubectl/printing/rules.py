"""Rules of roles as rows: broken down to one resource each, put together again, in order.

Models: kubectl/pkg/util/rbac/rbac.go (BreakdownRule, CompactRules), rbac.SortableRuleSlice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.api.client import Object

Key = tuple[str, str, str]


def rows(found: Sequence[Object]) -> list[list[str]]:
    """Give (resources, URLs, names, verbs) of every rule."""
    return [[_resource(rule), _list(rule["nonResourceURLs"]), _list(rule["resourceNames"]), _list(rule["verbs"])]
            for rule in sorted(_compact(_broken_down(found)), key=_text)]


def _broken_down(found: Sequence[Object]) -> list[dict[str, Any]]:
    out = []
    for rule in found:
        verbs = list(rule.get("verbs") or [])
        for group in rule.get("apiGroups") or []:
            for resource in rule.get("resources") or []:
                for name in rule.get("resourceNames") or [""]:
                    out.append({"verbs": verbs, "apiGroups": [group], "resources": [resource],
                                "resourceNames": [name] if name else [], "nonResourceURLs": []})
        for url in rule.get("nonResourceURLs") or []:
            out.append({"verbs": verbs, "apiGroups": [], "resources": [], "resourceNames": [], "nonResourceURLs": [url]})
    return out


def _compact(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the verbs of one resource together; rules about URLs stay as they are."""
    simple: dict[Key, dict[str, Any]] = {}
    out: list[dict[str, Any]] = []
    for rule in found:
        if rule["nonResourceURLs"]:
            out.append(rule)
            continue
        key = (rule["apiGroups"][0], rule["resources"][0], "".join(rule["resourceNames"]))
        if key in simple:
            known = simple[key]["verbs"]
            simple[key]["verbs"] = known + [verb for verb in rule["verbs"] if verb not in known]
        else:
            simple[key] = {**rule}
            out.append(simple[key])
    return out


def _text(rule: dict[str, Any]) -> str:
    """Write a rule as Go does, which is what rules are sorted by."""
    names = (("Verbs", "verbs"), ("APIGroups", "apiGroups"), ("Resources", "resources"), ("ResourceNames", "resourceNames"),
             ("NonResourceURLs", "nonResourceURLs"))
    return "&PolicyRule{" + ",".join(f"{title}:{_list(rule[key])}" for title, key in names) + ",}"


def _list(found: Sequence[str]) -> str:
    return f"[{' '.join(found)}]"


def _resource(rule: dict[str, Any]) -> str:
    if not rule["resources"]:
        return ""
    head, slash, sub = rule["resources"][0].partition("/")
    group = rule["apiGroups"][0]
    return f"{head}.{group}{slash}{sub}" if group else f"{head}{slash}{sub}"
