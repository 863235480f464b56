"""Whether a delay serves a session: who gains nothing by waiting, or would pay for it, is charged at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from server.core import gain
from server.core.ask import Wish
from server.core.pricecurve import PriceSlot
from server.core.ready_by import ReadySource
from server.core.timegrid import Grid
from server.flows.facts import SessionFacts
from shared.sessions import Delay

AGAINST = (Delay.WOULD_COST_MORE, Delay.NOTHING_TO_GAIN)
SAME_WH = 500
"""What is still to come may drift this far with the readings before a verdict is given anew."""


class Stay(msgspec.Struct, frozen=True):
    """A session that is planned, what it wishes, and what an answer gave it by slot of `grid`, Wh."""

    one: SessionFacts
    wish: Wish
    energy_wh: Sequence[int]


def standing(found: Sequence[SessionFacts], wished: Sequence[Wish], curve: Sequence[PriceSlot]) -> list[Wish]:
    """Wishes with the verdicts that were given and still hold: nothing that they stand on has changed since.

    The engine is asked once then, and a car that charges at once is not paused in the middle for nothing. What a
    verdict stands on: the prices, when the car leaves and how much it wants.
    """
    told_at = max((slot.fetched_at for slot in curve if slot.fetched_at is not None), default=None)
    return [
        msgspec.structs.replace(wish, delay=one.session.delay) if _stands(one, wish, told_at) else wish
        for one, wish in zip(found, wished, strict=True)
    ]


def _stands(one: SessionFacts, wish: Wish, told_at: datetime | None) -> bool:
    plan = one.plan
    if wish.delay is not Delay.MANAGED or one.session.delay not in AGAINST or plan is None:
        return False
    if told_at is not None and told_at >= plan.made_at:
        return False
    if plan.depart_source != wish.ready.source.value:
        return False
    if wish.ready.source is not ReadySource.FORECAST and plan.depart_at != wish.ready.at:
        return False
    return abs(plan.need_wh + plan.delivered_at_wh - wish.need.energy_wh - one.session.energy_wh) <= SAME_WH


def against(stays: Sequence[Stay], grid: Grid, now: datetime, market: Sequence[int]) -> dict[UUID, Delay]:
    """The managed sessions that a delay does not serve, with the reason.

    Before anything has flowed the whole session is supposed; later only a delay that would cost the driver counts, for
    what was earned so far is not to be judged by the rest.
    """
    out: dict[UUID, Delay] = {}
    for stay in stays:
        if stay.wish.at_once or stay.wish.go_on or stay.one.contract is None:
            continue
        verdict = gain.decide(_outlook(stay, grid, now, market)) if sum(stay.energy_wh) else Delay.MANAGED
        if verdict is Delay.WOULD_COST_MORE or (verdict is not Delay.MANAGED and not stay.one.session.energy_wh):
            out[stay.wish.session_id] = verdict
    return out


def _outlook(stay: Stay, grid: Grid, now: datetime, market: Sequence[int]) -> gain.Outlook:
    """What the plan would do with the rest of a session."""
    one = stay.one
    assert one.contract is not None
    public = one.public_tariff if one.location.public else None
    return gain.Outlook(
        grid=grid,
        now=now,
        planned_wh=stay.energy_wh,
        market=market,
        driver_prices=None if public else one.driver_prices(grid, market),
        terms=one.contract.terms,
        public_tariff=public,
        reference_power_w=one.session.reference_power_w,
        leaves_at=stay.wish.ready.at or grid.end,
        delivered_wh=one.session.energy_wh,
        same_account=one.same_account,
    )


def heeded(wished: Sequence[Wish], verdicts: Mapping[UUID, Delay]) -> list[Wish]:
    """The same wishes with some sessions charged at once."""
    return [msgspec.structs.replace(wish, delay=verdicts.get(wish.session_id, wish.delay)) for wish in wished]
