"""Replays a golden run (its run.yaml) in a lab of its own and compares step by step. The form: golden/RUN.md."""

import json
import re
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from tests.conformance import masks


@dataclass
class Outcome:
    differences: list[str] = field(default_factory=list)
    cells: int = 0
    masked: int = 0


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
    found: list[Recorded] = []
    for raw in path.read_text().splitlines():
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
            "terminals": [{"name": "main", "host": "controlplane", "user": "root"}],
            "images": run["images"], "files": files, "setup": [],
            "tasks": [{"name": "none", "prompt": "none", "goals": [], "solutions": [["true"]]}],
        },
    }
    return yaml.safe_dump(scenario, sort_keys=False)


def owner_of(pod: str) -> str:
    """Strip what was generated from a pod's name."""
    return masks.text(pod)


class Dice:
    """Which node the real scheduler's dice gave to the n-th pod of an owner."""

    def __init__(self, folder: Path) -> None:
        self.rolls: dict[str, list[str]] = defaultdict(list)
        self.seen: Counter[str] = Counter()
        path = folder / "timeline.jsonl"
        bound: set[str] = set()
        if not path.exists():
            return
        for raw in path.read_text().splitlines():
            row = json.loads(raw)
            if row.get("kind") != "Pod" or not row.get("node") or row["name"] in bound or row.get("owner") == "DaemonSet":
                continue
            bound.add(row["name"])
            self.rolls[owner_of(row["name"])].append(row["node"])

    def pick(self, pod: str, best: list[str]) -> str | None:
        owner = owner_of(pod)
        number = self.seen[owner]
        self.seen[owner] += 1
        rolls = self.rolls.get(owner, [])
        wanted = rolls[number] if number < len(rolls) else None
        return wanted if wanted in best else None


class Replay:
    def __init__(self, folder: Path, transcript: str = "transcript.txt") -> None:
        from sim.lab.lab import Lab
        from sim.lab.scenario import load

        self.folder = folder
        self.run = yaml.safe_load((folder / "run.yaml").read_text())
        self.outcome = Outcome()
        self.recorded = read_transcript(folder / transcript)
        self.used: set[int] = set()
        with tempfile.TemporaryDirectory() as temp:
            path = Path(temp) / "golden.yaml"
            path.write_text(scenario_text(self.run, folder))
            self.lab = Lab(load(path))
        dice = Dice(folder)
        from tests.conformance.access import set_scheduler_pick

        set_scheduler_pick(self.lab, dice.pick)
        self.times: dict[str, float] = {}
        self.ends: dict[str, tuple[float, int, str]] = {}
        self.lines: list[tuple[float, str, int]] = []

    # ---- doing ------------------------------------------------------------------------------------------------
    def now(self) -> float:
        return (self.lab.now_us - self.zero_us) / 1e6

    def until(self, at: float) -> None:
        self.lab.advance(max(self.lab.now_us, self.zero_us + round(at * 1e6)))

    def type(self, line: str):
        return self.lab.run(line, patience_seconds=900)

    def play(self) -> Outcome:
        self.zero_us = self.lab.now_us
        for step in self.run.get("before") or []:
            if isinstance(step, str):
                result = self.type(step)
                if result.status:
                    self.outcome.differences.append(f"before: {step}: exit {result.status}: {result.stderr}")
            else:
                self.do(step)
        self.zero_us = self.lab.now_us
        for number, step in enumerate(self.run["steps"]):
            self.until(step["at"])
            if step.get("id"):
                self.times[step["id"]] = step["at"] if not step.get("line") else max(step["at"], self.now())
            self.times[f"#{number}"] = self.now()
            self.do(step)
        self.check_timeline()
        return self.outcome

    def do(self, step: dict) -> None:
        from tests.conformance.access import inject, ready_count

        if "note" in step or "set" in step:
            return
        if "wait" in step:
            wait = step["wait"]
            if "seconds" in wait:
                self.lab.advance(self.lab.now_us + round(wait["seconds"] * 1e6))
                return
            namespace, selector = wait["ready"].split()
            limit = self.lab.now_us + 180_000_000
            while self.lab.now_us < limit and ready_count(self.lab, namespace, selector) < wait["count"]:
                self.lab.advance(self.lab.now_us + 50_000)
            return
        if "fault" in step:
            for host in step.get("hosts") or [step["host"]]:
                inject(self.lab, step["fault"], host, end=bool(step.get("end")))
            return
        for word in ("kill", "stop", "start"):
            if word in step:
                inject(self.lab, word, step[word])
                return
        began = self.now()
        result = self.type(step.get("run") or step["line"])
        self.lines.append((self.now(), step["line"], result.status))
        if not step.get("silent"):
            self.compare(step, result, self.now() - began)

    # ---- comparing --------------------------------------------------------------------------------------------
    def find(self, step: dict) -> Recorded | None:
        best = [
            (abs(row.at - step["at"]), number) for number, row in enumerate(self.recorded)
            if number not in self.used and row.line.split("\n")[0] == step["line"].split("\n")[0]
        ]
        if not best:
            return None
        number = min(best)[1]
        self.used.add(number)
        return self.recorded[number]

    def compare(self, step: dict, result, took: float) -> None:
        mode = step.get("compare", "text")
        where = f"[{step['at']}] {step['line'][:90]}"
        recorded = self.find(step)
        if mode == "skip":
            return
        if "exit" in step and result.status != step["exit"]:
            self.outcome.differences.append(f"{where}: exit {result.status}, real {step['exit']}: {result.stderr[-300:]}")
        if "took" in step:
            want = step["took"]
            low, high = want if isinstance(want, list) else (
                want - max(1.5, want * 0.1), want + max(1.5, want * 0.1))
            if not low <= took <= high:
                self.outcome.differences.append(f"{where}: took {took:.1f} s, real {want}")
        if mode == "exit" or recorded is None:
            return
        for stream, ours, real in (("out", result.stdout, recorded.out), ("err", result.stderr, recorded.err)):
            problem = self.differ(mode, step, ours.splitlines(), real)
            if problem:
                self.outcome.differences.append(f"{where} ({stream})\n{problem}")

    def differ(self, mode: str, step: dict, ours: list[str], real: list[str]) -> str:
        leave = {"drop": step.get("drop", ()), "cut": step.get("cut"), "only": step.get("only")}
        if mode == "cells":
            drop = lambda rows: [r for r in rows if "openshift" not in r and not any(re.search(p, r) for p in leave["drop"])]
            a, total, masked = masks.cells(drop(ours), step.get("mask", ()))
            b, _, _ = masks.cells(drop(real), step.get("mask", ()))
            self.outcome.cells += total
            self.outcome.masked += masked
            if a == b:
                return ""
            text = []
            for index in range(max(len(a), len(b))):
                x = a[index] if index < len(a) else ((), Counter())
                y = b[index] if index < len(b) else ((), Counter())
                if x[0] != y[0]:
                    text.append(f"  header {x[0]} real {y[0]}")
                text += [f"  + {row}" for row in (x[1] - y[1])] + [f"  - {row}" for row in (y[1] - x[1])]
            return "\n".join(text)
        a, b = masks.lines(ours, **leave), masks.lines(real, **leave)
        self.outcome.cells += len(a)
        if mode == "set":
            norm = lambda rows: Counter(_as_set(row) for row in rows)
            x, y = norm(a), norm(b)
            if x == y:
                return ""
            return "\n".join([f"  + {row}" for row in (x - y)] + [f"  - {row}" for row in (y - x)])
        if a == b:
            return ""
        import difflib

        return "\n".join("  " + row for row in difflib.unified_diff(b, a, "real", "ours", lineterm="", n=1))

    # ---- the timeline -----------------------------------------------------------------------------------------
    def check_timeline(self) -> None:
        from tests.conformance.access import happenings

        rows = [(at - self.zero_us / 1e6, kind, name, what, node) for at, kind, name, what, node in happenings(self.lab)]
        rows += [(at, "Line", line, f"exit {status}", "") for at, line, status in self.lines]
        for row in self.run.get("timeline") or []:
            after = self.times[row["after"]]
            kind, _, name = row["object"].partition("/")
            kind = {"PDB": "PodDisruptionBudget"}.get(kind, kind)
            change = row["change"]
            none = change == "none" or change.startswith("none ")
            if none:
                stop = self.end_of(row["until_step"])
                low, high = 0.0, stop - after
                change = change.removeprefix("none").strip()
            else:
                low, high = row["seconds"]
            hits = []
            for at, k, n, what, node in rows:
                if k != kind or at < after - 1e-6 or not self.named(kind, name, n):
                    continue
                if change and what != change and not what.startswith(change + " "):
                    continue
                if "node" in row and node != row["node"]:
                    continue
                hits.append((at - after, n, what))
            inside = [hit for hit in hits if low - 0.05 <= hit[0] <= high + 0.05]
            label = f"timeline after {row['after']}: {row['object']} {row['change']}"
            if none:
                if inside:
                    self.outcome.differences.append(f"{label}: happened {inside[:3]}")
            elif "count" in row:
                want = row["count"] if isinstance(row["count"], list) else [row["count"]] * 2
                if not want[0] <= len(inside) <= want[1]:
                    self.outcome.differences.append(f"{label}: {len(inside)} times in {low}..{high}, real {want}; {hits[:6]}")
            elif not hits or not low - 0.05 <= hits[0][0] <= high + 0.05:
                self.outcome.differences.append(f"{label}: {hits[:3] or 'never'}, real {low}..{high}")

    def end_of(self, step: str) -> float:
        return self.now() if step == "end" else self.times[step]

    @staticmethod
    def named(kind: str, pattern: str, name: str) -> bool:
        if kind == "Line":
            return pattern in name
        namespace, _, plain = name.rpartition("/")
        if "/" in pattern:
            return fnmatchcase(name, pattern)
        return namespace in ("", "default") and fnmatchcase(plain, pattern) or (pattern == "*" and kind == "Pod")


def _as_set(line: str) -> str:
    """Order inside a list in brackets, or after a colon in an error, means nothing."""
    match = re.search(r"\[(.*)\]", line)
    if match:
        return line[: match.start()] + "[" + ", ".join(sorted(match[1].split(", "))) + "]" + line[match.end():]
    return line
