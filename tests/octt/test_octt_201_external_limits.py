"""OCTT 2.0.1, CSMS: limits from elsewhere (K), from the wire to the plan and back; TC_K_48, TC_K_50 to TC_K_52."""

import asyncio
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from small_town import ANNA, HOME, HOME_STATION, NOW, PROVIDER, make_plan, plug_in
from v2_station import heard, judge_call

from server.flows import operating, session_views
from server.main.station_port import GatewayStations
from server.storage import outbox, plans, sessions, stations
from server.storage.outbox import Task
from server.workers import limits as worker

HARDWARE_W = 11_040


def schedule(*periods, unit="A", **more):
    steps = [{"startPeriod": start, "limit": limit} for start, limit in periods]
    return {"id": 1, "chargingRateUnit": unit, "chargingSchedulePeriod": steps} | more


async def limit(station, *schedules, source="EMS", evse=1):
    said = {"chargingLimit": {"chargingLimitSource": source, "isGridCritical": False}}
    said |= {"chargingSchedule": list(schedules)} if schedules else {}
    await station.tell("NotifyChargingLimit", **said, **({"evseId": evse} if evse else {}))


async def known(case):
    async with case.db.read() as tx:
        return (await stations.get(tx, HOME_STATION)).external_limits or ()


async def planned_w(case) -> int:
    """The most that the plan in force gives in any slot, after the place was planned anew.

    What holds for ever after it is never the limit of the moment: the station keeps that itself.
    """
    await make_plan(case.db, HOME, case.clock.now())
    async with case.db.read() as tx:
        (session,) = await sessions.open_at(tx, HOME)
        plan = await plans.get(tx, session.plan_id)
    assert plan.final_w == HARDWARE_W
    return max(plan.energy_wh) * 3600 // plan.slot_seconds


async def planned_wh(case, hours):
    """What the plan in force gives in the slots of the first hours."""
    async with case.db.read() as tx:
        (session,) = await sessions.open_at(tx, HOME)
        plan = await plans.get(tx, session.plan_id)
    return plan.energy_wh[: hours * 4]


async def replans(case):
    async with case.db.read() as tx:
        return [task.due_at for task in await outbox.due(tx, NOW + timedelta(days=1)) if task.kind == "replan"]


async def done(case):
    """What waits to be planned is being planned."""
    async with case.db.begin() as tx:
        await outbox.withdraw(tx, "replan", str(HOME), NOW)


async def test_tc_k_48_csms_a_limit_lowers_the_plan_and_is_shown_until_tc_k_50_csms_it_is_released(case):
    await plug_in(case.db, NOW)
    async with case.station() as station:
        assert await planned_w(case) == HARDWARE_W
        await done(case)
        await limit(station, schedule((0, 8.0)))
        assert await replans(case) == [NOW]
        assert await planned_w(case) <= 8 * 690
        async with case.db.read() as tx:
            (seen,) = await session_views.current(tx, ANNA, case.clock.now())
            (box,) = [
                one for one in await operating.stations_of(tx, PROVIDER, case.clock.now()) if one.id == HOME_STATION
            ]
        assert seen.external_limit_w == 8 * 690
        assert [(one.source, one.connector_no, one.limit_w) for one in box.limits] == [("EMS", 1, 8 * 690)]
        await station.tell("ClearedChargingLimit", chargingLimitSource="EMS", evseId=1)
        assert await known(case) == ()
        assert await planned_w(case) == HARDWARE_W
        async with case.db.read() as tx:
            (seen,) = await session_views.current(tx, ANNA, case.clock.now())
        assert seen.external_limit_w is None


async def test_one_that_says_no_start_holds_from_the_moment_that_it_comes(case):
    await plug_in(case.db, NOW)
    async with case.station() as station:
        case.clock.advance_to(NOW + timedelta(milliseconds=600))  # plans are made by whole seconds
        await limit(station, schedule((0, 8.0)))
        assert await planned_w(case) <= 8 * 690
        await limit(station, schedule((0, 10.0)))
        assert 8 * 690 < await planned_w(case) <= 10 * 690


async def test_a_period_that_says_no_limit_ends_the_one_before(case):
    await plug_in(case.db, NOW)
    async with case.station() as station:
        said = schedule((0, 0.0))
        said["chargingSchedulePeriod"].append({"startPeriod": 3600})  # OCPP 2.1 may leave it out
        await limit(station, said)
        assert await planned_w(case) == HARDWARE_W
        assert not any(await planned_wh(case, hours=1))
        assert [one.limit_w for one in (await known(case))[0].steps] == [0, None]


async def test_tc_k_51_csms_a_limit_of_the_whole_station_changes_by_the_hour_and_is_planned_anew_then(case):
    await plug_in(case.db, NOW)
    async with case.station() as station:
        await limit(station, schedule((0, 0.0), (3600, 3_000.0), unit="W", duration=7200), evse=None)
        await done(case)
        assert await planned_w(case) == HARDWARE_W
        assert not any(await planned_wh(case, hours=2)), "6 A on three phases are more than it has"
        assert await replans(case) == [NOW + timedelta(hours=12, minutes=1)], "nothing new comes before she leaves"
        case.clock.advance_to(NOW + timedelta(hours=2))  # it ends by itself
        assert await planned_w(case) == HARDWARE_W


async def test_tc_k_52_csms_one_that_does_not_say_how_much_is_asked_and_its_report_counts(case):
    await plug_in(case.db, NOW)
    context = SimpleNamespace(stations=GatewayStations(case.gateway), db=case.db, clock=case.clock)
    async with case.station() as station:
        await limit(station)
        async with case.db.read() as tx:
            (task,) = [one for one in await outbox.due(tx, NOW) if one.kind == "ask_limits"]
        assert await planned_w(case) == HARDWARE_W
        asked = asyncio.create_task(worker.ask(context, task))
        call = await answer(station, {"status": "Accepted"})
        assert call[2:] == [
            "GetChargingProfiles",
            {
                "requestId": call[3]["requestId"],
                "chargingProfile": {"chargingProfilePurpose": "ChargingStationExternalConstraints"},
            },
        ]
        assert await asked == "accepted"
        profile = {
            "id": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "ChargingStationExternalConstraints",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": [schedule((0, 10.0))],
        }
        ours = profile | {"chargingProfilePurpose": "TxProfile", "chargingSchedule": [schedule((0, 1.0))]}
        more = {"requestId": call[3]["requestId"], "evseId": 1, "chargingProfile": [profile, ours]}
        await station.tell("ReportChargingProfiles", chargingLimitSource="EMS", **more)
        assert await planned_w(case) <= 10 * 690
        async with case.db.begin() as tx:
            await outbox.withdraw(tx, "ask_limits", str(HOME_STATION), NOW)
        silent = profile | {"chargingSchedule": [schedule((0, -1.0))]}
        await station.tell(
            "ReportChargingProfiles", chargingLimitSource="EMS", **(more | {"chargingProfile": [silent]})
        )
        async with case.db.read() as tx:
            assert not [one for one in await outbox.due(tx, NOW) if one.kind == "ask_limits"], "for ever"


async def test_a_station_that_has_none_left_is_taken_at_its_word(case):
    context = SimpleNamespace(stations=GatewayStations(case.gateway), db=case.db, clock=case.clock)
    async with case.station() as station:
        await limit(station, schedule((0, 8.0)))
        asked = asyncio.create_task(worker.ask(context, Task(1, "ask_limits", str(HOME_STATION), "{}", NOW, 0)))
        await answer(station, {"status": "NoProfiles"})
        assert await asked == "NoProfiles"
    assert await known(case) == ()


@pytest.mark.parametrize("says", ["nothing", "refuses", "less", "all"])
async def test_a_limit_without_an_end_outlives_a_lost_line_and_a_boot_only_if_it_is_said_again(case, says):
    """2.0.1 K13 wants ClearedChargingLimit for its end; a station that started anew may not know of it any more."""
    context = SimpleNamespace(stations=GatewayStations(case.gateway), db=case.db, clock=case.clock)
    both = {1: "EMS", 2: "SO"}
    async with case.station() as station:
        for evse, source in both.items():
            await limit(station, schedule((0, 8.0)), source=source, evse=evse)
    case.clock.advance_to(NOW + timedelta(hours=1))
    async with case.station() as station:
        assert {one.source for one in await known(case)} == {"EMS", "SO"}, "the line was away, not the limit"
        await station.tell("BootNotification", reason="PowerUp", chargingStation={"vendorName": "V", "model": "M"})
        assert len(await known(case)) == 2, "it is asked first"
        case.clock.advance_to(NOW + timedelta(hours=2))
        (task,) = await due(case, "ask_limits")
        asked = asyncio.create_task(worker.ask(context, task))
        if says == "refuses":
            call = await heard(station.socket)
            await station.socket.send(json.dumps([4, call[1], "NotImplemented", "", {}]))
        else:
            call = await answer(station, {"status": "NoProfiles" if says == "nothing" else "Accepted"})
        await asked
        for evse, source in list(both.items())[: {"less": 1, "all": 2}.get(says, 0)]:
            profile = {
                "id": evse,
                "stackLevel": 0,
                "chargingProfilePurpose": "ChargingStationExternalConstraints",
                "chargingProfileKind": "Absolute",
                "chargingSchedule": [schedule((0, 8.0), startSchedule=f"{NOW:%Y-%m-%dT%H:%M:%SZ}")],
            }
            said = {"requestId": call[3]["requestId"], "evseId": evse, "chargingProfile": [profile]}
            await station.tell("ReportChargingProfiles", chargingLimitSource=source, **said)
        case.clock.advance_to(NOW + timedelta(hours=3))
        for task in await due(case, "forget_limits"):
            await worker.forget(context, task)
    left = {"less": {"EMS"}, "all": {"EMS", "SO"}}.get(says, set())
    assert {one.source for one in await known(case)} == left


async def due(case, kind):
    async with case.db.read() as tx:
        return [task for task in await outbox.due(tx, case.clock.now()) if task.kind == kind]


async def answer(station, payload):
    call = await heard(station.socket)
    judge_call("ocpp2.0.1", call[2], call[3])
    await station.socket.send(json.dumps([3, call[1], payload]))
    return call
