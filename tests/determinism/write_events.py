"""Writes the events of scenarios' solutions, and of a typed session and its replay: run in processes of their own.

    python -m tests.determinism.write_events OUT --pipelines 100 NAME…
"""

import argparse
from pathlib import Path

from sim.engine import Stream
from sim.lab.telling import events
from sim.lab.catalogue import find
from sim.lab.lab import Lab
from sim.lab.headless.runner import solve
from sim.lab.scenario import load

SOURCES = ("kubectl get pods -A", "kubectl get nodes -o wide", "kubectl get pods -o name", "seq 1 9", "printf 'b\\na\\nc\\n'",
           "kubectl get deployments -o json", "cat /etc/os-release", "for i in 1 2 3; do echo $i; sleep 1; done", "echo $RANDOM")
FILTERS = ("sort", "sort -r", "head -3", "tail -2", "wc -l", "grep -v node01", "awk '{print $1}'", "tr a-z A-Z", "uniq", "cat",
           "while read a b; do echo \"$b $a\"; done", "sed s/a/b/", "cut -c1-20", "tee /tmp/out")
ENDS = ("", "", " > /tmp/a", " 2>&1", " &", " || echo no", " && echo yes", "; echo $?")
WRITES = ("kubectl scale deployment blue --replicas=4 &", "kubectl delete pods -l app=blue --wait=false", "wait",
          "kubectl drain node01 --ignore-daemonsets --timeout=20s &", "kubectl uncordon node01", "sleep 7; jobs",
          "kubectl rollout restart deployment blue", "kill %1; jobs", "ssh node01 'hostname; sleep 2' &",
          "(sleep 3; echo late) & echo early", "kubectl get pods -w & sleep 5; kill $!", "x=$(kubectl get nodes -o name | wc -l); echo $x")


def pipelines(count):
    """Give lines of every kind, always the same."""
    stream = Stream(1, "pipelines")
    for number in range(count):
        if number % 7 == 6:
            yield stream.choice(WRITES)
        else:
            stages = [stream.choice(SOURCES), *(stream.choice(FILTERS) for _ in range(stream.uniform(0, 3)))]
            yield " | ".join(stages) + stream.choice(ENDS)


def write(lab, path):
    """Write a lab's events."""
    path.write_text("".join(line + "\n" for line in events.lines(lab)), encoding="utf-8", newline="\n")


def session(out, count):
    """Type lines, save, load: what was printed, the events, and the events of the replay."""
    lab = Lab(load(find("os-upgrades")), seed=3)
    printed = []
    for line in pipelines(count):
        result = lab.run(line, patience_seconds=60)
        printed.append(f"$ {line}\n{result.stdout}{result.stderr}[{result.status}]\n")
    (out / "session.txt").write_text("".join(printed), encoding="utf-8", newline="\n")
    write(lab, out / "session.jsonl")
    lab.save(out / "session.save")
    write(Lab.load(out / "session.save"), out / "replay.jsonl")


def main():
    """Do as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--pipelines", type=int, default=100)
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        write(solve(Lab(load(find(name)))).lab, options.out / f"{name}.jsonl")
    session(options.out, options.pipelines)


if __name__ == "__main__":
    main()
