"""The receipt: enough to recompute cost, value and cashback with a pocket calculator."""

from datetime import datetime
from uuid import UUID

import msgspec

from shared.plans import Shortfall


class ReceiptSlot(msgspec.Struct, frozen=True):
    """The part of a slot that lies in the stay. value_nano = price x (baseline_wh - actual_wh).

    `start` and `seconds` are of that part; driver_price is the driver's own price of the slot. `unmanaged_wh` stands in
    baseline and actual alike: energy after an override under the policy FORFEIT_AFTER, else 0.
    """

    start: datetime
    seconds: int
    baseline_wh: int
    actual_wh: int
    price_micro_per_kwh: int
    driver_price_micro_per_kwh: int
    value_nano: int
    quality: str
    unmanaged_wh: int = 0


class CostParts(msgspec.Struct, frozen=True):
    """What the driver pays for a stay, by component in nano-units; rounded once, to `total_minor`."""

    energy_nano: int
    time_nano: int
    session_nano: int
    idle_nano: int
    total_minor: int


class FeeTerms(msgspec.Struct, frozen=True):
    """The fees beside the price per kWh: micro-units per hour plugged in and idle, minor units per session."""

    time_micro_per_hour: int
    session_minor: int
    idle_micro_per_hour: int
    idle_after_minutes: int


class Split(msgspec.Struct, frozen=True):
    """Who gets what of the net value, minor units. driver + operator + provider = net_minor, always.

    `share_*_bps` are basis points; `driver_raw_nano` is the driver's share before rounding; `pending_before_minor`
    and `pending_after_minor` are the driver's pending sum; `paid_minor` became payable with this session.
    """

    share_driver_bps: int
    share_operator_bps: int
    share_provider_bps: int
    net_minor: int
    driver_raw_nano: int
    driver_minor: int
    operator_minor: int
    provider_minor: int
    min_payout_minor: int
    max_payout_minor: int
    policy: str  # ACCUMULATE | DROP | AT_ONCE (a closed account)
    paid_minor: int
    pending_before_minor: int
    pending_after_minor: int
    capped: bool


class Receipt(msgspec.Struct, frozen=True):
    """The priced, immutable statement of a settled session. `reasons` are codes for why no (or less) cashback."""

    session_id: UUID
    cdr_id: UUID
    case: str  # A..G of the design's table of who pays whom
    location_name: str
    evse_label: str
    contract_kind: str
    currency: str
    time_zone: str
    started_at: datetime
    ended_at: datetime
    energy_wh: int
    reference_power_w: int
    reference_power_source: str
    slots: list[ReceiptSlot]
    baseline_nano: int
    actual_nano: int
    value_nano: int
    savings_nano: int  # on the driver's own bill
    savings_minor: int
    fee_nano: int  # platform cost
    pool_nano: int  # what is shared: value - savings - fee where eligible, else 0
    split: Split
    driver_cost_minor: int | None  # energy, time, session and idle fees; None where the driver pays nothing here
    driver_cost_at_once_minor: int | None
    eligible: bool
    reasons: list[str]
    overrides: list[datetime]
    shortfall: Shortfall | None
    price_source: str
    price_quality: str
    price_curve_id: str
    sentence: str  # code of the sentence that the app shows
    formula: str
    employer_savings_nano: int = 0  # case F: on the employer's bill, not the driver's
    driver_cost: CostParts | None = None
    driver_cost_at_once: CostParts | None = None
    fee_terms: FeeTerms | None = None  # public tariffs only
    goodwill_minor: int = 0  # paid by the provider so that waiting never cost the driver more than charging at once
    override_policy: str = "PRO_RATA"
    overrides_undone: list[datetime | None] = []  # when each was taken back; None: it lasted
    revision: int = 1  # above 1: a correction of the one before
