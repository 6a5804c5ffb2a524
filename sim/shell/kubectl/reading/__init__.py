"""Verbs that change nothing: get, events, logs, wait, explain, version and kin. They may import frame and printing."""

from sim.shell.kubectl.frame.verbs import Verb


def verbs() -> dict[str, Verb]:
    """Give the verbs of this folder, by path."""
    from sim.shell.kubectl.reading import cluster, get

    return {**get.VERBS, **cluster.VERBS}
