"""apt list, show, search, policy, madison, depends: what apt says of packages; nothing changes.

Models: cmdline/apt-cache.cc and apt-private/private-{list,show,search}.cc.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from sim.engine import Steps
from sim.host.packages.cache import INSTALLED_PRIORITY, PRIORITY, Available, Cache, Index
from sim.host.packages.package import Package
from sim.host.packages.sources import SourceError
from sim.shell.system.packages.apt import texts
from sim.shell.system.packages.apt.choosing import Unfindable, choose
from sim.shell.system.packages.apt.update import LISTS_UNREADABLE
from sim.shell.system.packages.apt.words import FAILED, Apt

MADISON_WIDTH = 10
GREEN, PLAIN = "\x1b[32m", "\x1b[0m"


def known(apt: Apt) -> Steps[Cache | None]:
    """Read what apt knows; None when its lists are wrong, which is said."""
    yield from apt.wait(0.1, 0.3, 0.8)
    try:
        return Cache(apt.call.host)
    except SourceError as error:
        apt.error(str(error))
        apt.error(LISTS_UNREADABLE)
        return None


def _place(index: Index) -> str:
    """Write an index as `policy` and `madison` do."""
    source = index.source
    if index.repository.flat:
        return f"{source.uri}  Packages"
    return f"{source.uri} {source.suite}/{_component(index)} amd64 Packages"


def _component(index: Index) -> str:
    return next((part for part in index.source.components if part in index.repository.sections), "main")


def madison(apt: Apt) -> Steps[int]:
    """List the versions that can be had, one a line."""
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    if not apt.words:
        return 0
    for name in apt.words:
        for row in cache.versions(name):
            for index in row.indexes:
                apt.call.write(f"{name:>{MADISON_WIDTH}} | {row.package.version:>{MADISON_WIDTH}} | {_place(index)}\n")
    return 0


def policy(apt: Apt) -> Steps[int]:
    """Show installed and candidate version, and where each comes from."""
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    if not apt.words:
        return _all_sources(apt, cache)
    for name in apt.words:
        rows = cache.versions(name)
        if not rows and cache.database.entry(name) is None:
            if cache.mentioned(name):
                apt.call.write(f"{name}:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n")
            else:
                apt.notice(f"Unable to locate package {name}")
            continue
        candidate = cache.candidate(name)
        apt.call.write(f"{name}:\n  Installed: {cache.database.version(name) or '(none)'}\n"
                       f"  Candidate: {candidate.version if candidate else '(none)'}\n  Version table:\n")
        for row in rows:
            priority = PRIORITY if row.indexes else INSTALLED_PRIORITY
            apt.call.write(f" {'***' if row.installed else '   '} {row.package.version} {priority}\n")
            for index in row.indexes:
                apt.call.write(f"        {PRIORITY} {_place(index)}\n")
            if row.installed:
                apt.call.write(f"        {INSTALLED_PRIORITY} /var/lib/dpkg/status\n")
    return 0


def _all_sources(apt: Apt, cache: Cache) -> int:
    write = apt.call.write
    write(f"Package files:\n {INSTALLED_PRIORITY} /var/lib/dpkg/status\n     release a=now\n")
    for index in reversed(cache.indexes):
        server = re.sub(r"^[a-z]+://", "", index.source.uri).split("/")[0]
        release = "" if index.repository.flat else f"a={index.repository.release},n={index.repository.release},c={_component(index)},"
        write(f" {PRIORITY} {_place(index)}\n     release {release}b=amd64\n     origin {server}\n")
    write("Pinned packages:\n")
    return 0


# ---- lists -----------------------------------------------------------------------------------------------------------
def list_(apt: Apt) -> Steps[int]:
    """List packages, one a line: all, or those that patterns fit, installed or upgradable ones."""
    apt.call.write("Listing...\n" if not apt.tty else "Listing... Done\n")
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    more = 0
    for name in _chosen(cache, apt.words):
        rows = cache.versions(name)
        if not rows:
            continue
        there = next((row for row in rows if row.installed), None)
        if "manual-installed" in apt and (there is None or (entry := cache.database.get(name)) is None or entry.auto):
            continue
        if "upgradable" in apt and (there is None or there is rows[0]):
            continue
        if "installed" in apt:
            if there is None:
                continue
            shown = [there]
        else:
            shown = rows if "all-versions" in apt else rows[:1]
        more += len(rows) - len(shown) if "upgradable" in apt else 0
        for row in shown:
            apt.call.write(f"{listing(apt, cache, row, rows)}\n")
        if "all-versions" in apt:
            apt.call.write("\n")
    if more:
        apt.notice(f"There {'are' if more > 1 else 'is'} {more} additional version{'s' if more > 1 else ''}. Please use the '-a' switch "
                   f"to see {'them' if more > 1 else 'it'}.")
    return 0


def _chosen(cache: Cache, words: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for word in words:
        found.update(dict.fromkeys(cache.matching(word)))
    return sorted(found) if words else cache.names()


def listing(apt: Apt, cache: Cache, row: Available, rows: list[Available]) -> str:
    """Write a version as `apt list` does."""
    package = row.package
    there = next((each for each in rows if each.installed), None)
    entry = cache.database.get(package.name)
    places = ",".join("unknown" if index.repository.flat else index.source.suite for index in row.indexes)
    if row.installed:
        places = f"{places},now" if places else "now"
    said = ""
    if row.installed:
        newest = rows[0]
        marks = ["installed"]
        if not row.indexes:
            marks = ["installed,local"]
        elif newest is not row:
            marks = [f"installed,upgradable to: {newest.package.version}"]
        elif entry is not None and entry.auto:
            marks = ["installed,automatic"]
        said = f" [{','.join(marks)}]"
    elif there is not None and row is not there and rows.index(row) < rows.index(there):
        said = f" [upgradable from: {there.package.version}]"
    elif entry is None and cache.database.entry(package.name) is not None:
        said = " [residual-config]"
    name = f"{GREEN}{package.name}{PLAIN}" if apt.tty and apt.call.name == "apt" else package.name
    return f"{name.removesuffix(':amd64')}/{places} {package.version} amd64{said}"


def search(apt: Apt) -> Steps[int]:
    """Find packages by words in name and description."""
    if not apt.words:
        return apt.error("You must give at least one search pattern")
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    if apt.call.name == "apt":
        for text in ("Sorting", "Full Text Search"):
            apt.progress(text)
    for name in cache.names():
        rows = cache.versions(name)
        if not rows:
            continue
        recipe = rows[0].package.recipe
        where = name if "names-only" in apt else f"{name} {recipe.summary} {recipe.description}"
        if all(re.search(re.escape(word) if not re.search(r"[\^$.*]", word) else word, where, re.IGNORECASE) for word in apt.words):
            if apt.call.name == "apt":
                apt.call.write(f"{listing(apt, cache, rows[0], rows)}\n  {recipe.summary}\n\n")
            else:
                apt.call.write(f"{name} - {recipe.summary}\n")
    return 0


def pkgnames(apt: Apt) -> Steps[int]:
    """Name all packages whose names begin with a text."""
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    for name in cache.hashed():
        if not apt.words or name.startswith(apt.words[0]):
            apt.call.write(f"{name}\n")
    return 0


def depends(apt: Apt) -> Steps[int]:
    """List what packages need."""
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    try:
        chosen, _, _ = choose(cache, apt.words)
    except Unfindable as error:
        return _unknown(apt, error)
    for name, package in chosen.items():
        apt.call.write(f"{name}\n")
        for dependency in package.needs:
            for number, each in enumerate(dependency):
                mark = "|" if number < len(dependency) - 1 else " "
                shown = str(each) if apt.call.name == "apt" else each.name
                apt.call.write(f" {mark}Depends: {shown}\n")
    return 0


def rdepends(apt: Apt) -> Steps[int]:
    """List what needs packages: each version of it."""
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    try:
        chosen, _, _ = choose(cache, apt.words)
    except Unfindable as error:
        return _unknown(apt, error)
    for wanted in chosen:
        apt.call.write(f"{wanted}\nReverse Depends:\n")
        for name in cache.names():
            for row in cache.versions(name):
                if any(each.name == wanted for dependency in row.package.needs for each in dependency):
                    apt.call.write(f"  {name}\n")
    return 0


def _unknown(apt: Apt, error: Unfindable) -> int:
    for text in error.errors:
        if "Version '" in text or apt.tty:
            apt.warn(text) if "Version '" in text else apt.notice(text)
    return apt.error("No packages found")


# ---- records ---------------------------------------------------------------------------------------------------------
def show(apt: Apt) -> Steps[int]:
    """Print packages' records."""
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    printed = known_name = False
    missing = []
    for word in apt.words:
        name, equals, version = word.partition("=")
        rows = cache.versions(name)
        if not rows and not cache.mentioned(name):
            missing.append(word)
            continue
        known_name = True
        if not rows:
            continue
        if equals:
            row = cache.find(name, version)
            if row is None:
                if apt.call.name == "apt":
                    apt.call.write(f"Package: {name}\nState: not a real package (virtual)\n")
                    apt.notice(f"Can't select candidate version from package {name} as it has no candidate")  # noqa: S608
                continue
            rows = [row]
        for row in rows if "all-versions" in apt or (apt.call.name == "apt-cache" and not equals and "no-all-versions" not in apt) else rows[:1]:
            apt.call.write(_record(apt, row) if apt.call.name == "apt" else _stanza(row))
            printed = True
    for word in missing:
        apt.notice(f"Unable to locate package {word}")
    if printed or known_name:
        return 0
    return apt.error("No packages found")


def fields(package: Package) -> dict[str, str]:
    """Give what is known of a package, by the names of its control file."""
    recipe = package.recipe
    return {"Package": package.name.removesuffix(":amd64"), "Version": package.version, "Priority": recipe.priority,
            "Section": recipe.section, "Maintainer": recipe.maintainer, "Installed-Size": str(package.installed_kib),
            "Depends": package.depends, "Homepage": recipe.homepage,
            "Description": recipe.summary + (f"\n {recipe.description}" if recipe.description else "")}


def _record(apt: Apt, row: Available) -> str:
    """Write a record as `apt show` does."""
    package = row.package
    known = fields(package)
    known["Installed-Size"] = f"{texts.size(package.installed_kib * 1024, comma=apt.comma)}B"
    lines = [f"{name}: {known[name]}" for name in ("Package", "Version", "Priority", "Section", "Maintainer", "Installed-Size", "Depends",
                                                  "Homepage") if known[name]]
    if row.indexes:
        lines.append(f"Download-Size: {texts.size(package.size_bytes, comma=apt.comma)}B")
    if row.installed:
        entry = apt.call.host.packages.get(package.name)
        lines.append(f"APT-Manual-Installed: {'no' if entry is not None and entry.auto else 'yes'}")
    if row.indexes:
        lines += [f"APT-Sources: {_place(index)}" for index in row.indexes[:1]]
    else:
        lines.append("APT-Sources: /var/lib/dpkg/status")
    return "\n".join([*lines, f"Description: {known['Description']}", "", ""])


def _stanza(row: Available) -> str:
    """Write a record as the index has it."""
    package, known = row.package, fields(row.package)
    order = [("Package", known["Package"]), ("Version", package.version), ("Architecture", "amd64"), ("Maintainer", known["Maintainer"]),
             ("Installed-Size", known["Installed-Size"]), ("Depends", package.depends), ("Section", known["Section"]),
             ("Priority", known["Priority"]), ("Homepage", known["Homepage"]),
             ("Filename", f"{'amd64' if row.indexes and row.indexes[0].repository.flat else 'pool'}/{package.archive}"),
             ("Size", str(package.size_bytes)), ("SHA256", package.sha256()), ("Description", known["Description"]),
             ("Description-md5", hashlib.md5(f"{known['Description']}\n".encode(), usedforsecurity=False).hexdigest())]
    return "".join(f"{name}: {value}\n" for name, value in order if value) + "\n"
