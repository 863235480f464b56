"""A station on the street loses its connection in the middle of the valley, charges on, and tells it all later."""

from journey_stage import HandMadePrices, clock_time, on_stage, person, three_phase_drivers, town_of, visit

from server.simulator.faults import Fault, FaultKind
from shared.sessions import Headline

LOST, BACK = clock_time(1, "02:20"), clock_time(1, "03:05")
SHORT_VALLEY = [150, 150, 20, 20, *[150] * 20]
DROPS = Fault(FaultKind.DROPS_CONNECTION, at=LOST, until=BACK)


async def test_it_is_settled_once_and_exactly_and_its_share_is_kept_for_it_meanwhile(tmp_path):
    who = three_phase_drivers()
    night, ready = (clock_time(0, "19:00"), clock_time(1, "08:00"), 30), clock_time(1, "07:30")
    neighbours = [visit(f"LOOTS/{number}", *night, who=who[number], ready_by=ready) for number in (1, 3, 4)]
    dropped = visit("LOOTS/2", *night, who=who[2], ready_by=ready, faults=(DROPS,))
    # Somebody in a hurry comes while nobody can tell the dropped station to give way.
    soon = clock_time(1, "03:00")
    hurried = visit("LOOTS/6", clock_time(1, "02:30"), clock_time(1, "08:00"), 20, who=who[0], ready_by=soon)
    town = town_of(*neighbours, dropped, hurried)
    async with on_stage(town, tmp_path, [HandMadePrices(hours=SHORT_VALLEY)]) as stage:
        await stage.until(clock_time(1, "02:45"))
        view = await stage.see(who[2])
        assert view.headline is Headline.OFFLINE
        alone = stage.station("LOOTS/2")
        assert (alone.online, alone.power_w > 4_000) == (False, True)
        busiest = max(sum(one.feeder_ma[phase] for one in stage.runner.stations) for phase in range(3))
        assert busiest > 55_000  # the limit is what holds the others back, not a lack of cars
        before = view.energy_wh
        await stage.until(clock_time(1, "03:10"))
        view = await stage.see(who[2])
        assert view.headline is not Headline.OFFLINE
        assert view.energy_wh > before + 5_000  # the queue was replayed
        await stage.until(town.end)
        report = stage.report()
        assert report.violations == ()
        stays = {session.station_id: session for session in await stage.sessions()}
        ours = stays[alone.spec.id]
        events = await stage.events(ours.id)
        assert [event for event in events if event in ("offline", "online")] == ["offline", "online"]
        assert events.count("settled") == 1
        receipt = await stage.receipt(who[2], ours.id)
        (seen,) = [one for one in report.sessions if one.station == "LOOTS/2"]
        assert receipt.energy_wh == ours.energy_wh == seen.energy_wh
        # No hole in the meter's story: what flowed in the silence stands in the slots in which it flowed.
        inside = [slot.actual_wh for slot in receipt.slots if LOST <= slot.start < clock_time(1, "03:00")]
        assert all(inside)
        assert "UNMANAGED_GAP" not in receipt.reasons
        assert await stage.books() == (0, 0)


async def test_a_car_that_leaves_in_the_silence_is_settled_when_the_station_is_back(tmp_path):
    leaves = clock_time(1, "02:50")
    town = town_of(visit("LOOTS/2", clock_time(0, "19:00"), leaves, 30, faults=(DROPS,)))
    async with on_stage(town, tmp_path, [HandMadePrices(hours=SHORT_VALLEY)]) as stage:
        await stage.until(clock_time(1, "03:00"))
        (session,) = await stage.sessions()
        assert session.ended_at is None
        await stage.until(clock_time(1, "03:10"))
        (session,) = await stage.sessions()
        receipt = await stage.receipt(person("LOOTS/2"), session.id)
        (seen,) = stage.report().sessions
        assert (session.state.value, session.ended_at, receipt.ended_at) == ("settled", leaves, leaves)
        assert receipt.energy_wh == seen.energy_wh > 5_000
        assert receipt.shortfall.reason == "left_early"
        assert await stage.books() == (0, 0)
        assert await stage.idle()
