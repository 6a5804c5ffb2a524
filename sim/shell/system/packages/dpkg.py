"""dpkg, dpkg-query, dpkg-deb: the database as it is, and packages without apt.

Models: dpkg 1.21's src/query, src/main; its tables are as wide as their contents where nobody looks on.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from sim.engine import Steps
from sim.host.files import FileError
from sim.host.packages import kubernetes
from sim.host.packages.database import CONFIG_FILES, LETTERS, Entry
from sim.host.packages.debian import compare
from sim.host.packages.package import Package
from sim.shell.pipes import Call
from sim.shell.system.packages.acting import Broken, Dpkg
from sim.shell.system.packages.changing import ARCHIVE_MARK
from sim.shell.system.packages.showing import fields

HELP = """Type dpkg --help for help about installing and deinstalling packages [*];
Use 'apt' or 'aptitude' for user-friendly package management;
Type dpkg -Dhelp for a list of dpkg debug flag values;
Type dpkg --force-help for a list of forcing options;
Type dpkg-deb --help for help about manipulating *.deb files;

Options marked [*] produce a lot of output - pipe it through 'less' or 'more' !
"""
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
FORCED = re.compile(r"--force-([a-z,-]+)\Z")


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


def dpkg(call: Call) -> Steps[int]:
    """Run dpkg."""
    words, force, plain, action = list(call.argv), set[str](), list[str](), ""
    if not words:
        call.write(f"dpkg: error: need an action option\n\n{HELP}", "stderr")
        return 2
    while words:
        word = words.pop(0)
        if found := FORCED.match(word):
            force |= set(found[1].split(","))
        elif word in ("--no-pager", "-E", "-B"):
            continue
        elif word.startswith("-"):
            known = ACTIONS.get(word) or ACTIONS.get(word.partition("=")[0])
            if known is None:
                return _unknown(call, word)
            if action and action != known:
                call.write(f"dpkg: error: conflicting actions {word} and {action}\n", "stderr")
                return 2
            action = known
            if "=" in word:
                plain.append(word.partition("=")[2])
        else:
            plain.append(word)
    if not action:
        call.write(f"dpkg: error: need an action option\n\n{HELP}", "stderr")
        return 2
    act = DOES[action]
    if action in CHANGES and call.login.uid != 0:
        call.write("dpkg: error: requested operation requires superuser privilege\n", "stderr")
        return 2
    if action in CHANGES and call.host.packages.lock_holder is not None:
        pid, _name = call.host.packages.lock_holder
        call.write(f"dpkg: error: dpkg frontend lock was locked by another process with pid {pid}\n"
                   "Note: removing the lock file is always wrong, can damage the locked area\nand the entire system. "
                   "See <https://wiki.debian.org/Teams/Dpkg/FAQ#db-lock>.\n", "stderr")
        return 2
    yield from Dpkg(call).wait((0.01, 0.03, 0.1))
    return (yield from act(Dpkg(call, through_apt=False, force=frozenset(force)), plain))


def _unknown(call: Call, word: str) -> int:
    if word.startswith("--"):
        call.write(f"dpkg: error: unknown option {word}\n\n{HELP}", "stderr")
    else:
        call.write(f"dpkg: error: unknown option {word[:2]}\n\n{HELP}", "stderr")
    return 2


# ---- looking ---------------------------------------------------------------------------------------------------------
def list_(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """List packages as a table."""
    call, database, status = dpkg.call, dpkg.call.host.packages, 0
    found: dict[str, Entry | None] = {}
    for entry in database.entries():
        name = entry.package.name
        if (not words and (entry.here or entry.state == CONFIG_FILES)) or any(_fits(name, word) for word in words):
            found[name] = entry
    for name in database.unknown:
        if any(_fits(name, word) for word in words):
            found[name] = None
    for word in words:
        if not any(_fits(name, word) for name in found):
            call.write(f"dpkg-query: no packages found matching {word}\n", "stderr")
            status = 1
    if found:
        call.write(_table(call, found))
    return status
    yield


def _fits(name: str, word: str) -> bool:
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
        if not words or any(_fits(name, word) for word in words):
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


# ---- changing --------------------------------------------------------------------------------------------------------
def install(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Install archives (-i), or only unpack them (--unpack)."""
    call, database, broken = dpkg.call, dpkg.call.host.packages, list[str]()
    if not words:
        call.write("dpkg: error: --install needs at least one package archive file argument\n\n" + HELP, "stderr")
        return 2
    packages: dict[str, Package] = {}
    for word in words:
        found = package_of(call, call.path(word))
        if found is None:
            why = (f"cannot access archive '{word}': No such file or directory" if not call.files.exists(call.path(word)) else
                   "dpkg-deb: error: unexpected end of file")
            call.write(f"dpkg: error: {why}\n" if why.startswith("cannot") else
                       f"dpkg: error processing archive {word} (--install):\n dpkg-deb --control subprocess returned error exit status 2\n", "stderr")
            if why.startswith("cannot"):
                return 2
            broken.append(word)
            continue
        before = database.version(found.name)
        if before and compare(found.version, before) < 0:
            call.write(f"dpkg: warning: downgrading {found.name} from {before} to {found.version}\n", "stderr")
        packages[word] = found
    database.interrupted = True
    for word, package in packages.items():
        try:
            yield from dpkg.unpack(package, word)
        except Broken:
            broken.append(word)
    for package in packages.values():
        if (entry := database.entry(package.name)) is not None and entry.state == "unpacked":
            yield from _configured(dpkg, package, broken)
    database.interrupted = False
    if broken:
        dpkg.ended_with(broken)
    return 1 if broken else 0


def _configured(dpkg: Dpkg, package: Package, broken: list[str]) -> Steps[None]:
    """Configure a package if what it needs is there."""
    call, database = dpkg.call, dpkg.call.host.packages
    lacking = []
    for dependency in package.needs:
        if any((there := database.version(each.name)) and each.met_by(there) for each in dependency):
            continue
        if any(each.name in ("iptables", "mount", "util-linux", "iproute2") for each in dependency):
            continue
        lacking.append(dependency)
    if lacking:
        call.write(f"dpkg: dependency problems prevent configuration of {package.name}:\n", "stderr")
        for dependency in lacking:
            call.write(f" {package.name} depends on {' | '.join(map(str, dependency))}; however:\n", "stderr")
            for each in dependency:
                there = database.version(each.name)
                call.write(f"  Version of {each.name} on system is {there}.\n" if there else f"  Package {each.name} is not installed.\n", "stderr")
        call.write(f"\ndpkg: error processing package {package.name} (--install):\n dependency problems - leaving unconfigured\n", "stderr")
        broken.append(package.name)
        return
    try:
        yield from dpkg.configure(package.name)
    except Broken as error:
        broken.append(error.name)


def configure(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Configure packages that are unpacked; `-a` all of them."""
    call, database, broken = dpkg.call, dpkg.call.host.packages, list[str]()
    if not words or words in (["-a"], ["--pending"]):
        names = [entry.package.name for entry in database.unfinished()]
    else:
        names = [word for word in words if not word.startswith("-")]
        for name in names:
            entry = database.entry(name)
            if entry is None or not entry.here:
                call.write(f"dpkg: error processing package {name} (--configure):\n package {name} is not installed, cannot configure\n", "stderr")
                broken.append(name)
            elif entry.state == "installed":
                call.write(f"dpkg: error processing package {name} (--configure):\n package {name} is already installed and configured\n", "stderr")
                broken.append(name)
        names = [name for name in names if name not in broken]
    database.interrupted = False
    for name in names:
        entry = database.entry(name)
        assert entry is not None
        if entry.state == "half-installed":
            database.unpack(entry.package)
        try:
            yield from dpkg.configure(name)
        except Broken as error:
            broken.append(error.name)
    if broken:
        dpkg.ended_with(broken)
    return 1 if broken else 0


def remove(dpkg: Dpkg, words: list[str], *, purge: bool = False) -> Steps[int]:
    """Remove packages."""
    call, database, broken = dpkg.call, dpkg.call.host.packages, list[str]()
    option = "--purge" if purge else "--remove"
    if not words:
        call.write(f"dpkg: error: {option} needs at least one package name argument\n\n{HELP}", "stderr")
        return 2
    for name in words:
        entry = database.entry(name)
        if entry is None or (not entry.here and not purge):
            left = " only the config\n files of which are on the system; use --purge to remove them too" if entry is not None else " which isn't installed"
            call.write(f"dpkg: warning: ignoring request to remove {name}{',' if entry is not None else ''}{left}\n", "stderr")
            continue
        needing = [] if not entry.here else [
            (other.package.name, dependency) for other in database.entries() if other.here and other.package.name not in words
            for dependency in other.package.needs
            if any(each.name == name for each in dependency) and not any(
                each.name != name and (there := database.version(each.name)) and each.met_by(there) for each in dependency)]
        if needing and not dpkg.force & {"depends", "all"}:
            call.write(f"dpkg: dependency problems prevent removal of {name}:\n"
                       + "".join(f" {other} depends on {' | '.join(map(str, dependency))}.\n" for other, dependency in needing)
                       + f"\ndpkg: error processing package {name} ({option}):\n dependency problems - not removing\n", "stderr")
            broken.append(name)
            continue
        was_here = entry.here
        if was_here:
            yield from dpkg.remove(name)
        if purge and database.entry(name) is not None:
            yield from dpkg.purge(name, again=False)
    if broken:
        dpkg.ended_with(broken)
    return 1 if broken else 0


def purge(dpkg: Dpkg, words: list[str]) -> Steps[int]:
    """Remove packages with their configuration."""
    return (yield from remove(dpkg, words, purge=True))


DOES: dict[str, Callable[[Dpkg, list[str]], Steps[int]]] = {
    "--list": list_, "--status": status, "--listfiles": files, "--search": owner, "--get-selections": selections,
    "--set-selections": select, "--audit": audit, "--print-architecture": architecture, "--compare-versions": compared,
    "--version": version, "--install": install, "--configure": configure, "--remove": remove, "--purge": purge}
ACTIONS = {"-l": "--list", "-s": "--status", "-L": "--listfiles", "-S": "--search", "-C": "--audit", "-i": "--install",
           "-r": "--remove", "-P": "--purge", "-a": "--configure", "--pending": "--configure", **{name: name for name in DOES}}
CHANGES = frozenset(("--install", "--configure", "--remove", "--purge", "--set-selections"))


# ---- dpkg-query ------------------------------------------------------------------------------------------------------
def query(call: Call) -> Steps[int]:
    """Run dpkg-query: -W with a format, -l, -s, -L, -S."""
    words = list(call.argv)
    form = "${binary:Package}\t${Version}\n"
    shows = False
    plain = []
    while words:
        word = words.pop(0)
        if word in ("-W", "--show"):
            shows = True
        elif word in ("-f", "--showformat"):
            form = words.pop(0) if words else form
        elif word.startswith(("-f=", "--showformat=", "-f")) and word != "-f":
            form = word.partition("=")[2] if "=" in word else word[2:]
        else:
            plain.append(word)
    if not shows:
        return (yield from dpkg(call))
    form = form.replace("\\n", "\n").replace("\\t", "\t")
    found = [entry for entry in call.host.packages.entries() if not plain or any(_fits(entry.package.name, word) for word in plain)]
    for word in plain:
        if not any(_fits(entry.package.name, word) for entry in found):
            call.write(f"dpkg-query: no packages found matching {word}\n", "stderr")
    for entry in found:
        known = {**fields(entry.package), "binary:Package": entry.package.name, "Architecture": "amd64",
                 "Status": f"{entry.wanted} ok {entry.state}", "db:Status-Status": entry.state, "db:Status-Abbrev":
                 f"{WANTED[entry.wanted]}{LETTERS[entry.state]} "}
        call.write(re.sub(r"\$\{([^}]+)\}", lambda match: known.get(match[1].partition(";")[0], ""), form))
    return 0 if all(any(_fits(entry.package.name, word) for entry in found) for word in plain) else 1


