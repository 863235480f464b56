"""A plan beside its prices and its baseline, as the app draws it."""

from datetime import datetime
from uuid import UUID

import msgspec


class CurveSlot(msgspec.Struct, frozen=True):
    """One slot of a price curve. `quality`: FINAL, PRELIMINARY, FORECAST or ESTIMATED."""

    start: datetime
    seconds: int
    price_micro_per_kwh: int
    quality: str
    source: str


class PriceCurveView(msgspec.Struct, frozen=True):
    """Market prices of a zone, by slot, oldest first. `notices` are codes, e.g. `sources_differ`."""

    zone: str
    currency: str
    slots: list[CurveSlot]
    notices: list[str]


class PlanSlot(msgspec.Struct, frozen=True):
    """One slot of a session's stay. `price` is the market price; energies are what the slot holds, in Wh.

    `charged_wh` is metered (0 for the future), `planned_wh` is still to come (0 for the past),
    `baseline_wh` is what charging at once would have taken.
    """

    start: datetime
    seconds: int
    price_micro_per_kwh: int
    quality: str
    charged_wh: int
    planned_wh: int
    baseline_wh: int


class Shortfall(msgspec.Struct, frozen=True):
    """Energy that will be or was missing, and why (`too_little_time`, `site_limit`, `left_early`, ...)."""

    energy_wh: int
    reason: str


class PlanView(msgspec.Struct, frozen=True):
    """The plan in force. `followed`: `pending`, `followed`, `not_followed`; then `not_followed_reason` says why."""

    id: UUID | None
    made_at: datetime | None
    slots: list[PlanSlot]
    starts_at: datetime | None
    ready_at: datetime | None
    shortfall: Shortfall | None
    followed: str
    not_followed_reason: str | None
    price_source: str
