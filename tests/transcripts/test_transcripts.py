"""Every `*.txt` beside this file says what it said; `pytest tests/transcripts --rewrite` writes what it says now."""

import difflib
from pathlib import Path

import pytest

from tests.transcripts.runner import play, read

HERE = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda path: path.stem)
def test_transcript(path, request):
    before = path.read_text(encoding="utf-8")
    after = play(read(before))
    if request.config.getoption("--rewrite"):
        if after != before:
            path.write_text(after, encoding="utf-8")
        return
    difference = "\n".join(difflib.unified_diff(
        before.splitlines(), after.splitlines(), path.name, "now", lineterm=""))
    assert not difference, f"if you want this: pytest tests/transcripts --rewrite\n{difference}"


def test_a_transcript_is_read_and_written_whole():
    text = (
        "# A heredoc, an open line and a status\n# scenario: first-steps\n\n## prose stays\n"
        "root@controlplane:~# cat <<E\n> one\n> E\none\nroot@controlplane:~# printf x; false\nx (no-eol)\n[1]\n")
    found = read(text)
    assert [line for _, line in found.typed] == ["cat <<E\none\nE", "printf x; false"]
    assert play(found) == text


def test_a_transcript_must_name_its_scenario():
    with pytest.raises(ValueError, match="does not name its scenario"):
        read("root@controlplane:~# true\n")
