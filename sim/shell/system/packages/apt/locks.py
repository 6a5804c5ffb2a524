"""Who may change packages now: root, and one program at a time.

Models: apt-pkg/deb/debsystem.cc and fileutl.cc (GetLock). The lock is the host's; its files are there to be looked at.
"""

from __future__ import annotations

from sim.engine import Steps, microseconds
from sim.shell.system.packages.apt.words import FAILED, Apt

FRONTEND = "/var/lib/dpkg/lock-frontend"
LISTS = "/var/lib/apt/lists/lock"
TIMEOUT_SECONDS = 120
"""How long `apt` waits for the lock at a terminal; apt-get and scripts do not wait."""


def not_root(apt: Apt, path: str) -> int:
    """Say that an ordinary user cannot open the lock."""
    apt.error(f"Could not open lock file {path} - open (13: Permission denied)")
    if path == FRONTEND:
        return apt.error(f"Unable to acquire the dpkg frontend lock ({path}), are you root?")
    apt.error("Unable to lock directory /var/lib/apt/lists/")
    for name in ("pkgcache.bin", "srcpkgcache.bin"):
        apt.warn(f"Problem unlinking the file /var/cache/apt/{name} - RemoveCaches (13: Permission denied)")
    return FAILED


def take(apt: Apt, pid: int) -> Steps[int]:
    """Take dpkg's front-end lock; gives 0, or the status when it cannot be had."""
    database = apt.call.host.packages
    if apt.call.login.uid != 0:
        return not_root(apt, FRONTEND)
    waited = 0
    while database.lock_holder is not None:
        holder, name = database.lock_holder
        held = f"Could not get lock {FRONTEND}. It is held by process {holder} ({name})"
        if apt.call.name != "apt" or waited >= TIMEOUT_SECONDS:
            apt.error(held)
            apt.notice("Be aware that removing the lock file is not a solution and may break your system.")
            return apt.error(f"Unable to acquire the dpkg frontend lock ({FRONTEND}), is another process using it?")
        if not waited:
            apt.say(f"Waiting for cache lock: {held}...")
        waited += 1
        yield apt.call.engine.sleep(microseconds(1))
    if database.interrupted:
        return apt.error("dpkg was interrupted, you must manually run "
                         f"'{'sudo ' if 'SUDO_USER' in apt.call.env else ''}dpkg --configure -a' to correct the problem. ")
    database.lock_holder = (pid, apt.call.name)
    return 0


def give(apt: Apt) -> None:
    """Give the lock back."""
    apt.call.host.packages.lock_holder = None
