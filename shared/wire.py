"""How values travel: JSON by msgspec, lists in pages, live updates as tagged events."""

from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from shared.sessions import SessionView
from shared.wallets import WalletEntry

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list, newest first. `next_cursor` is None on the last page; pass it back as `cursor`."""

    items: list[T]
    next_cursor: str | None = None


class SessionChanged(msgspec.Struct, frozen=True, tag="session_changed"):
    """Live: a session of yours opened, moved on, was planned anew or ended. Carries the whole new view."""

    session: SessionView


class WalletChanged(msgspec.Struct, frozen=True, tag="wallet_changed"):
    """Live: an entry was posted to your wallet."""

    entry: WalletEntry
    balance_minor: int
    pending_minor: int


class LocationChanged(msgspec.Struct, frozen=True, tag="location_changed"):
    """Live: an EVSE of a public location changed state or price; ask for the location again."""

    location_id: UUID


class ClockChanged(msgspec.Struct, frozen=True, tag="clock_changed"):
    """Live: the clock's time and speed (sent on change and every few seconds of wall time; speed 0 is a pause)."""

    now: datetime
    speed: int
    demo: bool


class PricesChanged(msgspec.Struct, frozen=True, tag="prices_changed"):
    """Live: a new or corrected price curve was stored."""

    zone: str


class StationChanged(msgspec.Struct, frozen=True, tag="station_changed"):
    """Live, to its operators: something is wrong with a station, or no longer; ask for the stations' health again."""

    station_id: UUID


LiveEvent = SessionChanged | WalletChanged | LocationChanged | ClockChanged | PricesChanged | StationChanged
