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


class HeldBack(msgspec.Struct, frozen=True):
    """What keeps a car from being ready in time, until when. `by`: `building` (it needs the power), `site_limit`,
    `grid_cap`, `feeder_limit`, `external_limit` (somebody else limits the station), `higher_priority`,
    `too_little_time`, `charger_limit`, `car_limit`.
    """

    by: str
    until: datetime


class ReadyEarlier(msgspec.Struct, frozen=True):
    """What it would cost the driver more to be ready so much earlier than planned, minor units.

    It can be had until `possible_until`, when the two plans part.
    """

    minutes: int
    ready_at: datetime
    cost_minor: int
    possible_until: datetime


class Explanation(msgspec.Struct, frozen=True):
    """What a plan in force means: what is there by the driver's time, when all would be, and what is in the way.

    Energies of the whole session, Wh. `by` None: nobody said a time. Shares of the battery are None where the car's
    state is unknown. `full_at`: when the target would be reached, staying as long as that takes; None where that lies
    beyond the plan. `held` None: all is served in time.
    """

    plan_id: UUID
    by: datetime | None
    ready_wh: int
    target_wh: int
    ready_pct: int | None
    target_pct: int | None
    full_at: datetime | None
    held: HeldBack | None
    earlier: list[ReadyEarlier]


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
