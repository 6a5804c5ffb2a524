"""All units of a host: found in files, loaded, enabled, started at boot.

Models: systemd 249 (Ubuntu 22.04), 252 (Debian 12) and 255 (Ubuntu 24.04) for services. Left out: targets other than
multi-user, sockets, timers, ordering, transient units.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from sim.api.errors import KubedrillError
from sim.host.files import LINK, FileError
from sim.host.systemd.journal import ERROR, WARNING
from sim.host.systemd.unit import Unit
from sim.host.systemd.unitfile import command_line, load

if TYPE_CHECKING:
    from sim.host.machine import Host

ETC = "/etc/systemd/system"
WANTS = "multi-user.target.wants"
VENDOR = "/usr/lib/systemd/system"
"""Where a vendor's drop-ins are shown to be, also where its units are shown in /lib."""


class UnitError(KubedrillError):
    """What systemctl says, and its exit status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Systemd:
    """All units of a host: those that have been asked for; definitions are read when needed and at daemon-reload."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.units: dict[str, Unit] = {}
        self.plain: dict[str, bool] = {}
        """Units that came up with the host and only run: nobody has looked at them yet."""

    # ---- files ------------------------------------------------------------------------------------------------
    @property
    def folders(self) -> tuple[str, ...]:
        """Give the folders of unit files, the strongest first."""
        return (ETC, "/run/systemd/system", "/usr/local/lib/systemd/system", self.vendor_folder)

    @property
    def vendor_folder(self) -> str:
        """Give where packages put their units, as this distribution shows it."""
        return "/lib/systemd/system" if self.host.os.split_usr else "/usr/lib/systemd/system"

    def files_of(self, name: str) -> tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]:
        """Find a unit's files now: its fragment, its drop-ins, and (path, text) of them all."""
        view = self.host.files.view()
        fragment = ""
        for folder in self.folders:
            try:
                node = view.find(f"{folder}/{name}", follow=False)
            except FileError:
                continue
            if node.kind == LINK and node.data != b"/dev/null" and not view.exists(f"{folder}/{name}"):
                continue
            fragment = f"{folder}/{name}"
            break
        drop_ins: dict[str, str] = {}
        for folder in reversed(self.folders):
            if view.is_dir(f"{folder}/{name}.d"):
                for each in view.list(f"{folder}/{name}.d"):
                    if each.endswith(".conf"):
                        shown = VENDOR if folder == self.vendor_folder else folder
                        drop_ins[each] = f"{shown}/{name}.d/{each}"
        paths = [drop_ins[each] for each in sorted(drop_ins)]
        texts = []
        for path in [fragment, *paths]:
            try:
                texts.append((path, view.read(path).decode(errors="replace")))
            except FileError:
                continue
        return fragment, tuple(paths), tuple(texts)

    def masked(self, name: str) -> bool:
        """Tell whether the unit is masked: a link to /dev/null."""
        try:
            node = self.host.files.view().find(f"{ETC}/{name}", follow=False)
        except FileError:
            return False
        return node.kind == LINK and node.data == b"/dev/null"

    def names(self) -> list[str]:
        """Name all services that have files, sorted."""
        view, found = self.host.files.view(), set()
        for folder in self.folders:
            if view.is_dir(folder):
                found |= {name for name in view.list(folder) if name.endswith(".service")}
        return sorted(found)

    # ---- loading ----------------------------------------------------------------------------------------------
    def unit(self, word: str) -> Unit | None:
        """Give the unit of a name, loading it if it is not loaded yet; None when there is none."""
        name = self.full(word)
        found = self.units.get(name)
        if found is not None and (found.definition is not None or found.running):
            return found
        fragment, drop_ins, texts = self.files_of(name)
        if not fragment:
            return None
        unit = found or Unit(self, name)
        self._load(unit, fragment, drop_ins, texts)
        if found is None:
            self.units[name] = unit
            if self.plain.pop(name, 0):
                self._has_run_since_boot(unit)
        return unit

    def _has_run_since_boot(self, unit: Unit) -> None:
        """A plain program that came up with the host: it is looked at for the first time now."""
        if unit.definition is None or unit.definition.bad or not self.host.powered:
            return
        unit.pid = unit.last_pid = self.host.next_pid()
        unit.argv, _ = command_line(unit.definition.exec_start, {})
        unit.active, unit.sub = "active", "running"
        unit.since_us = unit.started_us = self.host.booted_us

    @staticmethod
    def full(word: str) -> str:
        """Complete a unit's name."""
        return word if "." in word and word.rpartition(".")[2] in (
            "service", "socket", "target", "timer", "mount", "path", "slice") else f"{word}.service"

    def _load(self, unit: Unit, fragment: str, drop_ins: tuple[str, ...], texts: tuple[tuple[str, str], ...]) -> None:
        unit.fragment, unit.drop_ins, unit.read = fragment, drop_ins, texts
        if not fragment:
            unit.definition = None
            return
        before = unit.definition
        unit.definition = load(unit.name, texts, old_wording=not 250 <= self.host.os.systemd < 254)
        if before is not unit.definition:
            for line in unit.definition.problems:
                self.host.log("systemd", 1, line, unit=unit.name, priority=ERROR if "Refusing" in line else WARNING)

    def reload(self) -> None:
        """daemon-reload: read every loaded unit's files anew."""
        self.host.log("systemd", 1, "Reloading.")
        for unit in list(self.units.values()):
            self._load(unit, *self.files_of(unit.name))
            if unit.definition is None and not unit.running:
                del self.units[unit.name]

    # ---- being enabled ----------------------------------------------------------------------------------------
    def enabled(self, name: str) -> str:
        """Give the state of a unit's file: enabled, disabled, static, masked, or "" when there is none."""
        if self.masked(name):
            return "masked"
        fragment, _, texts = self.files_of(name)
        if not fragment:
            return ""
        view = self.host.files.view()
        for folder in self.folders:
            if view.is_dir(folder):
                for wants in view.list(folder):
                    if wants.endswith((".wants", ".requires")) and view.is_dir(f"{folder}/{wants}") and (
                            name in view.list(f"{folder}/{wants}")):
                        return "enabled" if folder == ETC else "static"
        return "disabled" if load(name, texts, old_wording=True).installable else "static"

    def enable(self, name: str) -> list[str]:
        """Make the links of [Install]; gives what systemctl says on stderr. Raises UnitError."""
        fragment, _, texts = self.files_of(name)
        if not fragment:
            raise UnitError(f"Failed to enable unit: Unit file {name} does not exist.", 1)
        if self.masked(name):
            raise UnitError(f"Failed to enable unit: Unit file {ETC}/{name} is masked.", 1)
        definition = load(name, texts, old_wording=True)
        if not definition.installable:
            return list(NO_INSTALL if self.host.os.systemd < 254 else NO_INSTALL_NEW)
        said, view = [], self.host.files.view()
        links = [f"{ETC}/{target}.wants/{name}" for target in definition.wanted_by]
        links += [f"{ETC}/{alias}" for alias in definition.aliases]
        for link in links:
            view.make_dir(posixpath.dirname(link), parents=True)
            if not view.exists(link):
                view.symlink(fragment, link)
                said.append(f"Created symlink {link} → {fragment}.")
        return said

    def disable(self, name: str) -> list[str]:
        """Remove the links; gives what systemctl says on stderr. Raises UnitError."""
        fragment, _, texts = self.files_of(name)
        if not fragment and name not in self.units:
            raise UnitError(f"Failed to disable unit: Unit file {name} does not exist.", 1)
        view, said = self.host.files.view(), []
        folders = [f"{ETC}/{each}" for each in (view.list(ETC) if view.is_dir(ETC) else []) if each.endswith(".wants")]
        aliases = [f"{ETC}/{alias}" for alias in load(name, texts, old_wording=True).aliases] if texts else []
        for link in [*(f"{folder}/{name}" for folder in folders), *aliases]:
            try:
                view.remove(link)
            except FileError:
                continue
            said.append(f"Removed {self._quoted(link)}.")
        return said

    def _quoted(self, path: str) -> str:
        return path if self.host.os.systemd < 252 else f'"{path}"'

    def mask(self, name: str) -> list[str]:
        """Link the unit to /dev/null. Raises UnitError."""
        if self.masked(name):
            return []
        view = self.host.files.view()
        if view.exists(f"{ETC}/{name}"):
            raise UnitError(f"Failed to mask unit: File {ETC}/{name} already exists.", 1)
        view.symlink("/dev/null", f"{ETC}/{name}")
        unit = self.units.get(name)
        if unit is not None:
            self._load(unit, *self.files_of(name))
        return [f"Created symlink {ETC}/{name} → /dev/null."]

    def unmask(self, name: str) -> list[str]:
        """Remove that link."""
        if not self.masked(name):
            return []
        self.host.files.view().remove(f"{ETC}/{name}")
        unit = self.units.get(name)
        if unit is not None:
            self._load(unit, *self.files_of(name))
        return [f"Removed {self._quoted(f'{ETC}/{name}')}."]

    # ---- the host goes up and down ----------------------------------------------------------------------------
    def boot(self) -> None:
        """Start what multi-user.target wants and what really runs here; plain programs are taken as running."""
        view, folder = self.host.files.view(), f"{ETC}/{WANTS}"
        for name in view.list(folder) if view.is_dir(folder) else []:
            fragment, _, texts = self.files_of(name)
            if not fragment or self.masked(name):
                continue
            words, _ = command_line(load(name, texts, old_wording=True).exec_start, {})
            if not words or posixpath.basename(words[0]) not in self.host.programs:
                self.plain[name] = True
                continue
            unit = self.unit(name)
            if unit is not None and unit.definition is not None and not unit.definition.bad:
                unit.start()

    def power_off(self) -> None:
        """Everything ends at once."""
        for unit in self.units.values():
            unit.lost()
        self.units.clear()
        self.plain.clear()


NO_INSTALL = """The unit files have no installation config (WantedBy=, RequiredBy=, Also=,
Alias= settings in the [Install] section, and DefaultInstance= for template
units). This means they are not meant to be enabled using systemctl.
{blank}
Possible reasons for having this kind of units are:
• A unit may be statically enabled by being symlinked from another unit's
  .wants/ or .requires/ directory.
• A unit's purpose may be to act as a helper for some other unit which has
  a requirement dependency on it.
• A unit may be started when needed via activation (socket, path, timer,
  D-Bus, udev, scripted systemctl call, ...).
• In case of template units, the unit is meant to be enabled with some
  instance name specified.""".format(blank=" ").split("\n")
NO_INSTALL_NEW = """The unit files have no installation config (WantedBy=, RequiredBy=, UpheldBy=,
Also=, or Alias= settings in the [Install] section, and DefaultInstance= for
template units). This means they are not meant to be enabled or disabled using systemctl.
{blank}
Possible reasons for having these kinds of units are:
• A unit may be statically enabled by being symlinked from another unit's
  .wants/, .requires/, or .upholds/ directory.
""".format(blank=" ").split("\n")[:-1] + NO_INSTALL[7:]
