"""OCTT 2.0.1, CSMS: load levelling with a car that speaks ISO 15118, by our own workers (TC_K_53, K_57 to K_60)."""

import asyncio
import json
from datetime import timedelta

from api_edge import InlineSolver
from small_town import HOME_STATION
from v2_station import judge_call

from server.main.station_port import GatewayStations
from server.storage import outbox, plans, sessions
from server.workers import replan
from server.workers.context import WorkContext

CARD = "ANNA-CARD"
KINDS = {"replan": replan.replan, "dispatch": replan.dispatch, "resend": replan.resend}
SOON = timedelta(seconds=15)
NEEDS = {"requestedEnergyTransfer": "AC_three_phase"}


async def work(case, station, status="Accepted") -> list[dict]:
    """What is due is done, and the station answers this; the profiles that it was told, judged."""
    context = WorkContext(case.db, case.clock, GatewayStations(case.gateway), InlineSolver())
    told: list[dict] = []
    while True:
        async with case.db.begin() as tx:
            due = [task for task in await outbox.due(tx, case.clock.now() + SOON) if task.kind in KINDS]
            await outbox.done(tx, [task.id for task in due], case.clock.now())
        if not due:
            return told
        for task in due:
            await _answering(station, asyncio.create_task(KINDS[task.kind](context, task)), status, told)


async def _answering(station, doing, status, told) -> None:
    while not doing.done():
        hearing = asyncio.create_task(station.socket.recv())
        await asyncio.wait({doing, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if not hearing.done():
            hearing.cancel()
            continue
        _, message_id, action, payload = json.loads(hearing.result())
        judge_call("ocpp2.0.1", action, payload)
        assert action == "SetChargingProfile"
        told.append(payload)
        await station.socket.send(json.dumps([3, message_id, {"status": status}]))
    await doing


async def plan(case):
    """The session's plan in force."""
    async with case.db.read() as tx:
        session = await sessions.by_reference(tx, HOME_STATION, "T-1")
        return await plans.get(tx, session.plan_id)


def highest_a(told: dict) -> float:
    """The highest limit of a TxProfile of T-1 on EVSE 1, A, but for what holds after the plan's end."""
    profile = told["chargingProfile"]
    assert (told["evseId"], profile["chargingProfilePurpose"]) == (1, "TxProfile")
    assert profile["transactionId"] == "T-1"
    (schedule,) = profile["chargingSchedule"]
    assert schedule["chargingRateUnit"] == "A"
    return max(one["limit"] for one in schedule["chargingSchedulePeriod"][:-1])


async def begin(case, station) -> dict:
    """A session with its first plan."""
    await station.event("Started", "Authorized", "Charging", card=CARD)
    (first,) = await work(case, station)
    return first


async def says_its_needs(case, station) -> dict:
    """The car tells what it needs; the plan that it is told then, and means to draw half of it."""
    answer = await station.tell("NotifyEVChargingNeeds", evseId=1, chargingNeeds=NEEDS)
    assert answer["status"] in {"Accepted", "Processing"}
    told = (await work(case, station))[-1]
    (ours,) = told["chargingProfile"]["chargingSchedule"]
    half = [one | {"limit": round(one["limit"] / 2, 1)} for one in ours["chargingSchedulePeriod"]]
    own = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": half}
    base = ours.get("startSchedule", station.now())
    answer = await station.tell("NotifyEVChargingSchedule", timeBase=base, evseId=1, chargingSchedule=own)
    assert answer["status"] == "Accepted"
    await station.event("Updated", "ChargingRateChanged", "Charging")
    assert (await plan(case)).outcome == "accepted"
    return told


async def test_tc_k_53_tc_k_57_tc_k_60_csms_a_car_that_says_its_needs_is_told_its_plan_each_time(case):
    async with case.station() as station:
        first = await begin(case, station)
        assert highest_a(first) == 16.0
        for _ in range(2):  # the second time it is the car that negotiates anew
            assert highest_a(await says_its_needs(case, station)) == 16.0


async def test_tc_k_58_tc_k_59_csms_a_plan_that_we_change_reaches_the_car_and_holds_when_it_tells_its_needs(case):
    async with case.station() as station:
        await begin(case, station)
        await says_its_needs(case, station)
        limit = {"chargingLimitSource": "EMS", "isGridCritical": False}
        schedule = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.0}]}
        await station.tell("NotifyChargingLimit", chargingLimit=limit, chargingSchedule=[schedule], evseId=1)
        (anew,) = await work(case, station)
        assert highest_a(anew) == 8.0
        assert highest_a(await says_its_needs(case, station)) == 8.0


async def test_tc_k_02_csms_a_profile_that_the_station_refuses_is_not_taken_for_held(case):
    async with case.station() as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        told = await work(case, station, "Rejected")
        assert told
        assert (await plan(case)).outcome != "accepted"
