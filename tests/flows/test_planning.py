"""Whatever changes at a place leads to a new plan of it: what is asked, what is reserved, and whose answer counts."""

from flow_story import (
    HOUR,
    MINUTE,
    QUARTER,
    VALLEY,
    Accepting,
    answer,
    asks,
    by_hour,
    charge,
    come_online,
    day_ahead,
    go_offline,
    leave,
    meter,
    override,
    plan_of,
    publish,
    publish_days,
    question,
    replan,
    say,
    session_of,
)
from msgspec.structs import replace
from small_town import HOME, HOME_STATION, NOW, STREET, STREET_STATION_1, STREET_STATION_2, an_id, plug_in

from server.core.session import Followed
from server.flows import plans
from server.storage import outbox, sessions
from server.storage import stations as stored_stations
from shared.sessions import Delay, SessionUpdate

READY = NOW + 12 * HOUR
LIMIT_W = 25 * 690
SHARE_W = 12_500 * 690 // 1000
"""25 A for two stations."""


async def on_the_street(db, *tokens):
    """Cars at both stations of the street, which are online, until READY; their sessions."""
    await publish_days(db)
    await come_online(db)
    stations_ = (STREET_STATION_1, STREET_STATION_2)
    found = [await plug_in(db, NOW, where, token) for where, token in zip(stations_, tokens, strict=False)]
    for session_id in found:
        await say(db, session_id, SessionUpdate(ready_by=READY), NOW)
    await replan(db, STREET, NOW)
    await asks(db, NOW)
    return found


async def at_home(db):
    await publish_days(db)
    session_id = await plug_in(db, NOW)
    await say(db, session_id, SessionUpdate(ready_by=READY), NOW)
    await replan(db, HOME, NOW)
    await asks(db, NOW)
    return session_id


# --- what leads to a new plan, and to which ---------------------------------------


async def test_a_car_in_an_empty_valley_charges_a_floor_and_waits_for_the_rest(town):
    session_id = await at_home(town)
    hours = by_hour(await plan_of(town, session_id))
    assert hours[18] == 5_000, "nobody knows how full it is"
    assert {hour for hour in hours if hour != 18} <= {1, 2, 3}, "local time is an hour ahead"
    assert sum(hours.values()) == 20_000


async def test_a_second_car_takes_its_part_of_a_shared_limit(town):
    (anna,) = await on_the_street(town, "ANNA-CARD")
    alone = await plan_of(town, anna)
    bert = await plug_in(town, NOW + HOUR, STREET_STATION_2, "BERT-CARD")
    assert await asks(town, NOW + HOUR) == [str(STREET)]
    await replan(town, STREET, NOW + HOUR)
    both = [await plan_of(town, one) for one in (anna, bert)]
    assert both[0].version == alone.version + 1
    for moment in both[0].moments(NOW + HOUR)[:-1]:
        assert sum(plan.power_w(moment) for plan in both) <= LIMIT_W + 2
    assert max(sum(plan.power_w(moment) for plan in both) for moment in both[0].moments(NOW + HOUR)) > 16_000


async def test_who_leaves_makes_room(town):
    anna, bert = await on_the_street(town, "ANNA-CARD", "BERT-CARD")
    for session_id in (anna, bert):
        await override(town, session_id, NOW)
    await replan(town, STREET, NOW)
    assert min([(await plan_of(town, one)).power_w(NOW) for one in (anna, bert)]) < 8_700
    await asks(town, NOW)
    await leave(town, bert, NOW + MINUTE)
    assert await asks(town, NOW + MINUTE) == [str(STREET)]
    await replan(town, STREET, NOW + MINUTE)
    assert (await plan_of(town, anna)).power_w(NOW + QUARTER) == 11_040


async def test_an_earlier_departure_moves_the_energy_before_it(town):
    session_id = await at_home(town)
    await say(town, session_id, SessionUpdate(ready_by=NOW + 4 * HOUR), NOW)
    assert await asks(town, NOW) == [str(HOME)]
    await replan(town, HOME, NOW)
    plan = await plan_of(town, session_id)
    assert (plan.depart_at, plan.depart_source) == (NOW + 4 * HOUR, "stated")
    assert set(by_hour(plan)) <= {18, 19, 20, 21}
    assert sum(plan.energy_wh) == 20_000


async def test_another_target_or_energy_is_what_is_planned(town):
    session_id = await at_home(town)
    await say(town, session_id, SessionUpdate(energy_wh=8_000), NOW)
    assert await asks(town, NOW) == [str(HOME)]
    await replan(town, HOME, NOW)
    plan = await plan_of(town, session_id)
    assert (plan.need_wh, plan.need_source) == (8_000, "stated")
    async with town.begin() as tx:
        session = await sessions.get(tx, session_id)
        await sessions.save(tx, session, replace(session, soc_pct=50))
    for target, need in ((80, 20_000), (100, 33_334)):  # of 60 kWh, at 90 %
        await say(town, session_id, SessionUpdate(target_pct=target), NOW + MINUTE)
        await asks(town, NOW + MINUTE)
        await replan(town, HOME, NOW + MINUTE)
        plan = await plan_of(town, session_id)
        assert (plan.need_wh, plan.need_source, sum(plan.energy_wh)) == (need, "soc", need)
    await say(town, session_id, SessionUpdate(target_pct=100), NOW + MINUTE)
    assert await asks(town, NOW + MINUTE) == [], "the same once more is nothing new"


async def test_an_override_charges_now_and_undone_it_waits_again(town):
    session_id = await at_home(town)
    waiting = await plan_of(town, session_id)
    await override(town, session_id, NOW)
    assert await asks(town, NOW) == [str(HOME)]
    await replan(town, HOME, NOW)
    assert (await session_of(town, session_id)).delay is Delay.OVERRIDDEN
    assert list(by_hour(await plan_of(town, session_id))) == [18, 19]
    await override(town, session_id, NOW)
    assert await asks(town, NOW) == [], "pressed twice is pressed once"
    await override(town, session_id, NOW, undo=True)
    assert await asks(town, NOW) == [str(HOME)]
    await replan(town, HOME, NOW)
    assert (await session_of(town, session_id)).delay is Delay.MANAGED
    assert (await plan_of(town, session_id)).energy_wh == waiting.energy_wh
    assert (await plan_of(town, session_id)).version == waiting.version + 2


async def test_new_prices_move_the_energy_into_the_new_valley(town):
    session_id = await at_home(town)
    later = [*VALLEY[:5], 5, 5, *VALLEY[7:]]
    tomorrow = (NOW + 6 * HOUR).date()
    assert await publish(town, day_ahead(tomorrow, later), NOW + MINUTE) > 0
    assert str(HOME) in await asks(town, NOW + MINUTE)
    await replan(town, HOME, NOW + MINUTE)
    hours = by_hour(await plan_of(town, session_id))
    assert hours[4] == 11_040, "05:00 local is the cheapest now"


async def test_a_plan_that_says_nothing_new_is_not_sent_again(town):
    session_id = await at_home(town)
    before = await plan_of(town, session_id)
    await replan(town, HOME, NOW)
    assert await plan_of(town, session_id) == before
    async with town.read() as tx:
        assert [task.kind for task in await outbox.due(tx, NOW)] == []


async def test_one_that_was_not_accepted_is_made_and_sent_again(town):
    session_id = await at_home(town)
    await override(town, session_id, NOW)
    edge = Accepting()
    edge.answers[HOME_STATION] = "timed_out"
    await replan(town, HOME, NOW, edge)
    silent = await plan_of(town, session_id)
    assert silent.outcome == "timed_out"
    await replan(town, HOME, NOW)
    again = await plan_of(town, session_id)
    assert (again.version, again.outcome) == (silent.version + 1, "accepted")


async def test_where_nobody_charges_nothing_is_asked(town):
    assert await question(town, STREET, NOW) is None
    (anna,) = await on_the_street(town, "ANNA-CARD")
    await leave(town, anna, NOW + MINUTE)
    assert await question(town, STREET, NOW + MINUTE) is None


# --- what is reserved ---------------------------------------------------------------


async def reserved(db, now=NOW):
    return (await question(db, STREET, now)).place.reserved_w[an_id("feeder")]


async def test_who_is_online_and_follows_has_nothing_reserved(town):
    await on_the_street(town, "ANNA-CARD", "BERT-CARD")
    assert await reserved(town) == 0


async def test_a_free_station_that_is_lost_keeps_its_share_and_coming_back_frees_it(town):
    (anna,) = await on_the_street(town, "ANNA-CARD")
    await override(town, anna, NOW)
    await replan(town, STREET, NOW)
    assert (await plan_of(town, anna)).power_w(NOW + QUARTER) == 11_040
    await asks(town, NOW)
    await go_offline(town)
    assert await asks(town, NOW) == [str(STREET)]
    assert await reserved(town) == SHARE_W
    await replan(town, STREET, NOW)
    assert SHARE_W - 400 <= (await plan_of(town, anna)).power_w(NOW + QUARTER) <= LIMIT_W - SHARE_W
    await come_online(town)
    assert await asks(town, NOW) == [str(STREET)]
    assert await reserved(town) == 0


async def test_a_lost_station_with_a_car_keeps_what_its_last_accepted_plan_allows_if_that_is_more(town):
    anna, bert = await on_the_street(town, "ANNA-CARD", "BERT-CARD")
    await leave(town, anna, NOW)
    await override(town, bert, NOW)
    await replan(town, STREET, NOW)
    assert (await plan_of(town, bert)).power_w(NOW) == 11_040
    await go_offline(town)
    assert await reserved(town) == 11_040
    done = NOW + 2 * HOUR  # 20 kWh have flowed: what holds from here on is the share
    assert await reserved(town, done) == SHARE_W


async def test_a_plan_that_a_lost_station_did_not_answer_may_have_arrived(town):
    await come_online(town)
    bert = await plug_in(town, NOW, STREET_STATION_2, "BERT-CARD")
    await override(town, bert, NOW)
    edge = Accepting()
    edge.answers[STREET_STATION_2] = "timed_out"
    await replan(town, STREET, NOW, edge)
    assert (await plan_of(town, bert)).power_w(NOW + QUARTER) == 11_040
    await go_offline(town)
    assert await reserved(town) == 11_040
    assert await reserved(town, NOW + 2 * HOUR) == SHARE_W


async def test_a_refused_profile_reserves_all_that_the_car_may_draw(town):
    anna, bert = await on_the_street(town, "ANNA-CARD", "BERT-CARD")
    await override(town, bert, NOW)
    edge = Accepting()
    edge.answers[STREET_STATION_2] = "rejected"
    await replan(town, STREET, NOW, edge)
    session = await session_of(town, bert)
    assert (session.followed, session.not_followed_reason) == (Followed.NOT_FOLLOWED, "profile_rejected")
    assert set(await asks(town, NOW)) == {str(STREET)}
    assert await reserved(town) == 11_040
    asked = await question(town, STREET, NOW)
    assert [one.session.id for one in asked.asked] == [anna]
    await replan(town, STREET, NOW)
    plan = await plan_of(town, anna)
    assert all(plan.power_w(moment) <= LIMIT_W - 11_040 for moment in plan.moments(NOW)[:-1])


async def test_a_one_phase_car_out_of_hand_counts_on_each_phase(town):
    _, bert = await on_the_street(town, "ANNA-CARD", "BERT-CARD")
    async with town.begin() as tx:
        await stored_stations.update(tx, STREET_STATION_2, max_w=3_680)
        session = await sessions.get(tx, bert)
        await sessions.save(tx, session, replace(session, followed=Followed.NOT_FOLLOWED, vehicle_id=None))
        await tx.execute(one_phase())
    assert await reserved(town) == 3 * 3_680


def one_phase():
    evses = stored_stations.EVSES
    return evses.update().where(evses.c.station_id == STREET_STATION_2).values(phases=1, max_w=3_680)


async def test_a_free_station_that_would_start_alone_keeps_its_share_while_it_is_online(town):
    await on_the_street(town, "ANNA-CARD")
    async with town.begin() as tx:
        await stored_stations.update(tx, STREET_STATION_2, starts_alone=True)
    assert await reserved(town) == SHARE_W
    await plug_in(town, NOW, STREET_STATION_2, "BERT-CARD")
    assert await reserved(town) == 0, "now it has a plan of its own"


async def test_on_a_limit_of_its_own_nothing_is_reserved(town):
    session_id = await at_home(town)
    async with town.begin() as tx:
        session = await sessions.get(tx, session_id)
        await sessions.save(tx, session, replace(session, followed=Followed.NOT_FOLLOWED))
    assert (await question(town, HOME, NOW)).place.reserved_w == {}


# --- whose answer counts --------------------------------------------------------------


async def save(db, asked, now):
    asked, found = answer(asked)
    async with db.begin() as tx:
        return await plans.save(tx, asked, found, now)


async def test_an_older_answer_never_replaces_a_newer_one(town):
    session_id = await at_home(town)
    older = await question(town, HOME, NOW)
    await override(town, session_id, NOW)
    newer = await question(town, HOME, NOW)
    assert await save(town, newer, NOW)
    kept = await plan_of(town, session_id)
    await asks(town, NOW)
    assert not await save(town, older, NOW)
    assert not await save(town, newer, NOW), "nor the same twice"
    assert await plan_of(town, session_id) == kept
    assert (await session_of(town, session_id)).delay is Delay.OVERRIDDEN
    assert await asks(town, NOW) == []


async def test_answers_of_two_places_do_not_hinder_each_other(town):
    home = await at_home(town)
    await on_the_street(town, "BERT-CARD")
    await say(town, home, SessionUpdate(energy_wh=9_000), NOW)
    asked = [await question(town, place, NOW) for place in (HOME, STREET)]
    assert [await save(town, one, NOW) for one in asked] == [True, True]


async def test_a_car_that_left_while_we_planned_gets_no_plan(town):
    anna, bert = await on_the_street(town, "ANNA-CARD", "BERT-CARD")
    for session_id in (anna, bert):
        await override(town, session_id, NOW)
    asked = await question(town, STREET, NOW)
    before = await plan_of(town, bert)
    await leave(town, bert, NOW + MINUTE)
    assert await save(town, asked, NOW + MINUTE)
    assert await plan_of(town, bert) == before
    assert (await plan_of(town, anna)).version == before.version + 1


# --- until the car is full --------------------------------------------------------------


async def test_a_car_that_draws_beyond_an_estimate_gets_more_again_and_again(town):
    session_id = await at_home(town)
    await override(town, session_id, NOW)
    await replan(town, HOME, NOW)
    await asks(town, NOW)
    over = NOW + 2 * HOUR
    await charge(town, session_id, NOW, over)
    for step in (20_000, 20_000, 6_667):  # never more than a battery of 60 kWh can take
        assert await asks(town, over) == [str(HOME)], "it drew to the end"
        await replan(town, HOME, over)
        plan = await plan_of(town, session_id)
        assert (plan.need_source, plan.need_wh) == ("still_drawing", step)
        await charge(town, session_id, over, over + 2 * HOUR)
        over += 2 * HOUR


async def test_a_car_that_stopped_before_the_estimate_was_reached_gets_no_more(town):
    session_id = await at_home(town)
    await override(town, session_id, NOW)
    await replan(town, HOME, NOW)
    await asks(town, NOW)
    await charge(town, session_id, NOW, NOW + HOUR)
    await meter(town, session_id, NOW + 3 * HOUR, 15_000, 0)
    assert await asks(town, NOW + 3 * HOUR) == []


async def test_what_the_driver_stated_is_not_exceeded(town):
    session_id = await at_home(town)
    await say(town, session_id, SessionUpdate(energy_wh=6_000), NOW)
    await override(town, session_id, NOW)
    await replan(town, HOME, NOW)
    await asks(town, NOW)
    await charge(town, session_id, NOW, NOW + HOUR)
    await meter(town, session_id, NOW + HOUR + 3 * MINUTE, 6_000, 3_000)
    assert await asks(town, NOW + HOUR + 3 * MINUTE) == []
    (wish,) = (await question(town, HOME, NOW + HOUR + 3 * MINUTE)).wishes
    assert wish.need.energy_wh == 0


async def test_a_car_that_stops_by_itself_is_full_and_asks_for_nothing_more(town):
    session_id = await at_home(town)
    await override(town, session_id, NOW)
    await replan(town, HOME, NOW)
    await asks(town, NOW)
    await charge(town, session_id, NOW, NOW + 30 * MINUTE)
    done = (await session_of(town, session_id)).energy_wh
    for minute, full in ((40, False), (45, False), (50, True)):
        await meter(town, session_id, NOW + minute * MINUTE, done, 0)
        assert (await session_of(town, session_id)).full is full
    assert await asks(town, NOW + HOUR) == [str(HOME)]
    await replan(town, HOME, NOW + HOUR)
    plan = await plan_of(town, session_id)
    assert (plan.need_wh, plan.need_source, sum(plan.energy_wh)) == (0, "full", 0)


async def test_a_car_that_may_not_draw_yet_is_not_full(town):
    session_id = await at_home(town)
    for quarter in range(4, 20):
        await meter(town, session_id, NOW + quarter * QUARTER, 5_000, 0)
    assert not (await session_of(town, session_id)).full
