"""Plans are made and told: who must draw less hears it first, and where that fails nobody draws more."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from small_town import (
    HOME,
    HOME_STATION,
    NOW,
    STREET,
    STREET_STATION_1,
    STREET_STATION_2,
    plug_in,
    read_meter,
    unplug,
)

from server.core.session import Followed
from server.flows import stations as station_flow
from server.flows import steering
from server.storage import locations, outbox, plans, sessions, stations
from server.workers import asking, local_lists, replan
from server.workers.ports import Heard
from shared.sessions import Delay, SessionUpdate

MINUTE = timedelta(minutes=1)
LIMIT_W = 25_000 * 690 // 1000
SHARE_W = LIMIT_W // 2
HANDLERS = {name: getattr(replan, name) for name in ("replan", "dispatch", "resend", "configure")}
HANDLERS |= local_lists.HANDLERS | asking.HANDLERS


async def work_off(context, rounds=20):
    """Do what is due, in order, until nothing is; returns what became of each task."""
    outcomes = []
    for _ in range(rounds):
        async with context.db.read() as tx:
            due = await outbox.due(tx, context.clock.now())
        if not due:
            return outcomes
        outcome = await HANDLERS[due[0].kind](context, due[0])
        outcomes.append(f"{due[0].kind}:{outcome}")
        async with context.db.begin() as tx:
            await outbox.done(tx, [due[0].id], context.clock.now(), outcome)
    raise AssertionError(outcomes)


async def come_online(context, *station_ids):
    for station_id in station_ids:
        async with context.db.begin() as tx:
            await station_flow.connect(tx, station_id, "c1", context.clock.now())


async def ask(context, session_id, **changes):
    async with context.db.begin() as tx:
        session = await sessions.get(tx, session_id)
        return await steering.change(tx, session, SessionUpdate(**changes), context.clock.now())


async def plan_of(context, session_id):
    async with context.db.read() as tx:
        session = await sessions.get(tx, session_id)
        return await plans.get(tx, session.plan_id)


async def session_of(context, session_id):
    async with context.db.read() as tx:
        return await sessions.get(tx, session_id)


async def hurry(context, *session_ids):
    """Two hours are all there is, for as much as one car can take in them: the limit binds for two."""
    for session_id in session_ids:
        await ask(context, session_id, ready_by=NOW + timedelta(hours=2), energy_wh=22_000)


@pytest.fixture
async def two_cars(context):
    """Anna and Bert on the street, both stations online and configured."""
    await come_online(context, STREET_STATION_1, STREET_STATION_2)
    await work_off(context)
    first = await plug_in(context.db, NOW, STREET_STATION_1)
    second = await plug_in(context.db, NOW, STREET_STATION_2, "BERT-CARD")
    await hurry(context, first, second)
    await work_off(context)
    return first, second


def told(stations_edge, station_id):
    return [order for kind, to, order in stations_edge.told if kind == "plan" and to == station_id]


async def plan_anew(context):
    """What becomes of a replan of the street."""
    async with context.db.begin() as tx:
        await outbox.put_once(tx, "replan", str(STREET), {"why": "prices"}, NOW)
    return await work_off(context)


async def test_two_cars_share_what_there_is(context, two_cars, stations):
    for session_id in two_cars:
        plan = await plan_of(context, session_id)
        assert (plan.outcome, plan.final_w) == ("accepted", SHARE_W)
    orders = [told(stations, station)[-1] for station in (STREET_STATION_1, STREET_STATION_2)]
    both = [sum(pair) for pair in zip(*(order.energy_wh for order in orders), strict=True)]
    assert max(both) <= LIMIT_W // 4
    assert sum(both[:8]) > 0.98 * 2 * LIMIT_W, "two hours of all that there is"
    assert [order.final_w for order in orders] == [SHARE_W, SHARE_W]


async def test_who_draws_less_from_now_on_hears_it_first(context, two_cars, stations):
    stations.told.clear()
    first, second = two_cars
    await ask(context, first, energy_wh=4_000)  # Anna wants less, so Bert may have more
    await work_off(context)
    assert [to for kind, to, _ in stations.told if kind == "plan"] == [STREET_STATION_1, STREET_STATION_2]
    stations.told.clear()
    await ask(context, first, energy_wh=40_000)
    await ask(context, second, energy_wh=4_000)
    await work_off(context)
    assert [to for kind, to, _ in stations.told if kind == "plan"] == [STREET_STATION_2, STREET_STATION_1]


@pytest.mark.parametrize("status", ["timed_out", "offline"])
async def test_while_nobody_knows_whether_one_draws_less_the_other_draws_no_more(context, two_cars, stations, status):
    first, _ = two_cars
    stations.told.clear()
    stations.says[STREET_STATION_1] = Heard(status)
    await ask(context, first, energy_wh=4_000)
    outcomes = await work_off(context)
    assert f"dispatch:held_back:{status}" in outcomes
    assert told(stations, STREET_STATION_2) == []
    stations.says.clear()
    context.clock.advance_to(NOW + 2 * MINUTE)  # asked again soon, not at once
    await work_off(context)
    assert [len(told(stations, one)) for one in (STREET_STATION_1, STREET_STATION_2)] == [2, 1]


async def test_who_comes_back_is_not_told_more_before_the_other_has_given_way(context, two_cars, stations):
    first, _ = two_cars
    stations.told.clear()
    stations.says[STREET_STATION_1] = Heard("timed_out")
    await ask(context, first, energy_wh=4_000)
    await come_online(context, STREET_STATION_2)
    outcomes = await work_off(context)
    assert "dispatch:held_back:timed_out" in outcomes
    assert told(stations, STREET_STATION_2) == []


async def test_a_car_that_comes_on_its_share_and_must_wait_hears_so_before_another_draws_more(context, stations):
    await come_online(context, STREET_STATION_1, STREET_STATION_2)
    await work_off(context)
    first = await plug_in(context.db, NOW, STREET_STATION_1)
    await ask(context, first, ready_by=NOW + timedelta(hours=2), energy_wh=22_000)
    await work_off(context)
    second = await plug_in(context.db, NOW, STREET_STATION_2, "BERT-CARD")
    await ask(context, second, ready_by=NOW + timedelta(hours=13), energy_wh=4_000)
    await ask(context, first, energy_wh=30_000)
    stations.told.clear()
    stations.says[STREET_STATION_2] = Heard("timed_out")
    outcomes = await work_off(context)
    assert (await plan_of(context, second)).power_w(NOW) < SHARE_W
    assert next(to for kind, to, _ in stations.told if kind == "plan") == STREET_STATION_2
    assert any(outcome.startswith("dispatch:held_back") for outcome in outcomes), outcomes


async def test_who_refuses_a_plan_is_reserved_for_and_the_driver_is_told(context, two_cars, stations):
    first, second = two_cars
    stations.says[STREET_STATION_1] = Heard("rejected")
    await ask(context, first, energy_wh=30_000)
    await work_off(context)
    refused = await session_of(context, first)
    assert (refused.followed, refused.not_followed_reason) == (Followed.NOT_FOLLOWED, "profile_rejected")
    other = await plan_of(context, second)
    assert max(other.energy_wh) <= (LIMIT_W - 11_040) // 4
    # The driver changes something: the station is asked once more, and does as it is told.
    stations.says.clear()
    await ask(context, first, energy_wh=20_000)
    await work_off(context)
    assert (await session_of(context, first)).followed is Followed.PENDING
    assert (await plan_of(context, first)).outcome == "accepted"


async def test_a_plan_that_says_nothing_new_is_not_sent(context, two_cars, stations):
    first, _ = two_cars
    await plan_anew(context)  # of two that share a limit the second is judged beside the verdict on the first
    before, version = len(stations.told), (await session_of(context, first)).plan_version
    assert await plan_anew(context) == ["replan:planned"]
    assert len(stations.told) == before
    assert (await session_of(context, first)).plan_version == version


async def test_less_energy_than_fits_anyway_changes_what_is_missing_and_the_driver_hears_it(context, two_cars):
    first, _ = two_cars
    missing = []
    for wanted_wh in (40_000, 30_000):
        await ask(context, first, energy_wh=wanted_wh)
        await work_off(context)
        plan = await plan_of(context, first)
        missing.append((plan.need_wh, plan.need_wh - plan.shortfall_wh, plan.outcome))
    deliverable_wh = missing[0][1]
    assert missing == [(40_000, deliverable_wh, "accepted"), (30_000, deliverable_wh, "accepted")]


async def test_a_station_that_goes_takes_its_share_with_it(context, two_cars):
    first, second = two_cars
    async with context.db.begin() as tx:
        await station_flow.disconnect(tx, STREET_STATION_1, "c1", NOW)
    held = await plan_of(context, first)
    await work_off(context)
    other = await plan_of(context, second)
    most = max(held.power_w(moment) for moment in held.moments(NOW))
    assert 0 < max(other.energy_wh) * 4 <= LIMIT_W - most
    assert (await plan_of(context, first)).id == held.id  # nobody could tell it anything


async def test_a_plan_that_a_station_has_is_reserved_though_it_was_not_heard_the_second_time(
    context, two_cars, stations
):
    first, second = two_cars
    held = await plan_of(context, first)
    stations.says[STREET_STATION_1] = Heard("offline")
    await come_online(context, STREET_STATION_1)  # and gone again, before it was told anything
    await work_off(context)
    async with context.db.begin() as tx:
        await station_flow.disconnect(tx, STREET_STATION_1, "c1", NOW)
    await work_off(context)
    most = max(held.power_w(moment) for moment in held.moments(NOW))
    assert most > SHARE_W
    other = await plan_of(context, second)
    assert max(other.energy_wh) * 4 <= LIMIT_W - most


async def test_who_was_not_heard_the_second_time_is_told_once_more_while_there(context, two_cars, stations):
    stations.says[STREET_STATION_1] = Heard("timed_out")
    await come_online(context, STREET_STATION_1)
    await work_off(context)
    stations.says.clear()
    stations.told.clear()
    context.clock.advance_to(NOW + 2 * MINUTE)
    await work_off(context)
    assert len(told(stations, STREET_STATION_1)) >= 1


async def test_a_station_that_comes_back_gets_its_share_and_its_plan_again(context, two_cars, stations):
    stations.told.clear()
    await come_online(context, STREET_STATION_1)
    await work_off(context)
    kinds = [(kind, value) for kind, to, value in stations.told if to == STREET_STATION_1 and kind != "plan"]
    assert kinds == [("share", (SHARE_W, "A", 3)), ("LocalAuthorizeOffline", "false")]
    assert len(told(stations, STREET_STATION_1)) >= 1
    async with context.db.read() as tx:
        box = await station_of(tx, STREET_STATION_1)
    assert (box.safe_held_w, box.starts_alone) == (SHARE_W, False)


async def test_a_free_station_that_would_start_alone_keeps_its_share(context, stations):
    stations.options["LocalAuthorizeOffline"] = "rejected"
    await come_online(context, STREET_STATION_1, STREET_STATION_2)
    await work_off(context)
    alone = await plug_in(context.db, NOW, STREET_STATION_1)
    await hurry(context, alone)
    await work_off(context)
    plan = await plan_of(context, alone)
    assert max(plan.energy_wh) * 4 <= SHARE_W
    stations.options.clear()
    await come_online(context, STREET_STATION_2)
    await work_off(context)
    assert max((await plan_of(context, alone)).energy_wh) * 4 == 11_040


async def test_a_home_is_told_no_share_and_its_plan_ends_at_full_power(context, stations):
    await come_online(context, HOME_STATION)
    home = await plug_in(context.db, NOW)
    await work_off(context)
    assert {kind for kind, _, _ in stations.told} == {"plan"}
    (order, *_) = told(stations, HOME_STATION)
    assert (order.final_w, order.unit, order.phases) == (11_040, "A", 3)
    assert sum(order.energy_wh) == 20_000
    assert (await session_of(context, home)).delay is Delay.MANAGED


async def test_charge_now_at_home_is_told_no_limit_unless_the_driver_said_how_much(context, stations):
    await come_online(context, HOME_STATION)
    home = await plug_in(context.db, NOW)
    await override(context, home)
    await work_off(context)
    assert told(stations, HOME_STATION)[-1].energy_wh == []
    await ask(context, home, energy_wh=9_000)
    await work_off(context)
    order = told(stations, HOME_STATION)[-1]
    assert (sum(order.energy_wh), order.energy_wh[0]) == (9_000, 2_760)


async def test_who_unplugs_while_the_plan_is_made_is_left_out(context, two_cars):
    first, second = two_cars

    class Leaves:
        async def solve(self, problem):
            async with context.db.begin() as tx:
                session = await sessions.get(tx, first)
                if session.ended_at is None:
                    after = msgspec.structs.replace(session, state="ended", ended_at=NOW, meter_stop_wh=0)
                    await sessions.save(tx, session, after)
            return await context.solver.solve(problem)

    before = (await session_of(context, first)).plan_version
    await ask(context, second, energy_wh=12_000)
    busy = type(context)(context.db, context.clock, context.stations, Leaves())
    async with context.db.read() as tx:
        (task,) = await outbox.due(tx, NOW)
    assert await replan.replan(busy, task) == "planned"
    assert (await session_of(context, first)).plan_version == before
    assert (await plan_of(context, second)).need_wh == 12_000


async def test_what_a_station_says_of_a_plan_changes_nothing_of_a_session_that_ended_meanwhile(context, stations):
    await come_online(context, HOME_STATION)
    home = await plug_in(context.db, NOW)

    async def leaves():
        await unplug(context.db, home, NOW + MINUTE, 0)

    stations.waits[HOME_STATION] = leaves
    await work_off(context)
    assert len(told(stations, HOME_STATION)) == 1
    session = await session_of(context, home)
    assert (session.plan_accepted, session.held_back) == (False, False)
    async with context.db.read() as tx:
        assert "plan_accepted" not in [event.kind for event in await sessions.events(tx, home)]


async def test_an_answer_that_is_older_than_what_was_saved_meanwhile_is_asked_anew(context, two_cars):
    first, _ = two_cars
    asked = []

    class Outrun:
        async def solve(self, problem):
            asked.append(problem)
            if len(asked) == 1:
                await ask(context, first, energy_wh=6_000)
                async with context.db.begin() as tx:
                    seen = (await locations.get(tx, STREET)).planned_version
                    assert await plans.advance_version(tx, STREET, seen)
            return await context.solver.solve(problem)

    await ask(context, first, energy_wh=9_000)
    racing = type(context)(context.db, context.clock, context.stations, Outrun())
    async with context.db.read() as tx:
        task = (await outbox.due(tx, NOW))[0]
    assert await replan.replan(racing, task) == "planned"
    wanted = [next(one for one in problem.demands if one.id == str(first)).energy_wh for problem in asked]
    assert (wanted[0], wanted[-1]) == (9_000, 6_000)
    assert (await plan_of(context, first)).need_wh == 6_000


async def test_a_meter_that_shows_more_than_allowed_gets_the_plan_once_more_and_then_is_not_followed(context, stations):
    await come_online(context, HOME_STATION)
    home = await plug_in(context.db, NOW)
    await ask(context, home, ready_by=NOW + timedelta(hours=13), energy_wh=8_000)
    await work_off(context)
    plan = await plan_of(context, home)
    paused = next(NOW + timedelta(minutes=15 * n) for n in range(40) if not any(plan.energy_wh[max(0, n - 1) : n + 2]))
    for minutes, followed in ((5, Followed.RESENT), (10, Followed.NOT_FOLLOWED)):
        context.clock.advance_to(paused + minutes * MINUTE)
        stations.told.clear()
        await read_meter(context.db, home, context.clock.now(), 5_000 + minutes * 100, 11_040)
        await work_off(context)
        assert (await session_of(context, home)).followed is followed
        assert len(told(stations, HOME_STATION)) == (1 if followed is Followed.RESENT else 0)
    assert (await session_of(context, home)).not_followed_reason == "draws_more_than_allowed"
    # It does as it was told after all.
    context.clock.advance_to(paused + 14 * MINUTE)
    await read_meter(context.db, home, context.clock.now(), 6_000, 0)
    await work_off(context)
    session = await session_of(context, home)
    assert (session.followed, session.not_followed_reason) == (Followed.FOLLOWED, None)


async def test_a_place_where_nobody_charges_is_not_planned(context, stations):
    async with context.db.begin() as tx:
        await outbox.put_once(tx, "replan", str(HOME), {"why": "prices"}, NOW)
    assert await work_off(context) == ["replan:nobody_charges"]
    assert stations.told == []


async def override(context, session_id):
    async with context.db.begin() as tx:
        session = await sessions.get(tx, session_id)
        await steering.set_override(tx, session, context.clock.now())


async def station_of(tx, station_id: UUID):
    return await stations.get(tx, station_id)
