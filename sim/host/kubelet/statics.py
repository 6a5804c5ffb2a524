"""Static pods: what lies in the manifests folder runs on the host, and mirror pods show it in the API.

They go through the same workers as pods of the API; only where they come from and where their status goes differs.

Models: pkg/kubelet/config/file_linux.go (inotify and the 20 s scan), pkg/kubelet/pod/mirror_client.go.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import md5
from typing import TYPE_CHECKING, Any

import yaml

from sim.api import documents, objects, times
from sim.api.client import Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Timer
from sim.host.files import FileError
from sim.host.pods.status import pod_status
from sim.host.pods.worker import PodWorker

if TYPE_CHECKING:
    from sim.host.kubelet.kubelet import Kubelet

NOTICE_US = 300_000
"""Latency table: manifest change seen."""
MIRROR = "kubernetes.io/config.mirror"


class StaticPods:
    """The static pods of one kubelet."""

    def __init__(self, kubelet: Kubelet) -> None:
        self.kubelet = kubelet
        self.engine = kubelet.engine
        self.folder = kubelet.settings.manifests
        self.workers: dict[str, PodWorker] = {}
        self._sources: dict[str, Object] = {}
        self._bad: dict[str, bytes] = {}
        self._timer: Timer | None = None
        self._unwatch: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Read the folder, and watch it."""
        if not self.folder:
            return
        if not self.kubelet.host.files.view().exists(self.folder):
            self.kubelet.klog("E", "file_linux.go:61", f'"Unable to read config path" err="path does not exist, ignoring" '
                              f'path="{self.folder}"')
        self._unwatch = self.kubelet.host.files.watch(self.folder, lambda _: self._soon(NOTICE_US))
        self.scan()

    def stop(self) -> None:
        """Watch no more; what runs goes on."""
        self._unwatch()
        if self._timer is not None:
            self._timer.cancel()

    def _soon(self, delay_us: int) -> None:
        if self._timer is None or not self._timer.pending:
            self._timer = self.engine.after(delay_us, self.scan)

    # ---- files ------------------------------------------------------------------------------------------------
    def scan(self) -> None:
        """Start, replace and stop what the files say."""
        kubelet = self.kubelet
        if not kubelet.acts:
            return
        wanted = self._read()
        for uid in [uid for uid in self.workers if uid not in wanted]:
            worker = self.workers[uid]
            worker.terminate(int(worker.pod["spec"].get("terminationGracePeriodSeconds", 30)))
            self.unmirror(worker, unless=wanted)
        for uid, pod in wanted.items():
            if uid in self.workers:
                continue
            name = objects.name(pod)
            if any(objects.name(other.pod) == name and not other.gone for other in self.workers.values()):
                continue  # the same pod is still stopping; `forget` comes back to it
            self.workers[uid] = kubelet.add(pod, static=True)

    def _read(self) -> dict[str, Object]:
        view, found = self.kubelet.host.files.view(), {}
        names = view.list(self.folder) if view.is_dir(self.folder) else []
        for name in names:
            path = f"{self.folder.rstrip('/')}/{name}"
            if name.startswith(".") or view.is_dir(path):
                continue
            try:
                data = view.read(path)
                pod = self._pod(data, path)
            except FileError:
                continue
            except (yaml.YAMLError, ValueError, UnicodeDecodeError) as error:
                self._complain(path, data, error)
                continue
            self._bad.pop(path, None)
            found[objects.uid(pod)] = pod
        return found

    def _complain(self, path: str, data: bytes, error: Exception) -> None:
        if self._bad.get(path) == data:
            return
        self._bad[path] = data
        text = documents.fault(data) or str(error)
        self.kubelet.klog("E", "file.go:187", f'"Could not process manifest file" err="{path}: couldn\'t parse as pod('
                          f'{text}), please check config file" path="{path}"')

    def _pod(self, data: bytes, path: str) -> Object:
        """Make the pod of a file, as the kubelet does: its name with the node's, its uid a hash. Raises ValueError."""
        loaded: Any = documents.load(data)
        if not isinstance(loaded, dict) or loaded.get("kind") != "Pod":
            raise ValueError("Object 'Kind' is missing" if not isinstance(loaded, dict) or "kind" not in loaded else
                             f"invalid pod: {loaded.get('kind')}")
        metadata, spec = loaded.get("metadata"), loaded.get("spec")
        if not isinstance(metadata, dict) or not metadata.get("name") or not isinstance(spec, dict):
            raise ValueError("invalid pod: metadata.name: Required value")
        containers = spec.get("containers")
        if not isinstance(containers, list) or not containers or not all(
                isinstance(c, dict) and c.get("name") and c.get("image") for c in containers):
            raise ValueError("invalid pod: spec.containers: Required value")
        node = self.kubelet.name
        digest = md5(f"{node}/{path}/".encode() + data, usedforsecurity=False).hexdigest()
        annotations = {
            **(metadata.get("annotations") or {}), "kubernetes.io/config.hash": digest,
            "kubernetes.io/config.seen": times.stamp_micro(self.engine.unix_us), "kubernetes.io/config.source": "file"}
        spec = {**spec, "nodeName": node, "containers": [
            {"imagePullPolicy": "IfNotPresent", "resources": {}, **container} for container in containers]}
        spec.setdefault("restartPolicy", "Always")
        spec.setdefault("terminationGracePeriodSeconds", 30)
        spec["tolerations"] = [*(spec.get("tolerations") or []), {"operator": "Exists", "effect": "NoExecute"}]
        return {"apiVersion": "v1", "kind": "Pod", "spec": spec, "metadata": {
            **metadata, "name": f"{metadata['name']}-{node}", "namespace": metadata.get("namespace") or "default",
            "uid": digest, "annotations": annotations}}

    def forgotten(self, worker: PodWorker) -> None:
        """A worker is gone: its file may have a successor."""
        self.workers.pop(worker.uid, None)
        self._soon(0)

    # ---- mirror pods ------------------------------------------------------------------------------------------
    def mirror_all(self) -> None:
        """Make and correct all mirror pods: the API is there again."""
        for worker in list(self.workers.values()):
            if not worker.terminating:
                self.post(worker, f"{self.folder} on {self.kubelet.host.name} has its manifest")
        self._drop_orphans()

    def _drop_orphans(self) -> None:
        if not self.kubelet.online or not self.kubelet.acts:
            return
        client = self.kubelet.client
        known = {worker.key for worker in self.workers.values() if not worker.terminating}
        for pod in client.reader.by_index("pods", "node", self.kubelet.name) if client is not None else ():
            if MIRROR in objects.annotations(pod) and objects.key("pods", pod) not in known:
                self._delete(objects.key("pods", pod))

    def mirror_seen(self, key: Key, pod: Object) -> None:
        """A mirror pod was deleted or changed by somebody: it is made anew, the containers go on."""
        if objects.deleting(pod):
            self._delete(key)
        if any(worker.key == key for worker in self.workers.values()):
            self.engine.after(SECOND_US, self.mirror_all)
        else:
            self._delete(key)

    def mirror_gone(self, key: Key) -> None:
        """A mirror pod is gone: make it anew, if its static pod is still there."""
        worker = next((each for each in self.workers.values() if each.key == key and not each.terminating), None)
        if worker is not None:
            self.post(worker, "its static pod is still there")

    def unmirror(self, worker: PodWorker, *, unless: dict[str, Object]) -> None:
        """Delete the mirror of a static pod that has gone."""
        if self.kubelet.online:
            self._delete(worker.key)

    def _delete(self, key: Key) -> None:
        client = self.kubelet.client
        try:
            if client is not None and client.reader.get(key) is not None:
                client.delete(key, grace_seconds=0, because=f"its manifest is no longer in {self.folder}")
        except (StatusError, TransportError):
            self.engine.after(SECOND_US, self._drop_orphans)

    def post(self, worker: PodWorker, because: str) -> None:
        """Write the status of a static pod to its mirror, which is made if it is missing or of an older file."""
        client = self.kubelet.client
        if not self.kubelet.online or client is None or worker.terminating:
            return
        try:
            found = client.reader.get(worker.key)
            if found is not None and objects.annotations(found).get(MIRROR) != worker.uid:
                self._delete(worker.key)
                found = None
            if found is None:
                found = self._create(worker)
            worker.pod = {**worker.pod, "status": found.get("status") or {}}
            status = pod_status(worker)
            if status != found.get("status"):
                made = client.update(worker.key, {**found, "status": status}, subresource="status", because=because)
                worker.pod = {**worker.pod, "status": made.get("status") or {}}
        except (StatusError, TransportError):
            self.engine.after(SECOND_US, self.post, worker, because)

    def _create(self, worker: PodWorker) -> Object:
        client = self.kubelet.client
        assert client is not None
        node = client.reader.get(Key("nodes", "", self.kubelet.name))
        owner = {"apiVersion": "v1", "kind": "Node", "name": self.kubelet.name, "controller": True,
                 "uid": objects.uid(node) if node else ""}
        metadata = {name: value for name, value in worker.pod["metadata"].items() if name != "uid"}
        metadata["annotations"] = {**metadata["annotations"], MIRROR: worker.uid}
        metadata["ownerReferences"] = [owner]
        return client.create("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": worker.pod["spec"]},
                             because=f"{self.folder} on {self.kubelet.host.name} has its manifest")
