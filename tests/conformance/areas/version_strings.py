"""Versions as kubeadm reads them (the behaviours; upstream's helpers are internal)."""

from sim.versions import labels
from sim.versions.catalogue import VersionError

GIVEN = {"op", "input", "published_labels", "fetch_fails", "kubeadm_version", "remote_version", "client_version",
         "external_etcd", "kubernetes_version", "supported_etcd_by_minor"}
KUBEADM = "v1.36.2"


def resolve(given):
    published = None if given.get("fetch_fails") else given.get("published_labels") or {}
    return {"output": labels.resolve(given["input"], published, given.get("kubeadm_version", KUBEADM))}


def etcd(given):
    table = {int(minor): version for minor, version in given["supported_etcd_by_minor"].items()}
    version, nearest = labels.etcd_for(given["kubernetes_version"], table)
    return {"output": "" if given.get("external_etcd") else version, "etcd_version": version, "warning": nearest, "error": False}


OPS = {"resolve_version": resolve, "suggested_etcd_version": etcd, "etcd_for_kubernetes": etcd,
       "pick_stable": lambda g: {"output": labels.pick_stable(g["remote_version"], g["client_version"])}}


def judge(given, expect):
    for unknown in set(given) - GIVEN:
        raise KeyError(unknown)
    try:
        found = {"ok": True, **OPS[given["op"]](given)}
    except VersionError:
        found = {"ok": False, "output": "", "etcd_version": None, "warning": False, "error": True}
    return [f"{word}: {found[word]!r}, should be {value!r}" for word, value in expect.items()
            if word != "detail" and found[word] != value]
