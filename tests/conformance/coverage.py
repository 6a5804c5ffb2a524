"""The published coverage page: what of the lines people type is understood, what refuses, what is known to differ.

    make coverage
"""

from collections import Counter

from tests.conformance.conftest import _divergences
from tests.conformance.lines import refusals

HEAD = """# Coverage

What the simulator understands of what people type at clusters, and where it is known to differ from the real tools.
Written by `make coverage`; do not edit. What is not simulated says so and exits 120; it never pretends.

A line *ran* when every program and flag in it was understood and the program came to its own end (success, or its own
error such as NotFound). *Refused*: something in it is not simulated. *Unknown*: no such command on a simulated host.
"""


def page(rows, answers):
    """Write the page from the lines and what became of them."""
    counts = Counter((str(row.get("topic")), answer["outcome"]) for row, answer in zip(rows, answers, strict=True))
    outcomes = ("ran", "refused", "unknown", "crashed", "hung")
    text = [HEAD, "## Lines by topic\n", "| topic | lines | " + " | ".join(outcomes) + " | ran % |", "|---|" + "---:|" * 7]
    for topic in [*sorted({topic for topic, _ in counts}), "all"]:
        found = [sum(n for (t, o), n in counts.items() if o == outcome and topic in (t, "all")) for outcome in outcomes]
        text.append(f"| {topic} | {sum(found)} | " + " | ".join(map(str, found)) + f" | {100 * found[0] / sum(found):.1f} |")
    text += ["\n## Refused, by program and flag\n", "| lines | what |", "|---:|---|"]
    text += [f"| {number} | `{what.replace('|', chr(92) + '|')}` |" for what, number in refusals(answers)]
    text += ["\n## Known differences\n"]
    for area, entries in sorted(_divergences().items()):
        for name, reasons in sorted((entries or {}).items()):
            lines = reasons.items() if isinstance(reasons, dict) else [("", reasons)]
            text += [f"* {area} **{name}**{': ' + str(part) if part else ''}: {reason}" for part, reason in lines]
    return "\n".join(text) + "\n"
