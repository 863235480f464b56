"""Limits inside of limits, stations of 1.6 and 2.0.1: the server is gone, all stations boot, and no limit is passed.

The stations are at the end of the real words: what they keep is what came over the wire, held to the official schema.
"""

import itertools
import json
from datetime import timedelta

import msgspec
import ocpp.messages
import pytest
import sqlalchemy as sa
from small_town import NOW, STREET, STREET_STATION_1, STREET_STATION_2, an_id, plug_in

from server.core.station import START_WAIT_S
from server.flows import feeders, placing, steering
from server.flows import stations as station_flow
from server.gateway.languages import action, read_answer
from server.gateway.link import CallStatus
from server.gateway.listener import CallOutcome
from server.gateway.versions import Version
from server.main.station_port import GatewayStations
from server.storage import locations, outbox, sessions, tables
from server.storage import stations as stored
from server.workers import replan
from server.workers.context import WorkContext
from shared.feeders import FeederAdd, FeederChange, LoadWindow
from shared.sessions import SessionUpdate
from shared.stations import StationAdd
from shared.units import VOLTS

MAIN = an_id("feeder")
HANDLERS = {name: getattr(replan, name) for name in ("replan", "dispatch", "resend", "configure")}
SIX, TWO = Version.V16, Version.V201
# identity: version, unit, phases, sockets, the limits above it, the innermost first
STATIONS = {
    "LOOTS/1": (SIX, "A", 3, 1, ("Garage", "Main")),
    "N-3": (SIX, "W", 3, 1, ("Garage", "Main")),
    "N-4": (TWO, "W", 3, 1, ("Panel", "Garage", "Main")),
    "LOOTS/2": (TWO, "A", 3, 1, ("Main",)),
    "N-5": (SIX, "A", 1, 1, ("Main",)),
    "N-6": (TWO, "A", 3, 2, ("Main",)),
}
BUILDING_A = 1.0
"""On each phase, in the garage."""
CARRIES = {"Main": (63.0, 63.0, 60.0), "Garage": (22.0,) * 3, "Panel": (4_500 / (3 * VOLTS),) * 3}


class Wires:
    """A gateway whose stations accept everything, and keep the profiles that came over the wire."""

    def __init__(self):
        self.names, self.default, self.running = {}, {}, {}

    def version(self, station_id):
        return STATIONS[self.names[station_id]][0]

    async def call(self, station_id, request, _seconds):
        name, payload = self.names[station_id], json.loads(msgspec.json.encode(request))
        schema = "1.6" if self.version(station_id) is SIX else "2.0.1"
        ocpp.messages._validate_payload(ocpp.messages.Call("1", action(request), payload), schema)
        answer = {"status": "Accepted"}
        if action(request) == "SetChargingProfile":
            said = payload.get("csChargingProfiles") or payload["chargingProfile"]
            kept = self.default if said["chargingProfilePurpose"] == "TxDefaultProfile" else self.running
            kept[name] = said
        if action(request) == "SetVariables":
            done = [
                {"attributeStatus": "Accepted", "component": one["component"], "variable": one["variable"]}
                for one in payload["setVariableData"]
            ]
            answer = {"setVariableResult": done}
        said = read_answer(request, msgspec.Raw(msgspec.json.encode(answer)))
        return CallOutcome(CallStatus.ANSWERED, said)


def current(profile, moment, begun, phases):
    """What a profile allows a car on so many phases, A on each of them."""
    schedule = profile["chargingSchedule"]
    schedule = schedule[0] if isinstance(schedule, list) else schedule
    start = begun if profile["chargingProfileKind"] == "Relative" else NOW.fromisoformat(schedule["startSchedule"])
    elapsed = (moment - start).total_seconds()
    periods = [one for one in schedule["chargingSchedulePeriod"] if one["startPeriod"] <= elapsed]
    limit = periods[-1]["limit"] if periods else 0.0
    return limit if schedule["chargingRateUnit"] == "A" else limit / (VOLTS * phases)


def loads(cars):
    """What flows through each limit, A by phase; `cars`: identity, current, phases (the first ones: the worst case)."""
    out = {name: [0.0] * 3 for name in CARRIES}
    for identity, amperes, phases in cars:
        for name in STATIONS[identity][4]:
            for phase in range(phases):
                out[name][phase] += amperes
    for name in ("Garage", "Main"):
        out[name] = [one + BUILDING_A for one in out[name]]
    return out


def passed(cars):
    return {
        (name, phase): one
        for name, by_phase in loads(cars).items()
        for phase, one in enumerate(by_phase)
        if one > CARRIES[name][phase] + 1e-9
    }


async def work_off(context):
    for _ in range(100):
        async with context.db.begin() as tx:
            due = await outbox.due(tx, context.clock.now())
            if not due:
                return
            await outbox.start(tx, [due[0].id], context.clock.now())
        if due[0].kind in HANDLERS:
            await HANDLERS[due[0].kind](context, due[0])
        async with context.db.begin() as tx:
            await outbox.done(tx, [due[0].id], context.clock.now())
    raise AssertionError("it does not end")


async def build(context, wires):
    """Four more stations, and the garage with its panel inside of the street's limit."""
    ids = {"LOOTS/1": STREET_STATION_1, "LOOTS/2": STREET_STATION_2}
    async with context.db.begin() as tx:
        place = await locations.get(tx, STREET)
        for identity, (_, unit, phases, sockets, _) in STATIONS.items():
            if identity not in ids:
                await placing.put_station(tx, place, StationAdd(identity, "x", 3_680 * phases, phases), "", NOW)
                ids[identity] = (await stored.named(tx, identity)).id
            await stored.update(tx, ids[identity], unit=unit, safe_held_w=None)
            for number in range(2, sockets + 1):
                await stored.add_evse(tx, await stored.get(tx, ids[identity]), number)
        await feeders.change(tx, place, MAIN, FeederChange(name="Main", limit_ma=[63_000, 63_000, 60_000]), NOW)
        load = [LoadWindow("00:00", "24:00", 690)]
        hung = ["LOOTS/1", "N-3"]
        garage = await feeders.add(tx, place, FeederAdd("Garage", MAIN, None, [22_000], load, hung), NOW)
        await feeders.add(tx, place, FeederAdd("Panel", garage.id, 4_500, None, [], ["N-4"]), NOW)
    wires.names = {key: identity for identity, key in ids.items()}
    for identity, key in ids.items():
        async with context.db.begin() as tx:
            spoken = "ocpp1.6" if STATIONS[identity][0] is SIX else "ocpp2.0.1"
            await station_flow.connect(tx, key, f"c-{identity}", NOW, spoken)


@pytest.fixture
async def wires(context):
    """The street with all its stations set up, and two cars that charge by their plans: in the garage, and outside."""
    edge = Wires()
    told = WorkContext(context.db, context.clock, GatewayStations(edge), context.solver)
    await build(told, edge)
    await work_off(told)
    for station, token in ((STREET_STATION_1, "ANNA-CARD"), (STREET_STATION_2, "BERT-CARD")):
        session_id = await plug_in(context.db, NOW, station, token)
        async with context.db.begin() as tx:
            await tx.execute(sa.update(tables.Sessions).values(transaction_ref="T-1"))
            said = SessionUpdate(ready_by=NOW + timedelta(hours=8), energy_wh=30_000)
            await steering.change(tx, await sessions.get(tx, session_id), said, NOW)
    await work_off(told)
    return edge


async def test_all_stations_hold_the_least_share_of_the_limits_above_them(context, wires):
    begun = NOW + timedelta(hours=1)
    later = begun + timedelta(seconds=START_WAIT_S)
    held = {name: [current(kept, at, begun, 1) for at in (begun, later)] for name, kept in wires.default.items()}
    garage, outside = [0.0, 7.0], [0.0, 8.4]
    panel = [0.0, pytest.approx(6.5)]
    assert held == {name: {"N-3": garage, "LOOTS/1": garage, "N-4": panel}.get(name, outside) for name in STATIONS}


async def test_with_the_server_gone_and_all_stations_booted_no_limit_is_passed_on_any_phase(wires):
    """Power fails, every station starts anew with no plan, and at every socket a car begins at once."""
    sockets = [identity for identity, one in STATIONS.items() for _ in range(one[3])]
    fullest = dict.fromkeys(CARRIES, 0.0)
    for phases in itertools.product((1, 2, 3), repeat=3):
        for seconds in (0, START_WAIT_S - 1, START_WAIT_S, 86_400):
            cars = []
            for number, identity in enumerate(sockets):
                used = min(phases[number % 3], STATIONS[identity][2])
                moment = NOW + timedelta(seconds=seconds)
                cars.append((identity, min(16.0, current(wires.default[identity], moment, NOW, used)), used))
            assert passed(cars) == {}, (phases, seconds)
            for name, by_phase in loads(cars).items():
                fullest[name] = max(fullest[name], *by_phase)
    assert fullest["Garage"] > 0.97 * 21.5  # 7 + 7 + 6.5 and the building
    assert fullest["Panel"] > 6.4
    assert fullest["Main"] > 54


async def test_with_the_server_gone_the_plans_pass_no_limit_and_end_in_the_share(wires):
    assert set(wires.running) == {"LOOTS/1", "LOOTS/2"}
    drawn = set()
    for quarter in range(4 * 24):
        moment = NOW + timedelta(minutes=15 * quarter + 1)
        cars = [(name, current(plan, moment, NOW, 3), 3) for name, plan in wires.running.items()]
        assert passed(cars) == {}
        drawn |= {(name, amperes) for name, amperes, _ in cars}
    assert max(amperes for name, amperes in drawn if name == "LOOTS/2") == 16.0
    assert max(amperes for name, amperes in drawn if name == "LOOTS/1") > 8
    end = NOW + timedelta(hours=40)
    assert {name: current(plan, end, NOW, 3) for name, plan in wires.running.items()} == {
        "LOOTS/1": 7.0,
        "LOOTS/2": 8.4,
    }
