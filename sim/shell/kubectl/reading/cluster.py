"""version, cluster-info, api-resources, config (reading).

Models: kubectl/pkg/cmd/{version,clusterinfo,apiresources,config}.
"""

from __future__ import annotations

from sim.api.client import Key
from sim.engine import Steps
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.frame.verbs import Verb
from sim.shell.kubectl.printing.tables import layout

KUSTOMIZE = {(1, 36): "v5.8.1", (1, 33): "v5.6.0", (1, 26): "v4.5.7"}


def version(inv: Invocation) -> Steps[int]:
    """Print the versions of client and server."""
    text = inv.call.host.files.view().read("/usr/bin/kubectl").decode().split(" v", 1)[1].strip()
    inv.out(f"Client Version: v{text}")
    kustomize = next((v for first, v in KUSTOMIZE.items() if inv.version >= first), None)
    if kustomize:
        inv.out(f"Kustomize Version: {kustomize}")
    if not inv.flags["client"]:
        body = yield from inv.send("get", Key("", "", "/version"))
        inv.out(f"Server Version: {body['gitVersion']}")
    return 0


def cluster_info(inv: Invocation) -> Steps[int]:
    """Print where the control plane answers."""
    yield from inv.send("get", Key("", "", "/version"))
    address = inv.server_address()
    assert address is not None
    where = f"https://{address[0]}:{address[1]}"
    inv.out(f"Kubernetes control plane is running at {where}")
    if (yield from inv.find(Key("services", "kube-system", "kube-dns"))) is not None:
        path = "/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy"
        inv.out(f"CoreDNS is running at {where}{path}")
    inv.out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.")
    return 0


def api_resources(inv: Invocation) -> Steps[int]:
    """List the kinds that the server knows."""
    rows = [["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]]
    for m in (yield from inv.mappings()):
        short = ",".join(name for name in m.names[2:])
        group = f"{m.group}/{m.version}" if m.group else m.version
        rows.append([m.resource, short, group, str(m.namespaced).lower(), m.kind])
    for line in layout(rows):
        inv.out(line)
    return 0


VERBS = {
    "version": Verb(version, ("client",)),
    "cluster-info": Verb(cluster_info),
    "api-resources": Verb(api_resources),
}
