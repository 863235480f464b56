"""npm's ocpp-rpc, in strict mode, charges a session at the gateway."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from gateway_town import KEY, NOW, MemoryFlows, Town, station_of

from server.gateway.listener import Gateway, GatewaySettings
from server.gateway.v16 import commands as c
from server.gateway.v16 import translate
from server.gateway.v201 import commands as c201
from server.gateway.v201 import translate as translate201

pytestmark = pytest.mark.node
IDENTITY = "RDAM|1/23"
AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


@pytest.fixture
async def town():
    flows = MemoryFlows()
    flows.keys = {IDENTITY: KEY}
    gateway = Gateway(flows, GatewaySettings(port=0))
    await gateway.start()
    yield Town(flows, gateway)
    await gateway.stop()


async def test_it_charges_a_session_and_takes_its_profile(town, ocpp_rpc_station):
    station_id = station_of(IDENTITY)
    running = asyncio.create_task(ocpp_rpc_station(town.url(IDENTITY), IDENTITY, KEY.decode(), "--token", "CAR"))
    async with asyncio.timeout(30):
        while not town.flows.told("start"):
            assert not running.done(), running.result()
            await asyncio.sleep(0.02)
    default = translate.default_profile(1, [(0, 0.0), (300, 6.0)], "A")
    plan = translate.tx_profile(translate.Place(1, 1, 3), AT, [(0, 0.0), (900, 16.1), (1800, 6.0)], "A")
    assert (await town.gateway.call(station_id, default)).accepted
    assert (await town.gateway.call(station_id, plan)).accepted
    refused = await town.gateway.call(station_id, c.UnlockConnector(1))
    heard = await running
    assert heard["error"] is None
    assert (refused.status, refused.error_code) == ("error", "NotSupported")
    assert (heard["protocol"], heard["profileInTime"], heard["readings"]) == ("ocpp1.6", True, 3)
    assert heard["answers"]["StartTransaction"] == {"transactionId": 1, "idTagInfo": {"status": "Accepted"}}
    assert heard["answers"]["StopTransaction"] == {"idTagInfo": {"status": "Accepted"}}
    assert heard["answers"]["DataTransfer"] == {"status": "UnknownVendorId"}
    assert [one["connectorId"] for one in heard["profiles"]] == [0, 1]
    periods = heard["profiles"][1]["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
    assert [one["limit"] for one in periods] == [0, 16.1, 6]


async def test_in_2_0_1_too(town, ocpp_rpc_station):
    station_id = station_of(IDENTITY)
    running = asyncio.create_task(
        ocpp_rpc_station(
            town.url(IDENTITY), IDENTITY, KEY.decode(), "--token", "CAR", "--protocol", "ocpp2.0.1", timeout_s=60
        )
    )
    async with asyncio.timeout(30):
        while not town.flows.told("transaction"):
            assert not running.done(), running.result()
            await asyncio.sleep(0.02)
    reference = town.flows.told("transaction")[0].reference
    default = translate201.default_profile(1, [(0, 0.0), (300, 6.0)], "A")
    place = translate201.Place(1, reference, 3)
    plan = translate201.tx_profile(place, AT, [(0, 0.0), (900, 16.1), (1800, 6.0)], "A")
    assert (await town.gateway.call(station_id, default)).accepted
    assert (await town.gateway.call(station_id, plan)).accepted
    refused = await town.gateway.call(station_id, c201.UnlockConnector(1, 1))
    heard = await running
    assert heard["error"] is None
    assert (refused.status, refused.error_code) == ("error", "NotSupported")
    assert (heard["protocol"], heard["profileInTime"], heard["readings"]) == ("ocpp2.0.1", True, 3)
    assert heard["answers"]["Started"] == {"idTokenInfo": {"status": "Accepted"}}
    assert heard["answers"]["Ended"] == {"idTokenInfo": {"status": "Accepted"}}
    assert heard["answers"]["DataTransfer"] == {"status": "UnknownVendorId"}
    assert [info.kind for info in town.flows.told("transaction")] == ["Started", *["Updated"] * 3, "Ended"]
    registers = [info.readings[0].register_wh for info in town.flows.told("transaction")]
    assert registers == [100_000, 102_000, 104_000, 106_000, 108_000]


async def test_what_it_said_is_what_the_flows_heard(town, ocpp_rpc_station):
    heard = await ocpp_rpc_station(town.url(IDENTITY), IDENTITY, KEY.decode(), "--wait-ms", "0")
    assert heard["error"] is None
    (start,), (stop,) = town.flows.told("start"), town.flows.told("stop")
    began = NOW.replace(microsecond=0) - timedelta(hours=1)
    assert (start.at, start.meter_start_wh, start.token_uid) == (began, 100_000, "TAG")
    assert (stop.transaction_id, stop.meter_stop_wh, stop.at - start.at) == (1, 108_000, timedelta(hours=1))
    assert [info.readings[0].register_wh for info in town.flows.told("readings")] == [102_000, 104_000, 106_000]


async def test_a_wrong_key_keeps_it_out(town, ocpp_rpc_station):
    heard = await ocpp_rpc_station(town.url(IDENTITY), IDENTITY, "wrong")
    assert "401" in heard["error"] or heard["httpStatus"] == 401
    assert town.flows.heard == []
