"""dpkg, dpkg-query, dpkg-deb: the database as it is, and packages without apt.

Models: dpkg 1.21's src/query, src/main; its tables are as wide as their contents where nobody looks on.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sim.engine import Steps
from sim.host.packages.database import LETTERS
from sim.host.packages.debian import compare
from sim.host.packages.package import Package
from sim.shell.pipes import Call
from sim.shell.system.packages.apt.showing import fields
from sim.shell.system.packages.dpkgs import looking
from sim.shell.system.packages.dpkgs.acting import Broken, Dpkg
from sim.shell.system.packages.dpkgs.archives import package_of
from sim.shell.system.packages.dpkgs.looking import WANTED, fits

HELP = """Type dpkg --help for help about installing and deinstalling packages [*];
Use 'apt' or 'aptitude' for user-friendly package management;
Type dpkg -Dhelp for a list of dpkg debug flag values;
Type dpkg --force-help for a list of forcing options;
Type dpkg-deb --help for help about manipulating *.deb files;

Options marked [*] produce a lot of output - pipe it through 'less' or 'more' !
"""
FORCED = re.compile(r"--force-([a-z,-]+)\Z")


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
    "--list": looking.list_, "--status": looking.status, "--listfiles": looking.files, "--search": looking.owner, "--get-selections": looking.selections,
    "--set-selections": looking.select, "--audit": looking.audit, "--print-architecture": looking.architecture, "--compare-versions": looking.compared,
    "--version": looking.version, "--install": install, "--configure": configure, "--remove": remove, "--purge": purge}
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
    found = [entry for entry in call.host.packages.entries() if not plain or any(fits(entry.package.name, word) for word in plain)]
    for word in plain:
        if not any(fits(entry.package.name, word) for entry in found):
            call.write(f"dpkg-query: no packages found matching {word}\n", "stderr")
    for entry in found:
        known = {**fields(entry.package), "binary:Package": entry.package.name, "Architecture": "amd64",
                 "Status": f"{entry.wanted} ok {entry.state}", "db:Status-Status": entry.state, "db:Status-Abbrev":
                 f"{WANTED[entry.wanted]}{LETTERS[entry.state]} "}
        call.write(re.sub(r"\$\{([^}]+)\}", lambda match: known.get(match[1].partition(";")[0], ""), form))
    return 0 if all(any(fits(entry.package.name, word) for entry in found) for word in plain) else 1


