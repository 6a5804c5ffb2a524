"""certificate approve and deny: a condition on a signing request, which the controller manager's signer then acts on.

Models: kubectl/pkg/cmd/certificates/certificates.go.
"""

from __future__ import annotations

from sim.api import objects, times
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.writing.output import Printer, dry_run, report

REQUESTS = "certificatesigningrequests"
WORDS = {"approve": ("Approved", "KubectlApprove", "This CSR was approved by kubectl certificate approve."),
         "deny": ("Denied", "KubectlDeny", "This CSR was denied by kubectl certificate deny.")}


def decide(inv: Invocation) -> Steps[int]:
    """Run `kubectl certificate approve` and `deny`."""
    if inv.flags["filename"]:
        raise NotSimulated(f"{inv.root} -f")
    if not inv.args:
        raise UsageError("one or more CSRs must be specified as <name> or -f <filename>")
    condition, reason, message = WORDS[inv.command.rpartition(" ")[2]]
    mapping = yield from inv.resolve(REQUESTS)
    printer = Printer(inv, dry_run(inv))
    errors: list[Exception] = []
    for name in inv.args:
        key = Key(REQUESTS, "", name.rpartition("/")[2])
        try:
            found: Object = yield from inv.send("get", key)
            conditions = objects.dig(found, "status.conditions", [])
            if inv.flags["force"] or condition not in [each.get("type") for each in conditions]:
                now = times.stamp(inv.engine.unix_us)
                new = [*(each for each in conditions if each.get("type") != condition), {
                    "type": condition, "status": "True", "reason": reason, "message": message, "lastUpdateTime": now, "lastTransitionTime": now}]
                found = yield from inv.send("update", key, body=objects.put(found, "status.conditions", new), subresource="approval")
            printer.done(mapping, found, condition.lower())
        except StatusError as error:
            errors.append(error)
    return report(inv, errors) if errors else 0
