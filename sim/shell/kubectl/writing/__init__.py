"""Verbs that change the cluster or the kubeconfig. They may import frame, printing and each other."""

from sim.shell.kubectl.frame.verbs import Verb


def verbs() -> dict[str, Verb]:
    """Give the verbs of this folder, by path."""
    from sim.shell.kubectl import nodes
    from sim.shell.kubectl.writing import change, create

    return {**change.VERBS, **create.VERBS, **nodes.verbs()}
