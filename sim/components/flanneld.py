"""flanneld: once it runs on a node, pods there can have addresses.

Models: flannel's kube subnet manager: the CNI file, /run/flannel/subnet.env, its annotations and the NetworkUnavailable
condition of its Node. Left out: routes and VXLAN.
"""

from __future__ import annotations

from typing import Any

from sim.api import objects, times
from sim.api.client import Client, Key
from sim.api.errors import StatusError, TransportError
from sim.components.base import API_PORT, Program
from sim.host.network import Connection

CNI_FILE = "/etc/cni/net.d/10-flannel.conflist"
CNI = """{
  "name": "cbr0",
  "cniVersion": "0.3.1",
  "plugins": [
    {
      "type": "flannel",
      "delegate": {
        "hairpinMode": true,
        "isDefaultGateway": true
      }
    },
    {
      "type": "portmap",
      "capabilities": {
        "portMappings": true
      }
    }
  ]
}
"""


class Flanneld(Program):
    """The flannel daemon of one node."""

    name = "flanneld"
    start_seconds = 0.5
    minor = (0, 26)

    def begin(self) -> None:
        """Write the files, then tell the node."""
        view = self.host.files.view()
        view.make_dir("/etc/cni/net.d", parents=True)
        view.make_dir("/run/flannel", parents=True)
        view.write("/run/flannel/subnet.env", (
            f"FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET={self.host.facts.pod_cidr.replace('.0/24', '.1/24')}\n"
            "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n").encode())
        if not view.exists(CNI_FILE):
            view.write(CNI_FILE, CNI.encode())
        self.set_ready(ready=True)
        self._annotate()

    def _annotate(self) -> None:
        servers = [kubelet.connection for kubelet in self.host.kubelets]
        connection = servers[0] if servers else Connection(self.host.network, self.host, "127.0.0.1", API_PORT)
        key = Key("nodes", "", servers[0] and next(iter(self.host.kubelets)).name if servers else self.host.name)
        try:
            server: Any = connection.server()
            client = Client(connection, server.reader, agent="flanneld")
            node = client.find(key)
            if node is not None:
                self._write(client, key, node)
                return
        except (TransportError, StatusError):
            pass
        self.later(5.0)

    def _write(self, client: Client, key: Key, node: Any) -> None:
        mac = ":".join(self.engine.stream("flannel").text("0123456789abcdef", 2) for _ in range(6))
        wanted = {"flannel.alpha.coreos.com/backend-type": "vxlan",
                  "flannel.alpha.coreos.com/kube-subnet-manager": "true",
                  "flannel.alpha.coreos.com/public-ip": self.host.address}
        if not wanted.items() <= objects.annotations(node).items():
            wanted["flannel.alpha.coreos.com/backend-data"] = f'{{"VNI":1,"VtepMAC":"{mac}"}}'
            node = client.patch(key, {"metadata": {"annotations": wanted}}, because="flannel runs on the node")
        now = times.stamp(self.engine.unix_us)
        if objects.condition_status(node, "NetworkUnavailable") != "False":
            conditions = [c for c in objects.dig(node, "status.conditions", []) if c["type"] != "NetworkUnavailable"]
            condition = {"type": "NetworkUnavailable", "status": "False", "lastHeartbeatTime": now,
                         "lastTransitionTime": now, "reason": "FlannelIsUp", "message": "Flannel is running on this node"}
            client.update(key, objects.put(node, "status.conditions", [condition, *conditions]), subresource="status",
                          because="flannel runs on the node")

    def end(self, *, kill: bool) -> None:
        """Nothing is undone: the files stay."""
