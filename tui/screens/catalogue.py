"""The catalogue: choose a lab. Gives its name, None when left."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from sim.lab.catalogue import list_scenarios


class CatalogueApp(App[str]):
    """A list of the labs, the easiest first."""

    TITLE = "Kubedrill"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,escape", "leave", "Leave"), Binding("enter", "choose", "Open", show=True)]

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        rows = list_scenarios()
        width = max((len(row.name) for row in rows), default=4)
        yield Static("Kubedrill: rehearse cluster maintenance. Choose a lab with the arrow keys and Enter.\n")
        yield OptionList(*(Option(f"{row.name:{width}}  level {row.level}  {row.minutes:3} min  {row.title}", id=row.name)
                           for row in rows))
        yield Footer()

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        """Leave with the lab's name."""
        self.exit(message.option.id)

    def action_leave(self) -> None:
        """Leave without a lab."""
        self.exit(None)
