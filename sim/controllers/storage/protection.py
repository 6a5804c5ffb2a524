"""Protection of storage in use: a claim stays while a pod uses it, a volume while a claim is bound to it.

Models: pkg/controller/volume/{pvcprotection,pvprotection}.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Change, Key, Object
from sim.controllers.base import Controller
from sim.controllers.storage.binder import CLAIMS, VOLUMES, claim_of

CLAIM_FINALIZER, VOLUME_FINALIZER = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"


def _claims(pod: Object) -> list[str]:
    return [each["persistentVolumeClaim"]["claimName"] for each in pod["spec"].get("volumes") or ()
            if each.get("persistentVolumeClaim")]


class ClaimProtection(Controller):
    """Lets go of claims that nobody uses."""

    name = "persistentvolumeclaim-protection-controller"
    watches = (CLAIMS, "pods")

    def start(self) -> None:
        """Begin, with no users known."""
        self._users: dict[Key, dict[Key, None]] = {}
        super().start()

    def changed(self, change: Change) -> None:
        """Queue a claim that goes, or one that a pod no longer uses."""
        if change.key.resource == CLAIMS:
            self.enqueue(change.key)
            return
        names = _claims(change.object)
        uses = bool(names) and change.new is not None and not objects.pod_finished(change.new)
        for name in names:
            key = Key(CLAIMS, change.key.namespace, name)
            users = self._users.setdefault(key, {})
            if uses:
                users[change.key] = None
            elif change.key in users:
                del users[change.key]
                self.enqueue(key)

    def reconcile(self, key: Key) -> float | None:
        """Take the finalizer away when the claim goes and no pod uses it."""
        claim = self.reader.get(key)
        if claim is None or not objects.deleting(claim) or self._users.get(key):
            return None
        left = [each for each in claim["metadata"].get("finalizers") or [] if each != CLAIM_FINALIZER]
        if left != claim["metadata"].get("finalizers"):
            self.client.patch(key, {"metadata": {"finalizers": left or None}}, because="no pod uses it")
        return None


class VolumeProtection(Controller):
    """Lets go of volumes that no claim is bound to."""

    name = "persistentvolume-protection-controller"
    watches = (VOLUMES,)

    def changed(self, change: Change) -> None:
        """Queue the volume."""
        self.enqueue(change.key)

    def reconcile(self, key: Key) -> float | None:
        """Take the finalizer away when the volume goes and is not bound."""
        volume = self.reader.get(key)
        if volume is None or not objects.deleting(volume):
            return None
        if objects.dig(volume, "status.phase") == "Bound" and claim_of(volume)[1]:
            return None
        left = [each for each in volume["metadata"].get("finalizers") or [] if each != VOLUME_FINALIZER]
        if left != volume["metadata"].get("finalizers"):
            self.client.patch(key, {"metadata": {"finalizers": left or None}}, because="no claim is bound to it")
        return None
