"""apt-get update: fetches every listed repository's index, checks who signed it, and says what went wrong.

Models: apt-pkg/acquire-item.cc (pkgAcqMetaClearSig and what follows) and update.cc, with three retries.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.engine import SECOND_US, Steps, microseconds
from sim.host.files import FileError
from sim.host.packages import cache, keys, repositories, sources
from sim.host.packages.repositories import Repository
from sim.host.packages.sources import Source, SourceError
from sim.shell.system.packages.apt import locks, texts
from sim.shell.system.packages.apt.words import FAILED, Apt

RETRY_SECONDS = (1, 2, 4)
LISTS_UNREADABLE = "The list of sources could not be read."
OLD_ONES = "Some index files failed to download. They have been ignored, or old ones used instead."
INDEX_BYTES_LEAST = 1500


@dataclass
class Fetching:
    """What an update has done so far. said: errors and warnings in apt's order, written when all is fetched."""

    apt: Apt
    number: int = 0
    fetched_bytes: int = 0
    failed: bool = False
    old_used: bool = False
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    insecure: bool = False

    def line(self, word: str, text: str) -> None:
        """Write a numbered line."""
        self.apt.say(f"{word}:{self.number} {text}", level=2)


def update(apt: Apt) -> Steps[int]:
    """Fetch the indexes of all repositories."""
    if apt.words:
        return apt.error("The update command takes no arguments")
    host = apt.call.host
    try:
        listed = sources.read(host.files.view())
    except SourceError as error:
        apt.error(str(error))
        return apt.error(LISTS_UNREADABLE)
    if apt.call.login.uid != 0:
        apt.progress("Reading package lists")
        return locks.not_root(apt, locks.LISTS)
    started_us = apt.call.engine.now_us
    fetching = Fetching(apt)
    unique = sources.unique(listed)
    for source in unique:
        yield from _one(fetching, source)
    if fetching.fetched_bytes and not fetching.errors:
        _fetched(apt, fetching.fetched_bytes, apt.call.engine.now_us - started_us)
    elif not unique:
        pass
    yield from apt.wait(0.4, 0.8, 2)
    apt.progress("Reading package lists")
    for text in fetching.warnings:
        apt.warn(text)
    for text in fetching.errors:
        apt.error(text)
    if fetching.insecure:
        apt.notice("Updating from such a repository can't be done securely, and is therefore disabled by default.")
        apt.notice("See apt-secure(8) manpage for repository creation and user configuration details.")
    if fetching.old_used:
        apt.warn(OLD_ONES)
    _twice(apt, listed)
    for name in sources.ignored(host.files.view()):
        apt.notice(f"Ignoring file '{name}' in directory '{sources.FOLDER}/' as it has an invalid filename extension")
    if fetching.errors:
        return FAILED
    if apt.call.name == "apt":
        yield from _summary(apt)
    return 0


def _fetched(apt: Apt, count: int, us: int) -> None:
    seconds = max(us / SECOND_US, 0.001)
    apt.say(f"Fetched {texts.size(count, comma=apt.comma)}B in {texts.duration(round(us / SECOND_US))} "
            f"({texts.size(count / seconds, comma=apt.comma)}B/s)")


def fetched(apt: Apt, count: int, us: int) -> None:
    """Say how much was fetched, and how fast."""
    _fetched(apt, count, us)


def _summary(apt: Apt) -> Steps[None]:
    yield from apt.wait(0.2, 0.4, 1)
    apt.progress("Building dependency tree")
    apt.progress("Reading state information")
    count = len(list(cache.Cache(apt.call.host).upgradable()))
    if not count:
        apt.say("All packages are up to date.")
    elif count == 1:
        apt.say("1 package can be upgraded. Run 'apt list --upgradable' to see it.")
    else:
        apt.say(f"{count} packages can be upgraded. Run 'apt list --upgradable' to see them.")


def _twice(apt: Apt, listed: list[Source]) -> None:
    seen: dict[tuple[str, str], Source] = {}
    said = []
    for source in listed:
        before = seen.setdefault(source.key, source)
        if before is not source:
            name = "Packages" if source.suite == "/" else f"{source.components[0]}/binary-amd64/Packages"
            other = "en" if source.suite == "/" else f"{source.components[0]}/i18n/Translation-en"
            said += [f"Target Packages ({name}) is configured multiple times in {before.place} and {source.place}",
                     f"Target Translations ({other}) is configured multiple times in {before.place} and {source.place}"]
    for _ in range(2):
        for text in said:
            apt.warn(text)


def _one(fetching: Fetching, source: Source) -> Steps[None]:
    """Fetch one repository."""
    apt, host = fetching.apt, fetching.apt.call.host
    day = cache.today(host)
    found = host.network.mirrors.find(source.uri, source.suite, day)
    fetching.number += 1
    before = cache.stored_day(host, source)
    if isinstance(found, str):
        yield from _unreachable(fetching, source, found, had=before is not None)
        return
    yield from apt.wait(0.2, 0.5, 2)
    shown = _shown(found, source)
    fresh = before is not None and found.stamp(before) == found.stamp(day)
    if fresh:
        fetching.line("Hit", f"{shown} InRelease")
    else:
        fetching.line("Get", f"{shown} InRelease [{texts.size(found.release_bytes, comma=apt.comma)}B]")
    if not _signed(host, source, found):
        _unsigned(fetching, source, found, shown, had=before is not None)
        return
    legacy_ring = not source.signed_by and any(key == found.key for key in _ring(host, "/etc/apt/trusted.gpg"))
    if legacy_ring:
        where = f"{source.uri}/{'' if found.flat else f'dists/{source.suite}/'}InRelease"
        fetching.warnings.append(f"{where}: Key is stored in legacy trusted.gpg keyring (/etc/apt/trusted.gpg), see the DEPRECATION "
                                 "section in apt-key(8) for details.")
    if fresh:
        return
    packages = cache.Index(source, found, day).packages()
    count = max(INDEX_BYTES_LEAST, len(packages) * repositories.INDEX_BYTES)
    yield from apt.wait(0.2, 0.6, 3)
    parts = [""] if found.flat else [part for part in source.components if part in found.sections]
    for part in parts:
        fetching.number += 1
        where = f"{shown} Packages" if found.flat else f"{shown}/{part} amd64 Packages"
        fetching.line("Get", f"{where} [{texts.size(count, comma=apt.comma)}B]")
    try:
        cache.store(host, source, found)
    except FileError as error:
        fetching.line("Err", f"{shown} Packages\n  Write error - write (28: {error})")
        fetching.errors += [f"Failed to fetch {source.uri}/{'' if found.flat else f'dists/{source.suite}/'}Packages  "
                            f"Error writing to file - write (28: {error}) [IP: {_ip(host, source)}]", OLD_ONES]
        return
    fetching.fetched_bytes += found.release_bytes + count * max(1, len(parts))


def _shown(repository: Repository, source: Source) -> str:
    served = repository.served_from or source.uri
    return f"{served} {'' if repository.flat else source.suite}"


def _ring(host: object, path: str) -> list[keys.Key]:
    view = host.files.view()  # type: ignore[attr-defined]
    try:
        return keys.read(view.read(path))
    except FileError:
        return []


def _signed(host: object, source: Source, repository: Repository) -> bool:
    if source.trusted:
        return True
    view = host.files.view()  # type: ignore[attr-defined]
    return any(key.fingerprint == repository.key.fingerprint for key in keys.read(sources.keyring(view, source)))


def _ip(host: object, source: Source) -> str:
    server = repositories.host_of(source.uri)
    port = 443 if source.uri.startswith("https") else 80
    return f"{host.network.mirrors.address(server)} {port}"  # type: ignore[attr-defined]


def _unsigned(fetching: Fetching, source: Source, repository: Repository, shown: str, *, had: bool) -> None:
    said = f"The following signatures couldn't be verified because the public key is not available: NO_PUBKEY {repository.key.short}"
    fetching.line("Err", f"{shown} InRelease\n  {said}")
    where = f"{source.uri}/{'' if repository.flat else f'dists/{source.suite}/'}InRelease"
    if had:
        fetching.warnings += ["An error occurred during the signature verification. The repository is not updated and the previous "
                              f"index files will be used. GPG error: {shown} InRelease: {said}", f"Failed to fetch {where}  {said}"]
        fetching.old_used = True
        return
    fetching.warnings.append(f"GPG error: {shown} InRelease: {said}")
    fetching.errors.append(f"The repository '{source.shown} InRelease' is not signed.")
    fetching.insecure = True


def _unreachable(fetching: Fetching, source: Source, why: str, *, had: bool) -> Steps[None]:
    """Say that a repository is not there: its server, its name, or itself."""
    apt, host, shown = fetching.apt, fetching.apt.call.host, source.shown
    flat = source.suite == "/"
    where = f"{source.uri}/{'' if flat else f'dists/{source.suite}/'}InRelease"
    if why in (repositories.REFUSED, repositories.UNRESOLVED):
        server = repositories.host_of(source.uri)
        address, port = _ip(host, source).split()
        for seconds in RETRY_SECONDS:
            fetching.line("Ign", f"{shown} InRelease")
            yield apt.call.engine.sleep(microseconds(seconds))
        said = (f"Could not connect to {server}:{port} ({address}). - connect (111: Connection refused)"
                if why == repositories.REFUSED else f"Could not resolve '{server}'")
        fetching.line("Err", f"{shown} InRelease\n  {said}")
        fetching.warnings.append(f"Failed to fetch {where}  {said}")
        fetching.old_used = True
        return
    yield from apt.wait(0.3, 0.6, 2)
    ip = _ip(host, source)
    if why == repositories.FORBIDDEN:
        fetching.line("Err", f"{shown} InRelease\n  403  Forbidden [IP: {ip}]")
        fetching.errors += [f"Failed to fetch {where}  403  Forbidden [IP: {ip}]", f"The repository '{shown} InRelease' is not signed."]
    else:
        fetching.line("Ign", f"{shown} InRelease")
        fetching.number += 1
        fetching.line("Err", f"{shown} Release\n  404  Not Found [IP: {ip}]")
        fetching.errors.append(f"The repository '{shown} Release' {'no longer has' if had else 'does not have'} a Release file.")
    fetching.insecure = True
