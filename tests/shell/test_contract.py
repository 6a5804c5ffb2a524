"""The shell against GNU bash 5.2: lines, and what bash printed for them with the same stub programs and files."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.engine import SECOND_US, Engine, Steps, microseconds
from sim.host.network import Network
from sim.shell.login import Terminal
import sim.shell.system  # noqa: F401 - registers the programs
from sim.shell.pipes import COMMANDS, Call, Command
from tests.shell.data.stubs import STUBS

DATA = json.loads((Path(__file__).parent / "data" / "shell.json").read_text())
LIMIT_US = microseconds(3600)
DIFFERENT: dict[str, str] = {
    "procsub": "bashkit's diff names another of two equal lines (2d1 for 3d2)",
}
"""Cases known to differ, each with the reason; a case that begins to agree fails the test, so the list shrinks."""


def stub(program: Callable[..., tuple[str, str, int]]) -> Command:
    """Make a command of a stub program."""

    def command(call: Call) -> Steps[int]:
        data = (yield from call.streams.stdin.rest()).decode() if call.streams.stdin else None
        out, err, status = program(call.argv, data, call.env, call.shell.bash.shell_state().cwd)
        call.write(out)
        call.write(err, "stderr")
        return status

    return command


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stub programs in the place of ours."""
    for name, program in STUBS.items():
        monkeypatch.setitem(COMMANDS, name, stub(program))


def terminal() -> Terminal:
    """Make a fresh login on a host that has the case's files."""
    network = Network(Engine(seed=1))
    view = network.add("controlplane", "10.0.0.1").files.view()
    for path, text in DATA["files"].items():
        view.make_dir(path.rsplit("/", 1)[0], parents=True)
        view.write(path, text.encode())
    for name in STUBS:
        view.write(f"/usr/bin/{name}", b"#!/bin/bash\n")
        view.chmod(f"/usr/bin/{name}", 0o755)
    return Terminal(network.hosts, "controlplane")


def typed(at: Terminal, lines: list[str]) -> tuple[str, str, int | None]:
    """Type lines one after another: what they printed, and the last one's status."""
    chunks: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    engine, status = at.login.engine, None
    for line in lines:
        job = at.submit(line, lambda data, stream: chunks[stream].append(data))
        engine.advance(engine.now_us + LIMIT_US, stop=lambda job=job: not job.running)
        at.check()
        status = job.status
    out, err = (b"".join(chunks[stream]).decode() for stream in ("stdout", "stderr"))
    return out, err, status


def plain(stderr: str) -> str:
    """Leave out line numbers, and how long something took: bash counted other lines, on another clock."""
    return re.sub(r"\d+m[\d.]+s", "TIME", re.sub(r"(?:eval: )?line \d+: ", "", stderr))


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["name"])
def test_as_bash(case: dict[str, Any]) -> None:
    at = terminal()
    typed(at, ["export HOSTX=host1"])
    at.login.shell.interactive = False  # the cases were recorded from a bash that nobody typed at
    out, err, status = typed(at, case["lines"])
    trap = typed_steps(at, at.login.shell.leave(at.login.streams()))
    same = (out + trap, plain(err), status) == (case["stdout"], plain(case["stderr"]), case["exit_status"])
    if case["name"] in DIFFERENT:
        assert not same, "agrees now: take it off the list"
        return
    assert (out + trap, plain(err), status) == (case["stdout"], plain(case["stderr"]), case["exit_status"])


def typed_steps(at: Terminal, steps: Steps[Any]) -> str:
    """Let something run in the login's shell; what it printed on standard output."""
    chunks: list[bytes] = []
    at.login.sink = lambda data, stream: chunks.append(data) if stream == "stdout" else None
    at.login.spawn(steps)
    at.login.engine.advance(at.login.engine.now_us + SECOND_US)
    return b"".join(chunks).decode()


LINES = [
    "kubectl get nodes -o name | while read n; do kubectl describe $n; done",
    "sleep 3 & sleep 1; jobs; wait; echo $?",
    "for i in 1 2 3; do (sleep $i; echo $i) & done; wait",
    "(sleep 2; echo late) & kill %1; wait; echo $RANDOM",
    "kubectl get nodes | sort | uniq -c | head -2",
    "timeout 2 watch kubectl version; date +%s%N",
    "cat <(kubectl get nodes -o name) <(echo x) | tee /tmp/t | wc -l; ls -l /tmp",
]


def test_the_same_seed_gives_the_same_bytes() -> None:
    def once() -> list[tuple[str, str, int | None]]:
        at = terminal()
        return [typed(at, [line]) for line in LINES * 5]

    assert once() == once()


def test_logins_leave_no_open_files() -> None:
    at = terminal()
    typed(at, ["ssh controlplane true"])
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(100):
        assert typed(at, ["ssh controlplane bash -c date"])[2] == 0
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 5


SCRIPT = "#!/bin/bash\nset -e\nkubectl get nodes -o name | head -1\nfalse\necho no\n"


@pytest.mark.parametrize(("lines", "out", "status"), [
    (["bash s.sh"], "node/controlplane\n", 1),
    (["chmod +x s.sh", "./s.sh"], "node/controlplane\n", 1),
    (["./s.sh"], "", 126),
    (["bash nosuch"], "", 127),
    (["source nosuch"], "", 1),
    (["sleep 100 &", "echo $?; jobs"], "0\n[1]+  Running                 sleep 100 &\n", 0),
    (["sleep 100 &", "kill %1", "jobs", "jobs"], "[1]+  Terminated              sleep 100\n", 0),
    (["(sleep 5; exit 3) &", "wait $!"], "", 3),
    (["sleep 9 & sleep 8 &", "fg %1"], "sleep 9\n", 0),
    (["kill %4"], "", 1),
    (["bg"], "", 120),
    (["find . -name s.sh -exec kubectl version ';'"], "Client Version: v1.25.0\n", 0),
    (["find . -name s.sh"], "./s.sh\n", 0),
    (["echo a 1 | awk '{s[$1]=$2} END {for (k in s) print k, s[k]}'"], "a 1\n", 0),
    (["alias n='k get nodes'; alias ls='ls -1'", "n -o name | head -1; ls s.sh"], "node/controlplane\ns.sh\n", 0),
    (["kubectl get nodes -o json | jq . | head -2"], '{\n  "apiVersion": "v1",\n', 0),
    (["set -o pipefail", "kubectl nope | cat"], "", 1),
    (["for ((i=0; i<2; i++)); do kubectl get nodes -o name | head -1; done"], "node/controlplane\n" * 2, 0),
    (["r() { bash -c 'source r.sh'; }; echo 'source r.sh' > r.sh; source r.sh"], "", 254),
])
def test_scripts_and_jobs(lines: list[str], out: str, status: int) -> None:
    at = terminal()
    at.login.view.write("/root/s.sh", SCRIPT.encode())
    assert typed(at, lines)[::2] == (out, status)


def test_ctrl_c_ends_the_line_and_leaves_the_jobs() -> None:
    at = terminal()
    typed(at, ["(sleep 5; echo late > /root/late) &"])
    job = at.submit("kubectl get nodes | sleep 100", lambda data, stream: None)
    at.login.engine.advance(at.login.engine.now_us + SECOND_US)
    job.interrupt()
    assert job.status == 130
    assert typed(at, ["sleep 10", "cat late"])[0] == "late\n"
