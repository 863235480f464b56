"""Who does not say when the car leaves: the dial, one piece, the question and its price, the reason, and the rota."""

import pytest
from flow_story import HOUR, asks, by_hour, plan_of, publish_days, question, replan, say, session_of
from msgspec.structs import replace
from small_town import ANNA, HOME, NOW, STREET, an_id, plug_in, unplug

from server.core import calibration, departure
from server.core.calibration import Record
from server.core.departure import Stay
from server.core.dial import AIM, PROMISE
from server.core.dial import Dial as Stop
from server.core.session import Refused
from server.flows import accounts as people
from server.flows import asking, session_views, settlements
from server.flows.asking import Valued
from server.storage import accounts, dials, forecasts, planned_sessions, sessions
from shared.accounts import Dial, MeUpdate
from shared.sessions import SessionState, SessionUpdate

CALENDAR = """BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART;TZID=Europe/Amsterdam:20250116T060000
RRULE:FREQ=DAILY
END:VEVENT
END:VCALENDAR
"""


async def without_habits(db):
    async with db.begin() as tx:
        anna = await accounts.get(tx, ANNA)
        await accounts.update(tx, anna, replace(anna, habits=[]))


async def learnt(db, nights=5, hours=12):
    """Anna has no habits, but nights at home, each as long."""
    await without_habits(db)
    await publish_days(db)
    for day in range(nights, 0, -1):
        came = NOW - day * 24 * HOUR
        await unplug(db, await plug_in(db, came), came + hours * HOUR, 20_000)


async def view(db, session_id, now=NOW):
    async with db.read() as tx:
        return await session_views.one(tx, await sessions.get(tx, session_id), now)


async def evening(db):
    session_id = await plug_in(db, NOW)
    await replan(db, HOME, NOW)
    await asks(db, NOW)
    return session_id


# --- why ---------------------------------------------------------------------------


async def test_a_forecast_says_on_how_many_own_stays_it_stands(town):
    await learnt(town, nights=8)
    seen = await view(town, await evening(town))
    assert (seen.ready_by_source, seen.ready_by_reason, seen.ready_by_stays) == (
        "forecast",
        "departure_own_workdays",
        8,
    )
    assert NOW + 10 * HOUR < seen.ready_by <= NOW + 12 * HOUR


async def test_a_newcomer_is_told_that_nothing_is_known_and_whoever_said_a_time_is_told_nothing(sqlite_town):
    await without_habits(sqlite_town)
    await publish_days(sqlite_town)
    session_id = await evening(sqlite_town)
    assert (await view(sqlite_town, session_id)).ready_by_reason == "departure_unknown"
    await say(sqlite_town, session_id, SessionUpdate(ready_by=NOW + 12 * HOUR), NOW)
    await replan(sqlite_town, HOME, NOW)
    assert (await view(sqlite_town, session_id)).ready_by_reason is None


# --- the dial ----------------------------------------------------------------------


async def turn(db, dial):
    async with db.begin() as tx:
        assert await people.update_me(tx, ANNA, MeUpdate(dial=dial), NOW) is None


async def test_the_dial_sets_what_a_session_left_short_costs_and_plans_anew(town):
    await learnt(town)
    await evening(town)
    prices = []
    for dial in Dial:
        await turn(town, dial)
        if dial is not Dial.SURE:
            assert await asks(town, NOW) == [str(HOME)]
        (wish,) = (await question(town, HOME, NOW)).wishes
        assert wish.open_ended
        prices.append(wish.prices)
    sure, balanced, cheap = ([price < 0 for price in row] for row in prices)
    assert prices[0] != prices[1] != prices[2]
    assert sure.index(True) <= balanced.index(True) <= cheap.index(True), "who is sure does not wait as long"


async def kept_so_far(db, session_id):
    async with db.read() as tx:
        party_id = (await sessions.get(tx, session_id)).party_id
        return {stop: balance for (_, stop), balance in (await dials.balances(tx, [party_id])).items()}


@pytest.mark.parametrize(("hours", "energy_wh", "short"), [(6, 2_000, True), (14, 20_000, False)])
async def test_a_session_by_forecast_counts_once_for_its_stop_of_the_dial(town, hours, energy_wh, short):
    await learnt(town)
    await turn(town, Dial.BALANCED)
    session_id = await evening(town)
    assert await kept_so_far(town, session_id) == {}, "no session so far was planned"
    await unplug(town, session_id, NOW + hours * HOUR, energy_wh)
    after = short - AIM * PROMISE[Stop.BALANCED]
    assert await kept_so_far(town, session_id) == {Stop.BALANCED: pytest.approx(after)}
    async with town.begin() as tx:  # what was settled on a guess is corrected
        settled = await sessions.get(tx, session_id)
        ended = replace(settled, state=SessionState.ENDED, meter_stop_wh=settled.meter_stop_wh - 500)
        await sessions.save(tx, settled, ended)
        assert await settlements.settle_session(tx, session_id, NOW + 20 * HOUR) == "corrected"
        assert await settlements.settle_session(tx, session_id, NOW + 20 * HOUR) == "settled_before"
    assert await kept_so_far(town, session_id) == {Stop.BALANCED: pytest.approx(after)}


async def test_every_stay_puts_the_forecasts_for_its_place_to_the_test_once(town):
    await learnt(town, nights=5)
    async with town.read() as tx:
        before = await forecasts.record(tx, HOME)
        assert await forecasts.record(tx, STREET) == Record()
    assert before.fates == 5
    session_id = await evening(town)
    assert (await question(town, HOME, NOW)).wishes[0].open_ended
    await unplug(town, session_id, NOW + 12 * HOUR, 20_000)
    nights = [Stay(NOW - day * 24 * HOUR, NOW + (12 - day * 24) * HOUR) for day in range(5, 0, -1)]
    fate = departure.fate_of(nights, [], Stay(NOW, NOW + 12 * HOUR), "Europe/Amsterdam")
    async with town.begin() as tx:
        after = await forecasts.record(tx, HOME)
        assert after == calibration.after(before, fate)
        settled = await sessions.get(tx, session_id)  # what was settled on a guess is corrected
        ended = replace(settled, state=SessionState.ENDED, meter_stop_wh=settled.meter_stop_wh - 500)
        await sessions.save(tx, settled, ended)
        assert await settlements.settle_session(tx, session_id, NOW + 20 * HOUR) == "corrected"
        assert await forecasts.record(tx, HOME) == after


async def test_forecasts_that_fared_badly_are_believed_less(town):
    await learnt(town)
    session_id = await evening(town)
    before = (await question(town, HOME, NOW)).wishes[0]
    async with town.begin() as tx:
        party_id = (await sessions.get(tx, session_id)).party_id
        for _ in range(60):
            await forecasts.advance(tx, party_id, HOME, (1.0, 0.95))  # gone at once, whatever was said
    after = (await question(town, HOME, NOW)).wishes[0]
    assert before.ready.at is not None
    assert after.ready.at is None or after.ready.at < before.ready.at


async def test_sessions_left_short_make_the_next_plans_more_careful(town):
    await learnt(town, hours=6)
    await turn(town, Dial.CHEAP)
    session_id = await evening(town)
    before = (await question(town, HOME, NOW)).wishes[0].prices
    async with town.begin() as tx:
        party_id = (await sessions.get(tx, session_id)).party_id
        for _ in range(10):
            await dials.advance(tx, party_id, Stop.CHEAP, 5_000)
    after = (await question(town, HOME, NOW)).wishes[0].prices
    assert sum(price < 0 for price in after[:16]) >= sum(price < 0 for price in before[:16])
    assert after != before


async def test_who_said_a_time_is_not_moved_by_the_dial(sqlite_town):
    await publish_days(sqlite_town)
    session_id = await evening(sqlite_town)
    before = await plan_of(sqlite_town, session_id)
    await turn(sqlite_town, Dial.CHEAP)
    await replan(sqlite_town, HOME, NOW)
    assert await plan_of(sqlite_town, session_id) == before, "Anna's habit is her word"


# --- one piece ---------------------------------------------------------------------


async def test_one_piece_is_kept_asked_of_the_engine_and_taken_back(town):
    await publish_days(town)
    session_id = await evening(town)
    await say(town, session_id, SessionUpdate(one_block=True), NOW)
    assert await asks(town, NOW) == [str(HOME)]
    assert (await view(town, session_id)).one_block
    asked = await question(town, HOME, NOW)
    assert asked.wishes[0].one_block
    (demand,) = asked.problem.demands
    assert (demand.one_block, demand.floor_wh) == (True, 0)
    await replan(town, HOME, NOW)
    plan = await plan_of(town, session_id)
    used = [slot for slot, energy in enumerate(plan.energy_wh) if energy]
    assert used[-1] - used[0] + 1 == len(used), "no break"
    await say(town, session_id, SessionUpdate(one_block=False), NOW)
    assert await asks(town, NOW) == [str(HOME)]
    await replan(town, HOME, NOW)
    assert 18 in by_hour(await plan_of(town, session_id)), "the floor comes first again"


# --- the question ------------------------------------------------------------------


async def asked_of(db, session_id):
    """As if so many answers were worth less before that this one is asked for."""
    async with db.begin() as tx:
        before = await sessions.get(tx, session_id)
        await sessions.save(tx, before, replace(before, asked=True, answer_worth_minor=40))


async def test_every_forecast_is_valued_once_and_a_stated_time_is_not(town):
    await learnt(town, hours=3)
    session_id = await evening(town)
    first = (await session_of(town, session_id)).answer_worth_minor
    assert first is not None
    assert first >= 0
    await replan(town, HOME, NOW + HOUR)
    assert (await session_of(town, session_id)).answer_worth_minor == first
    async with town.begin() as tx:
        assert await planned_sessions.answer_worths(tx, (await sessions.get(tx, session_id)).party_id) == ([first], 0)


async def test_in_one_of_five_sessions_is_asked_where_the_answer_is_worth_most(town):
    await without_habits(town)
    await publish_days(town)
    ids = []
    for day in range(10, 0, -1):
        session_id = await plug_in(town, NOW - day * 24 * HOUR)
        await unplug(town, session_id, NOW - day * 24 * HOUR + HOUR, 1_000)
        ids.append(session_id)
    worths = [5, 12, 12, 12, 12, 80, 12, 12, 12, 9]
    for session_id, worth in zip(ids, worths, strict=True):
        async with town.begin() as tx:
            session = await sessions.get(tx, session_id)
            await asking.decide(tx, [Valued(session_id, session.party_id, session.account_id, worth)])
    asked = [(await session_of(town, session_id)).asked for session_id in ids]
    assert asked[5]
    assert sum(asked) <= 2
    assert not asked[0]
    assert not asked[9]


@pytest.mark.parametrize(
    "update",
    [SessionUpdate(question_closed=True), SessionUpdate(ready_by=NOW + 12 * HOUR)],
    ids=["dismissed", "answered"],
)
async def test_a_question_is_asked_with_its_worth_until_it_is_answered_or_dismissed(town, update):
    await learnt(town)
    session_id = await evening(town)
    assert (await view(town, session_id)).ask_worth_minor is None
    await asked_of(town, session_id)
    assert (await view(town, session_id)).ask_worth_minor == 40
    await say(town, session_id, update, NOW)
    await say(town, session_id, SessionUpdate(ready_by=None), NOW)
    await replan(town, HOME, NOW)
    assert (await view(town, session_id)).ask_worth_minor is None
    assert (await session_of(town, session_id)).question_closed


async def test_to_dismiss_a_question_plans_nothing_anew(sqlite_town):
    await learnt(sqlite_town)
    session_id = await evening(sqlite_town)
    await say(sqlite_town, session_id, SessionUpdate(question_closed=True), NOW)
    assert await asks(sqlite_town, NOW) == []


# --- the rota ----------------------------------------------------------------------


async def save_rota(db, calendar, travel_minutes=45, who=ANNA):
    async with db.begin() as tx:
        return await people.save_rota(tx, who, calendar, travel_minutes, NOW)


async def test_a_shift_goes_before_a_habit_and_after_the_drivers_word(town):
    await publish_days(town)
    session_id = await evening(town)
    assert (await view(town, session_id)).ready_by_source == "habit"
    assert await save_rota(town, CALENDAR) is None
    assert await asks(town, NOW) == [str(HOME)]
    await replan(town, HOME, NOW)
    seen = await view(town, session_id)
    assert (seen.ready_by_source, seen.ready_by) == ("rota", NOW.replace(day=16, hour=4, minute=15))
    await say(town, session_id, SessionUpdate(ready_by=NOW + 13 * HOUR), NOW)
    await replan(town, HOME, NOW)
    assert (await view(town, session_id)).ready_by_source == "stated"
    async with town.begin() as tx:
        await people.forget_rota(tx, ANNA, NOW)
    await say(town, session_id, SessionUpdate(ready_by=None), NOW)
    await replan(town, HOME, NOW)
    assert (await view(town, session_id)).ready_by_source == "habit"


async def test_a_rota_replaces_the_one_before_and_a_broken_one_does_not(town):
    assert await save_rota(town, CALENDAR) is None
    broken = await save_rota(town, CALENDAR.replace("FREQ=DAILY", "FREQ=YEARLY"))
    assert (broken.field, broken.message[:7]) == ("RRULE", "line 4:")
    assert await save_rota(town, CALENDAR, travel_minutes=10) is None
    async with town.read() as tx:
        me = await people.me(tx, ANNA, NOW, demo=False)
    assert (me.rota.shifts, me.rota.travel_minutes) == (14, 10)
    assert me.rota.leaves_at == NOW.replace(day=16, hour=4, minute=50)
    assert isinstance(await save_rota(town, CALENDAR, who=an_id("nobody")), Refused)
