"""apt, apt-get, apt-cache, apt-mark: finds the verb, says usage, runs it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

from sim.engine import Steps
from sim.host.files import FileError
from sim.host.packages import cache
from sim.shell.pipes import Call
from sim.shell.system.packages.apt import changing, choosing, marking, showing, texts, update, words
from sim.shell.system.packages.apt.words import CLI_WARNING, FAILED, Apt
from sim.shell.system.packages.dpkgs.archives import archive_bytes

Verb = Callable[[Apt], Steps[int]]


def clean(apt: Apt) -> Steps[int]:
    """Delete the fetched archives."""
    yield from apt.wait(0.05, 0.1, 0.3)
    if "simulate" in apt:
        return 0
    if apt.call.login.uid != 0:
        apt.error("Could not open lock file /var/cache/apt/archives/lock - open (13: Permission denied)")
        return apt.error("Unable to lock directory /var/cache/apt/archives/")
    view = apt.call.host.files.view()
    for name in view.list(cache.ARCHIVES) if view.is_dir(cache.ARCHIVES) else []:
        if name.endswith(".deb"):
            view.remove(f"{cache.ARCHIVES}/{name}")
    return 0


def check(apt: Apt) -> Steps[int]:
    """Say whether dependencies are met."""
    known = yield from showing.known(apt)
    if known is None:
        return FAILED
    for text in ("Reading package lists", "Building dependency tree", "Reading state information"):
        apt.progress(text)
    return changing.whole(apt, known)


def download(apt: Apt) -> Steps[int]:
    """Fetch archives into the folder one is in."""
    known = yield from showing.known(apt)
    if known is None:
        return FAILED
    try:
        chosen, _, _ = choosing.choose(known, apt.words)
    except choosing.Unfindable as error:
        for text in error.errors:
            apt.error(text)
        return FAILED
    for number, (name, package) in enumerate(chosen.items(), 1):
        row = known.find(name, package.version)
        index = row.indexes[0] if row is not None and row.indexes else None
        if index is None:
            apt.error(f"Can't find a source to download version '{package.version}' of '{name}:amd64'")
            return FAILED
        served = index.repository.served_from or index.source.uri
        where = f"{served}  {name}" if index.repository.flat else f"{served} {index.source.suite}/main amd64 {name} amd64"
        apt.say(f"Get:{number} {where} {package.version} [{texts.size(package.size_bytes, comma=apt.comma)}B]")
        yield from apt.wait(0.5, 1, 3)
        try:
            apt.call.files.write(apt.call.path(package.archive), archive_bytes(package))
        except FileError as error:
            return apt.error(f"Failed to fetch {served}/{package.archive}  {error}")
    return 0


def edit_sources(apt: Apt) -> Steps[int]:
    """Open the list of sources in an editor."""
    return (yield from apt.call.run([apt.call.env.get("EDITOR") or "nano", "/etc/apt/sources.list"]))


CHANGING: dict[str, Verb] = {
    "update": update.update, "install": changing.install, "reinstall": changing.install, "upgrade": changing.upgrade,
    "remove": changing.remove, "purge": changing.remove, "autoremove": changing.autoremove, "auto-remove": changing.autoremove,
    "autopurge": changing.autoremove, "clean": clean, "autoclean": clean, "auto-clean": clean, "download": download}
VERBS: dict[str, dict[str, Verb]] = {
    "apt-get": {**CHANGING, "dist-upgrade": changing.upgrade, "check": check},
    "apt": {**CHANGING, "full-upgrade": changing.upgrade, "dist-upgrade": changing.upgrade, "list": showing.list_, "show": showing.show,
            "search": showing.search, "policy": showing.policy, "depends": showing.depends, "rdepends": showing.rdepends,
            "edit-sources": edit_sources, "info": showing.show},
    "apt-cache": {"madison": showing.madison, "policy": showing.policy, "show": showing.show, "search": showing.search,
                  "depends": showing.depends, "rdepends": showing.rdepends, "pkgnames": showing.pkgnames},
    "apt-mark": {"hold": marking.hold, "unhold": marking.hold, "auto": marking.automatic, "manual": marking.automatic,
                 "showhold": marking.show, "showholds": marking.show, "showauto": marking.show, "showmanual": marking.show}}
OTHERS = {"apt-get": ("source", "build-dep", "changelog", "satisfy", "dselect-upgrade", "indextargets"),
          "apt": ("source", "build-dep", "changelog", "satisfy", "showsrc", "moo"),
          "apt-cache": ("showsrc", "showpkg", "stats", "dump", "dumpavail", "unmet", "dotty", "xvcg", "gencaches"),
          "apt-mark": ("minimize-manual", "showinstall", "showremove", "showpurge", "install", "remove", "purge")}
"""Verbs of the real programs that are not modelled."""


def run(call: Call) -> Steps[int]:
    """Run one of apt's programs."""
    verbs = VERBS[call.name]
    try:
        apt = words.read(call, {**verbs, **dict.fromkeys(OTHERS[call.name], changing.install)})
    except words.Wrong as error:
        apt = Apt(call)
        _warned(apt)
        yield from apt.wait(0.01, 0.02, 0.05)
        return apt.error(str(error))
    if "version" in apt:
        call.write(f"{_version(call)}\n")
        return 0
    if not apt.verb or "help" in apt:
        return usage(apt)
    if apt.verb in OTHERS[call.name]:
        return call.refuse(f"{call.name} {apt.verb}")
    if apt.refused:
        return call.refuse(f"{call.name} {apt.refused}")
    if call.host.files.view().exists("/etc/apt/preferences"):
        return call.refuse("apt pins: /etc/apt/preferences")
    _warned(apt)
    return (yield from verbs[apt.verb](apt))


def _warned(apt: Apt) -> None:
    if apt.call.name == "apt" and not apt.tty:
        apt.call.write(CLI_WARNING, "stderr")


def _version(call: Call) -> str:
    return f"apt {call.host.packages.version('apt')} (amd64)"


def usage(apt: Apt) -> int:
    """Print what the program is; without any words that is an error."""
    text = resources.files(__package__).joinpath("usage", f"{apt.call.name}.txt").read_text(encoding="utf-8")
    apt.call.write(text.replace("{version}", _version(apt.call)))
    return 0 if "help" in apt else 1
