"""Behind a shared limit the server dies, the power fails, cars come and go: the limit holds on each phase."""

from datetime import timedelta

from journey_stage import HandMadePrices, clock_time, on_stage, three_phase_drivers, town_of, visit

from server.storage import stations
from shared.sessions import SessionState

SHORT_VALLEY = [150, 150, 20, 20, *[150] * 20]
EVENING, READY, MORNING = clock_time(0, "19:00"), clock_time(1, "07:30"), clock_time(1, "08:00")
GONE, DARK, BACK = clock_time(1, "02:20"), clock_time(1, "02:30"), clock_time(1, "03:20")


def used(stage):
    """How much of the shared limit flows now."""
    boxes = stage.runner.stations
    if stage.town.stations[0].identity.startswith("DEPOT"):
        return (10_000 + sum(one.power_w for one in boxes)) / 36_000
    return max(sum(one.feeder_ma[phase] for one in boxes) for phase in range(3)) / 63_000


async def confirmed(stage):
    """The safe share that each station of the place has confirmed, W."""
    async with stage.db.read() as tx:
        return [box.safe_held_w for box in await stations.at_location(tx, stage.town.stations[0].location_id)]


async def live_through(stage, *, dark=True):
    """The server goes while the valley is busy, the power fails for a minute, the server comes back an hour later."""
    await stage.until(GONE)
    assert used(stage) > 0.9  # of what there is, so that one more car would be one too many
    assert None not in await confirmed(stage), "each station has confirmed what it may draw alone"
    await stage.take_down()
    await stage.until(DARK)
    if dark:
        for number in range(len(stage.runner.stations)):
            await stage.runner.power_cycle(number)
    await stage.until(DARK + timedelta(minutes=15))
    alone = {one.spec.identity: one.power_w for one in stage.runner.stations}
    await stage.until(BACK)
    await stage.bring_up()
    await stage.until(stage.town.end)
    report = stage.report()
    assert report.violations == ()
    stays = await stage.sessions()
    assert len(stays) == len(stage.town.visits) == len(report.sessions)
    assert {one.state for one in stays} == {SessionState.SETTLED}
    energies = {(one.station_id, one.transaction_id): one.energy_wh for one in report.sessions}
    assert {(one.station_id, one.transaction_id): one.energy_wh for one in stays} == energies
    assert await stage.books() == (0, 0)
    return alone


async def test_on_the_street_everybody_goes_on_at_a_safe_share(tmp_path):
    who = three_phase_drivers()
    stays = [visit(f"LOOTS/{n}", EVENING, MORNING, 20, who=who[n], ready_by=READY) for n in range(1, 5)]
    leaves = visit("LOOTS/5", EVENING, clock_time(1, "02:40"), 20, who=who[5], ready_by=READY)
    comes = visit("LOOTS/6", clock_time(1, "02:38"), MORNING, 20, who=who[0])
    replaces = visit("LOOTS/5", clock_time(1, "02:50"), MORNING, 20, who=who[6])
    town = town_of(*stays, leaves, comes, replaces)
    async with on_stage(town, tmp_path, [HandMadePrices(hours=SHORT_VALLEY)]) as stage:
        alone = await live_through(stage)
    # A share is a current. Said in watts it is that of one phase, for nobody can say on how many a car charges.
    assert [alone[f"LOOTS/{n}"] for n in (1, 2, 3, 4, 6)] == [10_500 * 690 // 1000] * 2 + [0] + [7_245] + [0]


async def test_at_the_depot_nobody_charges_until_the_server_is_back(tmp_path):
    night = (clock_time(0, "18:00"), clock_time(1, "06:30"), 40)
    vans = [visit(f"DEPOT-{n:02d}", *night, ready_by=clock_time(1, "06:15")) for n in range(1, 11)]
    town = town_of(*vans)
    async with on_stage(town, tmp_path, [HandMadePrices(hours=SHORT_VALLEY)]) as stage:
        alone = await live_through(stage)
    assert set(alone.values()) == {0}  # what the building leaves is less than 6 A for each


async def test_without_a_power_cut_the_plans_run_on_and_nobody_new_begins(tmp_path):
    who = three_phase_drivers()
    stays = [visit(f"LOOTS/{n}", EVENING, MORNING, 20, who=who[n], ready_by=READY) for n in range(2, 7)]
    comes = visit("LOOTS/1", clock_time(1, "02:38"), MORNING, 20, who=who[0])
    async with on_stage(town_of(*stays, comes), tmp_path, [HandMadePrices(hours=SHORT_VALLEY)]) as stage:
        await live_through(stage, dark=False)
