"""completion: the scripts that the real clients print for bash and zsh.

Models: kubectl/pkg/cmd/completion/completion.go, cobra's templates. Taken from the clients 1.27 to 1.33; 1.25 and 1.26 are given
1.27's, later ones 1.33's. Left out: fish, powershell, and the older clients' scripts.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib import resources

from sim.api.errors import NotSimulated
from sim.engine import Steps
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.words.verbs import Verb

SHELLS = ("bash", "zsh", "fish", "powershell")
SINCE = {"bash": (31, 28, 27), "zsh": (28, 27)}
"""The minor versions from which on a script is another."""
OLDEST = 25


@cache
def _scripts() -> dict[str, str]:
    data = resources.files("sim.shell.kubectl.data").joinpath("completion.json.gz").read_bytes()
    found: dict[str, str] = json.loads(gzip.decompress(data))
    return found


def completion(inv: Invocation) -> Steps[int]:
    """Run `kubectl completion`."""
    if not inv.args:
        raise inv.usage("Shell not specified.")
    if len(inv.args) > 1:
        raise inv.usage("Too many arguments. Expected only the shell type.")
    shell = inv.args[0]
    if shell not in SHELLS:
        raise inv.usage(f'Unsupported shell type "{shell}".')
    minor = inv.version[1]
    if shell not in SINCE or minor < OLDEST:
        raise NotSimulated(f"kubectl completion {shell}" if minor >= OLDEST else f"kubectl completion of 1.{minor}")
    since = next((each for each in SINCE[shell] if minor >= each), min(SINCE[shell]))
    inv.call.write(_scripts()[f"{shell}-1.{since}"])
    return 0
    yield


VERBS = {"completion": Verb(completion)}
