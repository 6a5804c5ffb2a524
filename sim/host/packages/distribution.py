"""The packages of Ubuntu and Debian that labs name: those that a fresh host has, and those that it can install.

The table beside this file has the versions that the archives had in 2025 (one per release, on every simulated day):
labs do not depend on them. Programs that the table names are files that a package brings; they refuse where they are
not modelled. A needed program that the table does not name is on every host (see `sim.shell.programs`).
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from sim.host.packages.package import Package, PackageFile, Recipe

CODENAMES = ("jammy", "noble", "bookworm")
MAINTAINERS = {"bookworm": "Debian Developers <debian-devel@lists.debian.org>"}
UBUNTU = "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>"
CONTAINERD_UNIT = """[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target local-fs.target

[Service]
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/bin/containerd

Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
LimitNOFILE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
"""
SBIN = frozenset(("chronyd", "conntrack", "dockerd", "ebtables", "exportfs", "haproxy", "ipset", "ipvsadm", "iscsiadm", "iscsid",
                  "keepalived", "mount.nfs", "nginx", "ntpd", "route", "rpc.nfsd", "showmount", "ifconfig", "arp"))
OWN_FILES = {
    "containerd": (*(PackageFile(f"/usr/bin/{name}") for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
                   PackageFile("/usr/lib/systemd/system/containerd.service", CONTAINERD_UNIT)),
    "runc": (PackageFile("/usr/bin/runc"),)}


@cache
def _rows() -> tuple[tuple[str, ...], ...]:
    text = resources.files(__package__).joinpath("distribution.txt").read_text(encoding="utf-8")
    return tuple(tuple(line.split("|")) for line in text.splitlines() if not line.startswith("#"))


def _package(row: tuple[str, ...], codename: str) -> Package:
    name, _flag, section, size, installed, depends, programs, summary = row[0], *row[4:]
    version = row[1 + CODENAMES.index(codename)]
    files = OWN_FILES.get(name) or tuple(PackageFile(f"/usr/{'sbin' if each in SBIN else 'bin'}/{each}") for each in programs.split())
    recipe = Recipe(name, section, "optional", MAINTAINERS.get(codename, UBUNTU), "", summary, "")
    upstream = version.partition(":")[2] or version
    upstream = upstream.rpartition("-")[0] or upstream
    return Package(recipe, version, upstream.partition("+")[0].partition("~")[0], depends, int(size), int(installed), files)


@cache
def archive(codename: str) -> dict[str, Package]:
    """Give all packages of a release that the table has, by name."""
    return {row[0]: _package(row, codename) for row in _rows() if row[1 + CODENAMES.index(codename)]}


@cache
def fresh(codename: str) -> dict[str, Package]:
    """Give the packages that a freshly installed host has."""
    return {row[0]: archive(codename)[row[0]] for row in _rows() if row[4] and row[0] in archive(codename)}
