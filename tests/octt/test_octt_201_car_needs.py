"""OCTT 2.0.1 TC_K_53, TC_K_55, TC_K_57 on the wire: what a car says reaches its session and is answered by its plan."""

from datetime import timedelta

from small_town import HOME_STATION, NOW

from server.storage import outbox, sessions

AC = {"energyAmount": 12_000, "evMinCurrent": 6, "evMaxCurrent": 16, "evMaxVoltage": 400}
DC = {"evMaxCurrent": 200, "evMaxVoltage": 800, "energyAmount": 40_000, "evMaxPower": 90_000, "stateOfCharge": 35}


async def needs(station, mode, **more):
    said = {"requestedEnergyTransfer": mode} | more
    return (await station.tell("NotifyEVChargingNeeds", evseId=1, chargingNeeds=said))["status"]


async def of_session(case):
    async with case.db.read() as tx:
        return await sessions.by_reference(tx, HOME_STATION, "T-1")


async def test_tc_k_53_tc_k_57_what_a_car_needs_is_kept_and_may_change(case):
    leaves = (NOW + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    async with case.station() as station:
        assert await needs(station, "AC_three_phase", acChargingParameters=AC) == "Rejected"
        await station.event("Started", "Authorized", "Charging", card="ANNA-CARD")
        await station.charge(2_000)
        said = await needs(station, "AC_three_phase", departureTime=leaves, acChargingParameters=AC)
        assert said == "Processing"
        kept = (await of_session(case)).car_needs
        assert (kept.ready_by, kept.energy_wh, kept.at_wh) == (NOW + timedelta(hours=9), 12_000, 2_000)
        assert (kept.max_a, kept.most_w) == (16, 11_040)
        assert await needs(station, "DC", dcChargingParameters=DC) == "Processing"
        changed = await of_session(case)
        assert (changed.car_needs.ready_by, changed.car_needs.most_w, changed.soc_pct) == (None, 90_000, 35)


async def test_tc_k_55_a_schedule_that_passes_what_the_car_may_draw_is_rejected_and_told_again(case):
    async with case.station() as station:
        await station.event("Started", "Authorized", "Charging", card="ANNA-CARD")
        for amperes, status in ((16, "Accepted"), (32, "Rejected")):
            periods = [{"startPeriod": 0, "limit": amperes}]
            schedule = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": periods}
            said = {"timeBase": station.now(), "evseId": 1, "chargingSchedule": schedule}
            assert (await station.tell("NotifyEVChargingSchedule", **said))["status"] == status
    async with case.db.read() as tx:
        waiting = [task.key for task in await outbox.due(tx, case.clock.now()) if task.kind == "resend"]
    assert waiting == [str(HOME_STATION)]
