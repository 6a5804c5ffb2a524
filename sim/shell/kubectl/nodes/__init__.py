"""Verbs for maintaining nodes: drain with its rules, cordon, taint, top.

May import the frame of kubectl and what lies below it. How a pod is evicted is the server's business.
"""

from sim.shell.kubectl.words.verbs import PRINTING, Verb


def verbs() -> dict[str, Verb]:
    """Give the verbs of this folder, by path."""
    from sim.shell.kubectl.nodes import top
    from sim.shell.kubectl.nodes.cordon import cordon
    from sim.shell.kubectl.nodes.drain import drain
    from sim.shell.kubectl.nodes.taint import taint

    choice = ("selector", "dry-run")
    return {
        **top.VERBS,
        "drain": Verb(drain, (*choice, "pod-selector", "force", "ignore-daemonsets", "delete-emptydir-data",
                              "delete-local-data", "disable-eviction", "grace-period", "timeout",
                              "skip-wait-for-delete-timeout", "chunk-size")),
        "taint": Verb(taint, (*choice, *PRINTING, "all", "overwrite", "field-manager", "validate")),
        "cordon": Verb(cordon, choice), "uncordon": Verb(cordon, choice),
    }
