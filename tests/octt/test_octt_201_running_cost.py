"""OCTT 2.0.1, CSMS: the running cost is told while a session goes on; TC_I_01, in 2.0.1 and 2.1."""

import asyncio
import json
from datetime import timedelta
from types import SimpleNamespace

import msgspec
import pytest
import sqlalchemy as sa
from small_town import NOW, STREET_STATION_1
from v2_station import heard, judge_call

from server.core.tariff import EnergyWindow
from server.flows import running_cost
from server.main.station_port import GatewayStations
from server.storage import outbox, stations, tables
from server.workers import costs

CARD, EVERY = "ANNA-CARD", timedelta(minutes=5)
TARIFFS = tables.SQLModel.metadata.tables["tariffs"]


async def due(case):
    """What waits to be told."""
    async with case.db.read() as tx:
        return [task for task in await outbox.due(tx, NOW + timedelta(days=1)) if task.kind == running_cost.TELL]


async def at_its_time(case):
    """The task that waits, at the moment when it is due; it waits no more."""
    (task,) = await due(case)
    case.clock.advance_to(max(case.clock.now(), task.due_at))
    async with case.db.begin() as tx:
        await outbox.done(tx, [task.id], case.clock.now())
    return task


def context(case):
    return SimpleNamespace(stations=GatewayStations(case.gateway), db=case.db, clock=case.clock)


async def told(case, station, answer=None) -> float:
    """The cost that the station is told next."""
    asked = asyncio.create_task(costs.tell(context(case), await at_its_time(case)))
    kind, message_id, action, payload = await heard(station.socket)
    judge_call("ocpp2.0.1", action, payload)
    assert (kind, action, payload["transactionId"]) == (2, "CostUpdated", "T-1")
    await station.socket.send(json.dumps([3, message_id, {}] if answer is None else [4, message_id, answer, "", {}]))
    await asked
    return payload["totalCost"]


async def test_tc_i_01_csms_the_cost_so_far_is_told_every_few_minutes_while_it_grows(case):
    """Street asks EUR 0.42 a kWh."""
    async with case.station("LOOTS%2F1") as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        began = case.clock.now()
        assert [task.due_at for task in await due(case)] == [began + EVERY]
        await station.charge(5_000)
        assert await told(case, station) == 2.10
        assert await costs.tell(context(case), await at_its_time(case)) == "as_before"  # it has not grown
        await station.charge(5_000)
        assert await told(case, station) == 4.20
        assert [task.due_at - case.clock.now() for task in await due(case)] == [EVERY]
        await station.event("Ended", "EVDeparted", "Idle", reason="EVDisconnected")
        assert await costs.tell(context(case), await at_its_time(case)) == "over"
        assert await due(case) == []


async def test_a_price_that_changes_is_told_then(case):
    async with case.db.begin() as tx:
        windows = (EnergyWindow("19:15", "20:00", 500_000), EnergyWindow("00:00", "24:00", 100_000))
        (row,) = await tx.execute(sa.select(TARIFFS.c.terms))
        await tx.execute(sa.update(TARIFFS).values(terms=msgspec.structs.replace(row.terms, energy=windows)))
    async with case.station("LOOTS%2F1") as station:
        case.clock.advance_to(NOW + timedelta(minutes=6))  # 19:06 there
        await station.event("Started", "Authorized", "Charging", card=CARD)
        await station.charge(1_000)
        await told(case, station)
        (task,) = await due(case)
        assert task.due_at == NOW + timedelta(minutes=15)


@pytest.mark.parametrize("code", ["NotSupported", "NotImplemented"])
async def test_a_station_that_shows_no_costs_is_told_no_more_of_them(case, code):
    async with case.station("LOOTS%2F1") as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        await station.charge(5_000)
        await told(case, station, code)
        assert await due(case) == []
    async with case.db.read() as tx:
        assert running_cost.COST in (await stations.get(tx, STREET_STATION_1)).manner.refused


async def test_at_home_nobody_is_charged_and_nothing_told(case):
    async with case.station() as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
    assert await due(case) == []
