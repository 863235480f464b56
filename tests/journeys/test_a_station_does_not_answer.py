"""A station on the street swallows every profile: the limit holds on each phase, and the others get the rest."""

from datetime import timedelta

import pytest
from journey_stage import HandMadePrices, clock_time, on_stage, three_phase_drivers, town_of, visit

from server.main import station_port
from server.storage import stations

SHORT_VALLEY = [150, 150, 20, 20, *[150] * 20]
EVENING, READY, MORNING = clock_time(0, "19:00"), clock_time(1, "07:30"), clock_time(1, "08:00")
BOOTS = clock_time(1, "02:05")
DEAF, COMES, SOON = clock_time(1, "02:20"), clock_time(1, "02:30"), clock_time(1, "04:00")
SWALLOWS = frozenset({"SetChargingProfile"})
MINUTE = timedelta(minutes=1)
LIMIT_MA = 63_000


@pytest.fixture(autouse=True)
def short_time_outs(monkeypatch):
    """A time-out is wall time, while the town's clock stands still."""
    monkeypatch.setattr(station_port, "CALL_SECONDS", 0.25)


def busiest_ma(stage):
    return max(sum(one.feeder_ma[phase] for one in stage.runner.stations) for phase in range(3))


async def confirmed(stage):
    """The safe share that each station of the place has confirmed, W."""
    async with stage.db.read() as tx:
        return [box.safe_held_w for box in await stations.at_location(tx, stage.town.stations[0].location_id)]


def neighbours(*numbers):
    who = three_phase_drivers()
    return [visit(f"LOOTS/{n}", EVENING, MORNING, 20, who=who[n], ready_by=READY) for n in numbers]


async def test_its_plan_is_reserved_the_others_get_the_rest_and_it_is_asked_again(tmp_path):
    who = three_phase_drivers()
    hurried = visit("LOOTS/5", COMES, MORNING, 10, who=who[0], ready_by=SOON)
    town = town_of(*neighbours(1, 2, 3, 4), hurried)
    async with on_stage(town, tmp_path, [HandMadePrices(hours=SHORT_VALLEY)]) as stage:
        await stage.until(DEAF)
        silent, new = stage.station("LOOTS/2"), stage.station("LOOTS/5")
        held_w = silent.power_w
        assert held_w > 7_000, "it draws more than a share"
        assert busiest_ma(stage) > 0.95 * LIMIT_MA
        silent.deaf_to = SWALLOWS
        # It should make room for who comes, but does not hear so: the new car waits, though its default share is more.
        await stage.until(COMES + MINUTE / 6)
        assert (new.running is not None, new.power_w) == (True, 0)
        await stage.until(COMES + 4 * MINUTE)
        view = await stage.see(who[2])
        assert (view.plan.followed, view.plan.not_followed_reason) == ("not_followed", "profile_timed_out")
        assert silent.power_w == held_w
        assert new.power_w > 5_000
        assert busiest_ma(stage) > 0.9 * LIMIT_MA, "nobody is held back for it"
        asked = len(stage.calls("LOOTS/2", "SetChargingProfile"))
        await stage.until(COMES + 25 * MINUTE)
        assert 2 <= len(stage.calls("LOOTS/2", "SetChargingProfile")) - asked <= 3, "seldom, but still"
        silent.deaf_to = frozenset()
        await stage.until(COMES + 40 * MINUTE)
        view = await stage.see(who[2])
        assert (view.plan.followed, view.plan.not_followed_reason) == ("pending", None), "it is told again"
        await stage.until(town.end)
        assert stage.report().violations == ()
        assert await stage.books() == (0, 0)


async def test_one_that_confirmed_nothing_since_it_booted_is_reserved_for_before_a_car_comes(tmp_path):
    who = three_phase_drivers()
    comes = visit("LOOTS/6", COMES, MORNING, 10, who=who[0], ready_by=SOON)
    town = town_of(*neighbours(1, 2, 3, 4, 5), comes)
    async with on_stage(town, tmp_path, [HandMadePrices(hours=SHORT_VALLEY)]) as stage:
        await stage.until(BOOTS)  # not sooner: it is asked again every few minutes, and each time is a real time-out
        silent = stage.station("LOOTS/6")
        silent.deaf_to = SWALLOWS
        silent.profiles.restore(())
        await stage.runner.power_cycle(stage.number("LOOTS/6"))
        await stage.until(DEAF)
        free_ma = LIMIT_MA - busiest_ma(stage)
        assert 16_000 <= free_ma < 18_000
        await stage.until(COMES + MINUTE / 2)
        assert silent.feeder_ma == (16_000,) * 3, "at once, and nothing that we say holds it"
        await stage.until(COMES + 10 * MINUTE)
        view = await stage.see(who[0])
        assert (view.plan.followed, view.plan.not_followed_reason) == ("not_followed", "profile_timed_out")
        assert busiest_ma(stage) > 0.9 * LIMIT_MA
        silent.deaf_to = frozenset()
        await stage.until(COMES + 25 * MINUTE)
        assert None not in await confirmed(stage)
        assert (await stage.see(who[0])).plan.followed != "not_followed"
        await stage.until(town.end)
        assert stage.report().violations == ()
