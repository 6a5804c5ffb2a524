"""Lines that people type: none crashes, none hangs; of the first lab's topics at least 90 of 100 run."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.lines import NEEDS, refusals, run_all

FILE = Path(__file__).parent / "lines_data" / "commands.jsonl"
"""From public CKA material (the source is in each row)."""
ROWS = [row for row in map(json.loads, FILE.read_text(encoding="utf-8").splitlines()) if row["needs"] in NEEDS]


def judge(rows):
    answers = run_all(rows, jobs=2)
    bad = [(answer, row["line"]) for row, answer in zip(rows, answers, strict=True)
           if answer["outcome"] in ("crashed", "hung")]
    assert not bad, bad
    return answers


def test_first_labs_lines():
    answers = judge([row for row in ROWS if row["topic"] in ("os-upgrade", "shell")])
    share = Counter(answer["outcome"] for answer in answers)["ran"] / len(answers)
    assert share >= 0.9, refusals(answers)


@pytest.mark.slow
def test_no_line_crashes_or_hangs():
    judge(ROWS)
