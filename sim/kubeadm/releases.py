"""The site that publishes versions (dl.k8s.io), as kubeadm asks it: labels such as stable and stable-1.33.

Models: cmd/kubeadm/app/util/version.go. A host of the lab reaches the site while its network is not cut off.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sim.engine import SECOND_US
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.versions import labels
from sim.versions.catalogue import VersionError

NEWER = (((1, 34), 260), ((1, 31), 261), ((1, 19), 256), ((1, 0), 252))
"""In which line of version.go the remark about a much newer version stands."""


def published(session: Session) -> dict[str, str]:
    """Give what the site says today."""
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=session.engine.unix_us // SECOND_US)
    return labels.published(day.date())


def newest(session: Session) -> str:
    """Give the newest version that this kubeadm may use, without v; says so when the site has a much newer one."""
    known = published(session)
    remote = known["stable-1"]
    picked = labels.pick_stable(remote, session.version)
    if picked != remote:
        line = next(number for since, number in NEWER if session.minor >= since)
        session.klog("I", f"version.go:{line}", f"remote version is much newer: {remote}; falling back to: {picked}")
    return labels.resolve(picked, known, f"v{session.version}").removeprefix("v")


def target_of(session: Session, text: str) -> str:
    """Give the version, without v, that somebody typed. Raises KubeadmError."""
    if text in ("", "stable", "stable-1"):
        return newest(session)
    try:
        return labels.resolve(text, published(session), f"v{session.version}").removeprefix("v")
    except VersionError as error:
        raise KubeadmError(str(error)) from None
