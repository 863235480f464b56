"""OCPP 1.6 compliancy cases, CSMS: sessions from the wire to the database; each case by its id."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from gateway_town import basic
from small_town import ANNA, HOME_STATION, NOW, STATION_KEY
from teller_16 import station_16
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from server.main.station_port import GatewayStations
from server.storage import sessions, stations, tables
from shared.sessions import SessionState

CARD = "ANNA-CARD"


async def session(case):
    async with case.db.read() as tx:
        found = await sessions.in_order(tx)
    assert len(found) <= 1
    return found[0] if found else None


async def evse(case):
    async with case.db.read() as tx:
        return await stations.evse_at(tx, HOME_STATION, 1)


async def token(case, **values):
    table = tables.SQLModel.metadata.tables["tokens"]
    async with case.db.begin() as tx:
        await tx.execute(sa.update(table).where(table.c.uid == CARD).values(**values))


async def ends_well(case, station, reason: str, energy_wh: int) -> None:
    """The session is over, with its energy and its reason, and the connector free."""
    await station.status("Finishing")
    await station.status("Available")
    over = await session(case)
    assert (over.state, over.stop_reason, over.energy_wh) == (SessionState.ENDED, reason, energy_wh)
    assert over.account_id == ANNA
    assert (await evse(case)).status == "Available"


# What happens before the transaction starts: statuses, and where the card is shown.
BEGINNINGS = {
    "TC_003_CSMS plug in first": ["Preparing", CARD],
    "TC_004_1_CSMS identification first": [CARD, "Preparing"],
    "TC_007_CSMS a cached id, which is not asked for": ["Preparing"],
}


@pytest.mark.parametrize("before", BEGINNINGS.values(), ids=BEGINNINGS.keys())
async def test_a_regular_session(case, before):
    async with station_16(case) as station:
        await station.boot()
        for said in before:
            if said == CARD:
                assert await station.authorize(CARD) == "Accepted"
            else:
                await station.status(said)
        assert await station.start(CARD) == "Accepted"
        await station.status("Charging")
        assert (await evse(case)).status == "Charging"
        running = await session(case)
        assert (running.state, running.account_id, running.meter_start_wh) == (SessionState.OPEN, ANNA, 100_000)
        await station.charge(2_000)
        assert (await session(case)).energy_wh == 2_000
        await station.stop("Local", idTag=CARD)
        await ends_well(case, station, "Local", 2_000)


async def test_tc_004_2_csms_identification_without_a_car_is_no_session(case):
    async with station_16(case) as station:
        assert await station.authorize(CARD) == "Accepted"
        await station.status("Preparing")
        await station.status("Available")  # the connection timed out
    assert await session(case) is None
    assert (await evse(case)).status == "Available"


async def test_tc_005_1_csms_the_cable_out_at_the_car_ends_the_session(case):
    async with station_16(case) as station:
        await station.start(CARD)
        await station.charge(1_000)
        await station.status("SuspendedEV")
        await station.stop("EVDisconnected")
        await ends_well(case, station, "EVDisconnected", 1_000)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(["Preparing"], [], id="TC_010_CSMS cable first"),
        pytest.param([], ["Preparing"], id="TC_011_1_CSMS remote start first"),
    ],
)
async def test_a_session_is_started_from_afar(case, before, after):
    async with station_16(case) as station:
        for said in before:
            await station.status(said)
        asked = asyncio.create_task(GatewayStations(case.gateway).start(HOME_STATION, 1, CARD))
        said = await station.asked({"status": "Accepted"}, "RemoteStartTransaction")
        assert said == {"idTag": CARD, "connectorId": 1}
        assert (await asked).status == "accepted"
        assert await session(case) is None  # accepted is not yet begun
        for one in after:
            await station.status(one)
        assert await station.authorize(said["idTag"]) == "Accepted"
        assert await station.start(said["idTag"]) == "Accepted"
        await station.status("Charging")
        assert (await session(case)).account_id == ANNA


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        pytest.param("Accepted", "accepted", id="TC_011_2_CSMS accepted, and nobody plugs in"),
        pytest.param("Rejected", "rejected", id="TC_026_CSMS rejected"),
    ],
)
async def test_a_start_from_afar_that_begins_nothing(case, answer, word):
    async with station_16(case) as station:
        asked = asyncio.create_task(GatewayStations(case.gateway).start(HOME_STATION, 1, CARD))
        await station.asked({"status": answer}, "RemoteStartTransaction")
        assert (await asked).status == word
        await station.status("Preparing")
        await station.status("Available")
    assert await session(case) is None


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        pytest.param("Accepted", "accepted", id="TC_012_CSMS"),
        pytest.param("Rejected", "rejected", id="TC_028_CSMS"),
    ],
)
async def test_a_session_is_stopped_from_afar_or_not(case, answer, word):
    async with station_16(case) as station:
        await station.start(CARD)
        await station.charge(1_000)
        stop = GatewayStations(case.gateway).stop(HOME_STATION, station.transaction_id)
        asked = asyncio.create_task(stop)
        said = await station.asked({"status": answer}, "RemoteStopTransaction")
        assert said == {"transactionId": station.transaction_id}
        assert (await asked).status == word
        assert (await session(case)).state is SessionState.OPEN  # accepted is not yet done
        if answer == "Accepted":
            await station.stop("Remote")
            await ends_well(case, station, "Remote", 1_000)


@pytest.mark.parametrize(
    ("uid", "values", "status"),
    [
        pytest.param("NOBODYS", {}, "Invalid", id="TC_023_1_CSMS"),
        pytest.param(CARD, {"expires_at": NOW}, "Expired", id="TC_023_2_CSMS"),
        pytest.param(CARD, {"valid": False}, "Blocked", id="TC_023_3_CSMS"),
    ],
)
async def test_a_token_that_may_not_charge_is_told_so_and_its_transaction_is_kept(case, uid, values, status):
    if values:
        await token(case, **values)
    async with station_16(case) as station:
        await station.status("Preparing")
        assert await station.authorize(uid) == status
        assert await session(case) is None
        assert await station.start(uid) == status  # some start all the same: it is acknowledged, and nobody's
    assert (await session(case)).account_id is None


async def test_tc_024_csms_a_lock_that_fails_is_a_fault_and_no_session(case):
    async with station_16(case) as station:
        await station.status("Preparing")
        assert await station.authorize(CARD) == "Accepted"
        await station.status("Faulted", "ConnectorLockFailure")
    assert ((await evse(case)).status, (await evse(case)).error_code) == ("Faulted", "ConnectorLockFailure")
    assert await session(case) is None


async def test_tc_032_1_csms_a_power_failure_ends_the_session_after_the_boot(case):
    async with station_16(case) as station:
        await station.boot()
        await station.start(CARD)
        await station.charge(1_500)
    async with station_16(case) as again:
        again.transaction_id, again.register_wh = station.transaction_id, station.register_wh
        assert (await again.boot())["status"] == "Accepted"
        await again.status("Finishing")
        await again.stop("PowerLoss")
        await ends_well(case, again, "PowerLoss", 1_500)


@pytest.mark.parametrize(
    ("uid", "status", "account"),
    [
        pytest.param(CARD, "Accepted", ANNA, id="TC_037_1_CSMS valid"),
        pytest.param("NOBODYS", "Invalid", None, id="TC_037_3_CSMS invalid: the station stops it"),
    ],
)
async def test_a_start_of_while_it_was_away_is_told_later(case, uid, status, account):
    began = case.clock.now() - timedelta(minutes=20)
    async with station_16(case) as station:
        await station.boot()
        await station.status("Charging")
        assert await station.start(uid, timestamp=began.strftime("%Y-%m-%dT%H:%M:%SZ")) == status
        assert (await session(case)).started_at == began
        if status == "Invalid":
            await station.stop("DeAuthorized")
            over = await session(case)
            assert (over.state, over.stop_reason) == (SessionState.ENDED, "DeAuthorized")
    assert (await session(case)).account_id == account


async def test_tc_039_csms_a_whole_session_of_while_it_was_away_is_told_later_and_once(case):
    began = case.clock.now() - timedelta(hours=3)
    said = {"timestamp": began.strftime("%Y-%m-%dT%H:%M:%SZ"), "meterStart": 50_000}
    async with station_16(case) as station:
        await station.boot()
        await station.status("Available")
        first = station.transaction_id = 0
        for _ in range(2):  # under new message ids, as stations repeat themselves
            assert await station.start(CARD, **said) == "Accepted"
            assert first in (0, station.transaction_id)
            first = station.transaction_id
        ended = (began + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        more = {"transactionId": first, "meterStop": 58_000, "timestamp": ended, "idTag": CARD, "reason": "Local"}
        for _ in range(2):
            answer = await station.tell("StopTransaction", **more)
            assert answer["idTagInfo"]["status"] == "Accepted"
    over = await session(case)
    assert (over.state, over.energy_wh, over.started_at) == (SessionState.ENDED, 8_000, began)
    assert over.ended_at == began + timedelta(hours=1)


async def test_a_token_is_told_with_its_group_so_that_another_of_it_may_end_the_session(case):
    async with station_16(case) as station:
        asked = (await station.tell("Authorize", idTag=CARD))["idTagInfo"]
        began = await station.tell("StartTransaction", connectorId=1, idTag=CARD, meterStart=0, timestamp=station.now())
        strangers = (await station.tell("Authorize", idTag="NOBODYS"))["idTagInfo"]
    assert asked["parentIdTag"] == began["idTagInfo"]["parentIdTag"]
    assert strangers == {"status": "Invalid"}


# --- signing in ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("user", "key", "status"),
    [("HOME-1", STATION_KEY, 101), ("HOME-2", STATION_KEY, 401), ("HOME-1", STATION_KEY[::-1], 401)],
)
async def test_tc_085_csms_a_station_signs_in_by_its_name_and_key(case, user, key, status):
    url = f"ws://127.0.0.1:{case.gateway.port}/ocpp/HOME-1"
    signing = connect(url, additional_headers=basic(user, key.encode()), subprotocols=["ocpp1.6"])
    if status == 101:
        async with signing as socket:
            assert socket.subprotocol == "ocpp1.6"
        return
    with pytest.raises(InvalidStatus) as refused:
        async with signing:
            pass
    assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["ocpp1.6"], "ocpp1.6"), (["ocpp1.5", "ocpp1.6"], "ocpp1.6"), (["ocpp1.5"], None)]
)
async def test_tc_088_csms_the_subprotocol_is_negotiated(case, offered, chosen):
    url = f"ws://127.0.0.1:{case.gateway.port}/ocpp/HOME-1"
    headers = basic("HOME-1", STATION_KEY.encode())
    async with connect(url, additional_headers=headers, subprotocols=offered) as socket:
        assert socket.subprotocol == chosen
        if chosen is None:
            with pytest.raises(ConnectionClosedError) as closed:
                await asyncio.wait_for(socket.recv(), 30)
            assert closed.value.rcvd.code == 1002
