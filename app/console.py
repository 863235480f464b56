"""What an operator has on the screen, as one observable per session of the app."""

from dataclasses import dataclass, field, replace

import flet as ft

from app.state import Remote
from shared.operating import CommandForms, MessageView
from shared.stations import Dispute, StationView

MESSAGES_MAX = 300
"""Frames on the screen; older ones are a search away."""


@dataclass(frozen=True)
class Search:
    """What is looked for in the message log; empty fields ask for nothing."""

    station: str = ""
    action: str = ""
    direction: str = ""
    text: str = ""

    def query(self) -> dict[str, str]:
        """As the API takes it."""
        return {name: value for name, value in vars(self).items() if value}

    def changed(self, **fields: str) -> "Search":
        """Another search."""
        return replace(self, **fields)


@dataclass(eq=False)
class Console(ft.Observable):
    """Stations, disputes, the message log as far as it was read, and what a station can be asked."""

    stations: Remote[list[StationView]] = field(default_factory=Remote)
    disputes: Remote[list[Dispute]] = field(default_factory=Remote)
    messages: Remote[list[MessageView]] = field(default_factory=Remote)
    cursor: str | None = None
    live: bool = False
    forms: Remote[CommandForms] = field(default_factory=Remote)

    def station(self, station_id: str) -> StationView | None:
        """A station that is known."""
        return next((one for one in self.stations.value or [] if str(one.id) == station_id), None)

    def hear(self, news: list[MessageView]) -> None:
        """Frames that were just kept go on top; each once, in the order of the log."""
        known = {one.id: one for one in [*(self.messages.value or []), *news]}
        newest = sorted(known.values(), key=lambda one: one.id, reverse=True)
        self.messages = self.messages.ready(newest[:MESSAGES_MAX])

    def clear(self) -> None:
        """Forget everything: somebody else may sign in."""
        for name, value in vars(Console()).items():
            if not name.startswith("_"):
                setattr(self, name, value)
