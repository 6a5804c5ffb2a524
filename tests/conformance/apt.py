"""The hosts on which apt was recorded: what they had before each block, so that the block can be typed again.

python -m tests.conformance.apt FILE… [--block NAME…] [-v]. The packages there were dummies with the names, versions and
dependencies of the real ones, in local repositories as they stood in late 2025, signed by one key.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from sim.engine import Engine
from sim.host.machine import Host
from sim.host.network import Network
from sim.host.packages import cache, keys, kubernetes, sources
from sim.host.packages.package import Package, PackageFile, Recipe
from sim.host.packages.repositories import CDN, Repository
from tests.conformance.hosts import DATA, RELEASES, Block, Step, Typist, plain, read

DAY = datetime.date(2025, 12, 10)
KEY = keys.Key("52AB21ADE8C367EAAF771467721815E3CAD7F044", "repository key <key@example.invalid>", "rsa3072", "2026-11-23")
OTHER = keys.Key("0" * 40, "somebody else <else@example.invalid>")
LIST, KEYRING = "/etc/apt/sources.list.d/kubernetes.list", "/etc/apt/keyrings/kubernetes-apt-keyring.gpg"
LEGACY_RING = "/usr/share/keyrings/kubernetes-archive-keyring.gpg"
OFFERED = {"1.28": 15, "1.29": 15, "1.30": 14, "1.33": 6, "1.34": 3}
"""Minor -> the last patch that the recorded repository had."""
FIRST_LEGACY = (1, 24)
WIDEST = {"jammy": (31, 39), "noble": (31, 33), "bookworm": (29, 30)}
"""The longest name and version of the recorded hosts' packages: dpkg -l is so wide."""
OLD = {"kubeadm": "1.25.0-00", "kubelet": "1.25.0-00", "kubectl": "1.25.0-00", "cri-tools": "1.25.0-00", "kubernetes-cni": "1.1.1-00"}
NEW28 = {"kubeadm": "1.28.0-1.1", "kubelet": "1.28.0-1.1", "kubectl": "1.28.0-1.1", "cri-tools": "1.28.0-1.1", "kubernetes-cni": "1.2.0-2.1"}
NEW33 = {"kubeadm": "1.33.0-1.1", "kubelet": "1.33.0-1.1", "kubectl": "1.33.0-1.1", "cri-tools": "1.33.0-1.1", "kubernetes-cni": "1.6.0-1.1"}
HELD = ("kubeadm", "kubelet", "kubectl")


def dummy(name: str, version: str) -> Package:
    """Make a package as the recorder did: a legacy kubeadm's drop-in names its minor, and a kubelet needs only its plugins."""
    family = kubernetes.LEGACY if version.endswith("-00") else kubernetes.COMMUNITY
    real = kubernetes.package(name, version, family)
    files = real.files
    if name == "kubeadm" and family == kubernetes.LEGACY:
        text = kubernetes.DROP_IN + f"# rev {'.'.join(version.split('.')[:2])}\n"
        files = tuple(replace(each, text=text) if each.conffile else each for each in files)
    recipe = replace(real.recipe, configured=None, documents=("copyright", "changelog.Debian.gz") if family == kubernetes.LEGACY else
                     ("LICENSE", "README.md"))
    depends = real.depends
    if name == "kubelet" and (family == kubernetes.LEGACY or "conntrack" in depends):
        depends = re.search(r"kubernetes-cni \([^)]*\)", depends)[0]
    return replace(real, recipe=recipe, files=files, depends=depends)


def legacy(day: datetime.date) -> tuple[Package, ...]:
    found = [each for each in kubernetes.legacy(day) if each.name not in kubernetes.BINARIES
             or tuple(map(int, each.upstream.split(".")[:2])) >= FIRST_LEGACY]
    return tuple(dummy(each.name, each.version) for each in found)


def community(minor: str) -> Callable[[datetime.date], tuple[Package, ...]]:
    return lambda day: tuple(dummy(each.name, each.version) for each in kubernetes.community(minor, day)
                             if each.name not in kubernetes.BINARIES or int(each.upstream.split(".")[2]) <= OFFERED[minor])


def mirrors(network: Network) -> None:
    """Put up the recorder's repositories."""
    own = network.mirrors.own
    for uri in ("https://apt.kubernetes.io", "https://packages.cloud.google.com/apt"):
        own[uri, "kubernetes-xenial"] = Repository(uri, "kubernetes-xenial", KEY, legacy, "https://packages.cloud.google.com/apt",
                                                   "kubernetes-xenial", 1161, lambda day: "", ("main",))
    for minor in OFFERED:
        uri = f"https://pkgs.k8s.io/core:/stable:/v{minor}/deb"
        own[uri, "/"] = Repository(uri, "/", KEY, community(minor), f"{CDN}/stable:/v{minor}/deb", release_bytes=1130, stamp=lambda day: "")


class Machine:
    """A recorded host before a block."""

    def __init__(self, release: str) -> None:
        at = datetime.datetime(DAY.year, DAY.month, DAY.day, 10, tzinfo=datetime.UTC)
        self.network = Network(Engine(seed=1, epoch_s=int(at.timestamp())))
        self.host: Host = self.network.add("controlplane", "192.168.56.11", users=("student", "ubuntu"), system=release)
        mirrors(self.network)
        self.view = self.host.files.view()
        self._fill(release)
        self.host.files.install(KEYRING, KEY.binary(), mode=0o644)
        self.host.files.install(LEGACY_RING, KEY.binary(), mode=0o644)
        for name, key in (("2012-cdimage", keys.UBUNTU_2012), ("2018-archive", keys.UBUNTU_2018)):
            if release != "bookworm":
                self.host.files.install(f"/etc/apt/trusted.gpg.d/ubuntu-keyring-{name}.gpg", key.binary(), mode=0o644)
        self.view.make_dir(f"{cache.ARCHIVES}/partial", parents=True)
        self.view.write("/root/Release.key", KEY.armoured().encode())

    def _fill(self, release: str) -> None:
        name, version = WIDEST[release]
        base = self.host.packages.base = {name: each for name, each in self.host.packages.base.items()
                                          if len(name) <= WIDEST[release][0] and len(each.version) <= WIDEST[release][1]}
        base["z" * name] = Package(Recipe("z" * name), "1" * version, "1")

    def write(self, path: str, text: str) -> None:
        self.host.files.install(path, text.encode(), mode=0o644)

    def lists(self, *minors: str, fetched: bool = True) -> Machine:
        """List repositories: `legacy` or minors."""
        rows = [f"deb [signed-by={LEGACY_RING}] https://apt.kubernetes.io/ kubernetes-xenial main\n" if minor == "legacy" else
                f"deb [signed-by={KEYRING}] https://pkgs.k8s.io/core:/stable:/v{minor}/deb/ /\n" for minor in minors]
        self.write(LIST, "".join(rows))
        for source in sources.read(self.view) if fetched else ():
            repository = self.network.mirrors.known(source.uri, source.suite, DAY)
            assert repository is not None
            cache.store(self.host, source, repository, DAY)
        return self

    def has(self, versions: dict[str, str], *held: str) -> Machine:
        """Install packages."""
        for name, version in versions.items():
            self.host.packages.install(dummy(name, version))
        for name in held:
            self.host.packages.hold(name)
        if "kubelet" in versions:
            self.host.systemd.enable("kubelet.service")
            self.host.programs = {"kubelet": Idle}
            self.host.boot()
        return self


def legacy_host(machine: Machine, *held: str) -> None:
    machine.lists("legacy").has(OLD, *held)


def _interrupted(machine: Machine) -> None:
    legacy_host(machine)
    machine.host.packages.unpack(dummy("kubeadm", "1.26.0-00"))
    machine.host.packages.interrupted = True


def _conffile(machine: Machine) -> None:
    legacy_host(machine)
    archive = f"{cache.ARCHIVES}/kubeadm_1.26.0-00_amd64.deb"
    if machine.view.exists(archive):
        machine.view.remove(archive)
    path = kubernetes.DROP_INS[kubernetes.LEGACY]
    text = machine.view.read(path).decode()
    machine.view.write(path, re.sub("# rev.*", "# local change", text).encode())


def _missing_ring(machine: Machine) -> None:
    machine.lists("1.29", fetched=False)
    machine.view.remove(KEYRING)


def _wrong_ring(machine: Machine) -> None:
    machine.lists("1.29", fetched=False)
    machine.view.write(KEYRING, OTHER.binary())


def _gpg(machine: Machine) -> None:
    machine.lists("legacy")


BEFORE: dict[str, Callable[[Machine], object]] = {
    "update-legacy": lambda m: m.lists("legacy", fetched=False), "update-new": lambda m: m.lists("1.28", fetched=False),
    "update-nopubkey": _wrong_ring, "update-keyfile-missing": _missing_ring, "update-badlist": lambda m: m.lists("1.29"),
    "update-nonroot": lambda m: m.lists("1.29"), "query-legacy-show": legacy_host,
    "query-new133": lambda m: m.lists("1.33", "1.34").has(NEW33), "mark": legacy_host,
    "upgrade-kubeadm-legacy": lambda m: legacy_host(m, *HELD),
    "upgrade-kubeadm-new": lambda m: m.lists("1.28", "1.29").has(NEW28, *HELD),
    "upgrade-133-134": lambda m: m.lists("1.33").has(NEW33, *HELD),
    "install-same-older": lambda m: m.lists("legacy").has({
        **OLD, "kubeadm": "1.26.0-00", "cri-tools": "1.26.0-00", "kubernetes-cni": "1.2.0-00"}),
    "install-held": lambda m: legacy_host(m, *HELD), "upgrade-holds": lambda m: legacy_host(m, *HELD),
    "upgrade-all": lambda m: m.lists("1.33").has(NEW33), "quiet": legacy_host, "remove": legacy_host,
    "remove-held": lambda m: legacy_host(m, *HELD), "diskfull": legacy_host, "interrupted": _interrupted,
    "postinst-fails": legacy_host, "conffile": _conffile,
    "typos": lambda m: m.lists("legacy").has({**OLD, "cri-tools": "1.26.0-00", "kubernetes-cni": "1.2.0-00"}), "gpgkey": _gpg,
    "noprompt": legacy_host, "unknown-version": lambda m: m.lists("1.34").has({}),
}


class Idle:
    """A stand-in for the recorder's kubelet: it runs and does nothing."""

    def __init__(self, start: object) -> None:
        pass

    def start(self) -> None:
        pass

    def stop(self, signal: int) -> float:
        return 0.0

    def gone(self) -> None:
        pass

    def healthy(self, path: str, port: int) -> str:
        return ""


def _list(text: str) -> Callable[[Machine], None]:
    return lambda machine: machine.write("/etc/apt/sources.list.d/x.list", text + "\n")


COMMUNITY_29 = f"deb [signed-by={KEYRING}] https://pkgs.k8s.io/core:/stable:/v1.29/deb/ /"
BETWEEN: dict[tuple[str, int], Callable[[Machine], object]] = {
    ("update-badlist", 0): _list("deb https://pkgs.k8s.io/core:/stable:/v1.29/deb/"),
    ("update-badlist", 1): _list("debb https://pkgs.k8s.io/core:/stable:/v1.29/deb/ /"),
    ("update-badlist", 2): _list("deb https://pkgs.k8s.io/core:/stable:/v1.30/deb/ /"),
    ("update-badlist", 3): _list(COMMUNITY_29),
    ("update-badlist", 4): lambda m: (m.view.remove("/etc/apt/sources.list.d/x.list"), m.write(LIST, "[bad] x\n")),
    ("conffile", 5): _conffile,
    ("gpgkey", 8): lambda m: (m.write(LIST, "deb https://apt.kubernetes.io/ kubernetes-xenial main\n"), m.view.remove("/etc/apt/keyrings/kubernetes-apt-keyring.gpg"), m.view.remove(LEGACY_RING)),
    ("diskfull", 0): lambda m: setattr(m.host.files, "full", True),
}
"""What the recorder did without typing, before the step of that number."""
RELEASE_NOISE: tuple[tuple[str, str], ...] = (
    (r"\d+ files and directories", "N files and directories"), (r"in \d+s \([\d.]+ ?.?B/s\)", "in Ns"),
    (r"\[[\d.]+ ?.?B\]", "[SIZE]"), (r"Need to get [\d.]+ .?B(/[\d.]+ .?B)?", "Need to get SIZE"),
    (r"Fetched [\d.]+ .?B", "Fetched SIZE"), (r"After this operation, .*", "After this operation, SIZE"),
    (r"(Download-Size|Installed-Size): .*", r"\1: SIZE"), (r"^Size: \d+", "Size: N"), (r"SHA256: \w+", "SHA256: X"),
    (r"Description-md5:.*", "Description-md5: X"), (r"^(Filename: ).*", r"\1X"), (r"(10-kubeadm.conf) [0-9a-f]{32}", r"\1 MD5"),
    (r"acquire-privs-test\.\w+", "acquire-privs-test.X"), (r"\x1b\[[\d;]*m|\\e\[[\d;]*m", ""))
"""Sizes, speeds and counts: what the recorder's dummies had by chance, or a machine of its own."""


def shown(text: str) -> str:
    """Give what a screen shows in the end: what a carriage return goes back over is gone."""
    lines = []
    for line in text.replace("\\r", "\r").split("\n"):
        screen = ""
        for part in line.split("\r"):
            screen = part + screen[len(part):] if part else screen
        lines.append(re.sub(r"(\d+%|Done)\s*.*", r"\1", screen).rstrip() if "..." in screen else screen.rstrip())
    return "\n".join(lines)


def same(text: str, *, tty: bool) -> str:
    """Leave out what no two hosts agree on."""
    text = text.replace("\\e", "\x1b")
    if tty:
        text = shown(text)
        text = "\n".join(line for line in text.split("\n") if not re.fullmatch(r"\s*(\d+% \[.*\])?", line))
    for pattern, new in RELEASE_NOISE:
        text = re.sub(pattern, new, text, flags=re.MULTILINE)
    return plain(text)


def compared(text: str, release: str, wanted: Callable[[Block], bool] = lambda block: True) -> Iterator[
        tuple[Block, Step, tuple[str, str, int], bool]]:
    """Type every wanted block on a host of its own; gives block, step, what was printed, and whether it is the same."""
    for block in read(text):
        before = BEFORE.get(block.name)
        if before is None or not wanted(block):
            continue
        machine = Machine(release)
        before(machine)
        typist = Typist(release, machine.network.hosts)
        typist.login("root")
        machine.view.remove("/usr/bin/snap")
        for number, step in enumerate(block.steps):
            if (block.name, number) in BETWEEN:
                BETWEEN[block.name, number](machine)
            got = typist.type(step)
            right = got[2] == step.status
            if step.tty:
                pair = [sorted(filter(None, same(each, tty=True).split("\n"))) for each in (got[0] + got[1], step.out + step.err)]
            else:
                pair = [(same(out, tty=False), same(err, tty=False)) for out, err in ((got[0], got[1]), (step.out, step.err))]
            yield block, step, got, right and pair[0] == pair[1]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", type=Path, default=sorted(DATA.glob("apt-*.txt")))
    parser.add_argument("--block", action="append")
    parser.add_argument("-v", action="store_true")
    options = parser.parse_args(argv)
    for path in options.files:
        release = next((name for name in RELEASES if name in str(path)), "jammy")
        counts: dict[str, list[int]] = {}
        for block, step, got, right in compared(path.read_text(), release, lambda b: not options.block or b.name in options.block):
            tally = counts.setdefault(block.name, [0, 0])
            tally[0] += right
            tally[1] += 1
            if not right and options.v:
                print(f"--- {block.name}: $ {step.line}  [{step.who}{' tty' if step.tty else ''}] want {step.status} got {got[2]}")
                for name, want, have in (("out", step.out, got[0]), ("err", step.err, got[1])):
                    want, have = same(want, tty=step.tty), same(have, tty=step.tty)
                    if want != have:
                        import difflib
                        print("\n".join(f"  {name} {line}"[:220] for line in difflib.unified_diff(want.split("\n"), have.split("\n"), "want", "got", lineterm="", n=1)))
        print(path.name, sum(each[0] for each in counts.values()), "of", sum(each[1] for each in counts.values()),
              {name: f"{good}/{whole}" for name, (good, whole) in counts.items() if good != whole})


if __name__ == "__main__":
    sys.exit(main())
