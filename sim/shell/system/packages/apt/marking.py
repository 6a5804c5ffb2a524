"""apt-mark: holds, and what was installed automatically.

Models: cmdline/apt-mark.cc: the packages that are so already are told of first.
"""

from __future__ import annotations

from sim.engine import Steps
from sim.host.packages.cache import Cache
from sim.shell.system.packages.apt import locks
from sim.shell.system.packages.apt.choosing import Unfindable, choose
from sim.shell.system.packages.apt.showing import known
from sim.shell.system.packages.apt.words import FAILED, Apt

DPKG_DENIED = "dpkg: error: required read/write access to the dpkg database directory /var/lib/dpkg\n"


def _named(apt: Apt, cache: Cache) -> list[str] | None:
    try:
        return choose(cache, apt.words, removing=True)[2] if apt.words else []
    except Unfindable as error:
        for text in error.errors:
            apt.error(text)
        return None


def hold(apt: Apt) -> Steps[int]:
    """Put packages on hold (`hold`), or take them off (`unhold`)."""
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    names = _named(apt, cache)
    if not names:
        return apt.error("No packages found")
    on, database, held = apt.verb == "hold", cache.database, cache.database.held()
    same = [name for name in names if (name in held) == on]
    other = [name for name in names if (name in held) != on]
    for name in same:
        apt.call.write(f"{name} was already {'set' if on else 'not'} on hold.\n")
    if not other:
        return 0
    if apt.call.login.uid != 0:
        apt.call.write(DPKG_DENIED, "stderr")
        apt.error("Sub-process dpkg --set-selections returned an error code (2)")
        return apt.error("Executing dpkg failed. Are you root?")
    for name in other:
        database.hold(name, on=on)
        apt.call.write(f"{name} set on hold.\n" if on else f"Canceled hold on {name}.\n")
    return 0


def automatic(apt: Apt) -> Steps[int]:
    """Mark packages as installed automatically (`auto`) or by hand (`manual`)."""
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    names = _named(apt, cache)
    if not names:
        return apt.error("No packages found")
    if apt.call.login.uid != 0:
        return locks.not_root(apt, locks.FRONTEND)
    auto = apt.verb in ("auto", "markauto")
    word = "automatically" if auto else "manually"
    for name in names:
        entry = cache.database.get(name)
        if entry is None:
            apt.call.write(f"{name} can not be marked as it is not installed.\n")
        elif entry.auto == auto:
            apt.call.write(f"{name} was already set to {word} installed.\n")
        else:
            cache.database.mark(name, auto=auto)
            apt.call.write(f"{name} set to {word} installed.\n")
    return 0


def show(apt: Apt) -> Steps[int]:
    """List packages on hold, or those that came automatically or not."""
    cache = yield from known(apt)
    if cache is None:
        return FAILED
    names = None
    if apt.words:
        names = _named(apt, cache)
        if names is None:
            return apt.error("No packages found")
    if apt.verb in ("showhold", "showholds"):
        found = cache.database.held()
    else:
        auto = apt.verb == "showauto"
        found = [entry.package.name for entry in cache.database.entries() if entry.here and entry.auto == auto]
    for name in found:
        if names is None or name in names:
            apt.call.write(f"{name.removesuffix(':amd64')}\n")
    return 0
