"""What may come next on a kubectl line: subcommands and flags, of the client that is installed.

Models: `kubectl __complete`, for commands and flags; names in the cluster are the terminal's business.
"""

from __future__ import annotations

from sim.shell.kubectl.words import verbs
from sim.shell.kubectl.words.pages import pages


def commands(minor: int) -> list[str]:
    """Name the commands of that client that are built, in the order of the alphabet."""
    from sim.shell.kubectl.frame.main import table_of_verbs

    built = {path.split()[0] for path in table_of_verbs()}
    return sorted(each for each in pages(minor).page("").commands if each in built)


def options(minor: int, words: list[str], word: str) -> tuple[str, list[str], bool]:
    """Give the command's path, what its last word could be, and whether arguments (kinds, names) may follow, too.

    minor: of the client. words: those after `kubectl`, without the last one. word: the last, perhaps unfinished.
    """
    tree = pages(minor)
    path, rest = verbs.find(tree, words)
    if word.startswith("-"):
        return path, sorted(f"--{flag.name}" for flag in tree.flags(path)), False
    page = tree.page(path)
    named = [each for each in rest if not each.startswith("-")]
    children = [] if named else list(page.commands)
    return path, children, bool(path)
