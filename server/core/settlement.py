"""Settlement: what a session's valley was worth, who gets it, and what the driver pays (domain 0, 1.2, 1.3).

Exact integers throughout: energy Wh, price micro per kWh, cost nano. Money is rounded once, half up to minor units.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from server.core.baseline import Baseline, baseline, before
from server.core.cashback import is_below_least, split
from server.core.contract import ContractKind, ContractTerms, OverridePolicy
from server.core.eligibility import Conduct, Reason, reasons_against, window_too_short
from server.core.tariff import PublicTariffTerms, public_cost, public_prices
from server.core.timegrid import Grid
from shared.cdrs import CostParts, FeeTerms, ReceiptSlot, Split
from shared.plans import Shortfall
from shared.sessions import Delay
from shared.units import cost_nano, minor_half_up

CASES = {
    ContractKind.PUBLIC_FIXED: "A",
    ContractKind.HOME_DYNAMIC: "B",
    ContractKind.HOME_FIXED: "C",
    ContractKind.HOME_NIGHT: "E",
    ContractKind.FLEET: "F",
    ContractKind.PUBLIC_TIMED: "G",
}
HELD_BACK = (Delay.MANAGED, Delay.OVERRIDDEN, Delay.WOULD_COST_MORE)
"""Sessions that a plan of ours may have kept waiting; the last one found out on the way."""


class SettlementInput(msgspec.Struct, frozen=True, kw_only=True):
    """A session to settle, or to suppose. One figure a slot of `grid`, which holds the stay.

    `market` is the price that values the energy, None where it is unknown. `driver_prices` is what a kWh costs whoever
    pays for the energy (driver, or employer in case F); a public tariff says it itself. `gap_share_bps` and
    `meter_valid` are the meter's (`core.meter`), `reference_power_w` is never the driver's word (`core.cdr`).
    `delivered_before_wh` is for what is still to come of a session: it counts towards the least energy only.
    """

    session_id: UUID
    grid: Grid
    started_at: datetime
    ended_at: datetime
    metered_wh: Sequence[int]
    market: Sequence[int] | None
    terms: ContractTerms
    reference_power_w: int
    reference_power_source: str
    consent: bool
    plan_accepted: bool
    delay: Delay
    driver_prices: Sequence[int] | None = None
    public_tariff: PublicTariffTerms | None = None
    qualities: Sequence[str] = ()
    overrides: Sequence[datetime] = ()
    overrides_undone: Sequence[datetime | None] = ()
    pending_before_minor: int = 0
    shortfall: Shortfall | None = None
    meter_valid: bool = True
    gap_share_bps: int = 0
    same_account: bool = False
    delivered_before_wh: int = 0


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """A settled session: everything a receipt states except names. Nano and minor units of `currency`.

    `charge_minor` is what the driver owes us for public charging; at home `driver_cost` is on the driver's own bill.
    """

    session_id: UUID
    case: str
    kind: ContractKind
    currency: str
    started_at: datetime
    ended_at: datetime
    energy_wh: int
    reference_power_w: int
    reference_power_source: str
    slots: tuple[ReceiptSlot, ...]
    baseline_nano: int
    actual_nano: int
    value_nano: int
    savings_nano: int
    employer_savings_nano: int
    fee_nano: int
    pool_nano: int
    split: Split
    driver_cost: CostParts | None
    driver_cost_at_once: CostParts | None
    fee_terms: FeeTerms | None
    goodwill_minor: int
    eligible: bool
    reasons: tuple[Reason, ...]
    delay: Delay
    overrides: tuple[datetime, ...]
    overrides_undone: tuple[datetime | None, ...]
    override_policy: OverridePolicy
    shortfall: Shortfall | None

    @property
    def savings_minor(self) -> int:
        """Savings on the driver's own bill, half up."""
        return minor_half_up(self.savings_nano)

    @property
    def charge_minor(self) -> int:
        """What the driver owes for public charging; 0 at home and at work."""
        return self.driver_cost.total_minor if self.driver_cost and self.fee_terms else 0

    @property
    def saved_minor(self) -> int:
        """What the driver's own costs are below charging at once, fees included; negative where they are above."""
        if self.fee_terms and self.driver_cost and self.driver_cost_at_once:
            return self.driver_cost_at_once.total_minor - self.driver_cost.total_minor
        return self.savings_minor

    @property
    def moved_wh(self) -> int:
        """Smart energy: what flowed in slots beyond their baseline."""
        return sum(max(0, slot.actual_wh - slot.baseline_wh) for slot in self.slots)


def settle(inputs: SettlementInput) -> Settlement:
    """Settle a session. The same input gives the same settlement; nothing is posted here."""
    stay = _stay(inputs)
    seconds = inputs.grid.overlap_seconds(*stay)
    compared, slots = _slots(inputs, stay[0], seconds)
    energy_wh, value_nano = sum(inputs.metered_wh), sum(slot.value_nano for slot in slots)
    against = reasons_against(_conduct(inputs, energy_wh), inputs.terms)
    own_nano = sum(slot.driver_price_micro_per_kwh * (slot.baseline_wh - slot.actual_wh) for slot in slots)
    employed = inputs.terms.kind is ContractKind.FLEET
    savings_nano = 0 if employed else own_nano
    pool_nano = 0 if against else value_nano - savings_nano - inputs.terms.platform_fee_nano
    shares = split(pool_nano, inputs.terms, inputs.pending_before_minor)
    cost, at_once = _costs(inputs, slots)
    said = [Reason.WINDOW_TOO_SHORT] if window_too_short(sum(seconds), energy_wh, compared.power_w) else []
    return Settlement(
        session_id=inputs.session_id,
        case=case_of(inputs.terms),
        kind=inputs.terms.kind,
        currency=inputs.terms.currency,
        started_at=stay[0],
        ended_at=stay[1],
        energy_wh=energy_wh,
        reference_power_w=compared.power_w,
        reference_power_source=compared.source,
        slots=tuple(slots),
        baseline_nano=sum(cost_nano(slot.price_micro_per_kwh, slot.baseline_wh) for slot in slots),
        actual_nano=sum(cost_nano(slot.price_micro_per_kwh, slot.actual_wh) for slot in slots),
        value_nano=value_nano,
        savings_nano=savings_nano,
        employer_savings_nano=own_nano if employed else 0,
        fee_nano=inputs.terms.platform_fee_nano,
        pool_nano=pool_nano,
        split=shares,
        driver_cost=cost,
        driver_cost_at_once=at_once,
        fee_terms=_fee_terms(inputs.public_tariff),
        goodwill_minor=_goodwill(inputs, shares, cost, at_once),
        eligible=not against,
        reasons=(*against, *said, *([] if against else _remarks(shares))),
        delay=inputs.delay,
        overrides=tuple(inputs.overrides),
        overrides_undone=tuple(inputs.overrides_undone),
        override_policy=inputs.terms.override_policy,
        shortfall=inputs.shortfall,
    )


def case_of(terms: ContractTerms) -> str:
    """The letter of who pays whom (domain 0): C without a partner is D."""
    return "D" if terms.kind is ContractKind.HOME_FIXED and not terms.partner else CASES[terms.kind]


# --- the slots ------------------------------------------------------------------


def _stay(inputs: SettlementInput) -> tuple[datetime, datetime]:
    """The stay in whole seconds, so that a receipt's seconds are all there is to reckon with."""
    start, end = inputs.started_at.replace(microsecond=0), inputs.ended_at.replace(microsecond=0)
    return start, end + timedelta(seconds=1) if end < inputs.ended_at else end


def _slots(inputs: SettlementInput, start: datetime, every: Sequence[int]) -> tuple[Baseline, list[ReceiptSlot]]:
    """The parts of slots that lie in the stay, oldest first, with what they held and what that was worth.

    The stay: its start, and how many seconds of each slot are in it.
    """
    grid = inputs.grid
    assert len(inputs.metered_wh) == grid.slots, "one figure of energy a slot"
    kept = [slot for slot in range(grid.slots) if every[slot] or inputs.metered_wh[slot]]
    begins = grid.starts()
    starts, seconds = [max(start, begins[slot]) for slot in kept], [every[slot] for slot in kept]
    metered = [inputs.metered_wh[slot] for slot in kept]
    unmanaged = _unmanaged(inputs, starts, seconds, metered)
    energy_wh = sum(metered) - sum(unmanaged)
    compared = baseline(seconds, energy_wh, inputs.reference_power_w, inputs.reference_power_source)
    market = inputs.market or [0] * grid.slots
    own = _own_prices(inputs)
    return compared, [
        ReceiptSlot(
            start=starts[row],
            seconds=seconds[row],
            baseline_wh=compared.energy_wh[row] + unmanaged[row],
            actual_wh=metered[row],
            price_micro_per_kwh=market[slot],
            driver_price_micro_per_kwh=own[slot],
            value_nano=cost_nano(market[slot], compared.energy_wh[row] + unmanaged[row] - metered[row]),
            quality=inputs.qualities[slot] if inputs.qualities else "",
            unmanaged_wh=unmanaged[row],
        )
        for row, slot in enumerate(kept)
    ]


def _unmanaged(
    inputs: SettlementInput, starts: Sequence[datetime], seconds: Sequence[int], metered: Sequence[int]
) -> list[int]:
    """Energy that flowed after an override and counts as unmanaged, by slot; under PRO_RATA there is none."""
    if inputs.terms.override_policy is OverridePolicy.PRO_RATA or not inputs.overrides:
        return [0] * len(metered)
    managed = before(min(inputs.overrides), starts, seconds, metered)
    return [whole - part for whole, part in zip(metered, managed, strict=True)]


def _own_prices(inputs: SettlementInput) -> Sequence[int]:
    """What a kWh costs whoever pays for it, by slot; an employer without a tariff of its own pays the market."""
    if inputs.public_tariff is not None:
        return public_prices(inputs.public_tariff, inputs.grid)
    if inputs.driver_prices is not None:
        return inputs.driver_prices
    exposed = inputs.terms.kind in (ContractKind.FLEET, ContractKind.HOME_DYNAMIC)
    return inputs.market if exposed and inputs.market else [0] * inputs.grid.slots


# --- the reasons, the driver's side ----------------------------------------------


def _conduct(inputs: SettlementInput, energy_wh: int) -> Conduct:
    return Conduct(
        energy_wh=energy_wh + inputs.delivered_before_wh,
        consent=inputs.consent,
        plan_accepted=inputs.plan_accepted,
        delay=inputs.delay,
        has_prices=inputs.market is not None,
        meter_valid=inputs.meter_valid,
        gap_share_bps=inputs.gap_share_bps,
        same_account=inputs.same_account,
    )


def _remarks(shares: Split) -> list[Reason]:
    """What an eligible session's receipt says of a share that is none, small or capped."""
    if shares.driver_raw_nano <= 0:
        return [Reason.NO_VALUE]
    if shares.capped:
        return [Reason.CAPPED]
    return [Reason.BELOW_MIN] if is_below_least(shares) else []


def _costs(inputs: SettlementInput, slots: Sequence[ReceiptSlot]) -> tuple[CostParts | None, CostParts | None]:
    """What the driver pays for the stay, and would have paid at once: None where someone else does, or nobody knows."""
    if inputs.public_tariff is not None:
        return _public_parts(inputs, slots, at_once=False), _public_parts(inputs, slots, at_once=True)
    if inputs.terms.kind is ContractKind.FLEET or inputs.driver_prices is None:
        return None, None
    actual = sum(cost_nano(slot.driver_price_micro_per_kwh, slot.actual_wh) for slot in slots)
    at_once = sum(cost_nano(slot.driver_price_micro_per_kwh, slot.baseline_wh) for slot in slots)
    return (
        CostParts(actual, 0, 0, 0, minor_half_up(actual)),
        CostParts(at_once, 0, 0, 0, minor_half_up(at_once)),
    )


def _public_parts(inputs: SettlementInput, slots: Sequence[ReceiptSlot], *, at_once: bool) -> CostParts:
    assert inputs.public_tariff is not None
    energy = [0] * inputs.grid.slots
    for slot in slots:
        energy[inputs.grid.index(slot.start)] = slot.baseline_wh if at_once else slot.actual_wh
    cost = public_cost(inputs.public_tariff, inputs.grid, energy, *_stay(inputs))
    return CostParts(cost.energy_nano, cost.time_nano, cost.session_nano, cost.idle_nano, cost.total_minor)


def _fee_terms(tariff: PublicTariffTerms | None) -> FeeTerms | None:
    if tariff is None:
        return None
    return FeeTerms(
        tariff.time_micro_per_hour, tariff.session_minor, tariff.idle_micro_per_hour, tariff.idle_after_minutes
    )


def _goodwill(inputs: SettlementInput, shares: Split, cost: CostParts | None, at_once: CostParts | None) -> int:
    """What the provider adds so that waiting never cost the driver more than charging at once, minor units.

    Plans are made so that it is 0; life (an early departure, other prices than forecast, an override at a dear hour)
    may have it otherwise. Owed only where a plan of ours held the car back.
    """
    if cost is None or at_once is None or inputs.delay not in HELD_BACK or not inputs.plan_accepted:
        return 0
    return max(0, cost.total_minor - shares.driver_minor - at_once.total_minor)
