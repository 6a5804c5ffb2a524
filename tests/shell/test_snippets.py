"""Scripts against GNU bash 5.2: what each printed on both streams, and its status."""

import json
import re
from pathlib import Path

import pytest

from tests.shell.test_limits import terminal

DATA = json.loads((Path(__file__).parent / "data" / "snippets.json").read_text(encoding="utf-8"))


def plain(text):
    """Leave out line numbers, durations and the script's place."""
    return re.sub(r"\d+m[\d.]+s", "TIME", re.sub(r"line \d+: ", "", text.replace("/tmp/snippet", "snippet")))


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: re.sub(r"\W+", "-", case["snippet"])[:40])
def test_as_bash(case):
    at = terminal()
    for path, text in DATA["files"].items():
        at.login.view.write(path, text.encode())
    for name in (".bashrc", ".profile"):
        at.login.view.remove(f"/root/{name}")
    at.login.view.write("/tmp/snippet", (case["snippet"] + "\n").encode())
    chunks = {"stdout": [], "stderr": []}
    job = at.submit("bash /tmp/snippet < /dev/null", lambda data, stream: chunks[stream].append(data))
    engine = at.login.engine
    engine.advance(engine.now_us + 60_000_000, stop=lambda: not job.running)
    at.check()
    out, err = (b"".join(chunks[stream]).decode(errors="replace") for stream in ("stdout", "stderr"))
    assert (out.replace("/tmp/snippet", "snippet"), job.status) == (case["stdout"], case["status"]), err
    assert plain(err) == plain(case["stderr"])
