"""Types lines that people really type into a suitable lab, each in a fresh fork, and counts what became of them.

    python -m tests.conformance.lines FILE.jsonl --json OUT [--topic os-upgrade …] [-j 2] [--coverage docs/coverage.md]

ran: every program and flag was understood, and the program came to its own end, success or an error of its own.
refused: something is not simulated (exit 120). unknown: no such command. crashed: an exception of ours.
hung: it went on after its patience (or for too long on this machine) though it should have ended.
"""

import argparse
import json
import os
import re
import select
import signal
import sys
import time
from collections import Counter
from pathlib import Path

PATIENCE_SECONDS = 600
"""Simulated time a line gets."""
MACHINE_SECONDS = 60
"""Real time a line gets."""
LABS = {"node-failure": "node-down", "etcd": "backup-and-restore", "multi-cluster": "backup-and-restore-2"}
"""Topic -> lab; all others have the kubeadm cluster of two nodes."""
DEFAULT_LAB = "os-upgrades"
NEEDS = ("none", "editor", "interactive")
ENDLESS = re.compile(
    r"\s(-w|--watch(-only)?(=true)?)(\s|$)|\b(logs|journalctl|tail)\b.*\s(-\w*f\w*|--follow)\b|(^|[\s|;&(])(watch|top|htop|ping)\s"
    r"|\bkubectl (proxy|port-forward)\b|\bwhile (true|:)|\s(-it|-ti|-i)\s|\bsleep infinity\b"
    r"|\betcdctl\b[\s\S]*\bsnapshot\s+save\b"  # without an answer it waits for one without limit
    r"|\bopenssl \w+\s*$|\bapt(-get)? install (?!.*(-y|--yes)\b)")  # these wait for what is typed
"""What goes on until somebody ends it, on a real machine too."""
QUIT_EDITOR = ":q!\n"
KEYS_AFTER_SECONDS = 5


def outcome_of(lab, row):
    """Type one line; give what is written of it."""
    said = []
    before = len(lab.refusals)
    try:
        status = _type(lab, row, lambda data, stream: said.append(data))
    except Exception as error:  # noqa: BLE001  a bug of ours is what is counted here
        return {"id": row["id"], "outcome": "crashed", "exit": None, "refusal": f"{type(error).__name__}: {error}"}
    text = b"".join(said).decode(errors="replace")
    shown = re.search(r"not simulated: .*", text)
    refusal = shown[0] if shown else "not simulated: " + lab.refusals[before] if len(lab.refusals) > before else ""
    if status == 120 or refusal:
        outcome = "refused"
    elif "Traceback (most recent call last)" in text:
        outcome, refusal = "crashed", text.strip().splitlines()[-1]
    elif re.search(r": command not found$", text, re.MULTILINE):
        outcome = "unknown"
    elif status == 130 and not _may_go_on(row):
        outcome = "hung"
    else:
        outcome = "ran"
    return {"id": row["id"], "outcome": outcome, "exit": status, "refusal": refusal}


def _may_go_on(row):
    """Tell whether a line may run out its patience: somebody sits there and ends it, or nothing says that it ends."""
    if row.get("needs", "none") != "none":
        return True
    return row.get("ran_expect") is None and bool(ENDLESS.search(row["line"]))


def _type(lab, row, sink):
    if row.get("needs", "none") == "editor":
        job = lab.type(row["line"], sink=sink)
        lab.advance(lab.now_us + KEYS_AFTER_SECONDS * 1_000_000)
        if job.running:
            lab.stdin(QUIT_EDITOR, lab.main_terminal)
            lab.advance(lab.now_us + KEYS_AFTER_SECONDS * 1_000_000)
        if job.running:
            lab.interrupt(lab.main_terminal)
        return job.status if job.status is not None else 130
    return lab.run(row["line"], patience_seconds=PATIENCE_SECONDS, sink=sink).status


def forked(lab, row):
    """Do a line in a fork of this very process; give (process id, pipe)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    signal.alarm(MACHINE_SECONDS)
    answer = json.dumps(outcome_of(lab, row)).encode()
    while answer:
        answer = answer[os.write(writing, answer):]
    os._exit(0)


def run_all(rows, jobs):
    """Do all lines, `jobs` at a time; give the answers in the rows' order."""
    from sim.lab.catalogue import find
    from sim.lab.lab import Lab
    from sim.lab.scenario import load

    labs, answers, open_pipes = {}, {}, {}
    waiting = sorted(rows, key=lambda row: LABS.get(row.get("topic"), DEFAULT_LAB))
    while waiting or open_pipes:
        while waiting and len(open_pipes) < jobs:
            row = waiting.pop(0)
            name = LABS.get(row.get("topic"), DEFAULT_LAB)
            if name not in labs:
                labs[name] = Lab(load(find(name)))
            child, pipe = forked(labs[name], row)
            open_pipes[pipe] = (child, row, b"", time.monotonic())
        for pipe in select.select(list(open_pipes), [], [], 1)[0]:
            child, row, data, began = open_pipes[pipe]
            more = os.read(pipe, 65536)
            if more:
                open_pipes[pipe] = (child, row, data + more, began)
                continue
            os.close(pipe)
            os.waitpid(child, 0)
            del open_pipes[pipe]
            answers[row["id"]] = json.loads(data) if data else {
                "id": row["id"], "outcome": "hung", "exit": None, "refusal": f"no end within {MACHINE_SECONDS} s of real time"}
    return [answers[row["id"]] for row in rows]


def refusals(answers):
    """Count what was refused, by program and flag, most frequent first."""
    found = Counter(re.sub(r"^not simulated: ", "", a["refusal"])[:80] for a in answers if a["outcome"] == "refused")
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--json", dest="out")
    parser.add_argument("--topic", action="append", help="only these topics (may be repeated)")
    parser.add_argument("--limit", type=int)
    parser.add_argument("-j", dest="jobs", type=int, default=2)
    parser.add_argument("--coverage", help="write the published coverage page there")
    parser.add_argument("--surprises", action="store_true", help="show lines that ended otherwise than they were seen to")
    options = parser.parse_args(argv)
    rows = [json.loads(raw) for raw in Path(options.file).read_text(encoding="utf-8").splitlines() if raw.strip()]
    rows = [row for row in rows if row.get("needs", "none") in NEEDS]
    if options.topic:
        rows = [row for row in rows if row.get("topic") in options.topic]
    rows = rows[: options.limit]
    answers = run_all(rows, options.jobs)
    counts = Counter(answer["outcome"] for answer in answers)
    print(json.dumps({**counts, "ran_share": round(counts["ran"] / max(1, len(rows)), 3)}))
    by_topic = Counter((row.get("topic"), answer["outcome"]) for row, answer in zip(rows, answers, strict=True))
    for topic in sorted({str(row.get("topic")) for row in rows}):
        shares = {o: by_topic[topic, o] for o in ("ran", "refused", "unknown", "crashed", "hung") if by_topic[topic, o]}
        print(f"  {topic:16} {100 * shares.get('ran', 0) / sum(shares.values()):5.1f} %  {shares}")
    for text, number in refusals(answers)[:60]:
        print(f"{number:5} {text}")
    for row, answer in zip(rows, answers, strict=True):
        if answer["outcome"] in ("crashed", "hung", "unknown"):
            print(f"{answer['outcome']}: {row['id']} {row['line'][:140]!r} {answer['refusal'][:200]}", file=sys.stderr)
        elif options.surprises and answer["outcome"] == "ran" and row.get("ran_expect", "success") == "success" and answer["exit"]:
            print(f"exit {answer['exit']}: {row['id']} {row['line'][:140]!r}", file=sys.stderr)
    if options.out:
        Path(options.out).write_text(json.dumps({"counts": dict(counts), "lines": answers}, indent=1) + "\n", encoding="utf-8")
    if options.coverage:
        from tests.conformance.coverage import page

        Path(options.coverage).write_text(page(rows, answers), encoding="utf-8")


if __name__ == "__main__":
    main()
