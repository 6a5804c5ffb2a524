"""`:docs` and `:commands`: short pages of reference, kept as data in topics.yaml."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sim.api import documents
from sim.lab.recording import LabError

if TYPE_CHECKING:
    from sim.lab.lab import Lab

FILE = Path(__file__).with_name("topics.yaml")


@lru_cache(maxsize=1)
def topics() -> dict[str, str]:
    """Give the pages by topic."""
    found: dict[str, str] = documents.load(FILE.read_text(encoding="utf-8"))
    return found


def text(topic: str) -> str:
    """Give a page, or the list of topics. Raises LabError for an unknown one."""
    pages = topics()
    if not topic:
        width = max(map(len, pages))
        return "\n".join([*(f"{name:{width}}  {page.splitlines()[0]}" for name, page in pages.items()), "Read one with :docs TOPIC"])
    near = [name for name in pages if name.startswith(topic)]
    if not near:
        raise LabError(f"no topic {topic}; there are {', '.join(pages)}")
    return pages[near[0]].rstrip()


def commands(lab: Lab) -> str:
    """List the programs that are modelled, and the verbs that the kubectl of the chosen terminal's host has."""
    from sim.shell.kubectl.frame import invocation
    from sim.shell.kubectl.words import complete
    from sim.shell.pipes import COMMANDS
    from sim.shell.system.basic import kubectl

    minor = invocation.client_version(lab.terminals[lab.chosen].login.host)[1]
    names = sorted(name for name, program in COMMANDS.items() if program is not kubectl and name[0].isalpha())
    return "\n".join([
        "kubectl (alias k): " + " ".join(complete.commands(minor)),
        "programs of the simulated hosts: " + " ".join(names),
        "text tools: awk cat cut diff grep head jq less sed sort tail tee tr uniq wc xargs yq, and bash itself",
        "What is not modelled says so (`not simulated: …`) and ends with status 120."])
