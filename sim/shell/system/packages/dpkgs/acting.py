"""What apt and dpkg do once it is decided: fetch, unpack, configure, remove; each package is a step of its own.

Models: apt-pkg/deb/dpkgpm.cc and dpkg's src/main (unpack, configure, remove). Power may go, the disk may be full and
Ctrl-C may come between any two steps: the database then is as dpkg would have left it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sim.engine import Steps, microseconds
from sim.host.files import FileError
from sim.host.packages import cache
from sim.host.packages.database import Entry
from sim.host.packages.package import Package, PackageFile
from sim.shell.pipes import Call

DATABASE_FILES = {"jammy": 19908, "noble": 19462, "bookworm": 14083}
"""Files of the packages that the table of the distribution does not have."""
RECURSIVE_LEAST = 5
"""dpkg::install::recursive::minimum: above it apt numbers the archives in a folder of links."""
UNPACK_SECONDS, CONFIGURE_SECONDS, REMOVE_SECONDS, READ_SECONDS = (0.5, 1.2, 4), (0.2, 0.5, 2), (0.3, 0.6, 2), (0.2, 0.4, 1)
DIFFERENT = """
Configuration file '{path}'
 ==> Modified (by you or by a script) since installation.
 ==> Package distributor has shipped an updated version.
"""
OPTIONS = """   What would you like to do about it ?  Your options are:
    Y or I  : install the package maintainer's version
    N or O  : keep your currently-installed version
      D     : show the differences between the versions
      Z     : start a shell to examine the situation
 The default action is to keep your current version.
*** {name} (Y/I/N/O/D/Z) [default=N] ? """


class Broken(Exception):
    """A package that could not be dealt with: what dpkg lists at its end, and the status."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass
class Dpkg:
    """One run of dpkg. through_apt: its progress is shown, and --force-conf… options come from apt's settings.

    force: confold, confnew, confdef where given.
    """

    call: Call
    through_apt: bool = True
    force: frozenset[str] = frozenset()
    read: bool = False

    @property
    def database_error(self) -> str:
        """The stream on which dpkg's own errors go: apt's pseudo-terminal is standard output."""
        return "stdout" if self.through_apt else "stderr"

    def say(self, text: str) -> None:
        """Write a line."""
        self.call.write(f"{text}\n")

    def wait(self, seconds: tuple[float, float, float]) -> Steps[None]:
        """Let simulated seconds pass."""
        stream = self.call.engine.stream(f"dpkg.{self.call.host.name}")
        low, typical, high = map(microseconds, seconds)
        yield self.call.engine.sleep(stream.latency_us(low, typical, high))

    def reading(self, *, again: bool = False) -> Steps[None]:
        """Say that the database is read; once a run."""
        if self.read and not again:
            return
        self.read = True
        head = "(Reading database ... "
        text = "".join(f"{head}{part}\r" for part in ("", *(f"{percent}%" for percent in range(5, 101, 5)))) if self.through_apt else ""
        yield from self.wait(READ_SECONDS)
        self.say(f"{text}{head}{count_files(self.call)} files and directories currently installed.)")

    # ---- unpacking --------------------------------------------------------------------------------------------
    def unpack(self, package: Package, shown: str, *, auto: bool = False) -> Steps[None]:
        """Unpack an archive. Raises Broken."""
        database = self.call.host.packages
        before = database.entry(package.name)
        if before is None or not before.here:
            self.say(f"Selecting previously unselected package {package.name}.")
        yield from self.reading()
        self.say(f"Preparing to unpack {shown} ...")
        over = f" over ({before.version})" if before is not None and before.here else ""
        self.say(f"Unpacking {package.name} ({package.version}){over} ...")
        yield from self.wait(UNPACK_SECONDS)
        try:
            database.unpack(package, auto=auto)
        except FileError as error:
            first = package.files[0].path if package.files else f"/usr/share/doc/{package.name}/copyright"
            archive = cache.cached_archive(self.call.host, package)
            for line in (f"dpkg: error processing archive {archive} (--unpack):",
                         f" cannot copy extracted data for '.{first}' to '{first}.dpkg-new': failed to write ({error})",
                         "dpkg-deb: error: paste subprocess was killed by signal (Broken pipe)"):
                self.call.write(f"{line}\n", self.database_error)
            raise Broken(archive) from None

    # ---- configuring ------------------------------------------------------------------------------------------
    def configure(self, name: str) -> Steps[None]:
        """Configure an unpacked package, asking about changed configuration files. Raises Broken."""
        database = self.call.host.packages
        entry = database.entry(name)
        assert entry is not None
        self.say(f"Setting up {name} ({entry.version}) ...")
        yield from self.wait(CONFIGURE_SECONDS)
        keep = []
        for each in database.questions(name):
            mine = yield from self._question(name, each)
            if mine:
                keep.append(each.path)
            else:
                entry.digests[each.path] = "the maintainer's version was chosen"
                self._overwrite(each, entry)
        for path in database.configure(name, frozenset(keep)):
            self.say(f"Installing new version of config file {path} ...")

    def _overwrite(self, each: PackageFile, entry: Entry) -> None:
        view = self.call.host.files.view()
        view.write(f"{each.path}.dpkg-old", view.read(each.path))
        view.write(each.path, each.content(entry.package.upstream))

    def _question(self, name: str, each: PackageFile) -> Steps[bool]:
        """Ask what becomes of a configuration file that both sides changed; gives whether the local one stays."""
        short = each.path.rpartition("/")[2]
        while True:
            self.call.write(DIFFERENT.format(path=each.path))
            if self.force & {"confold", "confnew"}:
                mine = "confold" in self.force
                self.say(f" ==> Using {'current old' if mine else 'new'} file as you requested.")
                return mine
            self.call.write(OPTIONS.format(name=short))
            if "confdef" in self.force:
                self.say("")
                return True
            answer = yield from ask(self.call)
            if answer is None:
                for line in (f"dpkg: error processing package {name} (--configure):", " end of file on stdin at conffile prompt"):
                    self.call.write(f"{line}\n", self.database_error)
                raise Broken(name)
            letter = answer.strip().upper()[:1]
            if letter in ("Y", "I"):
                return False
            if letter in ("", "N", "O"):
                return True
            if letter == "D":
                yield from self.call.run(["diff", "-u", each.path, f"{each.path}.dpkg-new"])
            elif letter == "Z":
                self.say("Type 'exit' when you're done.")
                yield from self.call.run(["bash"])

    # ---- removing ---------------------------------------------------------------------------------------------
    def remove(self, name: str) -> Steps[None]:
        """Remove a package; its configuration stays."""
        database = self.call.host.packages
        yield from self.reading()
        self.say(f"Removing {name} ({database.version(name)}) ...")
        yield from self.wait(REMOVE_SECONDS)
        unit = self.call.host.systemd.units.get("kubelet.service") if name == "kubelet" else None
        if unit is not None and unit.changed_on_disk:
            self.say("Warning: The unit file, source configuration file or drop-ins of kubelet.service changed on disk. "
                     "Run 'systemctl daemon-reload' to reload units.")
        database.remove(name)

    def purge(self, name: str, *, again: bool) -> Steps[None]:
        """Remove what a removed package left."""
        database = self.call.host.packages
        entry = database.entry(name)
        if entry is None:
            return
        yield from self.reading(again=again)
        self.say(f"Purging configuration files for {name} ({entry.version}) ...")
        yield from self.wait(CONFIGURE_SECONDS)
        database.purge(name)

    def ended_with(self, broken: list[str]) -> None:
        """Say what went wrong."""
        for line in ("Errors were encountered while processing:", *(f" {name}" for name in broken)):
            self.call.write(f"{line}\n", self.database_error)


def count_files(call: Call) -> int:
    """Count the paths that dpkg knows."""
    database = call.host.packages
    own = {path for entry in database.entries() if entry.package.name in database.own for path in _paths(entry)}
    return DATABASE_FILES.get(call.host.os.codename, 19000) + len(own)


def _paths(entry: Entry) -> list[str]:
    return entry.package.paths() if entry.here else [each.path for each in entry.package.conffiles]


def shown_archives(packages: list[Package]) -> dict[str, str]:
    """Give how dpkg shows the archives that apt hands it."""
    many = len(packages) > RECURSIVE_LEAST
    digits = math.ceil(math.log10(len(packages))) if many else 0
    return {package.name: f".../{f'{number:0{digits}}-' if many else ''}{package.archive}" for number, package in enumerate(packages)}


def ask(call: Call) -> Steps[str | None]:
    """Read an answer from standard input, or from who types; None at its end."""
    source = call.streams.stdin or call.streams.keyboard
    if source is None:
        return None
    line = yield from source.read(b"\n")
    return None if line is None else line.decode(errors="replace")


Act = Callable[[], Steps[None]]


def run(dpkg: Dpkg, acts: list[Act]) -> Steps[list[str]]:
    """Do acts one after another while the database is marked as in use; gives the names of what failed.

    A run that is cut short (power, Ctrl-C) leaves the mark: dpkg was interrupted.
    """
    database, broken = dpkg.call.host.packages, []
    database.interrupted = True
    for act in acts:
        try:
            yield from act()
        except Broken as error:
            broken.append(error.name)
            if error.name.startswith("/"):
                break
    database.interrupted = False
    if broken:
        dpkg.ended_with(broken)
    return broken
