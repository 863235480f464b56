"""What a plan in force means to its driver, and what more of a limit is worth to who runs the place."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flow_story import (
    HOUR,
    MINUTE,
    QUARTER,
    come_online,
    go_offline,
    override,
    plan_of,
    publish_days,
    question,
    replan,
    say,
    session_of,
)
from msgspec.structs import replace
from small_town import (
    ANNA,
    ANNAS_CAR,
    BERT,
    HOME,
    NOW,
    OLGA,
    OPERATOR,
    OTTO,
    PROVIDER,
    RIVAL,
    STREET,
    STREET_STATION_1,
    STREET_STATION_2,
    plug_in,
)

from app.strings import Texts
from app.widgets.explained import short_words
from server.core import override as core_override
from server.core.missing import LEAST_WH
from server.core.valley import plan as engine
from server.flows import explanations, facts, outlooks, plans, session_views
from server.storage import plan_inputs, sessions, tables
from shared.accounts import Role
from shared.plans import HeldBack
from shared.sessions import Delay, SessionUpdate

READY = NOW + 12 * HOUR
"""07:00 in Amsterdam."""
STREET_W = 25 * 690


async def building(db, *windows):
    """What the building behind the street's connection takes, local time."""
    async with db.begin() as tx:
        await tx.execute(sa.update(tables.Feeders).values(base_load=[list(one) for one in windows]))


async def car(db, **values):
    async with db.begin() as tx:
        await tx.execute(sa.update(tables.Vehicles).where(tables.Vehicles.id == ANNAS_CAR).values(**values))


async def state_of_charge(db, session_id, soc_pct):
    async with db.begin() as tx:
        session = await sessions.get(tx, session_id)
        await sessions.save(tx, session, replace(session, soc_pct=soc_pct))


async def on_the_street(db, *cars):
    """(station, card) each, until READY; their sessions."""
    await publish_days(db)
    found = [await plug_in(db, NOW, station, token) for station, token in cars]
    for session_id in found:
        await say(db, session_id, SessionUpdate(ready_by=READY), NOW)
    return found


async def explained(db, session_id, now=NOW):
    async with db.read() as tx:
        asked = await explanations.prepare(tx, await sessions.get(tx, session_id), now)
    return None if asked is None else explanations.explained(asked, engine.solve(asked.problem))


async def worth(db, now=NOW):
    async with db.read() as tx:
        place = await explanations.place_of(tx, STREET, OLGA, OPERATOR, Role.OPERATOR)
        asked = await plans.prepare(tx, STREET, now)
    answer = None if asked is None else engine.solve(explanations.worth_problem(asked))
    return explanations.worth(place, now, asked, answer)


async def short_at_the_street(db, soc_pct):
    """The building needs all until 06:00; then there is an hour for 13.5 kWh at 7.36 kW."""
    await building(db, ("00:00", "06:00", STREET_W), ("19:00", "24:00", STREET_W))
    await car(db, capacity_wh=64_000, max_ac_w=7_360)
    (session_id,) = await on_the_street(db, (STREET_STATION_1, "ANNA-CARD"))
    if soc_pct is not None:
        await state_of_charge(db, session_id, soc_pct)
    else:
        await say(db, session_id, SessionUpdate(energy_wh=13_512), NOW)
    await come_online(db)
    await replan(db, STREET, NOW)
    return session_id


# --- to the driver ------------------------------------------------------------------


async def test_a_shortfall_is_said_in_the_drivers_words(town):
    session_id = await short_at_the_street(town, soc_pct=61)
    said = await explained(town, session_id)
    assert (said.ready_pct, said.target_pct, said.by) == (71, 80, READY)
    assert (said.ready_wh, said.target_wh) == (7_360, 13_512)
    assert said.held == HeldBack("building", READY - HOUR)
    assert READY + 50 * MINUTE <= said.full_at < READY + 51 * MINUTE
    words = short_words(Texts("en", "Europe/Amsterdam"), said, NOW + 2 * HOUR)
    assert words == "71 % by 07:00; 80 % at 07:50, because the building needs the power until 06:00."


async def test_where_the_car_does_not_tell_its_state_it_is_energy(town):
    said = await explained(town, await short_at_the_street(town, soc_pct=None))
    assert (said.ready_pct, said.target_pct, said.ready_wh, said.target_wh) == (None, None, 7_360, 13_512)


async def test_what_stations_out_of_reach_may_draw_is_no_building(town):
    async with town.begin() as tx:
        await tx.execute(sa.update(tables.Feeders).values(limit_ma=[16_000] * 3))
    await come_online(town)
    anna, _ = await on_the_street(town, (STREET_STATION_1, "ANNA-CARD"), (STREET_STATION_2, "BERT-CARD"))
    await say(town, anna, SessionUpdate(ready_by=NOW + HOUR, energy_wh=9_000), NOW)
    await replan(town, STREET, NOW)
    await go_offline(town)
    await replan(town, STREET, NOW)
    plan, said = await plan_of(town, anna), await explained(town, anna)
    assert plan.shortfall_wh > 0
    assert said.held.by in ("site_limit", "feeder_limit")
    assert said.held.until == NOW + HOUR


async def test_an_explanation_is_of_the_plan_in_force_however_late_it_is_asked_for(town):
    session_id = await short_at_the_street(town, soc_pct=61)
    before = await explained(town, session_id)
    assert before == await explained(town, session_id, NOW + 5 * HOUR)
    assert before.plan_id == (await session_of(town, session_id)).plan_id


async def test_there_is_none_without_a_plan_or_what_it_was_made_of(town):
    session_id = await plug_in(town, NOW)
    assert await explained(town, session_id) is None
    await say(town, session_id, SessionUpdate(ready_by=READY), NOW)
    await replan(town, HOME, NOW)
    assert await explained(town, session_id) is not None
    async with town.begin() as tx:
        await tx.execute(sa.update(tables.Plans).values(inputs_id=None))
        await plan_inputs.forget(tx, NOW + HOUR)
    assert await explained(town, session_id) is None


async def test_an_engine_that_has_changed_since_explains_nothing(town):
    session_id = await short_at_the_street(town, soc_pct=61)
    async with town.read() as tx:
        asked = await explanations.prepare(tx, await sessions.get(tx, session_id), NOW)
    answer = engine.solve(asked.problem)
    other = replace(answer, plans=[replace(answer.plans[0], shortfall_wh=1)])
    assert explanations.explained(asked, other) is None


# --- ready earlier ------------------------------------------------------------------


async def at_home(db):
    await publish_days(db)
    session_id = await plug_in(db, NOW)
    await say(db, session_id, SessionUpdate(ready_by=READY), NOW)
    await replan(db, HOME, NOW)
    return session_id


async def test_being_ready_earlier_costs_what_the_settlement_says(town):
    session_id = await at_home(town)
    said, plan = await explained(town, session_id), await plan_of(town, session_id)
    last = max(slot for slot, energy in enumerate(plan.energy_wh) if energy)
    assert said.held is None
    assert said.full_at <= READY
    assert [one.minutes for one in said.earlier] == [60, 120, 240]
    assert [one.ready_at for one in said.earlier] == [plan.grid.at(last + 1) - n * HOUR for n in (1, 2, 4)]
    costs = [one.cost_minor for one in said.earlier]
    assert costs == sorted(costs)
    assert costs[-1] > 0
    assert costs[-1] == await settled_difference(town, session_id, said.earlier[-1].ready_at)


async def settled_difference(db, session_id, end):
    """What the settlement says of the engine's plan that ends by then, laid on the session's grid by hand."""
    async with db.read() as tx:
        seen = await facts.of_session(tx, await sessions.get(tx, session_id))
        ahead = await outlooks.outlook(tx, seen, NOW)
        asked = await explanations.prepare(tx, seen.session, NOW)
    answer = engine.solve(asked.problem)
    sooner = next(
        one.energy_wh
        for one in answer.plans[0].explain.earlier
        if asked.plan.grid_start + one.ready_at_s * SECOND == end
    )
    assert not any(sooner[asked.plan.grid.index(end) :])
    assert sum(sooner) == sum(asked.plan.energy_wh)
    grid = ahead.run.grid
    metered = [0] * grid.slots
    for slot, energy in enumerate(sooner):
        if energy:
            metered[grid.index(asked.plan.grid.at(slot))] = energy
    return core_override.override_cost(ahead.asked, replace(ahead.asked, metered_wh=metered)).cost_minor


SECOND = timedelta(seconds=1)


async def test_it_is_said_only_as_long_as_it_can_be_had(town):
    session_id = await at_home(town)
    first = (await explained(town, session_id)).earlier
    until = first[0].possible_until
    assert all(one.possible_until <= one.ready_at for one in first)
    left = (await explained(town, session_id, until - MINUTE)).earlier
    assert left[0].minutes == 60
    after = (await explained(town, session_id, until)).earlier
    assert [one.minutes for one in after] == [one.minutes for one in first if one.possible_until > until]


async def test_who_charges_at_once_is_not_told_what_earlier_costs(town):
    session_id = await at_home(town)
    await override(town, session_id, NOW)
    await replan(town, HOME, NOW)
    assert (await session_of(town, session_id)).delay is Delay.OVERRIDDEN
    assert (await explained(town, session_id)).earlier == []


# --- to who runs the place ----------------------------------------------------------


async def test_one_more_ampere_is_worth_what_it_moves_into_the_valley(town):
    await come_online(town)
    both = await on_the_street(town, (STREET_STATION_1, "ANNA-CARD"), (STREET_STATION_2, "BERT-CARD"))
    for session_id in both:
        await say(town, session_id, SessionUpdate(energy_wh=40_000), NOW)
    await replan(town, STREET, NOW)
    asked = await question(town, STREET, NOW)
    assert {wish.delay for wish in asked.wishes} == {Delay.MANAGED}
    found = await worth(town)
    assert found.location_id == STREET
    assert found.missing_wh == 0
    assert found.kwh_micro == 0, "nobody wants more of the evening"
    assert found.slots
    assert all(NOW + 5 * HOUR < one.start < READY for one in found.slots)
    prices = dict(zip(asked.place.grid.starts(), asked.market, strict=True))
    used = [slot for plan in engine.solve(asked.problem).plans for slot, energy in enumerate(plan.energy_wh) if energy]
    dearest = max(asked.market[slot] for slot in used)
    assert all(0 < one.kwh_micro <= dearest - prices[one.start] for one in found.slots)
    assert found.ampere_nano == sum(one.kwh_micro * 690 // 4 for one in found.slots)
    assert found.ampere_minor == (found.ampere_nano + 5_000_000) // 10_000_000


async def test_one_more_ampere_saves_what_was_said(town):
    """The market cost of the same energy at a connection of an ampere more, found by planning anew."""
    await come_online(town)
    both = await on_the_street(town, (STREET_STATION_1, "ANNA-CARD"), (STREET_STATION_2, "BERT-CARD"))
    for session_id in both:
        await say(town, session_id, SessionUpdate(energy_wh=40_000), NOW)
    found, costs = await worth(town), []
    for amperes in (25, 26):
        async with town.begin() as tx:
            await tx.execute(sa.update(tables.Feeders).values(limit_ma=[amperes * 1000] * 3))
        asked = await question(town, STREET, NOW)
        # Without the rules of running, which are rougher than an ampere.
        plain = replace(asked.problem, switch_micro=0, min_run_slots=1)
        plain = replace(plain, demands=[replace(one, min_w=0) for one in plain.demands])
        answer = engine.solve(plain)
        assert answer.unserved_wh == 0
        costs.append(sum(e * p for plan in answer.plans for e, p in zip(plan.energy_wh, asked.market, strict=True)))
    saved = costs[0] - costs[1]
    assert saved > 0
    assert found.ampere_nano == pytest.approx(saved, rel=0.02)


async def test_who_charges_at_once_makes_no_ampere_worth_anything_but_what_is_missing_is_told(town):
    session_id = await short_at_the_street(town, soc_pct=61)
    await override(town, session_id, NOW)
    found = await worth(town)
    assert (found.kwh_micro, found.ampere_nano, found.ampere_minor) == (0, 0, 0)
    assert found.missing_wh == 13_512 - 7_360
    assert {one.short for one in found.slots} == {True}
    assert found.slots[0].start == NOW
    assert found.slots[-1].start + QUARTER == READY - HOUR


async def test_an_empty_place_is_worth_nothing_more(town):
    found = await worth(town)
    assert (found.ampere_nano, found.missing_wh, found.slots) == (0, 0, [])


@pytest.mark.parametrize(
    ("account", "party", "role", "allowed"),
    [
        (OLGA, OPERATOR, Role.OPERATOR, {STREET}),
        (OTTO, RIVAL, Role.OPERATOR, set()),
        (ANNA, PROVIDER, Role.DRIVER, {HOME}),
        (BERT, PROVIDER, Role.DRIVER, set()),
    ],
)
async def test_a_places_worth_is_for_who_runs_it_or_lives_there(sqlite_town, account, party, role, allowed):
    async with sqlite_town.read() as tx:
        found = {place: await explanations.place_of(tx, place, account, party, role) for place in (HOME, STREET)}
    assert {place for place, seen in found.items() if seen is not None} == allowed


async def test_less_than_a_kilowatt_hour_is_not_said_to_be_missing_before_it_ends_either(town):
    await publish_days(town)
    session_id = await plug_in(town, NOW)
    said = {}
    for energy_wh in (11_040 + 500, 11_040 + 1_700):
        await say(town, session_id, SessionUpdate(ready_by=NOW + HOUR, energy_wh=energy_wh), NOW)
        await replan(town, HOME, NOW)
        async with town.read() as tx:
            seen = await session_views.one(tx, await sessions.get(tx, session_id), NOW)
        said[(await plan_of(town, session_id)).shortfall_wh] = seen.plan.shortfall
    crumb, short = sorted(said)
    assert 0 < crumb < LEAST_WH <= short
    assert said[crumb] is None
    assert said[short].energy_wh == short
