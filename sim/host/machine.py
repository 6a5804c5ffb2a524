"""A host: a machine with a name, addresses, files, users, units, containers, power."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.engine import Timer, microseconds
from sim.host import podlogs
from sim.host.files import FileError, HostFiles
from sim.host.images import Catalogue
from sim.host.kubelet.node import NodeFacts
from sim.host.packages import distribution
from sim.host.packages.database import Database
from sim.host.runtime import Runtime
from sim.host.systemd.journal import INFO, Entry, Journal
from sim.host.systemd.manager import Systemd
from sim.host.systemd.unit import Unit
from sim.program import ProgramKind

if TYPE_CHECKING:
    from sim.host.network import Network

FOLDERS = ("/boot", "/dev/fd", "/etc/cni/net.d", "/etc/default", "/etc/kubernetes/manifests", "/home", "/media", "/mnt",
           "/opt/cni/bin", "/proc", "/root", "/run", "/srv", "/sys", "/tmp", "/usr/bin", "/usr/lib/systemd/system",
           "/usr/local/bin", "/usr/sbin", "/etc/systemd/system", "/var/lib/etcd", "/var/lib/kubelet", "/var/log")
MERGED = ("bin", "lib", "sbin")
FIRST_PID = 300
BOOT_SECONDS = 45.0
"""From power (or the end of a shutdown) until the units start: firmware, boot loader, kernel. Latency table: reboot."""


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """A distribution as far as its texts differ. systemd: its version."""

    name: str
    pretty: str
    codename: str
    version: str
    systemd: int
    systemd_package: str
    kernel: str
    split_usr: bool
    release: str

    @property
    def polkit(self) -> bool:
        """Tell whether polkit asks for passwords: it is on a usual Ubuntu server, not on a plain Debian."""
        return self.codename != "bookworm"

    @property
    def build(self) -> str:
        """Give the kernel's version as `uname -v` does: what was built, and when."""
        return BUILDS[self.codename]

    @property
    def systemd_features(self) -> str:
        """Give the second line of `systemctl --version`."""
        new = self.systemd >= 252
        return (f"+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK +SECCOMP +GCRYPT {'-' if new else '+'}GNUTLS +OPENSSL +ACL +BLKID "
                f"+CURL +ELFUTILS +FIDO2 +IDN2 -IDN +IPTC +KMOD +LIBCRYPTSETUP +LIBFDISK +PCRE2 -PWQUALITY "
                f"{'+P11KIT +QRENCODE +TPM2' if new else '-P11KIT -QRENCODE'} +BZIP2 +LZ4 +XZ +ZLIB +ZSTD "
                f"{'-BPF_FRAMEWORK ' if new else ''}-XKBCOMMON +UTMP +SYSVINIT default-hierarchy=unified")


def _release(name: str, pretty: str, identifier: str, version: str, codename: str, more: str) -> str:
    return (f'PRETTY_NAME="{pretty}"\nNAME="{name}"\nVERSION_ID="{version}"\n{more}VERSION_CODENAME={codename}\n'
            f"ID={identifier}\n")


BUILDS = {
    "jammy": "#123-Ubuntu SMP Mon Jun 10 08:16:17 UTC 2024",
    "noble": "#52-Ubuntu SMP PREEMPT_DYNAMIC Thu Dec  5 13:09:44 UTC 2024",
    "bookworm": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)"}
SYSTEMS = {
    "jammy": OperatingSystem(
        "Ubuntu", "Ubuntu 22.04.5 LTS", "jammy", "22.04", 249, "249.11-0ubuntu3.23", "5.15.0-113-generic", True,
        _release("Ubuntu", "Ubuntu 22.04.5 LTS", "ubuntu", "22.04", "jammy", 'VERSION="22.04.5 LTS (Jammy Jellyfish)"\n')
        + 'ID_LIKE=debian\nHOME_URL="https://www.ubuntu.com/"\nSUPPORT_URL="https://help.ubuntu.com/"\n'
        'BUG_REPORT_URL="https://bugs.launchpad.net/ubuntu/"\nUBUNTU_CODENAME=jammy\n'),
    "noble": OperatingSystem(
        "Ubuntu", "Ubuntu 24.04.2 LTS", "noble", "24.04", 255, "255.4-1ubuntu8.19", "6.8.0-51-generic", False,
        _release("Ubuntu", "Ubuntu 24.04.2 LTS", "ubuntu", "24.04", "noble", 'VERSION="24.04.2 LTS (Noble Numbat)"\n')
        + 'ID_LIKE=debian\nHOME_URL="https://www.ubuntu.com/"\nSUPPORT_URL="https://help.ubuntu.com/"\n'
        'BUG_REPORT_URL="https://bugs.launchpad.net/ubuntu/"\nUBUNTU_CODENAME=noble\nLOGO=ubuntu-logo\n'),
    "bookworm": OperatingSystem(
        "Debian GNU/Linux", "Debian GNU/Linux 12 (bookworm)", "bookworm", "12", 252, "252.39-1~deb12u2",
        "6.1.0-28-amd64", True,
        _release("Debian GNU/Linux", "Debian GNU/Linux 12 (bookworm)", "debian", "12", "bookworm",
                 'VERSION="12 (bookworm)"\n')
        + 'HOME_URL="https://www.debian.org/"\nSUPPORT_URL="https://www.debian.org/support"\n'
        'BUG_REPORT_URL="https://bugs.debian.org/"\n'),
}


class Host:
    """A machine.

    cpu: cores; memory_bytes, disk_bytes: what is built in. programs: how executables run, by their name.
    """

    def __init__(
        self, name: str, address: str, network: Network, *, users: tuple[str, ...] = (), system: str = "jammy",
        cpu: int = 2, memory_bytes: int = 4 << 30,
    ) -> None:
        self.name = name
        self.address = address
        self.network = network
        self.engine = network.engine
        self.os = SYSTEMS[system]
        self.cpu = cpu
        self.memory_bytes = memory_bytes
        self.disk_bytes = 20134592 << 10
        self.powered = True
        self.coming: Timer | None = None
        self.going = False
        self.boots = 0
        self.booted_us = network.engine.unix_us
        self.files = HostFiles(lambda: network.engine.unix_us)
        self.users = {"root": 0, **{user: 1000 + number for number, user in enumerate(users)}}
        self.packages = Database(self)
        self.packages.base = distribution.fresh(system)
        self.disks: dict[str, Any] = {}
        self.journal = Journal()
        self.systemd = Systemd(self)
        self.programs: Mapping[str, ProgramKind] = {}
        self.runtime = Runtime(self)
        self.containerd = "1.7.27"
        self.facts = NodeFacts()
        self.catalogue = Catalogue({})
        self.kubelets: dict[Any, None] = {}
        self.sessions: dict[Any, None] = {}
        """Who is logged in and has typed something: told when the power goes."""
        self.said_start = 0
        self.faults: dict[str, None] = {}
        self._pid = FIRST_PID
        self._stream = network.engine.stream(f"host.{name}")
        self.machine_id = self._stream.text("0123456789abcdef", 32)
        self.system_uuid = self._uuid()
        self.boot_id = self._uuid()
        self._notices: dict[Callable[[], None], None] = {}
        self._fill()
        podlogs.furnish(self)

    def _fill(self) -> None:
        root = self.files.view()
        for folder in FOLDERS:
            root.make_dir(folder, parents=True)
        for name in MERGED:
            root.symlink(f"usr/{name}", f"/{name}")
        root.chmod("/root", 0o700)
        root.chmod("/tmp", 0o1777)
        for user, uid in self.users.items():
            if uid:
                root.make_dir(f"/home/{user}")
                root.chown(f"/home/{user}", uid, uid)
        root.write("/etc/hostname", f"{self.name}\n".encode())
        root.write("/etc/machine-id", f"{self.machine_id}\n".encode())
        root.write("/etc/os-release", self.os.release.encode())

    def _uuid(self) -> str:
        text = self._stream.text("0123456789abcdef", 32)
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    # ---- what runs --------------------------------------------------------------------------------------------
    def next_pid(self) -> int:
        """Give the next process number; they rise unevenly, as on a busy machine."""
        self._pid += self._stream.uniform(1, 9)
        return self._pid

    def version_of(self, path: str) -> str:
        """Read which version of a program is installed: an executable here is a line that says so."""
        try:
            return self.files.view().read(path).decode(errors="replace").partition(" v")[2].strip()
        except FileError:
            return ""

    def unit(self, name: str) -> Unit | None:
        """Give a unit."""
        return self.systemd.unit(name)

    @property
    def kubelet(self) -> Any:
        """Give the running kubelet, None when there is none."""
        found = self.systemd.units.get("kubelet.service")
        return found.service if found is not None else None

    def log(
        self, identifier: str, pid: int, text: str, *, unit: str = "", priority: int = INFO, catalog: str = ""
    ) -> None:
        """Write a line to the journal."""
        self.journal.append(
            Entry(self.engine.unix_us, identifier, pid, text, unit, priority, self.boots, catalog))

    def dial(self, address: str, port: int) -> Any:
        """Reach a service. Raises TransportError."""
        return self.network.dial(self, address, port)

    # ---- power ------------------------------------------------------------------------------------------------
    def power_on(self, seconds: float = BOOT_SECONDS, label: str = "") -> None:
        """Get power: the host is up some time later. The machines of the recorded runs are up at once."""
        if self.powered or self.coming is not None:
            return
        if not seconds:
            self.boot()
            return
        self.coming = self.engine.after(
            microseconds(seconds), self.boot, label=label or f"{self.name} has booted", about=self.name)

    def boot(self) -> None:
        """Be up: a new boot id, and the enabled units start."""
        self.coming = None
        self.going = False
        was_on, self.powered = self.powered, True
        self.booted_us = self.engine.unix_us
        if not was_on:
            self.network.changed()
        self.systemd.boot()

    def power_off(self) -> None:
        """Lose power: everything that runs is gone at once, nobody is told, open files are as they were written."""
        if self.coming is not None:
            self.coming.cancel()
            self.coming = None
        self.going = False
        if not self.powered:
            return
        self.powered = False
        for session in list(self.sessions):
            session.power_lost()
        self.packages.lock_holder = None
        self.systemd.power_off()
        self.runtime.power_lost()
        self.boots += 1
        self.boot_id = self._uuid()
        self.network.changed()

    def shut_down(self) -> float:
        """Go down in order: units and containers get SIGTERM; gives the seconds that this takes."""
        self.going = True
        takes = max((unit.stop() for unit in list(self.systemd.units.values())), default=0.0)
        return max(takes, self.runtime.signal_all())
