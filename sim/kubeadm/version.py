"""kubeadm version. Models: cmd/kubeadm/app/cmd/version.go."""

from __future__ import annotations

import json

from sim.api import documents
from sim.engine import Steps
from sim.kubeadm.frame.command import Command, Flag, Values
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.versions.builds import build

FIELDS = (("Major", "major"), ("Minor", "minor"), ("GitVersion", "gitVersion"), ("GitCommit", "gitCommit"),
          ("GitTreeState", "gitTreeState"), ("BuildDate", "buildDate"), ("GoVersion", "goVersion"), ("Compiler", "compiler"),
          ("Platform", "platform"))


def run(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Print the version of this kubeadm."""
    yield from session.pause(0.0)
    found = build(session.version)
    form = flags["output"]
    if not form:
        inside = ", ".join(f'{title}:"{found[key]}"' for title, key in FIELDS)
        session.out(f"kubeadm version: &version.Info{{{inside}}}")
    elif form == "short":
        session.out(found["gitVersion"])
    elif form == "json":
        session.out(json.dumps({"clientVersion": found}, indent=2))
    elif form == "yaml":
        session.out(documents.dump({"clientVersion": found}, sort_keys=True))
    else:
        raise KubeadmError(f"invalid output format: {form}")


COMMANDS = (
    Command("version", "Print the version of kubeadm", run,
            (Flag("output", "", "Output format; available options are 'yaml', 'json' and 'short'", "o", "string"),)),
)
