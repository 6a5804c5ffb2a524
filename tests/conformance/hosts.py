"""Types what was typed on a real host, and compares what it printed: the transcripts of blocks in hosts_data.

python -m tests.conformance.hosts FILE… [--block NAME…] [-v] prints counts by block and the differences.

A transcript: `### block NAME [ro|seq] text` heads a block (`ro` changes nothing, `seq` is one story from a fresh host); `# …`
says who types and whether at a terminal; `$ LINE`; `out| ` and `err| ` lines, `out> ` one without its newline; `= exit N`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sim.shell.system  # noqa: F401 - registers the programs
from sim.engine import Engine, microseconds
from sim.host.network import Host, Network
from sim.shell.login import Login, Terminal
from sim.shell.pipes import Pipe, Streams

DATA = Path(__file__).parent / "hosts_data"
RELEASES = ("jammy", "noble", "bookworm")
ABSENT = ("jq", "file", "tree", "unzip", "yq")
"""Programs that the recorded hosts did not have."""
LIMIT_SECONDS = 600


@dataclass
class Step:
    """One line typed, and what it printed. who: the user; tty: at a terminal; keys: typed afterwards."""

    line: str
    who: str = "root"
    tty: bool = False
    keys: str = ""
    out: str = ""
    err: str = ""
    status: int = 0


@dataclass
class Block:
    """A story."""

    name: str
    kind: str
    steps: list[Step] = field(default_factory=list)


def read(text: str) -> list[Block]:
    """Read a transcript."""
    blocks: list[Block] = []
    note = ""
    for line in text.splitlines():
        if found := re.match(r"### block (\S+) \[(\w+)\]", line):
            blocks.append(Block(found[1], found[2]))
        elif line.startswith("# "):
            note = line
        elif line.startswith("$ "):
            who = re.search(r"user (\w+)", note)
            keys = re.search(r"typed '(.*)'", note)
            blocks[-1].steps.append(Step(line[2:], who[1] if who else "root", "tty" in note, keys[1] if keys else ""))
            note = ""
        elif blocks and blocks[-1].steps:
            step = blocks[-1].steps[-1]
            if line.startswith("= exit "):
                step.status = int(line[7:])
            elif line[:4] in ("out|", "out>"):
                step.out += line[5:] + ("\n" if line[3] == "|" else "")
            elif line[:4] in ("err|", "err>"):
                step.err += line[5:] + ("\n" if line[3] == "|" else "")
            elif step.line and not line.startswith("="):
                step.line += "\n" + line
    return blocks


# ---- the host --------------------------------------------------------------------------------------------------------
PKI = ("apiserver-kubelet-client.crt", "apiserver-kubelet-client.key", "apiserver.crt", "apiserver.key", "ca.crt", "ca.key",
       "front-proxy-ca.crt", "front-proxy-ca.key", "sa.key", "sa.pub")


def fresh(release: str) -> dict[str, Host]:
    """Make a host that has what the recorded one had."""
    network = Network(Engine(seed=1, epoch_s=1_795_255_200))  # 2026-11-21 10:00:00
    for name, address in (("controlplane", "192.168.56.11"), ("node01", "192.168.56.12")):
        host = network.add(name, address, users=("student", "ubuntu"), system=release)
        files = host.files
        for manifest in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
            text = f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {manifest}\n  namespace: kube-system\n"
            files.install(f"/etc/kubernetes/manifests/{manifest}.yaml", text.encode(), mode=0o600)
        for conf in ("admin", "controller-manager", "kubelet", "scheduler", "super-admin"):
            files.install(f"/etc/kubernetes/{conf}.conf", b"apiVersion: v1\nkind: Config\n"[:28], mode=0o600)
        for cert in PKI:
            files.install(f"/etc/kubernetes/pki/{cert}", b"-" * 1168, mode=0o600 if cert.endswith("key") else 0o644)
        files.view().make_dir("/etc/kubernetes/pki/etcd")
        files.view().make_dir("/var/lib/etcd/member", parents=True)
        files.view().chmod("/var/lib/etcd", 0o700)
    return network.hosts


class Typist:
    """Types the steps of a block: a new bash for each line, as the recorder did, but for those typed at a terminal."""

    def __init__(self, release: str, hosts: dict[str, Host] | None = None) -> None:
        self.hosts = hosts or fresh(release)
        self.terminals: dict[str, Terminal] = {}

    def login(self, who: str) -> Login:
        """Give a user's login."""
        if who not in self.terminals:
            self.terminals[who] = Terminal(self.hosts, "controlplane", who)
            for name in ABSENT:
                if self.hosts["controlplane"].files.view().exists(f"/usr/bin/{name}"):
                    self.hosts["controlplane"].files.view().remove(f"/usr/bin/{name}")
        return self.terminals[who].login

    def type(self, step: Step) -> tuple[str, str, int]:
        """Type one line; gives what it printed, and its status."""
        login = self.login(step.who)
        chunks: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        login.sink = lambda data, stream: chunks[stream].append(data)
        engine = login.engine
        closed = None if step.tty else Pipe(engine, closed=True)
        self.terminals[step.who].columns = 80 if step.tty else None
        streams = Streams(closed, login.stdout, lambda data: login.sink(data, "stderr"),
                          login.keyboard if step.tty else None)
        env = {"HOME": login.home, "USER": step.who, "PATH": login.shell.value("PATH")}
        login.job = login.shell.job = None
        job = login.start("", login.sink)
        engine.advance(engine.now_us, stop=lambda: not job.running)
        process = login.spawn(login.shell.apart(step.line, env, streams, name="/bin/bash", is_text=True), job)
        for key in re.split(r"(?:\\\\n)?;|\\\\n", step.keys):
            if key:
                self.terminals[step.who].keys(key + "\n")
        engine.advance(engine.now_us + microseconds(LIMIT_SECONDS), stop=lambda: not process.is_alive)
        self.terminals[step.who].check()
        if job.error is not None:
            raise job.error
        status = process.value if process.triggered else -1
        return (*(b"".join(chunks[name]).decode(errors="replace") for name in ("stdout", "stderr")), status)


MASKS: tuple[tuple[str, str], ...] = (
    (r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d (?:\d\d:\d\d| \d{4})", "DATE"),
    (r"[\d.]+(?:e-\d+)? s, [\d.]+ .B/s", "SPEED"), (r"\r|\\r", ""), (r"\x1b", r"\\e"), (r"total \d+", "total N"),
    (r"^(\S{10} \d+ \w+ +\w+ +)\d+ ", r"\1SIZE "), (r"\w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC(; .* ago)?", "SINCE"),
    (r"\bpid=\d+", "pid=N"), (r"\b(Main PID|Process): \d+", r"\1: N"), (r"─\d+ ", "─N "), (r"(Tasks|Memory): \S+( \(limit: \d+\))?", r"\1: N"))
"""What no two hosts agree on."""


def plain(text: str) -> str:
    """Leave out what no two hosts agree on."""
    for pattern, new in MASKS:
        text = re.sub(pattern, new, text, flags=re.MULTILINE)
    return text


def compared(
    text: str, release: str, wanted: Callable[[Block], bool], hosts: dict[str, Host] | None = None
) -> Iterator[tuple[Block, Step, tuple[str, str, int], bool]]:
    """Type every wanted block; gives block, step, what was printed, and whether it is the same."""
    typist = Typist(release, hosts)  # the blocks of a file were typed one after another on one host
    for block in read(text):
        if not wanted(block):
            continue
        for step in block.steps:
            if "exit" in step.keys:
                continue  # prompts: what a terminal draws is the front end's
            got = typist.type(step)
            same = got[2] == step.status and plain(got[0]) == plain(step.out) and plain(got[1]) == plain(step.err)
            if step.tty and not same:  # a terminal shows both streams as one
                same = got[2] == step.status and sorted(plain(got[0] + got[1]).split("\n")) == sorted(
                    plain(step.out + step.err).split("\n"))
            yield block, step, got, same


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", type=Path, default=sorted(DATA.glob("host-*.txt")))
    parser.add_argument("--block", action="append")
    parser.add_argument("-v", action="store_true")
    options = parser.parse_args(argv)
    for path in options.files:
        release = next((name for name in RELEASES if name in str(path)), "jammy")
        counts: dict[str, list[int]] = {}
        for block, step, got, same in compared(path.read_text(), release, lambda b: not options.block or b.name in options.block):
            tally = counts.setdefault(block.name, [0, 0])
            tally[0] += same
            tally[1] += 1
            if not same and options.v:
                print(f"{block.name}: $ {step.line}  [{step.who}{' tty' if step.tty else ''}]\n  want {step.status} {step.out!r} {step.err!r}"
                      f"\n  got  {got[2]} {got[0]!r} {got[1]!r}")
        print(path.name, {name: f"{same} of {whole}" for name, (same, whole) in counts.items()})


if __name__ == "__main__":
    sys.exit(main())
