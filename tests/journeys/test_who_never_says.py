"""A doctor on call never says when the car leaves: the plan weighs every hour by the chance that it is still there."""

from datetime import timedelta

import msgspec
import pytest
from journey_stage import clock_time, on_stage, person, town_of, visit

from server.simulator.visits import Stay
from shared.sessions import SessionView

DOCTOR = person("HOME-4")
PLUGGED, CALLED = clock_time(0, "18:05"), clock_time(0, "22:30")
VALLEY_FROM, VALLEY_TO = clock_time(1, "02:00"), clock_time(1, "07:00")
LOOK = clock_time(0, "18:10")
NIGHTS = 24


def lived(unplug_at, called):
    """An evening at home after weeks in which every `called`th night ended at ten; none where it is 0."""
    stays = []
    for back in range(NIGHTS, 0, -1):
        out = clock_time(-back, "22:00") if called and back % called == 0 else clock_time(1 - back, "07:30")
        stays.append(Stay(DOCTOR.id, "HOME-4", PLUGGED - timedelta(days=back), out, 26_000, 1))
    return msgspec.structs.replace(town_of(visit("HOME-4", PLUGGED, unplug_at, 50)), history=tuple(stays))


def planned_by(view: SessionView, moment) -> int:
    return sum(slot.planned_wh for slot in view.plan.slots if slot.start < moment)


async def test_who_is_often_called_out_has_the_energy_before_that(tmp_path):
    town = lived(CALLED, called=2)
    (need,) = [one.need_wh for one in town.visits]
    async with on_stage(town, tmp_path) as stage:
        await stage.until(LOOK)
        view = await stage.see(DOCTOR)
        assert (view.ready_by_source, view.ready_by_reason) == ("forecast", "departure_own_workdays")
        assert view.ready_by_stays == NIGHTS
        assert view.ready_by <= clock_time(0, "22:00")
        assert planned_by(view, clock_time(0, "21:30")) > 0.8 * need
        await stage.until(town.end)
        (session,) = await stage.sessions()
        receipt, report = await stage.receipt(DOCTOR, session.id), stage.report()
        assert await stage.books() == (0, 0)
    assert receipt.shortfall is None
    assert receipt.energy_wh == pytest.approx(need, abs=1_000)
    assert report.missed == (), "nothing was stated"


async def test_who_always_stays_waits_for_the_valley(tmp_path):
    async with on_stage(lived(clock_time(1, "07:40"), called=0), tmp_path) as stage:
        await stage.until(LOOK)
        view = await stage.see(DOCTOR)
    assert view.ready_by_source == "forecast"
    assert view.plan.starts_at >= VALLEY_FROM
    assert planned_by(view, VALLEY_TO) == sum(slot.planned_wh for slot in view.plan.slots) > 20_000


async def test_the_dial_on_cheap_takes_the_risk_and_what_is_missing_then_has_its_reason(tmp_path):
    town = lived(CALLED, called=2)
    async with on_stage(town, tmp_path) as stage:
        await stage.ask(DOCTOR, "PATCH", "/api/me", {"dial": "cheap"})
        await stage.until(LOOK)
        assert planned_by(await stage.see(DOCTOR), CALLED) < 2_000
        await stage.until(town.end)
        (session,) = await stage.sessions()
        receipt, report = await stage.receipt(DOCTOR, session.id), stage.report()
    assert receipt.shortfall is not None
    assert (receipt.shortfall.reason, receipt.shortfall.energy_wh > 20_000) == ("left_sooner", True)
    assert report.missed == (), "a forecast is no stated departure"


async def test_the_answer_has_a_price_and_moves_the_plan_into_the_valley(tmp_path):
    async with on_stage(lived(clock_time(1, "07:40"), called=2), tmp_path) as stage:
        await stage.until(LOOK)
        asked = await stage.see(DOCTOR)
        assert asked.ask_worth_minor >= 10
        ready = clock_time(1, "07:30").strftime("%Y-%m-%dT%H:%M:%SZ")
        await stage.ask(DOCTOR, "PATCH", f"/api/sessions/{asked.id}", {"ready_by": ready})
        said = await stage.see(DOCTOR)
    assert (said.ready_by_source, said.ask_worth_minor) == ("stated", None)
    assert said.plan.starts_at >= VALLEY_FROM
