"""The published coverage page: what of the lines people type is understood, what refuses, what is known to differ.

    make coverage
"""

from collections import Counter

from sim.kubeadm.frame.messages import MESSAGES, UNVERIFIED
from tests.conformance.conftest import _divergences
from tests.conformance.lines import refusals

HEAD = """# Coverage

What the simulator understands of what people type at clusters, and where it is known to differ from the real tools.
Written by `make coverage`; do not edit. What is not simulated says so and exits 120; it never pretends.

A line *ran* when every program and flag in it was understood and the program came to its own end (success, or its own
error such as NotFound). *Refused*: something in it is not simulated. *Unknown*: no such command on a simulated host.
"""


CLIENTS = """
## Texts of the clients

| client | help pages | what commands print |
|---|---|---|
{rows}

*text not verified*: the help pages are the real client's, what its commands print is taken from the nearest client that was
compared, with the changes that the history of its source tells. That is so for all of: {verbs}.
`kubectl completion` prints the scripts of the clients 1.27 to 1.33; 1.25 and 1.26 get 1.27's, later ones 1.33's, earlier ones refuse.
`-v=6` and more is written as the clients 1.27 to 1.33 were seen to; earlier ones as 1.27, later ones as 1.33 (*text not verified*).
"""


def clients():
    """Write which clients' texts were compared with the real ones, and which were not."""
    from sim.shell.kubectl.frame.main import table_of_verbs
    from tests.conformance import kubectl

    rows = []
    for client in ("1.20", "1.26"):
        rows.append(f"| {client} | the real client's | text not verified |")
    for client in sorted(kubectl.PATCH):
        counts = Counter(found for folder in kubectl.FOLDERS for _, _, found, _ in kubectl.replay(kubectl.HERE / "golden", folder, client))
        total = sum(n for found, n in counts.items() if found != "skipped")
        rows.append(f"| {client} | the real client's | {counts['equal']} of {total} commands equal in text and status "
                    f"({100 * counts['equal'] / total:.1f} %), {counts['listed']} listed below, {counts['refused']} refused, "
                    f"{counts['different'] + counts['crashed']} different |")
    verbs = ", ".join(f"`{verb}`" for verb in sorted(table_of_verbs()))
    return CLIENTS.format(rows="\n".join(rows), verbs=verbs)


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
    text += [clients(), "## Known differences\n"]
    for area, entries in sorted(_divergences().items()):
        for name, reasons in sorted((entries or {}).items()):
            lines = reasons.items() if isinstance(reasons, dict) else [("", reasons)]
            text += [f"* {area} **{name}**{': ' + str(part) if part else ''}: {reason}" for part, reason in lines]
    return "\n".join(text) + "\n" + unverified()


def unverified():
    """List kubeadm's texts that no recorded run and no source of that very version shows."""
    text = ["\n## Texts of kubeadm without a source of the version\n", "Read in the source of another version, or from memory.\n",
            "| since | text |", "|---|---|"]
    for name in sorted(UNVERIFIED):
        for since, words in MESSAGES[name]:
            if words is not None:
                shown = words.replace("|", "\\|").replace("\n", " ⏎ ").replace("\t", " ")
                text.append(f"| {'.'.join(map(str, since)) if since != (0,) else 'ever'} | `{shown}` |")
    return "\n".join(text) + "\n"
