"""What kubeadm makes of a version that somebody typed: `1.33.1`, `stable`, `latest-1.31`; and which etcd goes with it.

Models: cmd/kubeadm/app/util/version.go, constants.EtcdSupportedVersion. Left out: CI builds and buckets.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping

from sim.versions import catalogue
from sim.versions.catalogue import Version, VersionError

_EXACT = re.compile(r"v?(\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?)")
_LABEL = re.compile(r"(latest|stable)(-[1-9](\.[1-9]\d?)?)?")
CHAIN_MOST = 5


def published(date: datetime.date) -> dict[str, str]:
    """Give what the release site says on a day: label -> version."""
    minors = [row for row in catalogue.minors().values() if row.released <= date]
    if not minors:
        raise VersionError(f"no Kubernetes version of the catalogue was released on {date}")
    newest = f"v{minors[-1].latest(date)}"
    return {"stable": newest, "stable-1": newest, "latest": newest, "latest-1": newest,
            **{f"{word}-{row.name}": f"v{row.latest(date)}" for row in minors for word in ("stable", "latest")}}


def resolve(text: str, labels: Mapping[str, str] | None, kubeadm: str) -> str:
    """Give the version, with v, that a text means. labels: None when nothing can be fetched. VersionError: none.

    A label that cannot be fetched means kubeadm's own version.
    """
    for _ in range(CHAIN_MOST):
        exact = _EXACT.fullmatch(text)
        if exact is not None:
            return f"v{exact[1]}"
        if _LABEL.fullmatch(text) is None:
            break
        text = (labels or {}).get(text) or kubeadm
    raise VersionError(f'version "{text}" doesn\'t match patterns for neither semantic version nor labels (stable, latest, ...)')


def pick_stable(remote: str, client: str) -> str:
    """Give the remote version, or the label of the client's own minor where the remote one is newer than that."""
    fetched, own = Version.parse(remote), Version.parse(client)
    return f"stable-{own.line}" if fetched[:2] > own[:2] else remote


def etcd_for(version: str, table: Mapping[int, str]) -> tuple[str, bool]:
    """Give (etcd version, whether the nearest entry was taken). table: Kubernetes minor -> etcd. VersionError."""
    minor = Version.parse(version).minor
    nearest = min(max(minor, min(table)), max(table))
    while nearest not in table:
        nearest -= 1
    return table[nearest], minor not in table
