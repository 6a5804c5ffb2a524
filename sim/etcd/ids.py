"""Member ids and cluster ids: digests of peer URLs and the cluster's token, so that the same words give the same ids.

Models: server/etcdserver/api/membership (computeMemberId, RaftCluster.genID).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

TOKEN = "etcd-cluster"
"""--initial-cluster-token where none is given."""


def member_id(peer_urls: Iterable[str], token: str = TOKEN, at_s: int | None = None) -> int:
    """Give the id of a member. at_s: the second at which `member add` made it; None for the founders."""
    text = "".join(sorted(peer_urls)) + token + ("" if at_s is None else str(at_s))
    return int.from_bytes(hashlib.sha1(text.encode(), usedforsecurity=False).digest()[:8], "big")


def cluster_id(members: Iterable[int]) -> int:
    """Give the id of the cluster that these members found."""
    text = b"".join(each.to_bytes(8, "big") for each in sorted(members))
    return int.from_bytes(hashlib.sha1(text, usedforsecurity=False).digest()[:8], "big")
