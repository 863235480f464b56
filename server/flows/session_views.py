"""A session as its driver sees it: one sentence's worth of facts, the plan beside price and baseline, and the money."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core import missing, projection
from server.core.contract import OWN_BILL
from server.core.following import DRAWING_W
from server.core.pricecurve import Quality, sources
from server.core.ready_by import ReadySource
from server.core.session import Session
from server.core.settlement import Settlement
from server.flows import advising, facts
from server.flows.facts import SessionFacts
from server.flows.outlooks import Outlook, doubt, outlook
from server.storage import sessions, wallets
from shared.plans import PlanSlot, PlanView, Shortfall
from shared.sessions import CarNote, CarSays, Delay, Headline, MoneyRange, SessionState, SessionSummary, SessionView


async def current(tx: AsyncSession, account_id: UUID, now: datetime) -> list[SessionView]:
    """A driver's sessions that are not settled, newest first."""
    found = await facts.of_sessions(tx, await sessions.current_of(tx, account_id))
    return [await _view(tx, one, now) for one in found]


async def one(tx: AsyncSession, session: Session, now: datetime) -> SessionView:
    """One session."""
    return await _view(tx, await facts.of_session(tx, session), now)


async def summaries(tx: AsyncSession, account_id: UUID, before: datetime | None, limit: int) -> list[SessionSummary]:
    """A driver's sessions as rows, newest first, those that started before a time."""
    found = await sessions.page_of(tx, account_id, before, limit)
    places = {each.session.id: each.location.name for each in await facts.of_sessions(tx, found)}
    receipts = await wallets.receipts(tx, [session.id for session in found])
    return [
        SessionSummary(
            id=session.id,
            state=session.state,
            location_name=places[session.id],
            plugged_at=session.started_at,
            ended_at=session.ended_at,
            energy_wh=session.energy_wh,
            cashback_minor=receipts[session.id].split.driver_minor if session.id in receipts else 0,
            savings_minor=receipts[session.id].savings_minor if session.id in receipts else 0,
            shortfall=receipts[session.id].shortfall if session.id in receipts else None,
            has_receipt=session.id in receipts,
        )
        for session in found
    ]


async def _view(tx: AsyncSession, seen: SessionFacts, now: datetime) -> SessionView:
    session, ahead = seen.session, await outlook(tx, seen, now)
    plan = seen.plan
    cashback, savings = _brings(seen, ahead)
    return SessionView(
        id=session.id,
        state=session.state,
        headline=headline(seen, ahead),
        delay=session.delay,
        location_id=seen.location.id,
        location_name=seen.location.name,
        evse_label=seen.evse.label,
        public=seen.location.public,
        contract_kind=seen.contract.terms.kind.value if seen.contract else "",
        currency=ahead.settled.currency,
        time_zone=seen.location.time_zone,
        vehicle_name=seen.car.name if seen.car else None,
        plugged_at=session.started_at,
        ended_at=session.ended_at,
        ready_by=plan.depart_at if plan else session.stated_ready_by,
        ready_by_source=plan.depart_source if plan else "none",
        target_pct=session.target_pct,
        soc_pct=session.soc_pct,
        energy_wh=session.energy_wh,
        need_wh=sum(ahead.planned_wh),
        power_w=session.power_w,
        override=session.override_since is not None,
        cashback=cashback,
        savings=savings,
        cost_minor=_cost(seen, ahead),
        plan=_plan_view(seen, ahead),
        advice="estimated_prices" if _estimated(ahead) else None,
        one_block=session.one_block,
        ask_worth_minor=_ask_worth(seen),
        ready_by_reason=plan.depart_reason if plan and plan.depart_reason else None,
        ready_by_stays=plan.depart_stays if plan else 0,
        car_note=_car_note(seen),
        car_timer_at=seen.car.timer_at if seen.car else None,
        external_limit_w=_external_limit_w(seen, now),
        car_says=_car_says(session),
        home=await advising.of_session(tx, seen, ahead) if session.state is SessionState.OPEN else None,
    )


def _car_says(session: Session) -> CarSays | None:
    needs = session.car_needs
    return None if needs is None else CarSays(needs.said_at, needs.ready_by, needs.energy_wh, needs.most_w)


def _external_limit_w(seen: SessionFacts, now: datetime) -> int | None:
    """What a limit from elsewhere leaves, where that is less than the car could take."""
    free_w = seen.free_w(now)
    return free_w if seen.session.state is SessionState.OPEN and free_w < seen.max_w else None


def _car_note(seen: SessionFacts) -> CarNote | None:
    """What its driver is to know of a car that did not go on when it might."""
    session = seen.session
    if session.state is not SessionState.OPEN or not session.wakes:
        return None
    return CarNote.TIMER if seen.car is not None and seen.car.timer_at is not None else CarNote.NO_MORE_PAUSES


def _ask_worth(seen: SessionFacts) -> int | None:
    """What it may bring to say when the car leaves; None where nobody is asked, or not any more."""
    session, plan = seen.session, seen.plan
    by_forecast = plan is not None and plan.depart_source == ReadySource.FORECAST
    running = session.state is SessionState.OPEN and session.delay is Delay.MANAGED
    asks = session.asked and not session.question_closed and by_forecast and running
    return session.answer_worth_minor if asks else None


def headline(seen: SessionFacts, ahead: Outlook) -> Headline:
    """What is happening, in one word."""
    session = seen.session
    if session.state is not SessionState.OPEN:
        return Headline.ENDED if session.state is SessionState.ENDED else Headline.SETTLED
    if not seen.station.online:
        return Headline.OFFLINE
    if session.asleep:
        return Headline.NOT_DRAWING
    if session.full or not sum(ahead.planned_wh):
        return Headline.READY if session.plan_id else Headline.CHARGING_NOW
    if session.power_w >= DRAWING_W:
        return _under_way(session, ahead)
    if session.idle_since is not None:
        return Headline.NOT_DRAWING
    waits = ahead.starts_at is not None and ahead.starts_at > ahead.now
    if waits:
        return Headline.PAUSED if session.energy_wh else Headline.CHARGES_FROM
    return _under_way(session, ahead)


def _under_way(session: Session, ahead: Outlook) -> Headline:
    """By plan and in the valley: while power costs no more than on the average of the stay."""
    prices, slot = [slot.price_micro_per_kwh for slot in ahead.run.curve], ahead.run.grid.index(ahead.now)
    cheap = not 0 <= slot < len(prices) or prices[slot] * len(prices) <= sum(prices)
    return Headline.CHARGING if session.delay is Delay.MANAGED and cheap else Headline.CHARGING_NOW


def _estimated(ahead: Outlook) -> bool:
    return any(
        slot.quality in (Quality.ESTIMATED, Quality.FORECAST)
        for slot, energy in zip(ahead.run.curve, ahead.planned_wh, strict=True)
        if energy
    )


def _brings(seen: SessionFacts, ahead: Outlook) -> tuple[MoneyRange | None, MoneyRange | None]:
    """Cashback and savings, each from and to, by the settlement itself; None where the driver gets none of a kind."""
    own_bill = seen.contract is not None and seen.contract.terms.kind in OWN_BILL
    if not own_bill and not ahead.settled.eligible:
        return None, None
    found = projection.estimate(ahead.asked, doubt(ahead.now, settled=not sum(ahead.planned_wh)))
    return found.cashback if ahead.settled.eligible else None, found.savings if own_bill else None


def _cost(seen: SessionFacts, ahead: Outlook) -> int | None:
    """What the driver owes in public so far (energy at its price; fees at the end)."""
    prices = seen.driver_prices(ahead.run.grid, ahead.run.market)
    if not seen.location.public or prices is None:
        return None
    settled = ahead.settled
    if seen.session.state is not SessionState.OPEN and settled.driver_cost is not None:
        return settled.driver_cost.total_minor
    nano = sum(price * energy for price, energy in zip(prices, ahead.run.charged_wh, strict=True))
    return (nano + 5_000_000) // 10_000_000


def _plan_view(seen: SessionFacts, ahead: Outlook) -> PlanView:
    plan = seen.plan
    short = None
    if plan is not None and plan.shortfall_wh >= missing.LEAST_WH:  # less is none on the receipt either
        short = Shortfall(plan.shortfall_wh, plan.reason or "")
    return PlanView(
        id=plan.id if plan else None,
        made_at=plan.made_at if plan else None,
        slots=_slots(ahead),
        starts_at=ahead.starts_at,
        ready_at=ahead.ready_at,
        shortfall=short,
        followed=seen.session.followed.value,
        not_followed_reason=seen.session.not_followed_reason,
        price_source=sources(ahead.run.curve),
    )


def _slots(ahead: Outlook) -> list[PlanSlot]:
    settled: Settlement = ahead.settled
    baseline = {ahead.run.grid.index(slot.start): slot.baseline_wh for slot in settled.slots}
    return [
        PlanSlot(
            start=slot.start,
            seconds=slot.seconds,
            price_micro_per_kwh=slot.price_micro_per_kwh,
            quality=slot.quality.value,
            charged_wh=ahead.run.charged_wh[place],
            planned_wh=ahead.planned_wh[place],
            baseline_wh=baseline.get(place, 0),
        )
        for place, slot in enumerate(ahead.run.curve)
    ]
