"""Leader election by a Lease: one of several equal programs works, the others wait for its lease to run out.

Models: client-go/tools/leaderelection with the components' defaults: 15 s lease, 10 s renew deadline, 2 s retry with a
jitter of up to 120 %. The leader's renewals are promises, as a kubelet's heartbeats are.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.api import objects, times
from sim.api.client import Change, Client, Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Engine, Timer
from sim.recorder import Recorder

LEASE_SECONDS, RETRY_SECONDS = 15, 2
JITTER_PERCENT = 120


class LeaderElection:
    """Holds a Lease in kube-system; calls `lead` when it is ours.

    name: of the Lease and of the component. identity: who holds it (host name and a unique part).
    """

    def __init__(self, engine: Engine, client: Client, name: str, identity: str, lead: Callable[[], None]) -> None:
        self.engine = engine
        self.client = client
        self.key = Key("leases", "kube-system", name)
        self.identity = identity
        self.lead = lead
        self.leading = False
        self.recorder = Recorder(engine, client, name)
        self._chance = engine.stream(f"election.{name}")
        self._timer: Timer | None = None
        self._seen: tuple[str, int] = ("", 0)
        self._waits = False

    def start(self) -> None:
        """Try now, and every 2 s or a little more until the lease is ours."""
        self._seen = ("", self.engine.now_us)
        self._try()

    def _again(self) -> None:
        jitter_us = self._chance.uniform(0, RETRY_SECONDS * SECOND_US * JITTER_PERCENT // 100)
        self._timer = self.engine.after(
            RETRY_SECONDS * SECOND_US + jitter_us, self._try, label=f"leader lease {self.key.name} is tried again")

    def _held(self, lease: Object) -> bool:
        """Tell whether somebody else's lease may still be good: 15 s from when a renewal was last seen here."""
        holder = objects.dig(lease, "spec.holderIdentity", "")
        if not holder or holder == self.identity:
            return False
        marker = f"{holder}/{objects.dig(lease, 'spec.renewTime')}"
        if marker != self._seen[0]:
            self._seen = (marker, self.engine.now_us)
        seconds = objects.dig(lease, "spec.leaseDurationSeconds", LEASE_SECONDS)
        return bool(self.engine.now_us < self._seen[1] + seconds * SECOND_US)

    def _try(self) -> None:
        try:
            lease = self.client.find(self.key)
            if lease is not None and self._held(lease):
                stored = self.client.reader.get(self.key) or lease
                # While its holder's renewals are promised there is nothing to look at until the Lease changes.
                self._waits = objects.dig(stored, "spec.renewTime") != objects.dig(lease, "spec.renewTime")
                if not self._waits:
                    self._again()
                return
            now = times.stamp_micro(self.engine.unix_us)
            spec = {"holderIdentity": self.identity, "leaseDurationSeconds": LEASE_SECONDS, "acquireTime": now,
                    "renewTime": now, "leaseTransitions": objects.dig(lease or {}, "spec.leaseTransitions", -1) + 1}
            if lease is None:
                lease = self.client.create("leases", {
                    "metadata": {"name": self.key.name, "namespace": self.key.namespace}, "spec": spec})
            else:
                lease = self.client.update(self.key, {**lease, "spec": spec})
            self.client.update(self.key, {"beating": True, "period_s": RETRY_SECONDS}, subresource="heartbeat")
        except (StatusError, TransportError):
            self._again()
            return
        self.leading = True
        self.recorder.event(lease, "Normal", "LeaderElection", f"{self.identity} became leader")
        self.lead()

    def changed(self, change: Change) -> None:
        """Hear of a change of Leases: the holder of ours may be gone."""
        if self._waits and change.key == self.key:
            self._waits = False
            self._again()

    def look(self) -> None:
        """Look whether the holder's renewals are still promised: one whose own server went with it takes back nothing."""
        if not self._waits:
            return
        try:
            lease, stored = self.client.find(self.key), self.client.reader.get(self.key)
        except (StatusError, TransportError):
            return
        if objects.dig(stored or {}, "spec.renewTime") == objects.dig(lease or {}, "spec.renewTime"):
            self._waits = False
            self._again()

    def resume(self, client: Client) -> None:
        """Go on leading: the server was away for less than the renew deadline."""
        self.client = client
        client.update(self.key, {"beating": True, "period_s": RETRY_SECONDS}, subresource="heartbeat")

    def stop(self, *, release: bool) -> None:
        """Stop; a clean stop releases the lease, a kill leaves it to run out."""
        if self._timer:
            self._timer.cancel()
        if not self.leading:
            return
        self.leading = False
        self.client.update(self.key, {"beating": False}, subresource="heartbeat")
        lease = self.client.reader.get(self.key)
        if release and lease is not None:
            now = times.stamp_micro(self.engine.unix_us)
            spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now, "acquireTime": now}
            self.recorder.event(lease, "Normal", "LeaderElection", f"{self.identity} stopped leading")
            self.client.update(self.key, {**lease, "spec": spec})
