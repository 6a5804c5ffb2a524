"""Verbs that reach into a running pod: exec with a small set of programs, attach, cp of files in volumes; port-forward and debug refuse.

What is asked for is checked as the real one checks it; of a container's files only those in volumes are modelled.
"""

from sim.shell.kubectl.words.verbs import FILES, Verb


def verbs() -> dict[str, Verb]:
    """Give the verbs of this folder, by path."""
    from sim.shell.kubectl.session import exec as exec_
    from sim.shell.kubectl.session import others

    streams = ("container", "stdin", "tty", "quiet", "pod-running-timeout")
    return {
        "exec": Verb(exec_.exec_, (*FILES, *streams)), "attach": Verb(others.attach, streams),
        "cp": Verb(others.cp, ("container", "no-preserve", "retries")),
        "port-forward": Verb(others.port_forward, ("address", "pod-running-timeout")),
        "debug": Verb(others.debug, (
            *FILES, "image", "copy-to", "container", "target", "stdin", "tty", "profile", "quiet", "attach", "env")),
    }
