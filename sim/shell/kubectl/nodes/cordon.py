"""cordon, uncordon, and how the node verbs choose their nodes.

Models: kubectl/pkg/cmd/drain/drain.go (RunCordonOrUncordon), kubectl/pkg/drain/cordon.go.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Key, Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError, usage_error
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.writing.output import DryRun, dry_run


def chosen_nodes(inv: Invocation) -> Steps[list[Object]]:
    """Get the nodes that are named or selected. Raises UsageError or StatusError; nothing is changed then."""
    selector = inv.flags["selector"]
    if not inv.args and "selector" not in inv.given:
        raise usage_error(inv.command, f"USAGE: {inv.command} NODE [flags]")
    if inv.args and selector:
        both = "cannot specify both a node name and a --selector option"
        raise usage_error(inv.command, both if inv.version >= (1, 27) else f"error: {both}")
    if selector:
        try:
            body = yield from inv.send("list", Key("nodes", "", ""), query={"labelSelector": selector})
        except StatusError as error:
            if error.code != 400:
                raise
            where = f'Unable to find "/v1, Resource=nodes" that match label selector "{selector}", field selector ""'
            raise StatusError(400, "BadRequest", f"{where}: {error.message}") from None
        items: list[Object] = body["items"]
        return items
    found = []
    for word in inv.args:
        kind, slash, name = word.rpartition("/")
        mapping = yield from inv.resolve(kind if slash else "nodes")
        obj = yield from inv.send("get", inv.key(mapping, name))
        if mapping.resource != "nodes":
            raise UsageError(f'error: expected resource of type node, got "{mapping.group}/{mapping.version}, '
                             f'Resource={mapping.resource}"')
        found.append(obj)
    return found


def cordon_one(inv: Invocation, node: Object, dry: DryRun, *, wanted: bool) -> Steps[None]:
    """Set or unset spec.unschedulable, and say so."""
    name, word = objects.name(node), "cordoned" if wanted else "uncordoned"
    if bool(objects.dig(node, "spec.unschedulable")) == wanted:
        inv.out(f"node/{name} already {word}{dry.suffix}")
        return
    if not dry.client:
        try:
            yield from inv.send("patch", Key("nodes", "", name), body={"spec": {"unschedulable": wanted or None}},
                                query={"patchType": "strategic", **dry.query})
        except StatusError as error:
            inv.err(f'error: unable to {inv.command if inv.command != "drain" else "cordon"} node "{name}": '
                    f"{error.message}")
            return
    inv.out(f"node/{name} {word}{dry.suffix}")


def cordon(inv: Invocation) -> Steps[int]:
    """Run `kubectl cordon` and `kubectl uncordon`."""
    dry = dry_run(inv)
    for node in (yield from chosen_nodes(inv)):
        yield from cordon_one(inv, node, dry, wanted=inv.command == "cordon")
    return 0
