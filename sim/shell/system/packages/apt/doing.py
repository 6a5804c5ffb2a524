"""What follows apt's question: fetching archives, dpkg's run, needrestart's lines.

Models: apt-private/private-install.cc (InstallPackages), dpkg-preconfigure and needrestart's hooks.
"""

from __future__ import annotations

from sim.engine import Steps, microseconds
from sim.host.files import FileError
from sim.host.packages import cache, repositories, resolver
from sim.host.packages.cache import Cache
from sim.host.packages.package import Package
from sim.host.packages.resolver import Plan
from sim.shell.system.packages.apt import texts
from sim.shell.system.packages.apt.update import fetched
from sim.shell.system.packages.apt.words import Apt
from sim.shell.system.packages.dpkgs import acting
from sim.shell.system.packages.dpkgs.acting import Dpkg
from sim.shell.system.packages.dpkgs.archives import archive_bytes

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
MEGABYTES_A_SECOND = (6, 14, 28)


def to_fetch(apt: Apt, plan: Plan) -> list[Package]:
    """Give what apt's cache does not have yet."""
    view = apt.call.host.files.view()
    return [package for package in resolver.in_order(plan.install) if not view.exists(cache.cached_archive(apt.call.host, package))]


def tell_sizes(apt: Apt, known: Cache, plan: Plan, fetch: list[Package]) -> None:
    """Say what is to be fetched, and what the disk will lose or gain."""
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


def fetch(apt: Apt, known: Cache, packages: list[Package]) -> Steps[int]:
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


# ---- doing it --------------------------------------------------------------------------------------------------------
def act(apt: Apt, known: Cache, plan: Plan, groups: dict[str, list[str]]) -> Steps[int]:
    """Have dpkg remove, unpack and configure."""
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
