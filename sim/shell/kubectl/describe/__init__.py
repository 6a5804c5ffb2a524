"""`kubectl describe`: one describer a kind, in files by kind group. They may import frame and printing."""

from sim.shell.kubectl.words.verbs import Verb


def verbs() -> dict[str, Verb]:
    """Give the verbs of this folder, by path."""
    from sim.shell.kubectl.describe import command

    return command.VERBS
