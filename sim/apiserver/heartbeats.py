"""Heartbeats as promises: a Lease that is renewed every so many seconds, without a write or an event each time.

While a promise holds, a read derives renewTime; when it ends, the last renewal is written as an ordinary change.
See docs/decisions/0002.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.api import objects, times
from sim.api.client import Change, Heartbeat, Key, Object
from sim.engine import SECOND_US, Engine
from sim.etcd.store import Store

NODE_LEASES = "kube-node-lease"
STATUS_PERIOD_US = 300 * SECOND_US


@dataclass(frozen=True, slots=True)
class Promise:
    """Renewals from a moment on, every period."""

    since_us: int
    period_us: int

    def renewed_us(self, now_us: int) -> int:
        """Give the moment of the latest renewal."""
        return self.since_us + (now_us - self.since_us) // self.period_us * self.period_us


class Heartbeats:
    """The promises that hold now, by Lease."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.promises: dict[Key, Promise] = {}

    def begin(self, key: Key, period_us: int) -> None:
        """Note that the Lease is renewed from now on."""
        self.promises[key] = Promise(self.engine.now_us, period_us)

    def end(self, key: Key) -> int | None:
        """Take a promise back; gives the moment of its last renewal, None when there was none."""
        promise = self.promises.pop(key, None)
        return promise.renewed_us(self.engine.now_us) if promise else None

    def unix_us(self, at_us: int) -> int:
        """Turn a moment of the lab into microseconds since 1970."""
        return self.engine.epoch_s * SECOND_US + at_us

    def lease_as_of_now(self, key: Key, lease: Object) -> Object:
        """Give the Lease as a real one would read now."""
        promise = self.promises.get(key)
        if promise is None:
            return lease
        renewed = self.unix_us(promise.renewed_us(self.engine.now_us))
        return objects.put(lease, "spec.renewTime", times.stamp_micro(renewed))

    def node_as_of_now(self, node: Object) -> Object:
        """Give the Node with the heartbeat times that its kubelet would have posted by now."""
        promise = self.promises.get(Key("leases", NODE_LEASES, objects.name(node)))
        conditions = objects.dig(node, "status.conditions", [])
        if promise is None or not conditions:
            return node
        age_us = (self.engine.now_us - promise.since_us) // STATUS_PERIOD_US * STATUS_PERIOD_US
        posted = times.stamp(self.unix_us(promise.since_us + age_us))
        fresh = [
            {**c, "lastHeartbeatTime": posted}
            if c.get("lastHeartbeatTime", "") < posted and c["type"] != "NetworkUnavailable" else c
            for c in conditions
        ]
        return objects.put(node, "status.conditions", fresh)

    def of_node(self, node: str, lease: Object | None) -> Heartbeat | None:
        """Tell what is known of a node's heartbeats."""
        promise = self.promises.get(Key("leases", NODE_LEASES, node))
        if promise is not None:
            return Heartbeat(promise.renewed_us(self.engine.now_us), beating=True)
        renewed = objects.dig(lease or {}, "spec.renewTime")
        if renewed is None:
            return None
        return Heartbeat(times.parse(renewed) - self.engine.epoch_s * SECOND_US, beating=False)


class CacheReader:
    """The reader of a server: its store and its heartbeats."""

    def __init__(self, store: Store, heartbeats: Heartbeats) -> None:
        self.heartbeats = heartbeats
        self.use(store)

    since = 0
    """Up to which revision it has seen what its server no longer knows: 0 but after a restore, see `resumed`."""

    def resumed(self, server: CacheReader) -> CacheReader:
        """Give the cache with which a client that had this one goes on at a new server.

        A client asks for what came after its own revision. Where etcd was restored to an earlier one, nothing came: the client
        keeps what it had, and hears only of later revisions. A client that begins anew takes the server's own.
        Models: client-go/tools/cache/reflector.go, the watch of a future resourceVersion.
        """
        cache = server.store
        if self.store is cache or self.store.revision <= cache.revision:
            return server
        image = self.store.copy()
        kept = CacheReader(image, server.heartbeats)
        kept.since = image.revision

        def follow(change: Change) -> None:
            if change.revision > image.revision:
                image.apply(change)

        cache.watch("*", follow)
        return kept

    def use(self, store: Store) -> None:
        """Read another store from now on."""
        self.store = store
        self.get = store.get
        self.list = store.list
        self.by_index = store.by_index
        self.count = store.count

    def heartbeat(self, node: str) -> Heartbeat | None:
        """Tell what is known of a node's heartbeats."""
        return self.heartbeats.of_node(node, self.store.get(Key("leases", NODE_LEASES, node)))
