"""apt-get install, upgrade, remove and their kin: what is asked, what apt says of it, and the question.

Models: apt-private/private-install.cc (DoInstall, InstallPackages) and private-output.cc.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sim.engine import Steps
from sim.host.packages import resolver
from sim.host.packages.cache import Cache
from sim.host.packages.debian import compare
from sim.host.packages.package import Package
from sim.host.packages.resolver import Plan, Resolver
from sim.host.packages.sources import SourceError
from sim.shell.system.packages.apt import locks, texts
from sim.shell.system.packages.apt.choosing import Chosen, Unfindable, choose
from sim.shell.system.packages.apt.doing import act, fetch, tell_sizes, to_fetch
from sim.shell.system.packages.apt.update import LISTS_UNREADABLE
from sim.shell.system.packages.apt.words import FAILED, Apt
from sim.shell.system.packages.dpkgs import acting
from sim.shell.system.packages.dpkgs.archives import package_of

IMPOSSIBLE = """Some packages could not be installed. This may mean that you have
requested an impossible situation or if you are using the unstable
distribution that some required packages have not yet been created
or been moved out of Incoming.
The following information may help to resolve the situation:
"""
SIMULATION = """NOTE: This is only a simulation!
      apt-get needs root privileges for real execution.
      Keep also in mind that locking is deactivated,
      so don't depend on the relevance to the real current situation!"""
# ---- the verbs -----------------------------------------------------------------------------------------------------
def install(apt: Apt) -> Steps[int]:
    """Install packages."""
    for word in apt.words:
        if "/" in word and (word.endswith(".deb") or word.startswith(("./", "/"))):
            return (yield from _archives(apt))
    return (yield from _change(apt, _installing))


def _archives(apt: Apt) -> Steps[int]:
    """Install archives that lie in a folder: dpkg's part, with apt's lines."""
    found: Chosen = {}
    for word in apt.words:
        package = package_of(apt.call, apt.call.path(word))
        if package is None:
            apt.progress("Reading package lists")
            return apt.error(f"Unsupported file {word} given on commandline")
        found[package.name] = package

    def planned(known: Cache) -> Plan:
        for name in found:
            path = apt.call.path(next(word for word in apt.words if name in word))
            apt.say(f"Note, selecting '{name}' instead of '{path if path in apt.words else apt.words[0]}'")
        return Resolver(known).install(found)

    return (yield from _change(apt, lambda _, known: planned(known)))


def _installing(apt: Apt, known: Cache) -> Plan:
    if "fix-broken" in apt and not apt.words:
        if Resolver(known).broken():
            apt.say("Correcting dependencies... Done")
        return Resolver(known).mend()
    chosen, dropped, _ = choose(known, apt.words)
    work = Resolver(known)
    for name in dropped:
        work.plan.named[name] = None
        if known.database.get(name) is not None:
            work.plan.removed[name] = None
        else:
            apt.say(f"Package '{name}' is not installed, so not removed")
    wanted: Chosen = {}
    for name, package in chosen.items():
        entry = known.database.get(name)
        if entry is None and "only-upgrade" in apt:
            apt.say(f"Skipping {name}, it is not installed and only upgrades are requested.")
            continue
        if entry is not None and entry.version == package.version:
            if "reinstall" in apt or apt.verb == "reinstall":
                work.plan.reinstall[name] = None
                wanted[name] = package
                continue
            apt.say(f"{name} is already the newest version ({package.version}).")
            if entry.auto:
                known.database.mark(name, auto=False)
                apt.say(f"{name} set to manually installed.")
            work.plan.named[name] = None
            continue
        wanted[name] = package
    plan = work.install(wanted)
    for name, package in chosen.items():
        if known.database.get(name) is not None and package is not known.candidate(name):
            plan.named[name] = None
    return plan


def upgrade(apt: Apt) -> Steps[int]:
    """Upgrade everything that is not held."""
    new = apt.verb in ("dist-upgrade", "full-upgrade") or apt.call.name == "apt" or "with-new-pkgs" in apt

    def planned(apt: Apt, known: Cache) -> Plan:
        named: Chosen = {}
        if apt.words:
            named, _, _ = choose(known, apt.words)
            for name, package in list(named.items()):
                if known.database.version(name) == package.version:
                    apt.say(f"{name} is already the newest version ({package.version}).")
                    del named[name]
        apt.progress("Calculating upgrade")
        return Resolver(known).upgrade(new=new, named=named)

    return (yield from _change(apt, planned))


def remove(apt: Apt) -> Steps[int]:
    """Remove packages, with `purge` their configuration too."""
    purge = apt.verb == "purge" or "purge" in apt

    def planned(apt: Apt, known: Cache) -> Plan:
        _chosen, _, names = choose(known, apt.words, removing=True)
        there = []
        for name in names:
            entry = known.database.entry(name)
            if entry is None or (not entry.here and not purge):
                apt.say(f"Package '{name}' is not installed, so not removed")
            else:
                there.append(name)
        plan = Resolver(known).remove(there, purge=purge)
        if "auto-remove" in apt or apt.verb in ("autoremove", "auto-remove", "autopurge"):
            _drop_unneeded(known, plan)
        return plan

    return (yield from _change(apt, planned))


def autoremove(apt: Apt) -> Steps[int]:
    """Remove what came only for others and is needed no more."""
    def planned(apt: Apt, known: Cache) -> Plan:
        plan = Resolver(known).remove(choose(known, apt.words)[2] if apt.words else [], purge="purge" in apt or apt.verb == "autopurge")
        _drop_unneeded(known, plan)
        return plan

    return (yield from _change(apt, planned))


def _drop_unneeded(known: Cache, plan: Plan) -> None:
    work = Resolver(known)
    work.plan = plan
    while unneeded := [name for name in work.unneeded() if name not in plan.removed]:
        plan.removed.update(dict.fromkeys(unneeded))


# ---- what they share -------------------------------------------------------------------------------------------------
def _change(apt: Apt, planned: Callable[[Apt, Cache], Plan]) -> Steps[int]:
    """Read the lists, work the plan out, show it, ask, and do it."""
    simulate = "simulate" in apt
    if not simulate:
        status = yield from locks.take(apt, apt.call.login.terminal.next_pid())
        if status:
            return status
    try:
        return (yield from _read_and_do(apt, planned))
    finally:
        if not simulate:
            locks.give(apt)


def _read_and_do(apt: Apt, planned: Callable[[Apt, Cache], Plan]) -> Steps[int]:
    if "simulate" in apt and apt.call.login.uid != 0:
        apt.say(SIMULATION)
    yield from apt.wait(0.3, 0.6, 1.5)
    try:
        known = Cache(apt.call.host)
    except SourceError as error:
        apt.error(str(error))
        return apt.error(LISTS_UNREADABLE)
    for text in ("Reading package lists", "Building dependency tree", "Reading state information"):
        apt.progress(text)
    yield from apt.wait(0.1, 0.2, 0.5)
    if apt.verb.endswith("upgrade") or apt.verb.startswith("auto"):
        if status := whole(apt, known):
            return status
    try:
        plan = planned(apt, known)
    except Unfindable as error:
        if error.plain:
            apt.say(error.plain)
        for text in error.errors:
            apt.error(text)
        return FAILED
    if plan.unmet:
        return _impossible(apt, plan)
    if status := _already_broken(apt, known, plan):
        return status
    return (yield from _decide(apt, known, plan))


def _impossible(apt: Apt, plan: Plan) -> int:
    apt.say(IMPOSSIBLE)
    apt.say(_lacking(plan.unmet))
    return apt.error(plan.problem)


def _lacking(unmet: dict[str, list[str]]) -> str:
    lines = ["The following packages have unmet dependencies:"]
    for name in sorted(unmet):
        head = f" {name} : "
        for line in unmet[name]:
            lines.append(f"{head}{line}")
            head = " " * len(head)
    return "\n".join(lines)


def whole(apt: Apt, known: Cache) -> int:
    """Say whether all that is installed has what it needs (apt-get check)."""
    return _already_broken(apt, known, Plan())


def _already_broken(apt: Apt, known: Cache, plan: Plan) -> int:
    """Refuse to go on where something that is installed lacks what it needs, and the plan does not mend it."""
    work = Resolver(known)
    before = work.broken()
    work.plan = plan
    if not before or not work.broken():
        return 0
    if apt.verb in ("install", "reinstall"):
        before = {name: [line.replace("but it is not installed", "but it is not going to be installed") for line in lines]
                  for name, lines in before.items()}
    apt.say("You might want to run 'apt --fix-broken install' to correct these.")
    apt.say(_lacking(before))
    return apt.error("Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution).")


def _decide(apt: Apt, known: Cache, plan: Plan) -> Steps[int]:
    database = known.database
    for name, package in plan.install.items():
        if (entry := database.get(name)) is not None and entry.version == package.version:
            plan.reinstall[name] = None
    groups = _groups(known, plan)
    _show(apt, known, plan, groups)
    changes = sum(len(groups[each]) for each in ("new", "upgraded", "downgraded", "removed")) + len(plan.reinstall)
    unfinished = database.unfinished()
    if not changes and not unfinished:
        return 0
    if "simulate" in apt:
        return _simulated(apt, known, plan)
    if "assume-yes" in apt:
        for group, option, said in (
                ("held", "allow-change-held-packages", "Held packages were changed and -y was used without --allow-change-held-packages."),
                ("downgraded", "allow-downgrades", "Packages were downgraded and -y was used without --allow-downgrades.")):
            if groups[group] and option not in apt:
                return apt.error(said)
    if "no-remove" in apt and groups["removed"]:
        return apt.error("Packages need to be removed but remove is disabled.")
    missing = to_fetch(apt, plan)
    tell_sizes(apt, known, plan, missing)
    asks = groups["removed"] or groups["held"] or groups["downgraded"] or apt.verb.endswith("upgrade") or len(plan.install) != len(plan.named)
    if apt.call.host.files.full and missing:
        return apt.error("You don't have enough free space in /var/cache/apt/archives/.")
    if asks and "assume-yes" not in apt:
        answer = _refused(apt) if "assume-no" in apt else (yield from _confirmed(apt))
        if answer is not None:
            apt.call.write("Abort.\n")
            return 1
    if missing and (status := (yield from fetch(apt, known, missing))):
        return status
    if "download-only" in apt:
        apt.say("Download complete and in download only mode")
        return 0
    return (yield from act(apt, known, plan, groups))


def _refused(apt: Apt) -> str:
    apt.call.write("Do you want to continue? [Y/n] N\n")
    return "N"


def _confirmed(apt: Apt) -> Steps[str | None]:
    """Ask; gives None for yes, else what was answered."""
    apt.call.write("Do you want to continue? [Y/n] ")
    answer = yield from acting.ask(apt.call)
    if answer is not None and answer.strip().lower() in ("", "y", "yes"):
        return None
    return answer or "end of file"


def _groups(known: Cache, plan: Plan) -> dict[str, list[str]]:
    database = known.database
    groups: dict[str, list[str]] = {name: [] for name in ("extra", "removed", "new", "held", "upgraded", "downgraded")}
    for name, package in sorted(plan.install.items()):
        entry = database.get(name)
        if name not in plan.named:
            groups["extra"].append(name)
        if entry is None:
            groups["new"].append(name)
            continue
        order = compare(package.version, entry.version)
        if order:
            groups["upgraded" if order > 0 else "downgraded"].append(name)
            if entry.held:
                groups["held"].append(name)
    groups["removed"] = sorted(plan.removed)
    groups["held"] += [name for name in groups["removed"] if (entry := database.entry(name)) is not None and entry.held]
    groups["held"].sort()
    return groups


HEADS = (("extra", "The following additional packages will be installed:"), ("removed", "The following packages will be REMOVED:"),
         ("new", "The following NEW packages will be installed:"), ("kept", "The following packages have been kept back:"),
         ("held", "The following held packages will be changed:"), ("upgraded", "The following packages will be upgraded:"),
         ("downgraded", "The following packages will be DOWNGRADED:"))


def _show(apt: Apt, known: Cache, plan: Plan, groups: dict[str, list[str]]) -> None:
    """List what will change, and count it."""
    unneeded = [] if plan.install and not plan.removed else _left_over(known, plan)
    if unneeded:
        several = len(unneeded) > 1
        apt.say(f"The following package{'s were' if several else ' was'} automatically installed and {'are' if several else 'is'} "
                f"no longer required:\n{texts.listed(unneeded)}\nUse "
                f"'{'sudo ' if 'SUDO_USER' in apt.call.env else ''}apt autoremove' to remove {'them' if several else 'it'}.")
    rows = {**groups, "kept": sorted(plan.kept), "extra": [] if apt.verb.endswith("upgrade") else groups["extra"]}
    for group, head in HEADS:
        names = [f"{name}*" for name in rows[group]] if group == "removed" and plan.purge else rows[group]
        if names and "verbose-versions" in apt:
            only_new = group == "extra"
            apt.say("\n".join([head, *(f"   {name} ({_versions(known, plan, name.rstrip('*'), only_new=only_new)})" for name in names)]))
        elif names:
            apt.say(f"{head}\n{texts.listed(names)}")
    touched = {*plan.install, *plan.removed, *plan.named}
    rest = len([1 for entry, _ in known.upgradable() if entry.package.name not in touched])
    parts = [f"{len(groups['upgraded'])} upgraded, {len(groups['new'])} newly installed, "]
    if plan.reinstall:
        parts.append(f"{len(plan.reinstall)} reinstalled, ")
    if groups["downgraded"]:
        parts.append(f"{len(groups['downgraded'])} downgraded, ")
    apt.say("".join(parts) + f"{len(groups['removed'])} to remove and {rest} not upgraded.")
    unfinished = known.database.unfinished()
    if unfinished:
        apt.say(f"{len(unfinished)} not fully installed or removed.")


def _versions(known: Cache, plan: Plan, name: str, *, only_new: bool) -> str:
    """Give a package's version, and what it becomes."""
    before, after = known.database.version(name), plan.install.get(name) or known.candidate(name)
    new = after.version if after is not None and name not in plan.removed else ""
    return new if only_new else " => ".join(dict.fromkeys(filter(None, (before, new))))


def _left_over(known: Cache, plan: Plan) -> list[str]:
    work = Resolver(known)
    work.plan = plan
    return [name for name in work.unneeded() if name not in plan.removed]


def _simulated(apt: Apt, known: Cache, plan: Plan) -> int:
    packages = resolver.in_order(plan.install)
    for name in sorted(plan.removed):
        apt.call.write(f"{'Purg' if plan.purge else 'Remv'} {name} [{known.database.version(name)}]\n")
    for word in ("Inst", "Conf"):
        for package in packages:
            before = known.database.version(package.name)
            was = f" [{before}]" if before and word == "Inst" else ""
            apt.call.write(f"{word} {package.name}{was} ({package.version} {_release(known, package)} [amd64])\n")
    return 0


def _release(known: Cache, package: Package) -> str:
    row = known.find(package.name, package.version)
    if row is None or not row.indexes:
        return "localhost"
    index = row.indexes[0]
    minor = re.search(r"/v(\d+\.\d+)/", index.repository.uri)
    if index.repository.uri.startswith("file:"):
        return "localhost"
    if index.repository.flat and minor:
        return f"isv:kubernetes:core:stable:v{minor[1]}:pkgs.k8s.io"
    if index.repository.uri.startswith("http://archive.ubuntu.com") or "ubuntu" in index.repository.uri:
        return f"Ubuntu:{known.host.os.version}/{index.source.suite}"
    return f"{index.repository.release}:{index.repository.release}"
