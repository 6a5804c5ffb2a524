"""Static pods: the manifests folder of a host is what runs there, and mirror pods show it in the API.

Models: pkg/kubelet/config/file_linux.go (inotify), pkg/kubelet/pod/mirror_client.go.
"""

from __future__ import annotations

import yaml

from sim.api import objects, times
from sim.api.client import Client, Key, Object
from sim.api.errors import StatusError, TransportError
from sim.components.programs import PROGRAMS, Program
from sim.engine import Timer
from sim.host.kubelet import Kubelet

FOLDER = "/etc/kubernetes/manifests"
NOTICE_US = 300_000
MIRROR_US = 1_000_000


class StaticPods:
    """Runs what lies in the manifests folder of a kubelet's host."""

    def __init__(self, kubelet: Kubelet) -> None:
        self.kubelet = kubelet
        self.host = kubelet.host
        self.engine = kubelet.engine
        self.running: dict[str, tuple[bytes, Program, Object]] = {}
        self._timer: Timer | None = None
        self.host.units["static-pods"] = self
        self.host.files.watch(FOLDER, lambda _: self._soon(NOTICE_US))
        self._soon(NOTICE_US)

    def _soon(self, delay_us: int) -> None:
        if self._timer is None or not self._timer.pending:
            self._timer = self.engine.after(delay_us, self.scan)

    def rescan(self) -> None:
        """Look at the folder anew: the kubelet has been started again."""
        self._soon(NOTICE_US)

    def scan(self) -> None:
        """Start, restart and stop what the files say."""
        if not self.kubelet.acts:
            return
        wanted: dict[str, tuple[bytes, Object]] = {}
        files = self.host.files.view()
        for name in files.list(FOLDER) if files.is_dir(FOLDER) else []:
            if not name.endswith((".yaml", ".yml", ".json")) or name.startswith("."):
                continue
            data = files.read(f"{FOLDER}/{name}")
            try:
                pod = yaml.safe_load(data)
                container = pod["spec"]["containers"][0]
                wanted[str(pod["metadata"]["name"])] = (data, pod)
                _ = container["image"]
            except (yaml.YAMLError, KeyError, TypeError, IndexError, UnicodeDecodeError):
                self.host.log("kubelet", f'"Could not process manifest file" path="{FOLDER}/{name}"')
        for name, (data, program, _) in list(self.running.items()):
            if name not in wanted or wanted[name][0] != data or not program.alive:
                program.stop(kill=False)
                del self.running[name]
                self._unmirror(name)
        for name, (data, pod) in wanted.items():
            if name not in self.running:
                self._run(name, data, pod)
        self.engine.after(MIRROR_US, self.mirror)

    def _run(self, name: str, data: bytes, pod: Object) -> None:
        container = pod["spec"]["containers"][0]
        image = str(container["image"])
        words = [str(w) for w in container.get("command") or []] + [str(w) for w in container.get("args") or []]
        kind = PROGRAMS.get(words[0].rpartition("/")[2] if words else "")
        if kind is None:
            self.host.log("kubelet", f'not simulated: static pod "{name}" with image {image}')
            return
        tag = image.rpartition(":")[2].removeprefix("v").partition("-")[0]
        program = kind(self.host, words, tag)
        self.running[name] = (data, program, pod)
        program.start()

    def kill_all(self) -> None:
        """Power is gone."""
        for _, program, _ in self.running.values():
            program.stop(kill=True)
        self.running.clear()

    # ---- mirror pods ------------------------------------------------------------------------------------------
    def mirror(self) -> None:
        """Make the mirror pods that are missing."""
        client = self.kubelet.client
        if not self.kubelet.online or client is None:
            if self.running and self.kubelet.acts:
                self.engine.after(MIRROR_US, self.mirror)
            return
        for name, (_, program, pod) in self.running.items():
            key = Key("pods", "kube-system", f"{name}-{self.host.name}")
            try:
                if client.find(key) is None:
                    self._create(client, key, pod)
                if program.ready:
                    continue
            except (StatusError, TransportError):
                self.engine.after(MIRROR_US, self.mirror)
                return

    def _create(self, client: Client, key: Key, pod: Object) -> None:
        node = client.get(Key("nodes", "", self.host.name))
        owner = {"apiVersion": "v1", "kind": "Node", "name": self.host.name, "uid": objects.uid(node), "controller": True}
        mark = self.engine.stream("mirror").text("0123456789abcdef", 32)
        now = times.stamp(self.engine.unix_us)
        metadata = {
            **pod["metadata"], "name": key.name, "namespace": "kube-system", "ownerReferences": [owner],
            "annotations": {
                **(pod["metadata"].get("annotations") or {}), "kubernetes.io/config.hash": mark,
                "kubernetes.io/config.mirror": mark, "kubernetes.io/config.source": "file"}}
        made = client.create("pods", {
            "metadata": metadata, "spec": {**pod["spec"], "nodeName": self.host.name, "tolerations": [
                {"operator": "Exists", "effect": "NoExecute"}]}}, because=f"{FOLDER} on {self.host.name} has its manifest")
        container = pod["spec"]["containers"][0]
        conditions = [{"type": t, "status": "True", "lastProbeTime": None, "lastTransitionTime": now} for t in (
            "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")]
        client.update(key, {**made, "status": {
            "phase": "Running", "startTime": now, "hostIP": self.host.address, "podIP": self.host.address,
            "podIPs": [{"ip": self.host.address}], "qosClass": "Burstable", "conditions": conditions,
            "containerStatuses": [{
                "name": container["name"], "image": container["image"], "imageID": "", "ready": True, "started": True,
                "restartCount": 0, "state": {"running": {"startedAt": now}}, "lastState": {}}]}}, subresource="status")

    def _unmirror(self, name: str) -> None:
        client = self.kubelet.client
        if client is None or not self.kubelet.online:
            return
        try:
            client.delete(Key("pods", "kube-system", f"{name}-{self.host.name}"), grace_seconds=0,
                          because=f"its manifest on {self.host.name} is gone or changed")
        except (StatusError, TransportError):
            return
