"""Who is delayed and who is not, and what moves a plan while the car is plugged in."""

import msgspec
import pytest
from journey_stage import NOON, TOWN, HandMadePrices, clock_time, on_stage, person, town_of, visit

from server.simulator.faults import Fault, FaultKind
from shared.sessions import Delay, Headline

PLUGGED, GONE = clock_time(0, "18:05"), clock_time(1, "07:40")

ONE_PHASE_W = 3_600
"""What an 11 kW station gives a car on one phase, less a step of its profile."""


def where(town, station, contract, **tariff):
    """The town with other terms for whoever lives at a station."""
    who = person(station)
    home = msgspec.structs.replace(who.contracts[0], **contract)
    if tariff:
        home = msgspec.structs.replace(home, home_tariff=msgspec.structs.replace(home.home_tariff, **tariff))
    after = msgspec.structs.replace(who, contracts=(home, *who.contracts[1:]))
    return msgspec.structs.replace(town, people=tuple(after if one.id == who.id else one for one in town.people))


async def plugged_in(stage, who):
    """What the driver sees a minute after plug-in, and the receipt at the end."""
    await stage.until(clock_time(0, "18:06"))
    view = await stage.see(who)
    power = view.power_w
    await stage.until(stage.town.end)
    (session,) = await stage.sessions()
    return view, power, await stage.receipt(who, session.id)


async def test_without_consent_a_car_is_charged_at_once_and_its_driver_may_agree_later(tmp_path):
    who = person("LOOTS/3")
    assert not who.consent
    town = town_of(visit("LOOTS/3", PLUGGED, GONE, 20))
    async with on_stage(town, tmp_path) as stage:
        await stage.until(clock_time(0, "18:06"))
        view = await stage.see(who)
        assert (view.headline, view.delay) == (Headline.CHARGING_NOW, Delay.NO_CONSENT)
        assert view.power_w > ONE_PHASE_W
        await stage.ask(who, "PATCH", "/api/me", {"consent": True})
        await stage.until(clock_time(0, "19:30"))
        view = await stage.see(who)
        assert (view.headline, view.delay, view.power_w) == (Headline.PAUSED, Delay.MANAGED, 0)
        await stage.until(stage.town.end)
        (session,) = await stage.sessions()
        receipt = await stage.receipt(who, session.id)
        assert receipt.eligible
        assert receipt.split.driver_minor > 0


async def test_consent_that_is_never_given_earns_nothing_and_delays_nothing(tmp_path):
    who = person("LOOTS/3")
    async with on_stage(town_of(visit("LOOTS/3", PLUGGED, GONE, 20)), tmp_path) as stage:
        view, power, receipt = await plugged_in(stage, who)
    assert view.delay is Delay.NO_CONSENT
    assert power > ONE_PHASE_W
    moved = sum(max(0, slot.actual_wh - slot.baseline_wh) for slot in receipt.slots)
    assert moved < 1_000, "steps of 0.1 A, and once the quarter in which an estimate was used up"
    assert (receipt.eligible, receipt.split.driver_minor, receipt.goodwill_minor) == (False, 0, 0)
    assert "NO_CONSENT" in receipt.reasons


async def test_where_nobody_pays_for_a_delay_there_is_none(tmp_path):
    """A fixed price from a supplier that shares nothing: the app says so, and the car charges."""
    town = where(town_of(visit("HOME-2", PLUGGED, GONE, 40)), "HOME-2", {"partner": False, "counterparty_id": None})
    async with on_stage(town, tmp_path) as stage:
        view, power, receipt = await plugged_in(stage, person("HOME-2"))
    assert (view.headline, view.delay, power) == (Headline.CHARGING_NOW, Delay.NOTHING_TO_GAIN, 11_040)
    assert view.cashback is None
    assert (receipt.case, receipt.eligible, receipt.sentence) == ("D", False, "charged_at_once")
    assert "NO_PARTNER" in receipt.reasons


async def test_flat_prices_delay_nobody(tmp_path):
    town = town_of(visit("HOME-2", PLUGGED, GONE, 40))
    async with on_stage(town, tmp_path, [HandMadePrices(hours=[100] * 24)]) as stage:
        view, power, receipt = await plugged_in(stage, person("HOME-2"))
    assert (view.delay, power) == (Delay.NOTHING_TO_GAIN, 11_040)
    assert (receipt.value_nano, receipt.split.driver_minor) == (0, 0)


async def test_a_night_tariff_is_looked_at_beside_the_market(tmp_path):
    """Night price from 23:00, market valley from 02:00: the driver saves on one and is paid for the other."""
    who = person("HOME-3")
    async with on_stage(town_of(visit("HOME-3", PLUGGED, GONE, 30)), tmp_path) as stage:
        view, _, receipt = await plugged_in(stage, who)
        wallet = await stage.wallet(who)
    assert view.delay is Delay.MANAGED
    assert receipt.case == "E"
    own = sum(s.driver_price_micro_per_kwh * (s.baseline_wh - s.actual_wh) for s in receipt.slots)
    assert (receipt.savings_nano, receipt.pool_nano) == (own, receipt.value_nano - own)
    assert wallet.balance_minor == receipt.split.driver_minor > 0
    assert (wallet.savings_minor, wallet.benefits_minor) == (
        receipt.savings_minor,
        receipt.savings_minor + receipt.split.driver_minor,
    )


async def test_another_departure_moves_the_plan(tmp_path):
    who = person("HOME-2")
    async with on_stage(town_of(visit("HOME-2", PLUGGED, GONE, 40)), tmp_path) as stage:
        await stage.until(clock_time(0, "20:00"))
        before = await stage.see(who)
        assert (before.ready_by, before.plan.starts_at) == (clock_time(1, "07:45"), clock_time(1, "02:00"))
        path, early = f"/api/sessions/{before.id}", clock_time(0, "23:30")
        await stage.ask(who, "PATCH", path, {"ready_by": early.isoformat()})
        moved = await stage.see(who)
        assert (moved.ready_by, moved.ready_by_source) == (early, "stated")
        assert moved.plan.ready_at <= early
        assert moved.plan.shortfall is None
        assert sum(slot.planned_wh for slot in moved.plan.slots) == pytest.approx(before.need_wh, abs=2)
        assert moved.cashback.high_minor < before.cashback.high_minor
        await stage.ask(who, "PATCH", path, {"ready_by": None})
        back = await stage.see(who)
        assert (back.ready_by, back.plan.starts_at) == (before.ready_by, before.plan.starts_at)
        too_soon = clock_time(0, "20:30")
        await stage.ask(who, "PATCH", path, {"ready_by": too_soon.isoformat()})
        short = (await stage.see(who)).plan.shortfall
        assert short.reason == "too_little_time"
        assert short.energy_wh == pytest.approx(before.need_wh - 11_040 // 2, abs=5)


async def test_another_target_moves_the_plan_of_a_car_that_says_how_full_it_is(tmp_path):
    who = person("HOME-1")
    async with on_stage(town_of(visit("HOME-1", PLUGGED, GONE, 50)), tmp_path) as stage:
        await stage.until(clock_time(0, "20:00"))
        before = await stage.see(who)
        assert before.target_pct == 80
        await stage.ask(who, "PATCH", f"/api/sessions/{before.id}", {"target_pct": 60})
        after = await stage.see(who)
        assert (before.need_wh, after.need_wh) == (25_000, 8_334)  # 75 kWh, nine tenths of the meter's reach it
        await stage.until(stage.town.end)
        (session,) = await stage.sessions()
        assert session.energy_wh == pytest.approx(8_334, abs=1_100)  # whole percents, and a last quarter at 6 A
        assert (await stage.receipt(who, session.id)).shortfall is None


async def test_a_car_that_sleeps_through_the_pause_is_woken(tmp_path):
    who = person("HOME-3")
    sleeper = visit("HOME-3", PLUGGED, GONE, 30, faults=(Fault(FaultKind.SLEEPER),))
    async with on_stage(town_of(sleeper), tmp_path) as stage:
        await stage.until(clock_time(1, "02:09"))
        assert stage.station("HOME-3").car.asleep
        await stage.until(clock_time(1, "02:35"))
        assert not stage.station("HOME-3").car.asleep
        assert (await stage.see(who)).power_w > 10_000
        await stage.until(stage.town.end)
        (session,) = await stage.sessions()
        assert "wake" in await stage.events(session.id)
        receipt = await stage.receipt(who, session.id)
        assert receipt.shortfall is None
        (seen,) = stage.report().sessions
        assert seen.energy_wh == receipt.energy_wh >= seen.need_wh - 1_000


async def test_two_sources_that_differ_raise_a_notice_and_new_prices_move_the_plan(tmp_path):
    """Tomorrow is guessed until the market says otherwise; then a second source disagrees with the first."""
    who = person("HOME-2")
    today = clock_time(0, "12:00").date()
    first, second = HandMadePrices("energy_charts"), HandMadePrices("entsoe")
    first.hours = [*second.hours[3:], *second.hours[:3]]  # tomorrow will be another day than today
    first.published = lambda day: day <= today
    second.published = lambda day: False
    early = NOON.replace(hour=10)
    town = town_of(visit("HOME-2", NOON.replace(hour=10, minute=30), GONE, 40), start=early, hours=24)
    async with on_stage(town, tmp_path, [first, second]) as stage:
        await stage.until(NOON.replace(minute=30))
        guessed = await stage.see(who)
        assert (guessed.plan.price_source, guessed.advice) == ("energy_charts+forecast", "estimated_prices")
        assert (await stage.ask(who, "GET", "/api/prices"))["notices"] == []
        first.published = lambda day: True
        first.hours = second.hours
        await stage.until(clock_time(0, "13:10"))
        known = await stage.see(who)
        assert (known.plan.price_source, known.advice) == ("energy_charts", None)
        assert known.plan.made_at > guessed.plan.made_at
        assert known.plan.starts_at == clock_time(1, "02:00")
        # The second source knows of a valley two hours later, and is preferred from then on.
        second.published, second.hours = (lambda day: day > today), [90, 90, 90, 90, 10, 10, 10, *[120] * 17]
        await stage.until(clock_time(0, "15:30"))
        assert (await stage.ask(who, "GET", "/api/prices"))["notices"] == ["sources_differ"]
        moved = await stage.see(who)
        assert (moved.plan.starts_at, moved.plan.price_source) == (clock_time(1, "04:00"), "energy_charts+entsoe")
        await stage.until(town.end)
        (session,) = await stage.sessions()
        receipt = await stage.receipt(who, session.id)
        assert {slot.price_micro_per_kwh for slot in receipt.slots if slot.start >= clock_time(1, "04:00")} >= {10_000}


def test_everybody_in_these_stories_is_in_the_demo_town():
    assert {person(f"HOME-{n}").story for n in (1, 2, 3)} == {"home_dynamic", "home_fixed", "home_night"}
    assert person("LOOTS/3") in TOWN.people
