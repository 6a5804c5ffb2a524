"""Verbs for workloads: scale, set, rollout. May import the frame, printing and `writing`."""

from sim.shell.kubectl.words.verbs import FILES, PRINTING, Verb


def verbs() -> dict[str, Verb]:
    """Give the verbs of this folder, by path."""
    from sim.shell.kubectl.workloads import history, restart, setting, status
    from sim.shell.kubectl.workloads.scale import scale

    choice = (*FILES, *PRINTING, "selector", "all", "all-namespaces", "dry-run", "field-manager")
    return {
        "scale": Verb(scale, (*choice, "replicas", "current-replicas", "resource-version", "timeout"), required=("replicas",)),
        "rollout status": Verb(status.status, (*FILES, "selector", "watch", "timeout", "revision")),
        "rollout history": Verb(history.history, (*FILES, *PRINTING, "selector", "revision")),
        "rollout undo": Verb(history.undo, (*choice, "to-revision")),
        "rollout restart": Verb(restart.restart, choice),
        "rollout pause": Verb(restart.pause, choice), "rollout resume": Verb(restart.pause, choice),
        **setting.verbs(choice),
    }
