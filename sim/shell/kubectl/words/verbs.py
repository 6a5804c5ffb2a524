"""Verbs: what runs, which flags it models; and how words find one in the tree of commands.

Models: github.com/spf13/cobra (command.go: Find, stripFlags, SuggestionsFor), kubectl/pkg/cmd/cmd.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.engine import Steps
from sim.shell.kubectl.words.flags import Flag
from sim.shell.kubectl.words.pages import Pages

if TYPE_CHECKING:
    from sim.shell.kubectl.frame.invocation import Invocation

Run = Callable[["Invocation"], "Steps[int]"]
EVERYWHERE = frozenset((
    "namespace", "kubeconfig", "context", "cluster", "user", "request-timeout", "v", "server", "help", "cache-dir",
    "disable-compression", "log-flush-frequency", "vmodule", "chunk-size", "logtostderr", "stderrthreshold",
    "insecure-skip-tls-verify", "certificate-authority", "tls-server-name", "kuberc", "as", "as-group", "as-uid", "token",
    "client-certificate", "client-key"))
"""Flags that every verb understands, or that change nothing that could be seen here."""
SELECTION = ("selector", "field-selector", "all-namespaces")
FILES = ("filename", "recursive")
PRINTING = ("output", "show-managed-fields", "template", "allow-missing-template-keys")
DISTANCE = 2
"""How different a word may be to be suggested (cobra's SuggestionsMinimumDistance)."""
SUGGEST_FOR = {"delete": ("rm",), "get": ("list", "ls")}


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb that is built.

    models: its own flags that do what they do in the real one; others of the real client's refuse when given.
    required: flags without which cobra ends the command.
    """

    run: Run
    models: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


def find(pages: Pages, words: list[str]) -> tuple[str, list[str]]:
    """Find the command that words name: (path, the other words)."""
    path, rest = "", list(words)
    while True:
        bare = arguments(rest, pages.flags(path))
        inner = pages.child(path, bare[0]) if bare else None
        if inner is None:
            return path, rest
        rest = _minus_first(rest, bare[0], pages.flags(path))
        path = inner


def _takes_next(word: str, flags: tuple[Flag, ...]) -> bool:
    """Tell whether a flag's value is the next word. An unknown flag is taken to have one."""
    if "=" in word:
        return False
    if word.startswith("--"):
        return not any(flag.name == word[2:] and flag.bare for flag in flags)
    return word.startswith("-") and len(word) == 2 and not any(flag.short == word[1] and flag.bare for flag in flags)


def arguments(words: list[str], flags: tuple[Flag, ...]) -> list[str]:
    found, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if _takes_next(word, flags):
            if len(rest) <= 1:
                break
            rest.pop(0)
        elif word and not word.startswith("-"):
            found.append(word)
    return found


def _minus_first(words: list[str], name: str, flags: tuple[Flag, ...]) -> list[str]:
    """Take the first argument that is `name` out of the words."""
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            break
        if _takes_next(word, flags):
            at += 2
            continue
        if word == name:
            return words[:at] + words[at + 1:]
        at += 1
    return words


def suggestions(pages: Pages, typed: str) -> str:
    """Give `Did you mean this?` for a word that is no command, or nothing."""
    near = [name for name in pages.page("").commands
            if _distance(typed.lower(), name.lower()) <= DISTANCE or name.lower().startswith(typed.lower())
            or typed in SUGGEST_FOR.get(name, ())]
    return "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in near) if near else ""


def _distance(one: str, other: str) -> int:
    """Count the changes of letters between two words (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        above, row = row, [number]
        for at, each in enumerate(other, 1):
            row.append(above[at - 1] if letter == each else 1 + min(above[at - 1], above[at], row[at - 1]))
    return row[-1]
