"""The command line of apt's programs: options, verbs, whether a person looks on, and what apt says on its streams.

Models: apt-pkg/contrib/cmndline.cc and apt-private/private-cmndline.cc. Options that change nothing here are read; those
that would are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sim.engine import Steps, microseconds
from sim.shell.pipes import Call

FAILED = 100
SHORT = {"y": "assume-yes", "q": "quiet", "s": "simulate", "d": "download-only", "f": "fix-broken", "m": "ignore-missing",
         "u": "show-upgraded", "V": "verbose-versions", "b": "build", "t": "target-release", "a": "all-versions",
         "n": "names-only", "h": "help", "v": "version", "o": "option", "c": "config-file", "i": "important", "g": "generate",
         "P": "build-profiles"}
TAKES_VALUE = frozenset(("target-release", "option", "config-file"))
LONG = {"yes": "assume-yes", "assume-yes": "assume-yes", "assume-no": "assume-no", "quiet": "quiet", "simulate": "simulate",
        "just-print": "simulate", "dry-run": "simulate", "recon": "simulate", "no-act": "simulate", "download-only": "download-only",
        "fix-broken": "fix-broken", "fix-missing": "ignore-missing", "ignore-missing": "ignore-missing",
        "verbose-versions": "verbose-versions", "target-release": "target-release", "default-release": "target-release",
        "install-recommends": "recommends", "no-install-recommends": "recommends", "install-suggests": "recommends",
        "no-install-suggests": "recommends", "reinstall": "reinstall", "allow-change-held-packages": "allow-change-held-packages",
        "allow-downgrades": "allow-downgrades", "allow-remove-essential": "allow-remove-essential", "force-yes": "force-yes",
        "allow-unauthenticated": "allow-unauthenticated", "allow-insecure-repositories": "allow-insecure-repositories",
        "allow-releaseinfo-change": "allow-releaseinfo-change", "only-upgrade": "only-upgrade", "no-upgrade": "no-upgrade",
        "purge": "purge", "auto-remove": "auto-remove", "autoremove": "auto-remove", "no-auto-remove": "no-auto-remove",
        "no-remove": "no-remove", "with-new-pkgs": "with-new-pkgs", "show-upgraded": "show-upgraded",
        "show-progress": "show-progress", "all-versions": "all-versions", "names-only": "names-only", "installed": "installed",
        "upgradable": "upgradable", "upgradeable": "upgradable", "manual-installed": "manual-installed", "full": "full",
        "option": "option", "config-file": "config-file", "help": "help", "version": "version", "no-download": "no-download",
        "print-uris": "print-uris", "trivial-only": "trivial-only", "no-show-upgraded": "show-upgraded",
        "no-all-versions": "no-all-versions", "recurse": "recurse", "no-color": "no-color"}
REFUSED = frozenset(("target-release", "print-uris", "no-download", "trivial-only", "no-upgrade", "config-file"))
CLI_WARNING = "\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n\n"


class Wrong(Exception):
    """Words that apt does not understand; what it says."""


@dataclass
class Apt:
    """One run of one of apt's programs.

    given: options by name with their last value; verb, words: what is to be done; quiet: 0 to 2; settings: -o.
    """

    call: Call
    given: dict[str, str] = field(default_factory=dict)
    verb: str = ""
    words: list[str] = field(default_factory=list)
    quiet: int = 0
    settings: dict[str, list[str]] = field(default_factory=dict)
    refused: str = ""

    def __contains__(self, option: object) -> bool:
        return option in self.given

    @property
    def tty(self) -> bool:
        """Tell whether a person looks on."""
        terminal = self.call.login.terminal
        return terminal.columns is not None and any(self.call.streams.stdout is each.stdout for each in terminal.logins)

    @property
    def comma(self) -> bool:
        """Tell whether numbers are written with a comma between the thousands."""
        setting = self.call.env.get("LC_ALL") or self.call.env.get("LC_NUMERIC") or self.call.env.get("LANG") or ""
        return setting.startswith("en_")

    def say(self, text: str, *, level: int = 2) -> None:
        """Write a line on standard output, unless -q was given so often."""
        if self.quiet < level:
            self.call.write(f"{text}\n")

    def progress(self, text: str) -> None:
        """Write a line of progress: `Reading package lists...`, which a terminal sees completed."""
        self.say(f"{text}... Done" if self.tty else f"{text}...")

    def error(self, text: str) -> int:
        """Write an error; gives the status."""
        self._marked("E", "1;31", text)
        return FAILED

    def warn(self, text: str) -> None:
        """Write a warning."""
        self._marked("W", "1;33", text)

    def notice(self, text: str) -> None:
        """Write a notice, which only a terminal sees."""
        if self.tty:
            self._marked("N", "33", text)

    def _marked(self, letter: str, colour: str, text: str) -> None:
        if self.tty and self.call.name == "apt":
            text = f"\x1b[{colour}m{letter}: \x1b[0m{text}" + ("\x1b[0m" if letter != "N" else "")
            self.call.write(f"{text}\n", "stderr")
            return
        self.call.write(f"{letter}: {text}\n", "stderr")

    def wait(self, low: float, typical: float, high: float) -> Steps[None]:
        """Let simulated seconds pass."""
        stream = self.call.engine.stream(f"apt.{self.call.host.name}")
        yield self.call.engine.sleep(stream.latency_us(microseconds(low), microseconds(typical), microseconds(high)))


def read(call: Call, verbs: dict[str, Callable[[Apt], Steps[int]]]) -> Apt:
    """Read the command line. Raises Wrong."""
    apt = Apt(call)
    words, plain = list(call.argv), []
    while words:
        word = words.pop(0)
        if word == "--":
            plain += words
            break
        if word.startswith("--"):
            _long(apt, word, words)
        elif word.startswith("-") and len(word) > 1:
            _short(apt, word, words)
        else:
            plain.append(word)
    if "force-yes" in apt:
        for name in ("assume-yes", "allow-change-held-packages", "allow-downgrades"):
            apt.given[name] = ""
    if apt.quiet >= 2:
        apt.given["assume-yes"] = ""
    if plain:
        apt.verb, apt.words = plain[0], plain[1:]
    if plain and apt.verb not in verbs:
        raise Wrong(f"Invalid operation {apt.verb}")
    return apt


def _long(apt: Apt, word: str, words: list[str]) -> None:
    name, equals, value = word[2:].partition("=")
    known = LONG.get(name)
    if known is None:
        raise Wrong(f"Command line option {word} is not understood in combination with the other options")
    if known in TAKES_VALUE and not equals:
        if not words:
            raise Wrong(f"Option {word} requires an argument.")
        value = words.pop(0)
    _set(apt, known, value, f"--{name}")


def _short(apt: Apt, word: str, words: list[str]) -> None:
    for at, letter in enumerate(word[1:], 1):
        known = SHORT.get(letter)
        if known is None:
            raise Wrong(f"Command line option '{letter}' [from {word}] is not understood in combination with the other options."
                        if len(word) > 2 else
                        f"Command line option '{letter}' [from {word}] is not understood in combination with the other options.")
        if known == "quiet" and word[at + 1:at + 2] == "=":
            apt.quiet = int(word[at + 2:]) if word[at + 2:].isdigit() else 1
            return
        if known in TAKES_VALUE:
            value = word[at + 1:].removeprefix("=")
            if not value:
                if not words:
                    raise Wrong(f"Option {word} requires an argument.")
                value = words.pop(0)
            _set(apt, known, value, word)
            return
        _set(apt, known, "", f"-{letter}")


def _set(apt: Apt, name: str, value: str, typed: str) -> None:
    if name == "quiet":
        apt.quiet = min(apt.quiet + 1, 2) if not value.isdigit() else int(value)
    elif name == "option":
        setting, equals, text = value.partition("=")
        if not equals:
            raise Wrong(f"Option {typed}: Configuration item specification must have an =<val>.")
        apt.settings.setdefault(setting.lower(), []).append(text)
    elif name in REFUSED:
        apt.refused = apt.refused or typed
    apt.given[name] = value
