"""Verbs whose object the client makes itself: create's generators, run, expose, autoscale.

May import the frame, printing and `writing` (how an object is sent and printed).
"""

from sim.shell.kubectl.words.verbs import Verb


def verbs() -> dict[str, Verb]:
    """Give the verbs of this folder, by path."""
    from sim.shell.kubectl.generate import access, autoscale, config, expose, misc, run, services, workloads

    return {**workloads.VERBS, **config.VERBS, **services.VERBS, **access.VERBS, **misc.VERBS, **run.VERBS, **expose.VERBS,
            **autoscale.VERBS}
