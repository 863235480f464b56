"""A charging session as its driver sees it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from shared.plans import PlanView, Shortfall

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time that says its zone."""


class SessionState(StrEnum):
    """Open: plugged in. Ended: unplugged, not yet settled. Settled: receipt and money are there."""

    OPEN = "open"
    ENDED = "ended"
    SETTLED = "settled"


class Headline(StrEnum):
    """What is happening, in one word that the app has a sentence for (arguments: fields of SessionView)."""

    CHARGES_FROM = "charges_from"  # waiting for the valley: plan.starts_at, ready
    CHARGING = "charging"  # power flows by plan: ready
    CHARGING_NOW = "charging_now"  # override or nothing to gain: ready
    PAUSED = "paused"  # between two valleys: next start = plan.starts_at
    READY = "ready"  # has what it needs, or the car is full
    OFFLINE = "offline"  # the station is silent
    NOT_DRAWING = "not_drawing"  # allowed, but the car draws nothing
    ENDED = "ended"
    SETTLED = "settled"


class Delay(StrEnum):
    """Whether this car is moved into the valley, and if not, why not."""

    MANAGED = "managed"
    NO_CONSENT = "no_consent"
    NOTHING_TO_GAIN = "nothing_to_gain"  # nobody pays for the delay and the driver saves nothing
    WOULD_COST_MORE = "would_cost_more"  # the driver's net cost would exceed charging at once
    OVERRIDDEN = "overridden"
    NOT_CONTROLLABLE = "not_controllable"
    WINDOW_TOO_SHORT = "window_too_short"


class CarNote(StrEnum):
    """What a car did that its driver should know."""

    NO_MORE_PAUSES = "no_more_pauses"  # it did not go on after one; the cashback stays
    TIMER = "timer"  # it begins when its own timer says (SessionView.car_timer_at)


class MoneyRange(msgspec.Struct, frozen=True):
    """From and to, minor units, not guaranteed."""

    low_minor: int
    high_minor: int


class HomeAdvice(msgspec.Struct, frozen=True):
    """Where home is cheaper: charge `enough_wh` here, and the rest (`rest_wh`) at home tonight. It only advises.

    `rest_here_minor` and `rest_home_minor`: what that rest costs here and there. Prices in micro-units per kWh.
    """

    enough_wh: int
    rest_wh: int
    rest_here_minor: int
    rest_home_minor: int
    here_micro_per_kwh: int
    home_micro_per_kwh: int


class StayEstimate(msgspec.Struct, frozen=True):
    """What a stay would bring before it has begun, and whether home is cheaper; at least one of the two is there.

    `cashback` None: nobody pays for waiting here. `savings` on the driver's own bill: None where no price varies.
    """

    cashback: MoneyRange | None
    savings: MoneyRange | None = None
    home: HomeAdvice | None = None


class CarSays(msgspec.Struct, frozen=True):
    """What the car itself said that it needs (ISO 15118), when: `energy_wh` was still to come then. None: not said."""

    said_at: datetime
    ready_by: datetime | None
    energy_wh: int | None
    max_w: int | None


class SessionView(msgspec.Struct, frozen=True):
    """A session with all that the home screen shows."""

    id: UUID
    state: SessionState
    headline: Headline
    delay: Delay
    location_id: UUID
    location_name: str
    evse_label: str
    public: bool
    contract_kind: str
    currency: str
    time_zone: str
    vehicle_name: str | None
    plugged_at: datetime
    ended_at: datetime | None
    ready_by: datetime | None
    ready_by_source: str  # stated | rota | habit | forecast | none
    target_pct: int | None
    soc_pct: int | None  # None: unknown, never 0
    energy_wh: int
    need_wh: int  # still to come
    power_w: int
    override: bool
    cashback: MoneyRange | None  # expected cashback of the whole session
    savings: MoneyRange | None  # expected savings on the driver's own bill
    cost_minor: int | None  # what the driver owes so far for energy and fees, None at home
    plan: PlanView
    advice: str | None = None  # a code, e.g. "arrives_estimated_prices"
    one_block: bool = False  # the driver wants it charged in one piece
    ask_worth_minor: int | None = None  # what it may bring to say when the car leaves; None: not asked
    ready_by_reason: str | None = None  # of a forecast: the code of its sentence
    ready_by_stays: int = 0  # how many of the driver's own stays it stands on
    home: HomeAdvice | None = None
    car_note: CarNote | None = None
    car_timer_at: str | None = None  # HH:MM, local: when this car was seen to begin by its own timer
    car_says: CarSays | None = None
    external_limit_w: int | None = None  # what the building or the grid leaves for this car now, where that is less


class SessionSummary(msgspec.Struct, frozen=True):
    """A row of the history."""

    id: UUID
    state: SessionState
    location_name: str
    plugged_at: datetime
    ended_at: datetime | None
    energy_wh: int
    cashback_minor: int
    savings_minor: int
    shortfall: Shortfall | None
    has_receipt: bool = False


class SessionUpdate(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Change of departure or target. `ready_by` None forgets the statement; `energy_wh` is what is still to come.

    `one_block`: in one piece, or with breaks again. `question_closed`: do not ask for the departure again here.
    """

    ready_by: Moment | msgspec.UnsetType | None = msgspec.UNSET
    target_pct: Annotated[int, msgspec.Meta(ge=10, le=100)] | msgspec.UnsetType = msgspec.UNSET
    energy_wh: Annotated[int, msgspec.Meta(ge=0, le=250_000)] | msgspec.UnsetType = msgspec.UNSET
    one_block: bool | msgspec.UnsetType = msgspec.UNSET
    question_closed: bool | msgspec.UnsetType = msgspec.UNSET


class RemoteStart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Start at a public EVSE with the signed-in driver's app token."""

    evse_id: UUID
    ready_by: Moment | None = None


class CommandAnswer(msgspec.Struct, frozen=True):
    """What the station said: `accepted`, `rejected`, `offline`, `timed_out`; accepted is not yet started."""

    status: str
    detail: str = ""


class OverrideQuote(msgspec.Struct, frozen=True):
    """What "charge now" costs: the difference of two settlements under the same prices, minor units.

    `cost_minor` = cashback forgone + savings forgone + change of the driver's own fees; positive costs the driver.
    `limited_by` names an electrical limit that keeps it below full power.
    """

    session_id: UUID
    cost_minor: int
    cashback_before_minor: int
    cashback_after_minor: int
    savings_before_minor: int
    savings_after_minor: int
    ready_before: datetime | None
    ready_after: datetime | None
    limited_by: str | None = None
