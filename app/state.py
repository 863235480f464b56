"""What the app knows, as observables: one tree per session of the app, never shared between two.

Components subscribe to a branch (`ft.use_state(branch)`); methods change it and can be tested without Flet.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

import flet as ft
import msgspec

from shared.accounts import ClockView, DemoDriver, Me
from shared.locations import LocationView
from shared.plans import PriceCurveView
from shared.problems import Problem
from shared.sessions import SessionState, SessionSummary, SessionView, StayEstimate
from shared.tariffs import HomeTariff
from shared.vehicles import Vehicle
from shared.wallets import Wallet, WalletEntry
from shared.wire import ClockChanged, LiveEvent, SessionChanged, WalletChanged

T = TypeVar("T")
WIDE_FROM = 840
"""Logical pixels from which a window gets the desktop layout."""


class Phase(StrEnum):
    """How far something asked from the API is."""

    IDLE = "idle"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class Remote(Generic[T]):
    """A value that lives on the server. A failed or repeated request keeps the last value on the screen."""

    value: T | None = None
    phase: Phase = Phase.IDLE
    problem: Problem | None = None

    def loading(self) -> "Remote[T]":
        """Asked, no answer yet."""
        return replace(self, phase=Phase.LOADING, problem=None)

    def ready(self, value: T | None) -> "Remote[T]":
        """Answered."""
        return Remote(value, Phase.READY)

    def failed(self, problem: Problem) -> "Remote[T]":
        """Refused or not reached."""
        return replace(self, phase=Phase.FAILED, problem=problem)

    @property
    def first_load(self) -> bool:
        """Nothing to show yet, an answer is on its way: draw a skeleton."""
        return self.value is None and self.phase in {Phase.IDLE, Phase.LOADING}


class LinkState(StrEnum):
    """The live connection to the server."""

    CONNECTING = "connecting"
    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(eq=False)
class Prefs(ft.Observable):
    """How the app looks. `theme`: system, light or dark; `language`: en, nl or de."""

    language: str = "en"
    theme: str = "system"
    wide: bool = False
    width: float = 390.0

    def resize(self, width: float) -> None:
        """Take the window's width in logical pixels; in steps of 8, so that dragging an edge does not flood."""
        self.width = width // 8 * 8
        self.wide = width >= WIDE_FROM


@dataclass(eq=False)
class Link(ft.Observable):
    """Whether news arrive."""

    state: LinkState = LinkState.CONNECTING


@dataclass(eq=False)
class Clock(ft.Observable):
    """The server's time, carried on between its messages. `now` moves in steps (`tick`), for what shows it."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    speed: int = 1
    demo: bool = False
    _heard: datetime | None = None
    _heard_at: float = 0.0

    def hear(self, view: ClockView | ClockChanged) -> None:
        """Set the clock by the server's word."""
        self._heard, self._heard_at = view.now, time.monotonic()
        self.speed, self.demo, self.now = view.speed, view.demo, view.now

    def at_present(self) -> datetime:
        """The server's time by our reckoning."""
        if self._heard is None:
            return datetime.now(UTC)
        return self._heard + timedelta(seconds=(time.monotonic() - self._heard_at) * self.speed)

    def tick(self) -> None:
        """Show the time again where the minute has changed."""
        present = self.at_present()
        if present.replace(second=0, microsecond=0) != self.now.replace(second=0, microsecond=0):
            self.now = present


@dataclass(eq=False)
class Board(ft.Observable):
    """Everything asked from the API, by noun."""

    me: Me | None = None
    drivers: Remote[list[DemoDriver]] = field(default_factory=Remote)
    sessions: Remote[list[SessionView]] = field(default_factory=Remote)
    prices: Remote[PriceCurveView] = field(default_factory=Remote)
    at_home: Remote[StayEstimate] = field(default_factory=Remote)
    locations: Remote[list[LocationView]] = field(default_factory=Remote)
    wallet: Remote[Wallet] = field(default_factory=Remote)
    entries: Remote[list[WalletEntry]] = field(default_factory=Remote)
    entries_cursor: str | None = None
    history: Remote[list[SessionSummary]] = field(default_factory=Remote)
    history_cursor: str | None = None
    tariff: Remote[HomeTariff] = field(default_factory=Remote)
    vehicles: Remote[list[Vehicle]] = field(default_factory=Remote)

    def session(self, session_id: UUID) -> SessionView | None:
        """A session that is known."""
        return next((one for one in self.sessions.value or [] if one.id == session_id), None)

    def location(self, location_id: UUID) -> LocationView | None:
        """A public location that is known."""
        return next((one for one in self.locations.value or [] if one.id == location_id), None)

    def put_session(self, view: SessionView) -> None:
        """Replace a session, or add it on top; a settled one stays until it is dismissed."""
        known = list(self.sessions.value or [])
        if any(one.id == view.id for one in known):
            known = [view if one.id == view.id else one for one in known]
        elif view.state is not SessionState.SETTLED:
            known = [view, *known]
        self.sessions = self.sessions.ready(known)

    def drop_session(self, session_id: UUID) -> None:
        """Take a session off the screen."""
        self.sessions = self.sessions.ready([one for one in self.sessions.value or [] if one.id != session_id])

    def put_location(self, view: LocationView) -> None:
        """Replace a location, or add it."""
        known = list(self.locations.value or [])
        if any(one.id == view.id for one in known):
            known = [view if one.id == view.id else one for one in known]
        else:
            known = [*known, view]
        self.locations = self.locations.ready(known)

    def put_entry(self, event: WalletChanged) -> None:
        """A posted entry: on top of the list, and into balance and pending."""
        known = [one for one in self.entries.value or [] if (one.id, one.kind) != (event.entry.id, event.entry.kind)]
        self.entries = self.entries.ready([event.entry, *known])
        if self.wallet.value is not None:
            balance = {"balance_minor": event.balance_minor, "pending_minor": event.pending_minor}
            self.wallet = self.wallet.ready(msgspec.structs.replace(self.wallet.value, **balance))

    def clear(self) -> None:
        """Forget everything that belongs to the account that was signed in."""
        fresh = Board()
        for name in vars(fresh):
            if not name.startswith("_") and name != "drivers":
                setattr(self, name, getattr(fresh, name))


class Access(StrEnum):
    """Who is there."""

    RESTORING = "restoring"
    SIGNED_OUT = "signed_out"
    SIGNED_IN = "signed_in"


@dataclass(eq=False)
class Door(ft.Observable):
    """Whether somebody is signed in, and what the sign-in screen has to say (`notice`: a code of the app's texts)."""

    access: Access = Access.RESTORING
    notice: str | None = None


@dataclass
class AppState:
    """The whole of it. The branches are observables that never get replaced."""

    prefs: Prefs = field(default_factory=Prefs)
    link: Link = field(default_factory=Link)
    clock: Clock = field(default_factory=Clock)
    board: Board = field(default_factory=Board)
    door: Door = field(default_factory=Door)

    def apply(self, event: LiveEvent) -> None:
        """Take in a live event. Events that only say "ask again" change nothing here."""
        if isinstance(event, SessionChanged):
            self.board.put_session(event.session)
        elif isinstance(event, WalletChanged):
            self.board.put_entry(event)
        elif isinstance(event, ClockChanged):
            self.clock.hear(event)

    def redraw(self) -> None:
        """Render everything again, e.g. after a reconnect of the screen that missed updates."""
        for branch in (self.prefs, self.link, self.clock, self.board, self.door):
            branch.notify()  # type: ignore[no-untyped-call]  # Flet leaves it unannotated
