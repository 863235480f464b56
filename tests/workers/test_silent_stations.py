"""A station that is online and does not answer is not counted on for ever, and what it may draw is kept for it."""

from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa
from small_town import NOW, STREET, STREET_STATION_1, STREET_STATION_2, an_id, plug_in, read_meter

from server.core.following import UNANSWERED_MAX, is_silent
from server.core.session import Followed
from server.flows import plans as planning
from server.flows import stations as station_flow
from server.flows import steering
from server.storage import outbox, plans, sessions, tables
from server.storage import stations as stored_stations
from server.workers import asking, replan
from server.workers.ports import AT_ONCE, Heard
from shared.sessions import SessionUpdate

MINUTE = timedelta(minutes=1)
LIMIT_W = 25_000 * 690 // 1000
SHARE_W = LIMIT_W // 2
FULL_W = 11_040
HANDLERS = {name: getattr(replan, name) for name in ("replan", "dispatch", "resend", "configure")} | asking.HANDLERS


async def live_until(context, moment):
    """Do what falls due until a moment, each at its time."""
    for _ in range(200):
        async with context.db.read() as tx:
            due = await outbox.due(tx, context.clock.now())
            then = await outbox.next_due(tx)
        if due:
            async with context.db.begin() as tx:
                await outbox.start(tx, [due[0].id], context.clock.now())
            outcome = await HANDLERS[due[0].kind](context, due[0])
            async with context.db.begin() as tx:
                await outbox.done(tx, [due[0].id], context.clock.now(), outcome)
        elif then is not None and then <= moment:
            context.clock.advance_to(then)
        else:
            context.clock.advance_to(moment)
            return
    raise AssertionError("it never rests")


async def come_online(context, *station_ids):
    for station_id in station_ids:
        async with context.db.begin() as tx:
            await station_flow.connect(tx, station_id, "c1", context.clock.now())


async def ask(context, session_id, **changes):
    async with context.db.begin() as tx:
        await steering.change(tx, await sessions.get(tx, session_id), SessionUpdate(**changes), context.clock.now())


async def look(context, session_id):
    """A session with its plan in force."""
    async with context.db.read() as tx:
        session = await sessions.get(tx, session_id)
        return session, await plans.get(tx, session.plan_id)


async def reserved(context):
    async with context.db.read() as tx:
        return (await planning.prepare(tx, STREET, context.clock.now())).place.reserved_w[an_id("feeder")]


def orders(stations_edge, station_id):
    return [order for kind, to, order in stations_edge.told if kind == "plan" and to == station_id]


@pytest.fixture
async def two_cars(context):
    """Anna and Bert on the street, in a hurry: both plans are accepted, and together they are all that there is."""
    await come_online(context, STREET_STATION_1, STREET_STATION_2)
    await live_until(context, NOW)
    first = await plug_in(context.db, NOW, STREET_STATION_1)
    second = await plug_in(context.db, NOW, STREET_STATION_2, "BERT-CARD")
    for session_id in (first, second):
        await ask(context, session_id, ready_by=NOW + timedelta(hours=2), energy_wh=22_000)
    await live_until(context, NOW)
    return first, second


async def silence(context, stations_edge, session_id, status="timed_out"):
    """Anna's station goes deaf, and she wants less: Bert could have more."""
    stations_edge.says[STREET_STATION_1] = Heard(status)
    await ask(context, session_id, energy_wh=4_000)


@pytest.mark.parametrize("status", ["timed_out", "offline"])
async def test_after_three_plans_in_a_row_it_is_reserved_for_and_the_others_get_the_rest(
    context, two_cars, stations, status
):
    first, second = two_cars
    _, accepted = await look(context, first)
    held_w = max(accepted.power_w(moment) for moment in accepted.moments(NOW))
    await silence(context, stations, first, status)
    await live_until(context, NOW + MINUTE * 3 / 2)
    session, _ = await look(context, first)
    assert session.followed is not Followed.NOT_FOLLOWED, "twice may happen to anybody"
    stations.told.clear()
    await live_until(context, NOW + 3 * MINUTE)
    session, _ = await look(context, first)
    assert (session.followed, session.not_followed_reason) == (Followed.NOT_FOLLOWED, f"profile_{status}")
    assert await reserved(context) == held_w
    assert orders(stations, STREET_STATION_2), "the other one is told, and not held back"
    _, other = await look(context, second)
    assert other.outcome == "accepted"
    assert max(other.power_w(moment) for moment in other.moments(context.clock.now())[:-1]) <= LIMIT_W - held_w + 1
    async with context.db.read() as tx:
        happened = [event.kind for event in await sessions.events(tx, first)]
    assert happened.count("not_followed") == 1


async def test_it_is_asked_again_seldom_and_its_first_answer_makes_it_take_part(context, two_cars, stations):
    first, second = two_cars
    await silence(context, stations, first)
    await live_until(context, NOW + 3 * MINUTE)
    stations.told.clear()
    await live_until(context, NOW + 33 * MINUTE)
    assert len(orders(stations, STREET_STATION_1)) == 3, "every ten minutes"
    stations.says.clear()
    await live_until(context, NOW + 43 * MINUTE)
    session, plan = await look(context, first)
    assert (session.followed, session.not_followed_reason) == (Followed.PENDING, None)
    assert plan.outcome == "accepted"
    assert await reserved(context) == 0
    _, other = await look(context, second)
    assert max(other.power_w(moment) for moment in other.moments(context.clock.now())) > SHARE_W
    stations.told.clear()
    await live_until(context, NOW + 80 * MINUTE)
    assert len(orders(stations, STREET_STATION_1)) <= 1, "nobody asks it seldom any more"


async def test_a_plan_that_it_did_not_answer_may_have_arrived_and_is_reserved_too(context, stations):
    await come_online(context, STREET_STATION_1, STREET_STATION_2)
    await live_until(context, NOW)
    stations.says[STREET_STATION_1] = Heard("timed_out")
    first = await plug_in(context.db, NOW, STREET_STATION_1)
    await ask(context, first, ready_by=NOW + timedelta(hours=2), energy_wh=22_000)
    await live_until(context, NOW + 3 * MINUTE)
    session, plan = await look(context, first)
    assert is_silent(session)
    assert plan.power_w(context.clock.now()) == FULL_W > SHARE_W
    assert await reserved(context) == FULL_W


@pytest.mark.parametrize(("confirmed", "kept"), [(SHARE_W, SHARE_W), (None, FULL_W)])
async def test_what_it_never_accepted_any_plan_for_is_its_share_if_it_confirmed_that(
    context, stations, confirmed, kept
):
    await come_online(context, STREET_STATION_1, STREET_STATION_2)
    await live_until(context, NOW)
    stations.says[STREET_STATION_1] = Heard("timed_out")
    first = await plug_in(context.db, NOW, STREET_STATION_1)
    await ask(context, first, ready_by=NOW + timedelta(hours=13), energy_wh=4_000)
    await live_until(context, NOW + 3 * MINUTE)
    assert is_silent((await look(context, first))[0])
    async with context.db.begin() as tx:
        await stations_update(tx, safe_held_w=confirmed)
        await tx.execute(sa.delete(tables.SQLModel.metadata.tables["plans"]))
    assert await reserved(context) == kept


async def test_a_plan_told_once_more_counts_too_and_who_draws_more_than_it_is_kept_all_that_it_can_take(
    context, stations
):
    await come_online(context, STREET_STATION_1, STREET_STATION_2)
    await live_until(context, NOW)
    first = await plug_in(context.db, NOW, STREET_STATION_1)
    await ask(context, first, energy_wh=1_000)
    await live_until(context, NOW)
    stations.says[STREET_STATION_1] = Heard("timed_out")
    async with context.db.begin() as tx:
        for _ in range(UNANSWERED_MAX):
            await outbox.put(tx, "resend", str(STREET_STATION_1), {"session_id": first}, NOW)
    await live_until(context, NOW)
    session, plan = await look(context, first)
    assert (is_silent(session), plan.outcome) == (True, "accepted")
    assert await reserved(context) == max(SHARE_W, *(plan.power_w(moment) for moment in plan.moments(NOW)))
    context.clock.advance_to(NOW + timedelta(minutes=40))
    await read_meter(context.db, first, context.clock.now(), 4_000, FULL_W)
    session, _ = await look(context, first)
    assert (session.followed, session.not_followed_reason) == (Followed.NOT_FOLLOWED, "draws_more_than_allowed")
    assert await reserved(context) == FULL_W


async def test_one_that_nobody_counts_on_and_draws_more_than_is_reserved_takes_it_from_the_others(context, stations):
    """Its car begins although no plan was accepted that its meter could be held against."""
    await come_online(context, STREET_STATION_1, STREET_STATION_2)
    await live_until(context, NOW)
    stations.says[STREET_STATION_1] = Heard("timed_out")
    first = await plug_in(context.db, NOW, STREET_STATION_1)
    await ask(context, first, ready_by=NOW + timedelta(hours=13), energy_wh=4_000)
    second = await plug_in(context.db, NOW, STREET_STATION_2, "BERT-CARD")
    await ask(context, second, ready_by=NOW + timedelta(hours=3), energy_wh=30_000)
    await live_until(context, NOW + 4 * MINUTE)
    assert is_silent((await look(context, first))[0])
    before = await reserved(context)
    assert before < FULL_W
    _, plan = await look(context, second)
    at = context.clock.now()
    assert plan.power_w(at) > LIMIT_W - FULL_W
    await read_meter(context.db, first, at, 300, 300)
    async with context.db.read() as tx:
        assert "replan" not in [task.kind for task in await outbox.due(tx, at)], "as good as nothing"
    await read_meter(context.db, first, at + MINUTE, 500, FULL_W)
    await live_until(context, at + MINUTE)
    assert await reserved(context) == FULL_W
    _, plan = await look(context, second)
    assert plan.outcome == "accepted"
    assert plan.power_w(at + MINUTE) <= LIMIT_W - FULL_W


async def test_a_plan_that_was_made_while_it_was_given_up_is_not_its_plan(context, two_cars, stations):
    first, second = two_cars
    before = (await look(context, first))[0].plan_version
    await ask(context, first, energy_wh=4_000)

    class GivenUp:
        async def solve(self, problem):
            await give_up(context, first)
            return await context.solver.solve(problem)

    busy = type(context)(context.db, context.clock, context.stations, GivenUp())
    assert await replan.replan(busy, a_task("replan")) == "planned"
    assert (await look(context, first))[0].plan_version == before
    _, other = await look(context, second)
    assert other.sent_at is None, "the others have theirs"


async def test_a_plan_that_it_was_not_sent_before_it_was_given_up_is_not_sent_and_holds_nobody_back(
    context, two_cars, stations
):
    first, second = two_cars
    _, held = await look(context, first)
    await ask(context, first, energy_wh=4_000)  # less for Anna: first wave; more for Bert: second
    assert await replan.replan(context, a_task("replan")) == "planned"
    await give_up(context, first)
    stations.says[STREET_STATION_1] = Heard("timed_out")
    stations.told.clear()
    assert await replan.dispatch(context, a_task("dispatch")) == "sent:1"
    assert orders(stations, STREET_STATION_1) == []
    assert (await look(context, second))[1].outcome == "accepted"
    # It is asked with the plan that is reserved for it, and its answer makes it take part.
    stations.says.clear()
    async with context.db.begin() as tx:
        await outbox.put(tx, "resend", str(STREET_STATION_1), {"session_id": first}, NOW)
        (task,) = [task for task in await outbox.due(tx, NOW) if task.kind == "resend"]
    assert await replan.resend(context, task) == "accepted"
    (order,) = orders(stations, STREET_STATION_1)
    assert order.energy_wh == held.energy_wh
    await live_until(context, NOW)
    session, plan = await look(context, first)
    assert (session.followed, plan.outcome) == (Followed.PENDING, "accepted")


def a_task(kind):
    return outbox.Task(0, kind, str(STREET), "{}", NOW, 0)


async def give_up(context, session_id):
    async with context.db.begin() as tx:
        session = await sessions.get(tx, session_id)
        silent = {"followed": Followed.NOT_FOLLOWED, "not_followed_reason": "profile_timed_out"}
        await sessions.save(tx, session, msgspec.structs.replace(session, **silent))


async def test_a_share_that_was_not_answered_is_told_again_and_what_was_confirmed_before_still_counts(
    context, stations
):
    await come_online(context, STREET_STATION_1)
    await live_until(context, NOW)
    stations.says[STREET_STATION_1] = Heard("timed_out")
    await come_online(context, STREET_STATION_1)
    await live_until(context, NOW + MINUTE)
    assert (await box(context)).safe_held_w == SHARE_W
    async with context.db.begin() as tx:
        await stations_update(tx, safe_held_w=None)  # it boots
    stations.told.clear()
    await live_until(context, NOW + 21 * MINUTE)
    assert (await box(context)).safe_held_w is None
    assert [kind for kind, *_ in stations.told].count("share") == 2
    stations.says.clear()
    await live_until(context, NOW + 31 * MINUTE)
    assert (await box(context)).safe_held_w == SHARE_W


async def test_a_station_that_refuses_to_wait_at_a_start_keeps_its_share_while_it_is_free(context, stations):
    stations.says[STREET_STATION_2] = Heard("accepted", AT_ONCE)
    await come_online(context, STREET_STATION_1, STREET_STATION_2)
    first = await plug_in(context.db, NOW, STREET_STATION_1)
    await live_until(context, NOW)
    assert await reserved(context) == SHARE_W
    assert not is_silent((await look(context, first))[0])


async def test_a_free_station_that_has_not_confirmed_its_share_may_draw_all_that_it_can(context, stations):
    stations.says[STREET_STATION_2] = Heard("rejected")
    await come_online(context, STREET_STATION_1, STREET_STATION_2)
    first = await plug_in(context.db, NOW, STREET_STATION_1)
    await ask(context, first, ready_by=NOW + timedelta(hours=2), energy_wh=22_000)
    await live_until(context, NOW)
    assert await reserved(context) == FULL_W
    _, plan = await look(context, first)
    assert max(plan.power_w(moment) for moment in plan.moments(NOW)[:-1]) <= LIMIT_W - FULL_W
    await plug_in(context.db, NOW, STREET_STATION_2, "BERT-CARD")
    assert await reserved(context) == 0, "now it has a plan of its own"


async def box(context):
    async with context.db.read() as tx:
        return await stored_stations.get(tx, STREET_STATION_1)


async def stations_update(tx, **values):
    await stored_stations.update(tx, STREET_STATION_1, **values)
