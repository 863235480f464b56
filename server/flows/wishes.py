"""What each session of a place asks of the engine, with a forecast where nobody said when the car leaves."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import appetite, calibration, chance_plan, departure, departure_reason, dial, objective, ready_by
from server.core.appetite import Appetite
from server.core.ask import Wish
from server.core.chance_plan import Ahead, Stakes
from server.core.demand import FULL_PCT, Need, NeedInputs, NeedSource, asks_history, at_meter_wh, need
from server.core.departure import Floats, Outlook, PluggedIn, Stay
from server.core.dial import Dial
from server.core.feeders import Tree
from server.core.following import DRAWING_W
from server.core.ready_by import Known, ReadyBy, ReadySource
from server.core.session import Session
from server.core.station import held_w
from server.core.timegrid import Grid
from server.flows.facts import SessionFacts
from server.storage import dials, forecasts, past_sessions
from server.storage.past_sessions import Visit
from shared.sessions import Delay

TAPERS_FROM_PCT = 90
SAID = (NeedSource.SOC, NeedSource.STATED)


class Here(msgspec.Struct, frozen=True):
    """What all sessions of a place share when they are planned."""

    tree: Tree
    grid: Grid
    market: list[int]
    now: datetime
    past_wh: dict[UUID, tuple[int, ...]]


class Past(msgspec.Struct, frozen=True):
    """What has been: visits of drivers to a place, their own and those of all others, what the forecasts
    for it have earned, and the balances of the dial.
    """

    own: Mapping[UUID, list[Visit]]
    others: Mapping[UUID, list[Visit]]
    trust: Floats | None
    balances: Mapping[tuple[UUID, Dial], float]


async def of_place(tx: AsyncSession, found: Sequence[SessionFacts], here: Here) -> list[Wish]:
    """What sessions of a place ask for, in their order."""
    plain = [_wish(one, here) for one in found]
    unsaid = [one for one, wish in zip(found, plain, strict=True) if _is_forecast(wish)]
    if not unsaid:
        return plain
    past = await _past(tx, unsaid)
    out = []
    for one, wish in zip(found, plain, strict=True):
        if not _is_forecast(wish):
            out.append(wish)
            continue
        # Milliseconds each, and a site has hundreds of sessions: nobody else waits for them.
        out.append(await asyncio.to_thread(_by_forecast, one, here, wish, past))
    return out


def _is_forecast(wish: Wish) -> bool:
    return wish.ready.source is ReadySource.NONE and wish.delay is Delay.MANAGED


async def _past(tx: AsyncSession, found: Sequence[SessionFacts]) -> Past:
    """What forecasts of these sessions of one place are made of."""
    people = list(dict.fromkeys(one.session.account_id for one in found if one.session.account_id))
    where = found[0].session.location_id
    parties = list(dict.fromkeys(one.session.party_id for one in found))
    return Past(
        own=await past_sessions.visits(tx, people, where),
        others=await past_sessions.others_visits(tx, people, where),
        trust=calibration.trust(await forecasts.record(tx, where)),
        balances=await dials.balances(tx, parties),
    )


def unsaid(found: Sequence[SessionFacts]) -> list[UUID]:
    """The drivers of sessions of which nobody says how much they want: what theirs took before does."""
    return [
        one.session.account_id
        for one in found
        if one.session.account_id
        and asks_history(one.session.soc_pct, one.car.capacity_wh if one.car else None, stated_wh(one.session))
    ]


def ready(one: SessionFacts, now: datetime) -> ReadyBy:
    """The time in force. Habits and shifts are about leaving home: who has no station there has the street for it."""
    at_home = one.driver is not None and (not one.location.public or not one.driver.has_home_station)
    known = Known(one.driver.time_zone if one.driver is not None else one.location.time_zone)
    if one.driver is not None and at_home:
        known = Known(known.zone, one.driver.habits, one.driver.calendar, one.driver.travel_minutes or 0)
    session, needs = one.session, one.session.car_needs
    return ready_by.choose(session.stated_ready_by, known, session.started_at, now, needs.ready_by if needs else None)


def _wish(one: SessionFacts, here: Here) -> Wish:
    grid, market, now = here.grid, here.market, here.now
    session = one.session
    delay = objective.may_delay(session, one.contract.terms if one.contract else None, consent=one.consent)
    prices = market
    if delay is Delay.MANAGED and one.contract is not None:
        prices = objective.planning_prices(one.contract.terms, market, one.driver_prices(grid, market))
    asked = _need(one, here, at_once=delay is not Delay.MANAGED or session.delay is not Delay.MANAGED)
    return Wish(
        session_id=session.id,
        need=asked,
        ready=ready(one, now),
        delay=delay,
        max_w=one.max_w,
        phases=one.phases,
        prices=prices,
        final_w=_final_w(one, here),
        feeder_id=one.station.feeder_id,
        tail_s=_tail_s(one),
        one_block=session.one_block,
        drawing=session.power_w >= DRAWING_W,
        go_on=session.wakes > 0 and not _waits_for_its_timer(one),
        station_id=session.station_id,
        connector_no=session.connector_no,
    )


def _final_w(one: SessionFacts, here: Here) -> int:
    """What a plan ends in: full power, or behind a shared limit the safe share, as far as the station holds it yet."""
    share = here.tree.share_w(one.station.feeder_id, one.phases)
    if share is None:
        return one.max_w
    held = held_w(one.station, one.phases)
    return share if held is None else min(share, held)


def _waits_for_its_timer(one: SessionFacts) -> bool:
    return one.car is not None and one.car.timer_at is not None


def _by_forecast(one: SessionFacts, here: Here, wish: Wish, past: Past) -> Wish:
    """The same with the departure that the stays so far lead to expect, weighed by the driver's dial."""
    session = one.session
    assert session.account_id is not None, "only a driver with a contract is delayed"
    seen = PluggedIn(session.started_at, here.now, one.location.time_zone)
    own, others = (_before(visits[session.account_id], seen.arrived_at) for visits in (past.own, past.others))
    expected = departure.outlook(_stays(own), _stays(others), seen, here.grid, trust=past.trust)
    wish = msgspec.structs.replace(
        wish,
        ready=ReadyBy(expected.likely_until, ReadySource.FORECAST),
        open_ended=True,
        reason=departure_reason.reason(expected, seen).code.value,
        stays=expected.stays,
    )
    if not wish.need.energy_wh:
        return wish
    return _weighed(one, wish, _ahead(one, here, wish, expected, _meals(own, others, seen)), past)


def _weighed(one: SessionFacts, wish: Wish, ahead: Ahead, past: Past) -> Wish:
    """The same on the prices of the best plan by both chances."""
    assert one.driver is not None
    stop = Dial(one.driver.dial)
    risk_eur = dial.risk_eur(stop, past.balances.get((one.session.party_id, stop), 0.0))
    charging = chance_plan.plan(ahead, Stakes(risk_eur, dial.SHORT_WH, wish.need.floor_wh))
    lost_micro = round(risk_eur * chance_plan.MICRO * 1_000 / wish.need.energy_wh)
    prices = chance_plan.engine_prices(ahead, charging, wish.need.energy_wh, lost_micro)
    return msgspec.structs.replace(
        wish, prices=prices, unvalued=ahead if one.session.answer_worth_minor is None else None
    )


def _ahead(one: SessionFacts, here: Here, wish: Wish, expected: Outlook, usual: Appetite) -> Ahead:
    """What lies ahead of a car, which still wants what somebody says, or else what sessions so far lead to expect."""
    if wish.need.source in SAID:
        wanted = appetite.certain(wish.need.energy_wh)
    else:
        delivered, elapsed = _delivered_wh(one.session, here.now), here.now - one.session.started_at
        rate_w = min(usual.rate_w or wish.max_w, wish.max_w)
        usual = msgspec.structs.replace(usual, rate_w=rate_w)
        wanted = appetite.after(usual, delivered, max(0, int(elapsed.total_seconds())))
        if one.car is not None and one.car.capacity_wh is not None:
            wanted = appetite.at_most(wanted, at_meter_wh(one.car.capacity_wh, FULL_PCT) - delivered)
    left_s = (here.grid.at(1) - here.now).total_seconds()
    return chance_plan.ahead(wish.prices, expected.survival, wanted, wish.max_w, left_s)


def _meals(own: Sequence[Visit], others: Sequence[Visit], seen: PluggedIn) -> Appetite:
    """What who arrives then wants in all."""
    mine, prior = (
        appetite.meals((one.energy_wh, one.started_at, one.ended_at) for one in visits) for visits in (own, others)
    )
    return appetite.appetite(mine, prior, int(seen.arrived_at.timestamp()))


def _before(visits: Sequence[Visit], arrived_at: datetime) -> list[Visit]:
    """Who was still there at an arrival teaches nothing of it."""
    return [one for one in visits if one.started_at < one.ended_at <= arrived_at]


def _stays(visits: Sequence[Visit]) -> list[Stay]:
    return [Stay(one.started_at, one.ended_at) for one in visits]


async def learn(tx: AsyncSession, one: SessionFacts) -> None:
    """What a stay that has ended says of the forecasts for its place: they are put to the test whether used or not."""
    session, place = one.session, one.location
    if session.account_id is None or session.ended_at is None or session.ended_at <= session.started_at:
        return
    me, until = session.account_id, session.started_at
    own = (await past_sessions.visits(tx, [me], place.id, until=until))[me]
    others = (await past_sessions.others_visits(tx, [me], place.id, until=until))[me]
    fate = departure.fate_of(_stays(own), _stays(others), Stay(session.started_at, session.ended_at), place.time_zone)
    await forecasts.advance(tx, place.party_id, place.id, fate)


def _tail_s(one: SessionFacts) -> int:
    """How much longer this car takes near full, where that is where it goes."""
    below = one.session.soc_pct is not None and (one.session.target_pct or FULL_PCT) < TAPERS_FROM_PCT
    return 0 if below or one.car is None else one.car.tail_s or 0


def _need(one: SessionFacts, here: Here, *, at_once: bool) -> Need:
    """How much energy is still to come."""
    session = one.session
    history = here.past_wh.get(session.account_id, ()) if session.account_id else ()
    # A car that never took anything may wait for its own timer: where nobody else wants the power, it stays allowed.
    full = session.full and not (session.asleep and one.station.feeder_id is None)
    inputs = NeedInputs(
        capacity_wh=one.car.capacity_wh if one.car else None,
        soc_pct=session.soc_pct,
        target_pct=session.target_pct,
        stated_energy_wh=stated_wh(session),
        delivered_wh=_delivered_wh(session, here.now),
        history_wh=history,
        drawing=not full,
        full=full,
        at_once=at_once,
    )
    return need(inputs)


def stated_wh(session: Session) -> int | None:
    """What somebody said that the session is to take in all, Wh: its driver, else the car itself; None: nobody did."""
    if session.stated_energy_wh is not None:
        return session.stated_energy_wh + session.stated_at_wh
    return session.car_needs.session_wh if session.car_needs is not None else None


def _delivered_wh(session: Session, now: datetime) -> int:
    """What a session has taken, counting what flowed since the last reading."""
    since = 0.0 if session.read_at is None else (now - session.read_at).total_seconds()
    return session.energy_wh + round(session.power_w * min(max(since, 0.0), 1800) / 3600)
