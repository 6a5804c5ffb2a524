"""The terminal's screen in the app: lines broken at its width by character, as a terminal does, and again on a resize."""

from __future__ import annotations

from collections import deque

from rich.cells import chop_cells
from rich.text import Text
from textual.events import Resize
from textual.widgets import RichLog

LINES_MAX = 5000
TAB = 8


class Screen(RichLog):
    """What was written, the newest at the bottom."""

    def __init__(self) -> None:
        super().__init__(id="terminal", wrap=False, markup=False, min_width=0, max_lines=4 * LINES_MAX)
        self.can_focus = False
        self._said: deque[Text] = deque(maxlen=LINES_MAX)
        self._columns = 0

    @property
    def columns(self) -> int:
        """Give the width of a line: what is left of the scroll bar."""
        return self.scrollable_content_region.width

    def say(self, text: str) -> None:
        """Write whole lines."""
        for line in Text.from_ansi(text).split("\n", allow_blank=True):
            line.expand_tabs(TAB)
            self._said.append(line)
            if self._columns:
                self._put(line)

    def _put(self, line: Text) -> None:
        ends: list[int] = []
        for piece in chop_cells(line.plain, max(self._columns, 2))[:-1]:
            ends.append((ends[-1] if ends else 0) + len(piece))
        for part in line.divide(ends):
            self.write(part)

    def on_resize(self, event: Resize) -> None:
        """Break all lines anew when the width is another."""
        super().on_resize(event)
        if self.columns in (0, self._columns):
            return
        self._columns = self.columns
        self.clear()
        for line in self._said:
            self._put(line)
