"""api-resources, api-versions.

Models: kubectl/pkg/cmd/apiresources, kubectl/pkg/cmd/apiresources/apiversions.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from sim.api.client import Object
from sim.api.errors import TransportError
from sim.engine import Steps
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing.tables import layout
from sim.shell.kubectl.printing.yaml import to_yaml
from sim.shell.kubectl.words.verbs import Verb

ORDERS: dict[str, Callable[[Mapping_], tuple[str, ...]]] = {
    "": lambda m: (m.group, m.plural), "name": lambda m: (m.plural,), "kind": lambda m: (m.kind,)}
CATEGORIES_SINCE, OBJECTS_SINCE = (1, 26), (1, 34)


def api_resources(inv: Invocation) -> Steps[int]:
    """List the kinds that the server knows."""
    if inv.args:
        raise inv.usage(f"unexpected arguments: [{' '.join(inv.args)}]")
    form, order = inv.flags["output"] or "", inv.flags["sort-by"] or ""
    if form not in ("", "wide", "name", "json", "yaml"):
        raise UsageError(f"--output {form} is not available")
    if order not in ORDERS:
        raise UsageError("--sort-by accepts only name or kind")
    if form in ("json", "yaml") and inv.version < OBJECTS_SINCE:
        raise UsageError(f"--output {form} is not available")
    found = sorted((m for m in (yield from inv.mappings()) if _wanted(inv, m)), key=ORDERS[order])
    if form in ("json", "yaml"):
        body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "", "resources": [_whole(m) for m in found]}
        inv.call.write(json.dumps(body, indent=4) + "\n" if form == "json" else to_yaml(body))
        return 0
    if form == "name":
        for m in found:
            inv.out(f"{m.plural}.{m.group}" if m.group else m.plural)
        return 0
    rows = []
    if not inv.flags["no-headers"]:
        rows.append(["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"])
    for m in found:
        rows.append([m.plural, ",".join(m.short_names), m.api_version, str(m.namespaced).lower(), m.kind])
    if form == "wide":
        categories = inv.version >= CATEGORIES_SINCE
        wide = [["VERBS", "CATEGORIES"]] if not inv.flags["no-headers"] else []
        wide += [[",".join(sorted(m.verbs)), ",".join(m.categories)] for m in found]
        rows = [[*row, *(extra if categories else extra[:1])] for row, extra in zip(rows, wide, strict=True)]
    for line in layout(rows):
        inv.out(line)
    return 0


def _whole(m: Mapping_) -> Object:
    """Give all that discovery says of a kind, in the order of Go's type."""
    found: Object = {"name": m.plural, "singularName": m.names[1], "namespaced": m.namespaced}
    if m.group:
        found["group"] = m.group
    found |= {"version": m.version, "kind": m.kind, "verbs": list(m.verbs)}
    for key, words in (("shortNames", m.short_names), ("categories", m.categories)):
        if words:
            found[key] = list(words)
    return found


def _wanted(inv: Invocation, m: Mapping_) -> bool:
    flags = inv.flags
    return (("api-group" not in inv.given or m.group == flags["api-group"])
            and ("namespaced" not in inv.given or m.namespaced == flags["namespaced"])
            and set(flags["verbs"]) <= set(m.verbs)
            and set(flags["categories"] or ()) <= set(m.categories))


def api_versions(inv: Invocation) -> Steps[int]:
    """List the versions of groups that the server serves."""
    if inv.args:
        raise inv.usage(f"unexpected arguments: [{' '.join(inv.args)}]")
    try:
        found = yield from inv.mappings()
    except TransportError as error:
        raise UsageError(f"couldn't get available api versions from server: Get \"{inv.discovery_url}\": {error.message}"
                         ) from None
    for version in sorted({m.api_version for m in found}):
        inv.out(version)
    return 0


VERBS = {
    "api-resources": Verb(api_resources, (
        "output", "sort-by", "no-headers", "api-group", "namespaced", "verbs", "categories", "cached")),
    "api-versions": Verb(api_versions),
}
