"""Replays a golden run (its run.yaml) in a lab of its own and compares step by step. The form: golden/RUN.md."""

import json
import re
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.conformance import access, compare, masks, timeline

TERMINALS = ("main", "beside1", "beside2", "beside3", "probe")
LINE_MOST_S, WAIT_MOST_S = 900, 180
PROBE_EVERY_S = 1.0
COMPONENTS = ("kill", "stop", "start")


@dataclass
class Outcome:
    differences: list[str] = field(default_factory=list)
    count: masks.Count = field(default_factory=masks.Count)

    @property
    def cells(self) -> int:
        return self.count.cells

    @property
    def masked(self) -> int:
        return self.count.masked


@dataclass
class Recorded:
    at: float
    line: str
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    exit: int = 0
    took: float = 0.0


def read_transcript(path: Path) -> list[Recorded]:
    """Read a transcript: commands with their outputs, statuses and times."""
    return recorded(path.read_text())


def recorded(text: str) -> list[Recorded]:
    """Read the text of a transcript, or of a part of it."""
    found: list[Recorded] = []
    for raw in text.splitlines():
        if match := re.match(r"\[\+([\d.]+)s\] \$ (.*)", raw):
            found.append(Recorded(float(match[1]), match[2]))
        elif found and (match := re.match(r"\s+[\d.]+ (out|err)\| ?(.*)", raw)):
            getattr(found[-1], match[1]).append(match[2])
        elif found and (match := re.match(r"\s+= exit (\d+) after ([\d.]+)s", raw)):
            found[-1].exit, found[-1].took = int(match[1]), float(match[2])
        elif found and raw.startswith("  ") is False and raw and not raw.startswith(("#", "[")):
            found[-1].line += "\n" + raw
    return found


def scenario_text(run: dict, folder: Path) -> str:
    """Write the scenario that the run's head describes."""
    files = {f"controlplane:{where}": (folder.parent / what).read_text() for where, what in (run["files"] or {}).items()}
    for path in sorted((folder.parent / "manifests").glob("*.yaml")):
        files[f"controlplane:/root/manifests/{path.name}"] = path.read_text()
    nodes = [
        {**{k: v for k, v in node.items() if k not in ("memory",)}, "memory": node["memory"],
         "taints": node.get("taints", [])}
        for node in run["nodes"]
    ]
    scenario = {
        "apiVersion": "kubedrill.dev/v1", "kind": "Scenario",
        "metadata": {"name": folder.name, "topic": "golden", "level": 1, "title": run["description"]},
        "spec": {
            "minutes": 60,
            "versions": [{"kubernetes": run["versions"]["kubernetes"]}],
            "clusters": [{"name": "kubernetes", "installer": "systemd", "addons": [], "nodes": nodes}],
            "terminals": [{"name": name, "host": "controlplane", "user": "root"} for name in TERMINALS],
            "images": run["images"], "files": files, "setup": [],
            "tasks": [{"name": "none", "prompt": "none", "goals": [], "solutions": [["true"]]}],
        },
    }
    return yaml.safe_dump(scenario, sort_keys=False)


def owner_of(pod: str) -> str:
    """Strip what was generated from a pod's name."""
    return masks.text(pod)


class Dice:
    """What chance gave the n-th pod of an owner in the recording: the end of its name, and the node among equals."""

    def __init__(self, folder: Path) -> None:
        self.rolls: dict[str, list[str]] = defaultdict(list)
        self.deletions: dict[str, list[tuple[float, str]]] = defaultdict(list)
        self.ends: dict[str, list[str]] = defaultdict(list)
        self.nodes: dict[tuple[str, str], str] = {}
        self.seen: Counter[str] = Counter()
        self.named: Counter[str] = Counter()
        path = folder / "timeline.jsonl"
        bound: set[str] = set()
        gone: set[str] = set()
        if not path.exists():
            return
        for raw in path.read_text().splitlines():
            row = json.loads(raw)
            if row.get("kind") == "Pod" and row.get("what") in ("existing", "created"):
                self.ends[owner_of(row["name"])].append(row["name"].rpartition("-")[2])
            if row.get("kind") == "Pod" and row.get("node") and "delTs" in row.get("what", "") and (
                    row["name"] not in gone):
                gone.add(row["name"])
                self.deletions[owner_of(row["name"])].append((row["t"], row["node"]))
            if row.get("kind") != "Pod" or not row.get("node") or row["name"] in bound or row.get("owner") == "DaemonSet":
                continue
            bound.add(row["name"])
            self.rolls[owner_of(row["name"])].append(row["node"])
            self.nodes[owner_of(row["name"]), row["name"].rpartition("-")[2]] = row["node"]

    def tie(self, pod: str, node: str, now: float) -> int:
        """Order pods that no rule tells apart when a set shrinks: first those on nodes that lost most just then."""
        near = [n for at, n in self.deletions.get(owner_of(pod), []) if -3 <= at - now <= 6]
        return -near.count(node)

    def end(self, namespace: str, generate_name: str) -> str | None:
        """Give what the recording's server put behind a generateName."""
        space = "" if namespace == "default" else f"{namespace}/"
        owner = owner_of(f"{space}{generate_name}zzzzz")
        number = self.named[owner]
        self.named[owner] += 1
        return self.ends[owner][number] if number < len(self.ends[owner]) else None

    def pick(self, pod: str, best: list[str]) -> str | None:
        owner = owner_of(pod.removeprefix("default/"))
        number = self.seen[owner]
        self.seen[owner] += 1
        rolls = self.rolls.get(owner, [])
        wanted = self.nodes.get((owner, pod.rpartition("-")[2]))
        if wanted not in best:
            wanted = rolls[number] if number < len(rolls) else None
        return wanted if wanted in best else None


class Typed:
    """A line that was typed: its output grows while it runs."""

    def __init__(self, lab, line: str, terminal: str) -> None:
        self.began = lab.now_us
        self.ended: int | None = None
        self.chunks: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        self.lab, self.terminal = lab, terminal
        self.job = lab.type(line, terminal=terminal, sink=lambda data, stream: self.chunks[stream].append(data))
        self.look()

    def look(self) -> bool:
        """Tell whether it runs still, and note when it ended."""
        if self.job.running:
            return True
        if self.ended is None:
            self.ended = self.lab.now_us
            self.lab.terminals[self.terminal].check()
        return False

    def text(self, stream: str) -> str:
        return b"".join(self.chunks[stream]).decode(errors="replace")

    @property
    def status(self) -> int:
        return 130 if self.job.status is None else self.job.status


@dataclass
class Probe:
    """A read-only line whose answer may be right at any moment near its own."""

    step: dict
    recorded: Recorded
    last: str = "not run"


class Replay:
    def __init__(self, folder: Path, transcript: str = "transcript.txt") -> None:
        from sim.lab.lab import Lab
        from sim.lab.scenario import load

        self.folder = folder
        self.run = yaml.safe_load((folder / "run.yaml").read_text())
        self.outcome = Outcome()
        self.texts = {transcript: read_transcript(folder / transcript)}
        self.main = transcript
        self.aside = transcript != "transcript.txt"
        self.used: set[tuple[str, int]] = set()
        self.nodes = [node["name"] for node in self.run["nodes"]]
        with tempfile.TemporaryDirectory() as temp:
            path = Path(temp) / "golden.yaml"
            path.write_text(scenario_text(self.run, folder))
            self.lab = Lab(load(path))
        access.set_kubectl(self.lab, "controlplane", self.run["transcripts"][transcript])
        self.dice = Dice(folder)
        access.set_scheduler_pick(self.lab, self.dice.pick)
        self.zero_us = self.lab.now_us
        self.times: dict[str, float] = {}
        self.lines: list[tuple[float, str, int]] = []
        self.typed: dict[str, Typed] = {}
        self.running: list[tuple[dict, Recorded | None, Typed]] = []
        self.probes: list[Probe] = []
        self.found: list[Recorded | None] = []
        self.shift = 0.0

    # ---- time -------------------------------------------------------------------------------------------------
    def now(self) -> float:
        return (self.lab.now_us - self.zero_us) / 1e6

    def advance(self, until: float, *, stop=None) -> None:
        """Let time pass, at most until then; probes that are due are tried each second."""
        target = self.zero_us + round(until * 1e6)
        while self.lab.now_us < target and not (stop and stop()):
            live = [p for p in self.probes if self.now() >= p.step["at"] - p.step["within"]]
            waiting = [p.step["at"] - p.step["within"] for p in self.probes if p not in live]
            next_us = min([target, *(self.zero_us + round(at * 1e6) for at in waiting)])
            if live:
                next_us = min(next_us, self.lab.now_us + round(PROBE_EVERY_S * 1e6))
            self.lab.engine.advance(next_us, stop=stop)
            for probe in live:
                self.try_probe(probe)

    def finish(self, keep: str = "") -> None:
        """Wait for the lines that run, but for the one of that id, and compare them."""
        for each in list(self.running):
            step, recorded, typed = each
            if keep and step.get("id") == keep:
                continue
            self.advance(self.now() + LINE_MOST_S, stop=lambda typed=typed: not typed.job.running)
            typed.look()
            self.running.remove(each)
            self.lines.append(((typed.ended or self.lab.now_us) / 1e6 - self.zero_us / 1e6, step["line"], typed.status))
            if recorded is not None:
                took = ((typed.ended or self.lab.now_us) - typed.began) / 1e6
                self.shift = max(0.0, typed.began / 1e6 - self.zero_us / 1e6 + took - (recorded.at + max(recorded.took, took - 1)))
            if not step.get("silent"):
                self.compare(step, recorded, typed)

    # ---- doing ------------------------------------------------------------------------------------------------
    def play(self) -> Outcome:
        """Do everything and compare."""
        with access.deletion_ties(lambda pod, node: self.dice.tie(pod, node, self.now())), (
                access.generated_names(self.dice.end)):
            return self._play()

    def _play(self) -> Outcome:
        for step in self.run.get("before") or []:
            if isinstance(step, str):
                result = self.lab.run(step, patience_seconds=LINE_MOST_S)
                if result.status:
                    self.outcome.differences.append(f"before: {step}: exit {result.status}: {result.stderr}")
            else:
                self.do(step)
                self.finish()
        self.zero_us = self.lab.now_us
        near = [step for step in self.run["steps"] if step.get("line") and step.get("within")
                and step.get("compare", "text") not in ("skip", "exit")]
        self.found = [self.find(step) if "line" in step and not step.get("silent") else None for step in self.run["steps"]]
        self.probes = [Probe(step, recorded) for step, recorded in zip(self.run["steps"], self.found, strict=True)
                       if step in near and recorded is not None]
        for step, recorded in zip(self.run["steps"], self.found, strict=True):
            if step in near or step.get("compare") == "skip":
                continue
            if "line" in step:
                self.finish(keep=step.get("beside", ""))
            self.advance(step["at"])
            for _, _, typed in self.running:
                typed.look()
            if step.get("id"):
                self.times[step["id"]] = self.now()
            self.do(step, recorded)
        self.finish()
        last = max((p.step["at"] + p.step["within"] for p in self.probes), default=0.0)
        self.advance(last)
        for probe in self.probes:
            self.outcome.differences.append(
                f"[{probe.step['at']}] {probe.step['line'][:90]}: at no moment within {probe.step['within']} s\n{probe.last}")
        self.outcome.differences += timeline.judge(
            self.run.get("timeline") or [],
            [*((at - self.zero_us / 1e6, *row) for at, *row in access.happenings(self.lab)),
             *((at, "Line", line, f"exit {status}", "") for at, line, status in self.lines)],
            self.times, self.now())
        return self.outcome

    def do(self, step: dict, recorded: Recorded | None = None) -> None:
        if "note" in step:
            return
        if "wait" in step:
            self.wait(step["wait"])
        elif "set" in step:
            access.set_kubelet(self.lab, step["set"]["host"], step["set"]["kubelet"])
        elif "fault" in step:
            for host in step.get("hosts") or [step["host"]]:
                access.inject(self.lab, step["fault"], host, end=bool(step.get("end")))
        elif "supervise" in step:
            access.supervise(self.lab, step["supervise"])
        elif any(word in step for word in COMPONENTS):
            word = next(word for word in COMPONENTS if word in step)
            access.component(self.lab, word, step[word], step)
        else:
            terminal = TERMINALS[len(self.running)]
            self.running.append((step, recorded, Typed(self.lab, step.get("run") or step["line"], terminal)))

    def wait(self, wait: dict) -> None:
        self.finish()
        if "seconds" in wait:
            self.advance(self.now() + wait["seconds"])
            return
        namespace, selector = wait["ready"].split()
        limit = self.now() + WAIT_MOST_S
        while self.now() < limit and access.ready_count(self.lab, namespace, selector) < wait["count"]:
            self.lab.advance(self.lab.now_us + 50_000)

    def try_probe(self, probe: Probe) -> None:
        step = probe.step
        typed = Typed(self.lab, step.get("run") or step["line"], "probe")
        self.lab.engine.advance(self.lab.now_us + LINE_MOST_S * 1_000_000, stop=lambda: not typed.job.running)
        typed.look()
        count = masks.Count()
        problems = self.problems(step, probe.recorded, typed, count)
        probe.last = "\n".join(problems)
        if not problems:
            self.probes.remove(probe)
            self.outcome.count.cells += count.cells
            self.outcome.count.masked += count.masked
            self.outcome.count.by_name += count.by_name
        elif self.now() > step["at"] + step["within"]:
            self.probes.remove(probe)
            self.outcome.differences.append(
                f"[{step['at']}] {step['line'][:90]}: at no moment within {step['within']} s\n{probe.last}")

    # ---- comparing --------------------------------------------------------------------------------------------
    def find(self, step: dict) -> Recorded | None:
        """Find what the real one said to this line.

        A step's second is that of transcript.txt; the recording with another client has its own, and the same order.
        """
        name = step.get("transcript", self.main)
        if name not in self.texts:
            self.texts[name] = read_transcript(self.folder / name)
        rows = self.texts[name]
        near = [(0 if self.aside and name == self.main else abs(row.at - step.get("at", 0)), number)
                for number, row in enumerate(rows)
                if (name, number) not in self.used and row.line.split("\n")[0] == step["line"].split("\n")[0]]
        if not near:
            return None
        number = min(near)[1]
        self.used.add((name, number))
        return rows[number]

    def problems(self, step: dict, recorded: Recorded | None, typed: Typed, count: masks.Count) -> list[str]:
        found = []
        if "exit" in step and typed.status != step["exit"]:
            found.append(f"exit {typed.status}, real {step['exit']}: {typed.text('stderr')[-300:]}")
        took = ((typed.ended or self.lab.now_us) - typed.began) / 1e6
        if "took" in step:
            want = step["took"]
            low, high = want if isinstance(want, list) else (want - max(1.5, want * 0.1), want + max(1.5, want * 0.1))
            if not low <= took <= high:
                found.append(f"took {took:.1f} s, real {want}")
        if step.get("compare", "text") != "exit" and recorded is not None:
            found += compare.streams(step, (typed.text("stdout"), typed.text("stderr")), (recorded.out, recorded.err),
                                     self.nodes, count)
        return found

    def compare(self, step: dict, recorded: Recorded | None, typed: Typed) -> None:
        where = f"[{step.get('at')}] {step['line'][:90]}"
        self.outcome.differences += [f"{where} {text}" for text in self.problems(step, recorded, typed, self.outcome.count)]
