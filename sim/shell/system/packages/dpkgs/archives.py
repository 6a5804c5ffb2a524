"""Archives of packages as files: which package a file is."""

from __future__ import annotations

from sim.host.files import FileError
from sim.host.packages import kubernetes
from sim.host.packages.package import Package
from sim.shell.pipes import Call

ARCHIVE_MARK = b"!<arch>\ndebian-binary\n"


def archive_bytes(package: Package) -> bytes:
    """Give an archive's content: which package it is. (Its true size is only told.)"""
    return ARCHIVE_MARK + f"{package.name} {package.version}\n".encode()


def package_of(call: Call, path: str) -> Package | None:
    """Tell which package an archive is."""
    try:
        data = call.files.read(path)
    except FileError:
        return None
    if not data.startswith(ARCHIVE_MARK):
        return None
    name, _, version = data[len(ARCHIVE_MARK):].decode(errors="replace").strip().partition(" ")
    entry = call.host.packages.entry(name)
    if entry is not None and entry.version == version:
        return entry.package
    from sim.host.packages.cache import Cache
    from sim.host.packages.sources import SourceError

    try:
        row = Cache(call.host).find(name, version)
    except SourceError:
        row = None
    if row is not None:
        return row.package
    if name in (*kubernetes.BINARIES, "cri-tools", "kubernetes-cni"):
        return kubernetes.package(name, version, kubernetes.LEGACY if version.endswith("-00") else kubernetes.COMMUNITY)
    return None
