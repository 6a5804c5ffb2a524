"""An object store as velero uses it: buckets outside every cluster, with a backup's objects under its name.

Models: the layout `backups/NAME/…` of pkg/persistence. A bucket is there as soon as somebody names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sim.api.client import Key, Object
from sim.host.network import Network

Item = tuple[Key, Object]


@dataclass(slots=True)
class Kept:
    """A backup in a bucket: the Backup object as it was when it ended, what it holds, its log."""

    backup: Object
    items: list[Item] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Bucket:
    """A bucket. backups: by name. results: logs of restores, by name."""

    backups: dict[str, Kept] = field(default_factory=dict)
    restores: dict[str, list[str]] = field(default_factory=dict)
    _notices: dict[Callable[[], None], None] = field(default_factory=dict)

    def on_change(self, notice: Callable[[], None]) -> Callable[[], None]:
        """Be told when a backup comes or goes; gives the way to stop."""
        self._notices[notice] = None
        return lambda: self._notices.pop(notice, None)

    def put(self, name: str, kept: Kept) -> None:
        """Keep a backup."""
        self.backups[name] = kept
        self._tell()

    def remove(self, name: str) -> None:
        """Forget a backup."""
        if self.backups.pop(name, None) is not None:
            self._tell()

    def _tell(self) -> None:
        for notice in list(self._notices):
            notice()


def bucket_of(network: Network, location: Object) -> Bucket:
    """Give the bucket of a BackupStorageLocation."""
    spec = location.get("spec") or {}
    store = spec.get("objectStorage") or {}
    name = "/".join(filter(None, (str(spec.get("provider", "")), str(store.get("bucket", "")), str(store.get("prefix", "")))))
    found: Bucket = network.buckets.setdefault(name, Bucket())
    return found
