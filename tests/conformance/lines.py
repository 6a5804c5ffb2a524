"""Types lines that people really type into a suitable lab, each in a fresh fork, and counts what became of them.

python -m tests.conformance.lines FILE.jsonl --json OUT [--topic os-upgrade --topic shell]
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

PATIENCE_SECONDS = 600


def outcome_of(lab, row):
    """Type one line; give (outcome, exit status, refusal)."""
    try:
        result = lab.run(row["line"], patience_seconds=PATIENCE_SECONDS)
    except Exception as error:  # a bug of ours is what is counted here
        return "crashed", None, f"{type(error).__name__}: {error}"
    text = result.stderr + result.stdout
    if result.status == 120 or "not simulated" in text:
        where = text.find("not simulated")
        return "refused", result.status, text[where:].splitlines()[0] if where >= 0 else "status 120"
    if result.status == 127 and "command not found" in text:
        return "unknown", 127, ""
    if result.status == 130 and row.get("ran_expect") not in ("waits", "hang", "interactive"):
        waits = any(word in row["line"] for word in (" -w", "--watch", "logs -f", "watch ", "tail -f", "--follow"))
        return ("ran" if waits else "hung"), 130, ""
    return "ran", result.status, ""


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--json", dest="out")
    parser.add_argument("--topic", action="append")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args(argv)
    rows = [json.loads(raw) for raw in Path(options.file).read_text().splitlines() if raw.strip()]
    rows = [row for row in rows if row.get("needs", "none") in ("none", "editor", "interactive")]
    if options.topic:
        rows = [row for row in rows if row.get("topic") in options.topic]
    rows = rows[: options.limit]
    from sim.lab.catalogue import find
    from sim.lab.lab import Lab
    from sim.lab.scenario import load

    scenario = load(find("os-upgrades"))
    counts, refusals, lines = Counter(), Counter(), []
    for row in rows:
        lab = Lab(scenario)
        outcome, status, refusal = outcome_of(lab, row)
        lab.close()
        counts[outcome] += 1
        if refusal:
            refusals[refusal[:100]] += 1
        lines.append({"id": row["id"], "outcome": outcome, "exit": status, "refusal": refusal})
        if outcome in ("crashed", "hung", "unknown"):
            print(f"{outcome}: {row['line'][:140]!r} {refusal}", file=sys.stderr)
    total = sum(counts.values())
    print(json.dumps({**counts, "ran_share": round(counts["ran"] / max(1, total), 3)}))
    for text, number in refusals.most_common(30):
        print(f"{number:4} {text}")
    if options.out:
        Path(options.out).write_text(json.dumps({"counts": dict(counts), "lines": lines}, indent=1) + "\n")


if __name__ == "__main__":
    main()
