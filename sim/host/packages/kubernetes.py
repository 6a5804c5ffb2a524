"""The packages of Kubernetes: what was offered where and since when, of what they depend, and what they do to a host.

Models: kubernetes/release, packages/deb and cmd/kubepkg (legacy, `1.26.0-00`, until 2023-09-13) and
cmd/krel/templates/latest with its metadata.yaml (pkgs.k8s.io, `1.29.3-1.1`, since 2023-08-15). Sizes are those of the
recorded hosts where known, else the nearest version's. Days of cri-tools and kubernetes-cni are those of upstream's
releases, to the week.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from sim.host.packages.package import Package, PackageFile, Recipe
from sim.versions import catalogue
from sim.versions.catalogue import Version

if TYPE_CHECKING:
    from sim.host.machine import Host

LEGACY, COMMUNITY = "legacy", "community"
LEGACY_FROZEN = datetime.date(2023, 9, 13)
LEGACY_GONE = datetime.date(2024, 3, 4)
COMMUNITY_OPENED = datetime.date(2023, 8, 15)
LEGACY_LAST, COMMUNITY_FIRST = (1, 28, 2), (1, 24)
BINARIES = ("kubeadm", "kubectl", "kubelet")
REVISIONS = {"1.24.0": "2.1", "1.25.0": "2.1", "1.26.0": "2.1", "1.27.0": "2.1", "1.29.4": "2.1"}
"""Versions that pkgs.k8s.io built more than once; the others are -1.1."""

UNIT = """[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
"""
DROP_IN = """# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# This is a file that "kubeadm init" and "kubeadm join" generates at runtime, populating the KUBELET_KUBEADM_ARGS variable dynamically
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# This is a file that the user can use for overrides of the kubelet args as a last resort. Preferably, the user should use
# the .NodeRegistration.KubeletExtraArgs object in the configuration files instead. KUBELET_EXTRA_ARGS should be sourced from this file.
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""
DROP_INS = {LEGACY: "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
            COMMUNITY: "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"}
UNITS = {LEGACY: "/lib/systemd/system/kubelet.service", COMMUNITY: "/usr/lib/systemd/system/kubelet.service"}
DEFAULTS = PackageFile("/etc/default/kubelet", "KUBELET_EXTRA_ARGS=\n", conffile=True)
CNI = ("bandwidth", "bridge", "dhcp", "dummy", "firewall", "host-device", "host-local", "ipvlan", "loopback", "macvlan",
       "portmap", "ptp", "sbr", "static", "tap", "tuning", "vlan", "vrf")


def restart_kubelet(host: Host) -> None:
    """What the legacy packages of kubelet and kubeadm do when configured (kubernetes/release issue 2412)."""
    host.systemd.reload()
    unit = host.unit("kubelet")
    if unit is not None and host.systemd.enabled(unit.name) == "enabled":
        unit.stop()
        unit.start()


def enable_kubelet(host: Host) -> None:
    """What the community's package of the kubelet does when configured: preset, no restart (%systemd_post)."""
    host.systemd.enable("kubelet.service")


def stop_kubelet(host: Host) -> None:
    """What a kubelet package does before it is removed."""
    unit = host.unit("kubelet")
    if unit is not None:
        unit.stop()
        host.systemd.disable("kubelet.service")


_SUMMARIES = {
    LEGACY: {"kubeadm": "Kubernetes Cluster Bootstrapping Tool", "kubectl": "Kubernetes Command Line Tool",
             "kubelet": "Kubernetes Node Agent", "kubernetes-cni": "Kubernetes CNI",
             "cri-tools": "Container Runtime Interface Tools"},
    COMMUNITY: {"kubeadm": "Command-line utility for administering a Kubernetes cluster",
                "kubectl": "Command-line utility for interacting with a Kubernetes cluster",
                "kubelet": "Node agent for Kubernetes clusters",
                "kubernetes-cni": "Binaries required to provision kubernetes container networking",
                "cri-tools": "Command-line utility for interacting with a container runtime"}}
_LEGACY_TEXTS = {
    "kubeadm": "The Kubernetes command line tool for bootstrapping a Kubernetes cluster.",
    "kubectl": "The Kubernetes command line tool for interacting with the Kubernetes API.",
    "kubelet": "The node agent of Kubernetes, the container cluster manager",
    "kubernetes-cni": "Binaries required to provision container networking.",
    "cri-tools": "Binaries to interact with the container runtime."}
_SECTIONS = {"kubeadm": "admin", "kubectl": "utils", "kubelet": "net", "kubernetes-cni": "net", "cri-tools": "utils"}


@cache
def recipe(name: str, family: str) -> Recipe:
    """Give what all versions of a package of a family have in common."""
    legacy = family == LEGACY
    summary = _SUMMARIES[family][name]
    return Recipe(
        name, "misc" if legacy else _SECTIONS[name], "optional",
        "Kubernetes Authors <kubernetes-dev+release@googlegroups.com>" if legacy else "Kubernetes Authors <dev@kubernetes.io>",
        "https://kubernetes.io", summary, _LEGACY_TEXTS[name] if legacy else f"{summary}.",
        ("copyright", "changelog.Debian.gz") if legacy else ("LICENSE", "README.md"),
        {"kubelet": restart_kubelet if legacy else enable_kubelet, "kubeadm": restart_kubelet if legacy else None}.get(name),
        {"kubelet": stop_kubelet}.get(name))


# ---- dependencies ------------------------------------------------------------------------------------------------
_LEGACY_KUBELET = "iptables (>= 1.4.21), kubernetes-cni ({cni}), iproute2, socat, util-linux, mount, ebtables, ethtool, conntrack"
_RULES: dict[tuple[str, str], tuple[tuple[tuple[int, ...], str], ...]] = {
    ("kubeadm", LEGACY): (
        ((1, 27), "kubelet (>= 1.19.0), kubectl (>= 1.19.0), kubernetes-cni (>= 1.2.0), cri-tools (>= 1.26.0)"),
        ((1, 24, 5), "kubelet (>= 1.19.0), kubectl (>= 1.19.0), kubernetes-cni (>= 1.1.1), cri-tools (>= 1.25.0)"),
        ((1, 24), "kubelet (>= 1.19.0), kubectl (>= 1.19.0), kubernetes-cni (>= 0.8.7), cri-tools (>= 1.23.0)"),
        ((1, 18), "kubelet (>= 1.13.0), kubectl (>= 1.13.0), kubernetes-cni (>= 0.8.6), cri-tools (>= 1.13.0)"),
        ((1, 14), "kubelet (>= 1.13.0), kubectl (>= 1.13.0), kubernetes-cni (>= 0.7.5), cri-tools (>= 1.13.0)"),
        ((1, 13), "kubelet (>= 1.6.0), kubectl (>= 1.6.0), kubernetes-cni (>= 0.6.0), cri-tools (>= 1.11.0)"),
        ((1, 11), "kubelet (>= 1.6.0), kubectl (>= 1.6.0), kubernetes-cni (= 0.6.0), cri-tools (>= 1.11.0)"),
        ((1,), "kubelet (>= 1.6.0), kubectl (>= 1.6.0), kubernetes-cni (= 0.6.0)")),
    ("kubelet", LEGACY): (
        ((1, 27), _LEGACY_KUBELET.format(cni=">= 1.2.0")), ((1, 24, 5), _LEGACY_KUBELET.format(cni=">= 1.1.1")),
        ((1, 20), _LEGACY_KUBELET.format(cni=">= 0.8.7")), ((1, 18), _LEGACY_KUBELET.format(cni=">= 0.8.6")),
        ((1, 14), _LEGACY_KUBELET.format(cni=">= 0.7.5")), ((1, 13), _LEGACY_KUBELET.format(cni=">= 0.6.0")),
        ((1,), _LEGACY_KUBELET.format(cni="= 0.6.0"))),
    ("kubeadm", COMMUNITY): (
        ((1, 32), "cri-tools (>= 1.30.0)"), ((1, 30), "cri-tools (>= 1.30.0)"),
        ((1, 28), "cri-tools (>= 1.28.0), kubectl (>= 1.19.0), kubelet (>= 1.19.0), kubernetes-cni (>= 1.2.0)"),
        ((1, 25, 1), "cri-tools (>= 1.25.0), kubectl (>= 1.19.0), kubelet (>= 1.19.0), kubernetes-cni (>= 1.1.1)"),
        ((1, 25), "cri-tools (>= 1.24.2), kubectl (>= 1.19.0), kubelet (>= 1.19.0), kubernetes-cni (>= 0.8.7)"),
        ((1, 24, 5), "cri-tools (>= 1.25.0), kubectl (>= 1.19.0), kubelet (>= 1.19.0), kubernetes-cni (>= 1.1.1)"),
        ((1,), "cri-tools (>= 1.23.0), kubectl (>= 1.19.0), kubelet (>= 1.19.0), kubernetes-cni (>= 0.8.7)")),
    ("kubelet", COMMUNITY): (
        ((1, 30), "iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), mount, util-linux"),
        ((1, 28), "conntrack, ebtables, ethtool, iproute2, iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), mount, socat, util-linux"),
        ((1,), "conntrack, ebtables, ethtool, iproute2, iptables (>= 1.4.21), kubernetes-cni (>= 1.1.1), mount, socat, util-linux")),
}


def _depends(name: str, family: str, version: Version) -> str:
    for since, text in _RULES.get((name, family), ()):
        if version[:3] >= since:
            return text
    return ""


# ---- sizes ---------------------------------------------------------------------------------------------------------
_SIZES: dict[tuple[str, str], tuple[tuple[str, int, int], ...]] = {
    ("kubeadm", LEGACY): (
        ("1.10.0", 21_000_000, 121_000), ("1.14.0", 8_150_000, 39_000), ("1.20.0", 7_707_000, 39_500), ("1.24.0", 9_411_000, 44_500),
        ("1.25.0", 9_432_000, 43_800), ("1.25.1", 9_770_000, 43_803), ("1.25.6", 9_299_000, 44_100), ("1.26.0", 9_738_980, 46_780),
        ("1.27.0", 9_931_000, 47_900), ("1.28.2", 9_544_000, 49_506)),
    ("kubectl", LEGACY): (
        ("1.10.0", 9_200_000, 52_700), ("1.14.0", 8_800_000, 42_100), ("1.20.0", 7_950_000, 40_200), ("1.24.0", 9_318_000, 45_600),
        ("1.25.0", 9_500_000, 44_800), ("1.26.0", 9_595_000, 45_086), ("1.27.0", 10_200_000, 48_100), ("1.28.2", 10_400_000, 46_586)),
    ("kubelet", LEGACY): (
        ("1.10.0", 21_200_000, 144_000), ("1.14.0", 21_500_000, 125_000), ("1.20.0", 18_800_000, 113_000), ("1.24.0", 19_200_000, 118_600),
        ("1.25.0", 19_500_000, 119_100), ("1.26.0", 19_700_000, 119_367), ("1.27.0", 19_400_000, 117_002), ("1.28.2", 20_000_000, 115_218)),
    ("kubeadm", COMMUNITY): (
        ("1.24.0", 9_000_000, 43_300), ("1.28.0", 10_300_000, 50_000), ("1.29.0", 10_100_000, 47_734), ("1.29.3", 10_110_000, 48_023),
        ("1.29.15", 10_090_000, 47_863), ("1.30.0", 10_400_000, 49_300), ("1.31.0", 11_400_000, 58_300), ("1.32.0", 12_200_000, 70_900),
        ("1.33.0", 12_600_000, 72_660), ("1.33.6", 12_610_000, 72_660), ("1.34.0", 12_500_000, 72_459)),
    ("kubectl", COMMUNITY): (
        ("1.24.0", 9_300_000, 45_700), ("1.28.0", 10_300_000, 49_600), ("1.29.0", 10_500_000, 49_700), ("1.30.0", 10_800_000, 51_400),
        ("1.31.0", 11_200_000, 56_400), ("1.32.0", 11_300_000, 57_300), ("1.33.0", 11_700_000, 60_100), ("1.33.6", 11_710_000, 60_102),
        ("1.34.0", 11_700_000, 60_600)),
    ("kubelet", COMMUNITY): (
        ("1.24.0", 19_300_000, 118_700), ("1.28.0", 19_500_000, 110_600), ("1.29.0", 19_800_000, 111_265), ("1.30.0", 18_100_000, 100_200),
        ("1.31.0", 15_200_000, 76_900), ("1.32.0", 15_200_000, 77_400), ("1.33.0", 15_900_000, 77_844), ("1.34.0", 13_000_000, 59_180)),
}
_BESIDE = {("cri-tools", LEGACY): (18_900_000, 39_600), ("kubernetes-cni", LEGACY): (27_600_000, 82_100),
           ("cri-tools", COMMUNITY): (16_900_000, 52_000), ("kubernetes-cni", COMMUNITY): (31_400_000, 83_700)}


def _size(name: str, family: str, version: Version) -> tuple[int, int]:
    rows = _SIZES.get((name, family))
    if rows is None:
        return _BESIDE[name, family]
    found = rows[0]
    for row in rows:
        if Version.parse(row[0]) <= version:
            found = row
    return found[1], found[2]


# ---- packages --------------------------------------------------------------------------------------------------------
def _files(name: str, family: str) -> tuple[PackageFile, ...]:
    if name == "kubernetes-cni":
        return tuple(PackageFile(f"/opt/cni/bin/{each}") for each in CNI)
    if name == "cri-tools":
        return (PackageFile("/usr/bin/crictl"),)
    binary = PackageFile(f"/usr/bin/{name}")
    if name == "kubelet":
        return (binary, PackageFile(UNITS[family], UNIT), *(() if family == LEGACY else (DEFAULTS,)))
    if name == "kubeadm":
        return (binary, PackageFile(DROP_INS[family], DROP_IN, conffile=family == LEGACY))
    return (binary,)


@lru_cache(maxsize=4096)
def package(name: str, version: str, family: str) -> Package:
    """Make a package. version: Debian's, as `1.26.0-00`."""
    upstream = version.rpartition("-")[0]
    parsed = Version.parse(upstream)
    size, installed = _size(name, family, parsed)
    return Package(recipe(name, family), version, upstream, _depends(name, family, parsed), size, installed, _files(name, family))


class Offer(NamedTuple):
    """A version of a package beside Kubernetes' own, and the day it came."""

    name: str
    version: str
    day: str


_LEGACY_BESIDE = (
    Offer("cri-tools", "1.11.0-00", "2018-06-27"), Offer("cri-tools", "1.11.1-00", "2018-08-06"),
    Offer("cri-tools", "1.12.0-00", "2018-10-02"), Offer("cri-tools", "1.13.0-00", "2019-07-16"),
    Offer("cri-tools", "1.19.0-00", "2021-08-20"), Offer("cri-tools", "1.23.0-00", "2022-03-02"),
    Offer("cri-tools", "1.24.0-00", "2022-05-03"), Offer("cri-tools", "1.24.2-00", "2022-06-15"),
    Offer("cri-tools", "1.25.0-00", "2022-08-23"), Offer("cri-tools", "1.26.0-00", "2022-12-21"),
    Offer("kubernetes-cni", "0.5.1-00", "2017-06-29"), Offer("kubernetes-cni", "0.6.0-00", "2018-03-21"),
    Offer("kubernetes-cni", "0.7.5-00", "2019-03-25"), Offer("kubernetes-cni", "0.8.6-00", "2020-06-17"),
    Offer("kubernetes-cni", "0.8.7-00", "2020-09-16"), Offer("kubernetes-cni", "1.1.1-00", "2022-08-23"),
    Offer("kubernetes-cni", "1.2.0-00", "2023-01-18"))
_COMMUNITY_BESIDE = {
    "1.24": (("cri-tools", "1.24.2-1.1", 0), ("kubernetes-cni", "1.2.0-2.1", 0)),
    "1.25": (("cri-tools", "1.25.0-1.1", 0), ("kubernetes-cni", "1.2.0-2.1", 0)),
    "1.26": (("cri-tools", "1.26.1-1.1", 0), ("kubernetes-cni", "1.2.0-2.1", 0)),
    "1.27": (("cri-tools", "1.27.1-1.1", 0), ("kubernetes-cni", "1.2.0-2.1", 0)),
    "1.28": (("cri-tools", "1.28.0-1.1", 0), ("kubernetes-cni", "1.2.0-2.1", 0)),
    "1.29": (("cri-tools", "1.29.0-1.1", 0), ("kubernetes-cni", "1.3.0-1.1", 0)),
    "1.30": (("cri-tools", "1.30.0-1.1", 0), ("cri-tools", "1.30.1-1.1", 3), ("kubernetes-cni", "1.4.0-1.1", 0)),
    "1.31": (("cri-tools", "1.31.1-1.1", 0), ("kubernetes-cni", "1.5.1-1.1", 0)),
    "1.32": (("cri-tools", "1.32.0-1.1", 0), ("kubernetes-cni", "1.6.0-1.1", 0)),
    "1.33": (("cri-tools", "1.33.0-1.1", 0), ("kubernetes-cni", "1.6.0-1.1", 0), ("kubernetes-cni", "1.7.1-1.1", 3)),
    "1.34": (("cri-tools", "1.34.0-1.1", 0), ("kubernetes-cni", "1.7.1-1.1", 0)),
    "1.35": (("cri-tools", "1.35.0-1.1", 0), ("kubernetes-cni", "1.8.0-1.1", 0)),
    "1.36": (("cri-tools", "1.36.0-1.1", 0), ("kubernetes-cni", "1.8.0-1.1", 0)),
}
"""Minor -> (package, version, since which patch)."""


def debian_version(version: str, family: str) -> str:
    """Give a Kubernetes version as its packages write it."""
    if family == LEGACY:
        return f"{version}-00"
    return f"{version}-{REVISIONS.get(version, '1.1')}"


def _patches(minor: str, day: datetime.date) -> Iterator[str]:
    for number, released in enumerate(catalogue.minors()[minor].patches):
        if released <= day:
            yield f"{minor}.{number}"


@lru_cache(maxsize=64)
def legacy(day: datetime.date) -> tuple[Package, ...]:
    """Give all that apt.kubernetes.io offered on a day: one repository for all minors."""
    day = min(day, LEGACY_FROZEN)
    found = [package(name, debian_version(version, LEGACY), LEGACY)
             for minor in catalogue.minors() for version in _patches(minor, day)
             if Version.parse(version)[:3] <= LEGACY_LAST for name in BINARIES]
    return (*found, *(package(each.name, each.version, LEGACY) for each in _LEGACY_BESIDE
                      if datetime.date.fromisoformat(each.day) <= day))


@lru_cache(maxsize=256)
def community(minor: str, day: datetime.date) -> tuple[Package, ...]:
    """Give all that pkgs.k8s.io offers of a minor on a day."""
    versions = list(_patches(minor, day))
    found = [package(name, debian_version(version, COMMUNITY), COMMUNITY) for version in versions for name in BINARIES]
    return (*found, *(package(name, version, COMMUNITY) for name, version, since in _COMMUNITY_BESIDE.get(minor, ())
                      if since < len(versions)))


def family_of(version: str, day: datetime.date) -> str:
    """Tell which packages a host has that was installed on a day."""
    parsed = Version.parse(version)
    if parsed[:2] < COMMUNITY_FIRST:
        return LEGACY
    return LEGACY if day < LEGACY_FROZEN and parsed[:3] <= LEGACY_LAST else COMMUNITY


def companions(version: str, family: str) -> tuple[Package, ...]:
    """Give the cri-tools and kubernetes-cni that came when a version was new."""
    parsed = Version.parse(version)
    day = catalogue.release_date(f"{parsed.line}.0")
    offered = legacy(day + datetime.timedelta(days=30)) if family == LEGACY else tuple(
        package(name, text, COMMUNITY) for name, text, since in _COMMUNITY_BESIDE.get(parsed.line, ()) if not since)
    newest: dict[str, Package] = {}
    for each in offered:
        if each.name not in BINARIES:
            newest[each.name] = each
    return tuple(newest.values())
