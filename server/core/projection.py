"""What a session will be worth, before it is over: a range, from the settlement itself."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from server.core.baseline import before
from server.core.contract import ContractKind
from server.core.settlement import HELD_BACK, SettlementInput, settle
from shared.sessions import Delay, MoneyRange

CERTAIN = 10_000
KNOWN_QUALITIES = ("FINAL", "PRELIMINARY")
UNMANAGED = (Delay.NO_CONSENT, Delay.NOT_CONTROLLABLE)


class Uncertainty(msgspec.Struct, frozen=True, kw_only=True):
    """What may come otherwise. Before `now` the meter has spoken; energies and prices are shares in basis points.

    `energy_low_bps`, `energy_high_bps`: of the energy still to come; `earliest`: when the car may leave at the
    earliest; `price_bps`: how much further from (or nearer to) their mean prices that nobody has published may lie.
    """

    now: datetime
    energy_low_bps: int = CERTAIN
    energy_high_bps: int = CERTAIN
    earliest: datetime | None = None
    price_bps: int = 0


class Estimate(msgspec.Struct, frozen=True):
    """From and to of what a session brings: cashback, and savings on the driver's own bill. Not guaranteed."""

    cashback: MoneyRange
    savings: MoneyRange


def estimate(plan: SettlementInput, doubt: Uncertainty) -> Estimate:
    """The range of what a session brings, by settling it as planned and as it may come otherwise.

    `plan.metered_wh` is metered plus planned. What may differ: less or more energy, an early departure, prices.
    """
    outcomes = [settle(carried_out(priced)) for case in _courses(plan, doubt) for priced in _priced(case, doubt)]
    cashback = [outcome.split.driver_minor for outcome in outcomes]
    savings = [outcome.savings_minor for outcome in outcomes]
    return Estimate(MoneyRange(min(cashback), max(cashback)), MoneyRange(min(savings), max(savings)))


def carried_out(plan: SettlementInput) -> SettlementInput:
    """The session as if the station accepts what it is sent, and the meter is seen throughout."""
    if plan.delay in UNMANAGED:
        return plan
    held = plan.delay if plan.delay in HELD_BACK else Delay.MANAGED
    return replace(plan, plan_accepted=True, delay=held, gap_share_bps=0, meter_valid=True)


# --- how it may come otherwise ------------------------------------------------------


def _courses(plan: SettlementInput, doubt: Uncertainty) -> Iterator[SettlementInput]:
    yield plan
    to_come = sum(_to_come(plan, doubt.now))
    if to_come and doubt.energy_low_bps < CERTAIN:
        yield replace(plan, metered_wh=_less(plan, doubt.now, to_come - to_come * doubt.energy_low_bps // CERTAIN))
    if to_come and doubt.energy_high_bps > CERTAIN:
        yield replace(plan, metered_wh=_more(plan, doubt.now, to_come * (doubt.energy_high_bps - CERTAIN) // CERTAIN))
    if doubt.earliest is not None and doubt.earliest < plan.ended_at:
        yield _left(plan, max(doubt.earliest, doubt.now, plan.started_at))


def _to_come(plan: SettlementInput, now: datetime) -> list[int]:
    """The energy of the slots that begin now or later, Wh: what is under way counts as metered."""
    return [energy if plan.grid.at(slot) >= now else 0 for slot, energy in enumerate(plan.metered_wh)]


def _less(plan: SettlementInput, now: datetime, surplus_wh: int) -> list[int]:
    """The car is full early: the last energy of the plan never flows."""
    out = list(plan.metered_wh)
    for slot in reversed(range(plan.grid.slots)):
        if plan.grid.at(slot) >= now:
            cut = min(out[slot], surplus_wh)
            out[slot], surplus_wh = out[slot] - cut, surplus_wh - cut
    return out


def _more(plan: SettlementInput, now: datetime, extra_wh: int) -> list[int]:
    """The car takes more: what is free of the cheapest slots still to come is filled."""
    out, seconds = list(plan.metered_wh), plan.grid.overlap_seconds(plan.started_at, plan.ended_at)
    prices = plan.market or [0] * plan.grid.slots
    coming = [slot for slot in range(plan.grid.slots) if plan.grid.at(slot) >= now]
    for slot in sorted(coming, key=lambda slot: (prices[slot], slot)):
        free = max(0, plan.reference_power_w * seconds[slot] // 3600 - out[slot])
        out[slot], extra_wh = out[slot] + min(free, extra_wh), max(0, extra_wh - free)
    return out


def _left(plan: SettlementInput, ended_at: datetime) -> SettlementInput:
    """The car leaves early: what was planned for later never flows."""
    starts = [max(start, plan.started_at) for start in plan.grid.starts()]
    seconds = plan.grid.overlap_seconds(plan.started_at, plan.ended_at)
    return replace(plan, ended_at=ended_at, metered_wh=before(ended_at, starts, seconds, plan.metered_wh))


def _priced(plan: SettlementInput, doubt: Uncertainty) -> Iterator[SettlementInput]:
    """The same course under the expected prices, flatter ones and steeper ones."""
    yield plan
    unsure = [quality not in KNOWN_QUALITIES for quality in plan.qualities]
    if plan.market is None or not doubt.price_bps or not any(unsure):
        return
    follows = plan.terms.kind is ContractKind.HOME_DYNAMIC and plan.driver_prices is not None
    for share in (CERTAIN - doubt.price_bps, CERTAIN + doubt.price_bps):
        own = _spread(plan.driver_prices, unsure, share) if follows and plan.driver_prices else plan.driver_prices
        yield replace(plan, market=_spread(plan.market, unsure, share), driver_prices=own)


def _spread(prices: Sequence[int], unsure: Sequence[bool], share_bps: int) -> list[int]:
    """Unpublished prices moved away from (above 10 000) or towards (below) their mean."""
    open_prices = [price for price, open_ in zip(prices, unsure, strict=True) if open_]
    mean = sum(open_prices) // len(open_prices)
    return [
        mean + (price - mean) * share_bps // CERTAIN if open_ else price
        for price, open_ in zip(prices, unsure, strict=True)
    ]
