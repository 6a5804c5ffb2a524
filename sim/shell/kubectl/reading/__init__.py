"""Verbs that change nothing: get, events, logs, wait, explain, version and kin. They may import frame and printing."""

from sim.shell.kubectl.words.verbs import Verb


def verbs() -> dict[str, Verb]:
    """Give the verbs of this folder, by path."""
    from sim.shell.kubectl.reading import access, cluster, discovery, events, explain, get, logs, wait

    return {**get.VERBS, **cluster.VERBS, **logs.VERBS, **events.VERBS, **wait.VERBS, **discovery.VERBS,
            **access.VERBS, **explain.VERBS}
