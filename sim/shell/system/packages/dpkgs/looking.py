"""What dpkg and dpkg-query print of the database: tables, records, files, owners.

Models: dpkg's src/query/main.c and lib/dpkg/pkg-format.c: tables are as wide as their contents where nobody looks on.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from sim.engine import Steps
from sim.host.packages.database import CONFIG_FILES, LETTERS, Entry
from sim.host.packages.debian import compare
from sim.shell.pipes import Call
from sim.shell.system.packages.apt.showing import fields
from sim.shell.system.packages.dpkgs.acting import Dpkg

TABLE = """Desired=Unknown/Install/Remove/Purge/Hold
| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend
|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)
"""
WANTED = {"install": "i", "hold": "h", "deinstall": "r", "purge": "p"}
LEAST = (14, 12, 12)
STATES = {"unpacked": "The following packages have been unpacked but not yet configured.\n"
                      "They must be configured using dpkg --configure or the configure\nmenu option in dselect for them to work:\n",
          "half-configured": "The following packages are only half configured, probably due to problems\n"
                             "configuring them the first time.  The configuration should be retried using\n"
                             "dpkg --configure <package> or the configure menu option in dselect:\n"}


def list_(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """List packages as a table."""
    call, database, status = dpkg.call, dpkg.call.host.packages, 0
    found: dict[str, Entry | None] = {}
    for entry in database.entries():
        name = entry.package.name
        if (not words and (entry.here or entry.state == CONFIG_FILES)) or any(fits(name, word) for word in words):
            found[name] = entry
    for name in database.unknown:
        if any(fits(name, word) for word in words):
            found[name] = None
    for word in words:
        if not any(fits(name, word) for name in found):
            call.write(f"dpkg-query: no packages found matching {word}\n", "stderr")
            status = 1
    if found:
        call.write(_table(call, found))
    return status
    yield


def fits(name: str, word: str) -> bool:
    plain = name.partition(":")[0]
    return fnmatch.fnmatchcase(plain, word) or name == word if re.search(r"[*?\[]", word) else word in (name, plain)


def _table(call: Call, found: dict[str, Entry | None]) -> str:
    rows = []
    for name in sorted(found):
        entry = found[name]
        if entry is None:
            rows.append(("hn ", name, "<none>", "<none>", "(no description available)"))
        else:
            letters = f"{WANTED[entry.wanted]}{LETTERS[entry.state]} "
            rows.append((letters, name, entry.version, "amd64", entry.package.recipe.summary))
    screen = call.login.terminal.columns if call.streams.stdout is call.login.stdout else None
    widths = [max(least, *(len(row[at + 1]) for row in rows)) for at, least in enumerate(LEAST)]
    last = max(len(row[4]) for row in rows)
    if screen:
        widths, last = _squeezed(widths, screen)
    last = max(last, len("Description")) if not screen else last
    head = "||/ " + " ".join(f"{title:<{width}}" for title, width in zip(("Name", "Version", "Architecture"), widths, strict=True))
    line = "+++-" + "-".join("=" * width for width in widths)
    body = "".join(f"{row[0]} " + " ".join(f"{row[at + 1][:width]:<{width}}" for at, width in enumerate(widths))
                   + f" {row[4][:last] if screen else row[4]}\n" for row in rows)
    return f"{TABLE}{head} Description\n{line}-{'=' * last}\n{body}"


def _squeezed(widths: list[int], screen: int) -> tuple[list[int], int]:
    """Fit the table to a screen, as dpkg-query does: what is left over 80 columns is shared."""
    room = max(screen, 80) - 80
    name, version = LEAST[0] + room // 4, LEAST[1] + room // 4
    first, second = max(LEAST[0], min(widths[0], name)), max(LEAST[1], min(widths[1], version))
    return [first, second, LEAST[2]], max(11, max(screen, 80) - first - second - LEAST[2] - 8)


def status(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Print the database's record of packages."""
    call, result = dpkg.call, 0
    if not words:
        words = [entry.package.name for entry in call.host.packages.entries()]
    for number, name in enumerate(words):
        entry = call.host.packages.entry(name)
        if entry is None:
            call.write(f"dpkg-query: package '{name}' is not installed and no information is available\n"
                       "Use dpkg --info (= dpkg-deb --info) to examine archive files.\n", "stderr")
            result = 1
            continue
        call.write(("\n" if number else "") + _record(entry))
    return result
    yield


def _record(entry: Entry) -> str:
    package = entry.package
    known = fields(package)
    rows = [("Package", known["Package"]), ("Status", f"{entry.wanted} ok {entry.state}"), ("Priority", known["Priority"]),
            ("Section", known["Section"]), ("Installed-Size", known["Installed-Size"]), ("Maintainer", known["Maintainer"]),
            ("Architecture", "amd64"), ("Version", package.version),
            ("Config-Version", entry.configured if entry.state != "installed" else ""), ("Depends", package.depends)]
    text = "".join(f"{name}: {value}\n" for name, value in rows if value)
    if package.conffiles:
        text += "Conffiles:\n" + "".join(
            f" {each.path} {entry.digests.get(each.path) or 'newconffile'}\n" for each in package.conffiles)
    text += f"Description: {known['Description']}\n"
    return text + (f"Homepage: {known['Homepage']}\n" if known["Homepage"] else "")


def files(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Name the files of packages."""
    call, result = dpkg.call, 0
    for number, name in enumerate(words):
        entry = call.host.packages.entry(name)
        if entry is None:
            call.write(f"dpkg-query: package '{name}' is not installed\nUse dpkg --contents (= dpkg-deb --contents) to list archive "
                       "files contents.\n", "stderr")
            result = 1
            continue
        paths = entry.package.paths() if entry.here else [each.path for each in entry.package.conffiles]
        call.write(("\n" if number else "") + "".join(f"{path}\n" for path in paths))
    return result
    yield


def owner(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Name the packages that own paths."""
    call, result = dpkg.call, 0
    for word in words:
        pattern = word if re.search(r"[*?\[]", word) else word if word.startswith("/") else f"*{word}*"
        hits = [(entry.package.name, path) for entry in call.host.packages.entries() for path in entry.package.paths()
                if fnmatch.fnmatchcase(path, pattern)]
        if not hits:
            call.write(f"dpkg-query: no path found matching pattern {word}\n", "stderr")
            result = 1
        grouped: dict[str, list[str]] = {}
        for name, path in hits:
            grouped.setdefault(path, []).append(name)
        for path, names in grouped.items():
            call.write(f"{', '.join(names)}: {path}\n")
    return result
    yield


def selections(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """List what is wanted of each package."""
    for entry in dpkg.call.host.packages.entries():
        name = entry.package.name
        if not words or any(fits(name, word) for word in words):
            tabs = "\t" * max(1, 6 - len(name) // 8)
            dpkg.call.write(f"{name}{tabs}{entry.wanted}\n")
    return 0
    yield


def select(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Read what is wanted of packages from standard input: `kubelet hold`."""
    database, result = dpkg.call.host.packages, 0
    for number, line in enumerate((yield from dpkg.call.input()).decode(errors="replace").splitlines(), 1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        if len(parts) != 2:
            dpkg.call.write(f"dpkg: error: unexpected data after package and selection at line {number}\n" if len(parts) > 2 else
                            f"dpkg: error: unexpected end of line in package name at line {number}\n", "stderr")
            return 2
        name, wanted = parts
        if wanted not in WANTED:
            dpkg.call.write(f"dpkg: error: unknown wanted status at line {number}: {wanted}\n", "stderr")
            return 2
        if database.entry(name) is None:
            dpkg.call.write(f"dpkg: warning: package not in status nor available database at line {number}: {name}\n", "stderr")
            dpkg.call.write("dpkg: warning: found unknown packages; this might mean the available database\nis outdated, "
                            "and needs to be updated through a frontend method;\nplease see the FAQ <https://wiki.debian.org/Teams/Dpkg/FAQ#set-selections>\n", "stderr")
            continue
        if wanted in ("install", "hold"):
            database.hold(name, on=wanted == "hold")
    return result


def audit(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Tell of packages that are not whole."""
    for state, text in STATES.items():
        found = [entry for entry in dpkg.call.host.packages.unfinished() if entry.state == state]
        if found:
            dpkg.call.write(text + "".join(f" {entry.package.name:<20} {entry.package.recipe.summary}\n" for entry in found) + "\n")
    return 0
    yield


def architecture(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Name the architecture."""
    dpkg.call.write("amd64\n")
    return 0
    yield


def compared(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Compare two versions: the status tells."""
    if len(words) != 3 or words[1] not in ORDERS:
        dpkg.call.write("dpkg: error: --compare-versions takes three arguments: <version> <relation> <version>\n", "stderr")
        return 2
    return 0 if ORDERS[words[1]](compare(words[0], words[2])) else 1
    yield


ORDERS: dict[str, Callable[[int], bool]] = {
    "lt": lambda n: n < 0, "le": lambda n: n <= 0, "eq": lambda n: n == 0, "ne": lambda n: n != 0, "ge": lambda n: n >= 0,
    "gt": lambda n: n > 0, "<<": lambda n: n < 0, "<=": lambda n: n <= 0, "=": lambda n: n == 0, ">=": lambda n: n >= 0,
    ">>": lambda n: n > 0, "<": lambda n: n <= 0, ">": lambda n: n >= 0}


def version(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Name dpkg's version."""
    dpkg.call.write(f"Debian 'dpkg' package management program version {dpkg.call.host.packages.version('dpkg').partition('ubuntu')[0]} "
                    "(amd64).\nThis is free software; see the GNU General Public License version 2 or\nlater for copying conditions. "
                    "There is NO warranty.\n")
    return 0
    yield
