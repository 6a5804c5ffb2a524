"""apt-get install, upgrade, remove and their kin: what is asked, what apt says of it, and the question.

Models: apt-private/private-install.cc (DoInstall, InstallPackages) and private-output.cc.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sim.engine import Steps, microseconds
from sim.host.files import FileError
from sim.host.packages import cache, resolver
from sim.host.packages.cache import Cache
from sim.host.packages.debian import compare
from sim.host.packages.package import Package
from sim.host.packages.resolver import Plan, Resolver
from sim.host.packages.sources import SourceError
from sim.shell.system.packages import acting, locks, texts
from sim.shell.system.packages.acting import Dpkg
from sim.shell.system.packages.update import LISTS_UNREADABLE, fetched
from sim.shell.system.packages.words import FAILED, Apt

NOT_AVAILABLE = """Package {name} is not available, but is referred to by another package.
This may mean that the package is missing, has been obsoleted, or
is only available from another source
"""
IMPOSSIBLE = """Some packages could not be installed. This may mean that you have
requested an impossible situation or if you are using the unstable
distribution that some required packages have not yet been created
or been moved out of Incoming.
The following information may help to resolve the situation:

The following packages have unmet dependencies:"""
NEEDRESTART = """
No services need to be restarted.

No containers need to be restarted.

No user sessions are running outdated binaries.

No VM guests are running outdated hypervisor (qemu) binaries on this host.
"""
NO_STDIN = "dpkg-preconfigure: unable to re-open stdin: No such file or directory\n"
NO_DIALOG = """debconf: unable to initialize frontend: Dialog
debconf: (No usable dialog-like program is installed, so the dialog based frontend cannot be used. at \
/usr/share/perl5/Debconf/FrontEnd/Dialog.pm line 78, <> line {count}.)
debconf: falling back to frontend: Readline
debconf: unable to initialize frontend: Readline
debconf: (Can't locate Term/ReadLine.pm in @INC (you may need to install the Term::ReadLine module) (@INC contains: /etc/perl \
/usr/local/lib/x86_64-linux-gnu/perl/5.36.0 /usr/local/share/perl/5.36.0 /usr/lib/x86_64-linux-gnu/perl5/5.36 /usr/share/perl5 \
/usr/lib/x86_64-linux-gnu/perl-base /usr/lib/x86_64-linux-gnu/perl/5.36 /usr/share/perl/5.36 /usr/local/lib/site_perl) at \
/usr/share/perl5/Debconf/FrontEnd/Readline.pm line 7, <> line {count}.)
debconf: falling back to frontend: Teletype
dpkg-preconfigure: unable to re-open stdin:{blank}
"""
SIMULATION = """NOTE: This is only a simulation!
      apt-get needs root privileges for real execution.
      Keep also in mind that locking is deactivated,
      so don't depend on the relevance to the real current situation!"""
MEGABYTES_A_SECOND = (6, 14, 28)
Chosen = dict[str, Package]


class Unfindable(Exception):
    """Names or versions that apt does not find: the lines for standard output and the errors."""

    def __init__(self, errors: list[str], plain: str = "") -> None:
        super().__init__(errors)
        self.errors = errors
        self.plain = plain


def choose(known: Cache, words: list[str], *, removing: bool = False) -> tuple[Chosen, list[str], list[str]]:
    """Find what is asked for: versions to install, names to remove (`kubeadm-`), and names in their order.

    Raises Unfindable, with all unknown names but only the first unknown version, as apt does.
    """
    chosen: Chosen = {}
    dropped: list[str] = []
    errors: list[str] = []
    for word in words:
        name, equals, version = word.partition("=")
        if not known.knows(name) and name.endswith(("-", "+")) and known.knows(name[:-1]):
            if name.endswith("-"):
                dropped.append(name[:-1])
                continue
            name = name[:-1]
        names = _named(known, name)
        if not names:
            errors += _unlocatable(name)
            continue
        for each in names:
            row = known.find(each, version) if equals else None
            if equals and row is None:
                raise Unfindable([f"Version '{version}' for '{each}' was not found"], NOT_AVAILABLE.format(name=each))
            package = row.package if row is not None else known.candidate(each)
            assert package is not None
            if not (removing and not equals):
                chosen[each] = package
            else:
                chosen.setdefault(each, package)
    if errors:
        raise Unfindable(errors)
    return chosen, dropped, list(chosen)


def _named(known: Cache, name: str) -> list[str]:
    plain = name.partition(":")[0] if name.endswith((":amd64", ":any")) else name
    if known.knows(plain) or known.database.entry(plain) is not None:
        return [plain]
    if known.knows(f"{plain}:amd64"):
        return [f"{plain}:amd64"]
    if re.search(r"[*?\[]", name):
        return known.matching(name)
    if re.search(r"[.^$+|()]", name):
        try:
            return [each for each in known.names() if re.search(name, each)]
        except re.error:
            return []
    return []


def _unlocatable(name: str) -> list[str]:
    found = [f"Unable to locate package {name}"]
    if re.search(r"[.*?\[]", name):
        found.append(f"Couldn't find any package by glob '{name}'")
    if re.search(r"[.*+?\[^$|()]", name):
        found.append(f"Couldn't find any package by regex '{name}'")
    return found


# ---- the verbs -----------------------------------------------------------------------------------------------------
def install(apt: Apt) -> Steps[int]:
    """Install packages."""
    for word in apt.words:
        if "/" in word and (word.endswith(".deb") or word.startswith(("./", "/"))):
            return (yield from _archives(apt))
    return (yield from _change(apt, _installing))


def _archives(apt: Apt) -> Steps[int]:
    """Install archives that lie in a folder: dpkg's part, with apt's lines."""
    from sim.shell.system.packages.dpkg import package_of

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
    chosen, dropped, _ = choose(known, apt.words)
    work = Resolver(known)
    for name in dropped:
        if known.database.get(name) is not None:
            work.plan.removed[name] = None
            work.plan.named[name] = None
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
            named = {name: package for name, package in named.items() if known.database.version(name) != package.version}
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
    return (yield from _decide(apt, known, plan))


def _impossible(apt: Apt, plan: Plan) -> int:
    apt.say(IMPOSSIBLE)
    for name in sorted(plan.unmet):
        head = f" {name} : "
        for line in plan.unmet[name]:
            apt.say(f"{head}{line}")
            head = " " * len(head)
    return apt.error(plan.problem)


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
    fetch = _to_fetch(apt, plan)
    _sizes(apt, known, plan, fetch)
    explicit = len([name for name in plan.install if name in plan.named])
    asks = groups["removed"] or groups["held"] or groups["downgraded"] or apt.verb.endswith("upgrade") or explicit != len(plan.install)
    if apt.call.host.files.full and fetch:
        return apt.error("You don't have enough free space in /var/cache/apt/archives/.")
    if asks and "assume-yes" not in apt:
        answer = "n\n" if "assume-no" in apt else (yield from _confirmed(apt))
        if answer is not None:
            apt.call.write("Abort.\n")
            return 1
    if fetch and (status := (yield from _fetch(apt, known, fetch))):
        return status
    if "download-only" in apt:
        apt.say("Download complete and in download only mode")
        return 0
    return (yield from _act(apt, known, plan, groups))


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
    rows = {**groups, "kept": sorted(plan.kept), "extra": [] if apt.verb.endswith("upgrade") and not apt.words else groups["extra"]}
    for group, head in HEADS:
        names = [f"{name}*" for name in rows[group]] if group == "removed" and plan.purge else rows[group]
        if names:
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
    if index.repository.flat and minor:
        return f"isv:kubernetes:core:stable:v{minor[1]}:pkgs.k8s.io"
    if index.repository.uri.startswith("http://archive.ubuntu.com") or "ubuntu" in index.repository.uri:
        return f"Ubuntu:{known.host.os.version}/{index.source.suite}"
    return f"{index.repository.release}:{index.repository.release}"


# ---- fetching --------------------------------------------------------------------------------------------------------
def _to_fetch(apt: Apt, plan: Plan) -> list[Package]:
    view = apt.call.host.files.view()
    return [package for package in resolver.in_order(plan.install) if not view.exists(cache.cached_archive(apt.call.host, package))]


def _sizes(apt: Apt, known: Cache, plan: Plan, fetch: list[Package]) -> None:
    whole = sum(package.size_bytes for package in plan.install.values())
    need = sum(package.size_bytes for package in fetch)
    if whole:
        both = f"/{texts.size(whole, comma=apt.comma)}B" if need != whole else ""
        apt.say(f"Need to get {texts.size(need, comma=apt.comma)}B{both} of archives.")
    kib = 0
    for name, package in plan.install.items():
        entry = known.database.get(name)
        kib += package.installed_kib - (entry.package.installed_kib if entry is not None else 0)
    for name in plan.removed:
        entry = known.database.get(name)  # None where only its configuration is left
        kib -= entry.package.installed_kib if entry is not None else 0
    amount = texts.size(abs(kib) * 1024, comma=apt.comma)
    apt.say(f"After this operation, {amount}B disk space will be freed." if kib < 0 else
            f"After this operation, {amount}B of additional disk space will be used.")


def _fetch(apt: Apt, known: Cache, packages: list[Package]) -> Steps[int]:
    """Fetch archives; gives 0, or the status when one cannot be had."""
    host, started_us, failed = apt.call.host, apt.call.engine.now_us, []
    stream = apt.call.engine.stream(f"mirror.{host.name}")
    for number, package in enumerate(packages, 1):
        row = known.find(package.name, package.version)
        index = row.indexes[0] if row is not None and row.indexes else None
        if index is None:
            continue
        source, repository = index.source, index.repository
        now = host.network.mirrors.find(source.uri, source.suite, cache.today(host))
        served = repository.served_from or source.uri
        where = f"{served}  {package.name}" if repository.flat else (
            f"{served} {source.suite}/{_component(index)} amd64 {package.name} amd64")
        if isinstance(now, str):
            said = yield from _unfetchable(apt, number, f"{where} {package.version}", source.uri, now)
            path = f"{served}/{'amd64' if repository.flat else 'pool'}/{package.archive}"
            failed.append(f"Failed to fetch {path}  {said}")
            continue
        apt.say(f"Get:{number} {where} {package.version} [{texts.size(package.size_bytes, comma=apt.comma)}B]")
        rate = stream.latency_us(*MEGABYTES_A_SECOND)  # megabytes a second are bytes a microsecond
        yield apt.call.engine.sleep(package.size_bytes // rate + microseconds(0.2))
        try:
            host.files.install(cache.cached_archive(host, package), archive_bytes(package), mode=0o644)
        except FileError:
            return apt.error("You don't have enough free space in /var/cache/apt/archives/.")
    if failed:
        for text in failed:
            apt.error(text)
        return apt.error("Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?")
    fetched(apt, sum(package.size_bytes for package in packages), apt.call.engine.now_us - started_us)
    return 0


def _component(index: cache.Index) -> str:
    return next((part for part in index.source.components if part in index.repository.sections), "main")


def _unfetchable(apt: Apt, number: int, shown: str, uri: str, why: str) -> Steps[str]:
    from sim.host.packages import repositories

    server = repositories.host_of(uri)
    ip = apt.call.host.network.mirrors.address(server)
    port = 443 if uri.startswith("https") else 80
    if why == repositories.REFUSED:
        for seconds in (1, 2, 4):
            apt.say(f"Ign:{number} {shown}")
            yield apt.call.engine.sleep(microseconds(seconds))
        said = f"Could not connect to {server}:{port} ({ip}). - connect (111: Connection refused)"
    elif why == repositories.UNRESOLVED:
        said = f"Could not resolve '{server}'"
    else:
        said = f"{'403  Forbidden' if why == repositories.FORBIDDEN else '404  Not Found'} [IP: {ip} {port}]"
    apt.say(f"Err:{number} {shown}\n  {said}")
    return said


ARCHIVE_MARK = b"!<arch>\ndebian-binary\n"


def archive_bytes(package: Package) -> bytes:
    """Give an archive's content: which package it is. (Its true size is only told.)"""
    return ARCHIVE_MARK + f"{package.name} {package.version}\n".encode()


# ---- doing it --------------------------------------------------------------------------------------------------------
def _act(apt: Apt, known: Cache, plan: Plan, groups: dict[str, list[str]]) -> Steps[int]:
    call, database = apt.call, known.database
    packages = resolver.in_order(plan.install)
    quiet_frontend = call.env.get("DEBIAN_FRONTEND") == "noninteractive"
    if packages and not quiet_frontend and not apt.tty and apt.quiet < 3:
        call.write(NO_DIALOG.format(count=len(packages), blank=" ") if call.host.os.codename == "bookworm" else NO_STDIN, "stderr")
    dpkg = Dpkg(call, force=_forced(apt))
    acts: list[acting.Act] = []
    for name in groups["downgraded"]:
        call.write(f"dpkg: warning: downgrading {name} from {database.version(name)} to {plan.install[name].version}\n")
    gone = [entry.package for name in plan.removed if (entry := database.get(name)) is not None]  # not those of which only files are left
    leaves = any(package.conffiles for package in gone)
    acts += [lambda name=package.name: dpkg.remove(name) for package in resolver.in_removal_order(gone)]  # type: ignore[misc]
    if plan.purge:
        again = bool(gone)
        acts += [lambda name=name, again=again: dpkg.purge(name, again=again) for name in sorted(plan.removed)]  # type: ignore[misc]
    shown = acting.shown_archives(packages)
    named = {**plan.named}
    acts += [lambda package=package: dpkg.unpack(package, shown[package.name], auto=package.name not in named)  # type: ignore[misc]
             for package in packages]
    unfinished = [entry.package.name for entry in database.unfinished() if entry.package.name not in plan.install]
    acts += [lambda name=name: dpkg.configure(name) for name in [*unfinished, *(package.name for package in packages)]]  # type: ignore[misc]
    for name in groups["held"]:
        if name in plan.install:
            database.hold(name, on=False)
    broken = yield from acting.run(dpkg, acts)
    if apt.call.name == "apt" and not broken:
        _clean(apt, packages)
    yield from _aftermath(apt, broken, touched=bool(packages) or leaves or bool(unfinished))
    if broken:
        return apt.error("Sub-process /usr/bin/dpkg returned an error code (1)")
    if "force-yes" in apt:
        apt.warn("--force-yes is deprecated, use one of the options starting with --allow instead.")
    return 0


def _forced(apt: Apt) -> frozenset[str]:
    found = list(apt.settings.get("dpkg::options::", []) + apt.settings.get("dpkg::options", []))
    return frozenset(each for text in found if text.startswith("--force-") for each in text.removeprefix("--force-").split(","))


def _clean(apt: Apt, packages: list[Package]) -> None:
    """`apt` does not keep the archives that it has installed."""
    view = apt.call.host.files.view()
    for package in packages:
        path = cache.cached_archive(apt.call.host, package)
        if view.exists(path):
            view.remove(path)


def _aftermath(apt: Apt, broken: list[str], *, touched: bool) -> Steps[None]:
    """Needrestart's lines, where it is installed and dpkg unpacked something or left some configuration."""
    call = apt.call
    if call.host.packages.get("needrestart") is None or not touched:
        return
    if broken:
        call.write("needrestart is being skipped since dpkg has failed\n")
        return
    yield from apt.wait(0.8, 1.5, 3)
    call.write(NEEDRESTART, "stderr" if call.host.os.codename != "jammy" or apt.tty else "stdout")
