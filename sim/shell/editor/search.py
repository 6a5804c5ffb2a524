"""vi's searches: the last pattern again, and the word under the cursor."""

from __future__ import annotations

import re
from dataclasses import replace

from sim.shell.editor import motions
from sim.shell.editor.ex import pattern
from sim.shell.editor.text import Place, Text
from sim.shell.editor.vi import Vi


def again(vi: Vi, count: int, *, against: bool = False) -> Vi:
    """Go to the next place of the last pattern, and say where the search went around the text's end."""
    found = find(vi, vi.text, count, against=against)
    if found is None:
        return vi.told(f"E486: Pattern not found: {vi.search}" if vi.search else "E35: No previous regular expression")
    back = vi.backwards != against
    wrapped = (found > vi.text.at) if back else (found <= vi.text.at)
    said = f"{'?' if back else '/'}{vi.search}"
    if wrapped:
        said = f"search hit {'TOP, continuing at BOTTOM' if back else 'BOTTOM, continuing at TOP'}"
    return replace(vi, text=vi.text.to(*found), message=said)


def find(vi: Vi, text: Text, count: int, *, against: bool = False) -> Place | None:
    """Find the last pattern again, around the text's end."""
    rule = pattern(vi.search, ignore_case="ignorecase" in vi.options) if vi.search else None
    if rule is None:
        return None
    places = [Place(row, min(found.start(), max(len(line) - 1, 0))) for row, line in enumerate(text.lines) for found in rule.finditer(line)]
    if not places:
        return None
    at = text.at
    for _ in range(count):
        if vi.backwards != against:
            at = next((each for each in reversed(places) if each < at), places[-1])
        else:
            at = next((each for each in places if each > at), places[0])
    return at


def word_here(vi: Vi, count: int, *, backwards: bool) -> Vi:
    """Search for the word under the cursor (* and #)."""
    span = motions.inside(vi.text, "iw")
    word = vi.text.line[span[0].column:span[1].column].strip() if span is not None else ""
    if not word:
        return vi.told("E348: No string under cursor")
    return again(replace(vi, search=rf"\<{re.escape(word)}\>", backwards=backwards), count)
