"""What the last word of a line could become: lab lines, programs, verbs, kinds, names in the cluster, files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from yaml import YAMLError

from sim.api import documents, objects
from sim.apiserver.resources import RESOURCES
from sim.lab.goals.objects import resource_of
from sim.shell.pipes import COMMANDS

if TYPE_CHECKING:
    from sim.etcd.store import Store
    from sim.lab.lab import Lab

SHOWN_MOST = 200


def completions(lab: Lab, line: str, terminal: str) -> list[str]:
    """List what the last word of a line could become."""
    head, _, word = line.rpartition(" ")
    words = head.split()
    if not words and word.startswith(":"):
        from sim.lab.lines import WORDS

        options = [f":{name}" for name in WORDS]
    elif not words or words[-1] in ("|", "&&", ";", "sudo", "watch", "time"):
        options = sorted({*COMMANDS, "k"})
    else:
        options = _names(lab, words, word, terminal) + _files(lab, word, terminal)
    return sorted({each for each in options if each.startswith(word) and word})[:SHOWN_MOST]


def _store(lab: Lab, terminal: str) -> Store | None:
    """Give the store of the cluster that kubectl speaks to at a terminal; of the first where that is not clear."""
    login = lab.terminals[terminal].login
    try:
        config = documents.load(login.view.read(f"{login.home}/.kube/config"))
        named = {kind: {each["name"]: each[kind] for each in config[f"{kind}s"]} for kind in ("context", "cluster")}
        server = named["cluster"][named["context"][config["current-context"]]["cluster"]]["server"]
        host = lab.network.find(urlsplit(server).hostname or "", login.host)
    except (OSError, KeyError, TypeError, ValueError, YAMLError):
        host = None
    names = [cluster.name for cluster in lab.world.clusters.values() if host is not None and host.name in cluster.hosts]
    return lab.store(names[0] if names else "")


def _names(lab: Lab, words: list[str], word: str, terminal: str) -> list[str]:
    store = _store(lab, terminal)
    if store is None:
        return []
    if words[0] == ":why" or (words[0] in ("kubectl", "k") and "/" in word):
        kind = word.partition("/")[0]
        try:
            return [f"{kind}/{objects.name(obj)}" for obj in store.list(resource_of(kind))] if "/" in word else (
                [f"{row.singular}/" for row in RESOURCES.values()])
        except KeyError:
            return []
    if words[0] not in ("kubectl", "k"):
        return list(lab.network.hosts)
    from sim.shell.kubectl.frame import invocation
    from sim.shell.kubectl.words import complete

    minor = invocation.client_version(lab.terminals[terminal].login.host)[1]
    path, found, more = complete.options(minor, words[1:], word)
    if not more or word.startswith("-"):
        return found
    return found + _arguments(store, path.split(), words)


def _arguments(store: Store, path: list[str], words: list[str]) -> list[str]:
    """Give kinds, or the names of the kind that the line speaks of."""
    for each in reversed(words[1:]):
        try:
            return [objects.name(obj) for obj in store.list(resource_of(each))]
        except KeyError:
            continue
    if path[0] in ("drain", "cordon", "uncordon"):
        return [objects.name(obj) for obj in store.list("nodes")]
    if path[0] in ("logs", "exec"):
        return [objects.name(obj) for obj in store.list("pods")]
    return [name for row in RESOURCES.values() for name in (row.resource, row.singular)]


def _files(lab: Lab, word: str, terminal: str) -> list[str]:
    login = lab.terminals[terminal].login
    folder, slash, _ = word.rpartition("/")
    base = (folder or "/") if slash else "."
    try:
        return [f"{folder}/{name}" if slash else name for name in login.view.list(login.shell.path(base))]
    except OSError:
        return []
