"""OCTT 2.0.1, CSMS: blocks C (authorisation), E (transactions), F and J, from the wire to the database."""

import asyncio
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from small_town import ANNA, HOME_STATION, NOW
from v2_station import heard, judge_call

from server.api.context import Order
from server.gateway.v201 import commands as c
from server.main.hands import GatewayHands
from server.main.station_port import GatewayStations
from server.storage import outbox, sessions, stations, tables, transactions, watch
from shared.sessions import SessionState

CARD = "ANNA-CARD"
SIGNED = {"signedMeterData": "OCMF|{}|{}", "signingMethod": "", "encodingMethod": "OCMF", "publicKey": "k"}


async def session(case):
    async with case.db.read() as tx:
        return await sessions.by_reference(tx, HOME_STATION, "T-1")


async def evse_status(case):
    async with case.db.read() as tx:
        return (await stations.evse_at(tx, HOME_STATION, 1)).status


async def answered(station, payload):
    """The station's answer to the next call, which the official schema judges."""
    call = await heard(station.socket)
    judge_call("ocpp2.0.1", call[2], call[3])
    await station.socket.send(json.dumps([3, call[1], payload]))
    return call


# --- E: how a transaction starts ----------------------------------------------------------------
# case -> what the station tells, in order: (event, trigger, chargingState, more)
START_OPTIONS = {
    "TC_E_01_CSMS PowerPathClosed": [("Started", "ChargingStateChanged", "Charging", {"card": CARD})],
    "TC_E_02_CSMS EnergyTransfer": [("Started", "ChargingStateChanged", "Charging", {"card": CARD})],
    "TC_E_03_CSMS cable first": [
        ("Started", "CablePluggedIn", "EVConnected", {}),
        ("Updated", "Authorized", "EVConnected", {"card": CARD}),
        ("Updated", "ChargingStateChanged", "Charging", {}),
    ],
    "TC_E_04_CSMS authorisation first": [
        ("Started", "Authorized", "Idle", {"card": CARD, "where": False}),
        ("Updated", "CablePluggedIn", "EVConnected", {"where": True}),
        ("Updated", "ChargingStateChanged", "Charging", {}),
    ],
    "TC_E_09_CSMS EVConnected": [
        ("Started", "CablePluggedIn", "EVConnected", {}),
        ("Updated", "Authorized", None, {"card": CARD}),
        ("Updated", "ChargingStateChanged", "Charging", {}),
    ],
    "TC_E_10_CSMS Authorized": [
        ("Started", "Authorized", None, {"card": CARD}),
        ("Updated", "ChargingStateChanged", "Charging", {}),
    ],
    "TC_E_11_CSMS DataSigned": [
        ("Started", "SignedDataReceived", "EVConnected", {"card": CARD, "sample": {"signedMeterValue": SIGNED}}),
        ("Updated", "ChargingStateChanged", "Charging", {}),
    ],
    "TC_E_12_CSMS ParkingBayOccupied": [
        ("Started", "EVDetected", "Idle", {}),
        ("Updated", "CablePluggedIn", "EVConnected", {}),
        ("Updated", "Authorized", "EVConnected", {"card": CARD}),
        ("Updated", "ChargingStateChanged", "Charging", {}),
    ],
    "TC_E_53_CSMS seqNo begins at 0": [("Started", "Authorized", "Charging", {"card": CARD})],
    "TC_J_07_CSMS EVSE known": [("Started", "Authorized", "Charging", {"card": CARD})],
    "TC_J_08_CSMS EVSE not known": [
        ("Started", "Authorized", None, {"card": CARD, "where": False}),
        ("Updated", "CablePluggedIn", "Charging", {"where": True}),
    ],
}


@pytest.mark.parametrize("steps", START_OPTIONS.values(), ids=START_OPTIONS.keys())
async def test_a_transaction_starts(case, steps):
    async with case.station() as station:
        await station.status("Occupied")
        for kind, trigger, state, more in steps:
            answer = await station.event(kind, trigger, state, **more)
            assert ("idTokenInfo" in answer) == ("card" in more)
            assert answer.get("idTokenInfo", {}).get("status", "Accepted") == "Accepted"
        running = await session(case)
        assert (running.state, running.account_id, running.token_uid) == (SessionState.OPEN, ANNA, CARD)
        assert (running.started_at, running.meter_start_wh) == (NOW + timedelta(minutes=1), 100_000)
        assert await evse_status(case) == "Charging"
        await station.charge(2_000)
        assert (await session(case)).energy_wh == 2_000


# --- E: how it stops ------------------------------------------------------------------------------
# case -> what comes before the end: (trigger, chargingState); the end: (trigger, chargingState, reason, card)
STOP_OPTIONS = {
    "TC_E_07_CSMS PowerPathClosed, local": ([], ("StopAuthorized", "EVConnected", "Local", CARD)),
    "TC_E_08_CSMS EnergyTransfer, StopAuthorized": ([], ("StopAuthorized", "EVConnected", "Local", CARD)),
    "TC_E_14_CSMS EVDisconnected at the station": (
        [("StopAuthorized", "EVConnected")],
        ("EVCommunicationLost", "Idle", "EVDisconnected", None),
    ),
    "TC_E_15_CSMS StopAuthorized, local": ([], ("StopAuthorized", None, "Local", CARD)),
    "TC_E_17_CSMS Deauthorized, cable out at the car": (
        [("EVCommunicationLost", "Idle")],
        ("EVCommunicationLost", "Idle", "EVDisconnected", None),
    ),
    "TC_E_19_CSMS ParkingBayUnoccupied": (
        [("StopAuthorized", "EVConnected"), ("EVCommunicationLost", "Idle")],
        ("EVDeparted", "Idle", "EVDisconnected", None),
    ),
    "TC_E_20_CSMS EVDisconnected at the car": ([], ("EVCommunicationLost", "Idle", "EVDisconnected", None)),
    "TC_E_22_CSMS EnergyTransfer stopped, SuspendedEV": (
        [("ChargingStateChanged", "SuspendedEV")],
        ("ChargingStateChanged", "SuspendedEV", "StoppedByEV", None),
    ),
    "TC_J_10_CSMS sampled at the end": ([], ("EVDeparted", "Idle", "EVDisconnected", None)),
}


@pytest.mark.parametrize(("before", "end"), STOP_OPTIONS.values(), ids=STOP_OPTIONS.keys())
async def test_a_transaction_stops(case, before, end):
    async with case.station() as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        await station.charge(3_000)
        for trigger, state in before:
            await station.event("Updated", trigger, state)
        station.register_wh += 500
        trigger, state, reason, card = end
        answer = await station.event("Ended", trigger, state, reason=reason, card=card)
        assert ("idTokenInfo" in answer) == (card is not None)
        await station.status("Available")
        over = await session(case)
    assert (over.state, over.stop_reason, over.energy_wh) == (SessionState.ENDED, reason, 3_500)
    assert (over.ended_at, over.account_id) == (case.clock.now(), ANNA)
    assert await evse_status(case) == "Available"


async def test_tc_e_16_csms_deauthorized_for_an_invalid_token(case):
    async with case.station() as station:
        answer = await station.event("Started", "Authorized", "EVConnected", card="NOBODYS")
        assert answer["idTokenInfo"]["status"] == "Invalid"
        await station.event("Updated", "Deauthorized", "EVConnected")
        await station.event("Ended", "EVDeparted", "Idle", reason="DeAuthorized")
    over = await session(case)
    assert (over.state, over.stop_reason, over.account_id) == (SessionState.ENDED, "DeAuthorized", None)


async def test_tc_e_39_csms_authorised_and_nobody_plugs_in_in_time(case):
    async with case.station() as station:
        await station.event("Started", "Authorized", "Idle", card=CARD)
        assert (await session(case)).state is SessionState.OPEN
        answer = await station.event("Ended", "EVConnectTimeout", "Idle", reason="Timeout")
        await station.status("Available")
    over = await session(case)
    assert (over.state, over.stop_reason, over.energy_wh) == (SessionState.ENDED, "Timeout", 0)
    assert (over.account_id, over.ended_at, answer) == (ANNA, case.clock.now(), {})
    assert await evse_status(case) == "Available"


async def test_tc_e_21_csms_stopped_from_afar(case):
    edge = GatewayStations(case.gateway)
    async with case.station() as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        running = await session(case)
        asked = asyncio.create_task(edge.stop(HOME_STATION, running.transaction_id, running.transaction_ref))
        call = await answered(station, {"status": "Accepted"})
        assert (call[2], call[3]) == ("RequestStopTransaction", {"transactionId": "T-1"})
        assert (await asked).status == "accepted"
        assert (await session(case)).state is SessionState.OPEN  # accepted is not yet done
        await station.event("Ended", "RemoteStop", "EVConnected", reason="Remote")
    assert (await session(case)).stop_reason == "Remote"


async def test_of_two_connectors_of_one_evse_the_free_one_does_not_hide_the_car_at_the_other(case):
    """The end of a session is not looked for while its connector is in use; a fault stays one until it is over."""
    async with case.station() as station:
        for said, connector, stands in (
            ("Available", 1, "Available"),
            ("Available", 2, "Available"),
            ("Occupied", 1, "Preparing"),
            ("Available", 2, "Preparing"),
            ("Unavailable", 2, "Preparing"),
        ):
            await station.status(said, connector)
            assert await evse_status(case) == stands
        await station.event("Started", "Authorized", "Charging", card=CARD)
        await station.status("Available", 2)
        assert await evse_status(case) == "Charging"
        async with case.db.read() as tx:
            assert not [one for one in await outbox.due(tx, NOW + timedelta(days=9)) if one.kind == "close"]
        await station.event("Ended", "EVDeparted", "Idle", reason="EVDisconnected")
        await station.status("Faulted", 2)
        await station.status("Available")
        assert await evse_status(case) == "Faulted"
        await station.status("Available", 2)
    assert await evse_status(case) == "Available"
    async with case.db.read() as tx:
        row = tables.StationEvents.__table__.c
        told = await tx.execute(sa.select(row.kind, row.detail).where(row.kind.in_((watch.FAULTED, watch.RECOVERED))))
    assert [tuple(one) for one in told] == [(watch.FAULTED, "1:OtherError"), (watch.RECOVERED, "1:NoError")]


@pytest.mark.parametrize(
    ("states", "status"),
    [
        pytest.param([("EVCommunicationLost", "SuspendedEV")], "SuspendedEV", id="TC_E_26_CSMS cable out, suspended"),
        pytest.param([("ChargingStateChanged", "SuspendedEV")], "SuspendedEV", id="TC_E_38_CSMS car not ready"),
        pytest.param([("ChargingStateChanged", "SuspendedEVSE")], "SuspendedEVSE", id="suspended by us"),
    ],
)
async def test_a_suspended_transaction_goes_on(case, states, status):
    async with case.station() as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        for trigger, state in states:
            await station.event("Updated", trigger, state)
        assert await evse_status(case) == status
        assert (await session(case)).state is SessionState.OPEN
        await station.charge()
        assert await evse_status(case) == "Charging"


# --- E: how it stands -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("reference", "answer", "says"),
    [
        pytest.param("T-1", {"ongoingIndicator": True, "messagesInQueue": True}, (True, True), id="TC_E_29_CSMS"),
        pytest.param("T-1", {"ongoingIndicator": True, "messagesInQueue": False}, (True, False), id="TC_E_30_CSMS"),
        pytest.param("T-1", {"ongoingIndicator": False, "messagesInQueue": True}, (False, True), id="TC_E_31_CSMS"),
        pytest.param(None, {"messagesInQueue": True}, (None, True), id="TC_E_33_CSMS"),
        pytest.param(None, {"messagesInQueue": False}, (None, False), id="TC_E_34_CSMS"),
    ],
)
async def test_a_station_says_how_a_transaction_stands(case, reference, answer, says):
    async with case.station() as station:
        asked = asyncio.create_task(case.gateway.call(HOME_STATION, c.GetTransactionStatus(reference), 10))
        call = await answered(station, answer)
        said = (await asked).answer
    assert call[3] == ({"transactionId": "T-1"} if reference else {})
    assert (said.ongoing_indicator, said.messages_in_queue) == says


# --- C: who may charge --------------------------------------------------------------------------
async def token(case, **values):
    table = tables.SQLModel.metadata.tables["tokens"]
    async with case.db.begin() as tx:
        await tx.execute(sa.update(table).where(table.c.uid == CARD).values(**values))


@pytest.mark.parametrize(
    ("uid", "values", "status"),
    [
        pytest.param("NOBODYS", {}, "Invalid", id="TC_C_02_CSMS unknown"),
        pytest.param("BERT-CARD", {}, "Invalid", id="TC_C_02_CSMS somebody else's home"),
        pytest.param(CARD, {"valid": False}, "Blocked", id="TC_C_06_CSMS"),
        pytest.param(CARD, {"expires_at": NOW}, "Expired", id="TC_C_07_CSMS"),
        pytest.param(CARD, {}, "Accepted", id="TC_C_08_CSMS"),
        pytest.param("anna-card", {}, "Accepted", id="TC_C_08_CSMS in other letters"),
    ],
)
async def test_a_token_is_judged_when_asked_and_when_it_starts(case, uid, values, status):
    """TC_C_20_CSMS too: a station that knew the token from its cache hears it with the start."""
    if values:
        await token(case, **values)
    async with case.station() as station:
        said = await station.tell("Authorize", idToken={"idToken": uid, "type": "ISO14443"})
        assert said["idTokenInfo"]["status"] == status
        started = await station.event("Started", "Authorized", "Charging", card=uid)
        assert started["idTokenInfo"]["status"] == status
    running = await session(case)
    assert (running.account_id == ANNA) == (status == "Accepted")


async def test_tc_c_39_csms_a_second_token_of_the_group_ends_what_the_first_began(case):
    async with case.db.begin() as tx:
        table = tables.SQLModel.metadata.tables["tokens"]
        mine = (await tx.execute(sa.select(table).where(table.c.uid == CARD))).one()._asdict()
        await tx.execute(sa.insert(table).values(**mine | {"uid": "ANNAS-OTHER"}))
    async with case.station() as station:
        first = await station.event("Started", "Authorized", "Charging", card=CARD)
        other = await station.tell("Authorize", idToken={"idToken": "ANNAS-OTHER", "type": "ISO14443"})
        assert first["idTokenInfo"]["groupIdToken"] == other["idTokenInfo"]["groupIdToken"]
        strangers = await station.tell("Authorize", idToken={"idToken": "NOBODYS", "type": "ISO14443"})
        assert "groupIdToken" not in strangers["idTokenInfo"]
        await station.event("Ended", "StopAuthorized", "EVConnected", reason="Local", card="ANNAS-OTHER")
    over = await session(case)
    assert (over.state, over.token_uid) == (SessionState.ENDED, CARD)


# --- F: started from afar -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            [("Started", "CablePluggedIn", "EVConnected")], [("Updated", "RemoteStart", None)], id="TC_F_01_CSMS"
        ),
        pytest.param([], [("Started", "RemoteStart", None), ("Updated", "CablePluggedIn", None)], id="TC_F_02_CSMS"),
        pytest.param([], [("Started", "RemoteStart", None), ("Updated", "CablePluggedIn", None)], id="TC_F_03_CSMS"),
        pytest.param([], [("Started", "RemoteStart", None), ("Ended", "EVConnectTimeout", None)], id="TC_F_04_CSMS"),
    ],
)
async def test_a_session_is_started_from_afar(case, before, after):
    edge = GatewayStations(case.gateway)
    async with case.station() as station:
        for kind, trigger, state in before:
            await station.event(kind, trigger, state)
        asked = asyncio.create_task(edge.start(HOME_STATION, 1, CARD))
        call = await answered(station, {"status": "Accepted"})
        assert (call[2], call[3]["evseId"]) == ("RequestStartTransaction", 1)
        assert call[3]["idToken"] == {"idToken": CARD, "type": "Central"}
        assert (await asked).status == "accepted"
        said = await station.tell("Authorize", idToken=call[3]["idToken"])
        assert said["idTokenInfo"]["status"] == "Accepted"
        remote = call[3]["remoteStartId"]
        for number, (kind, trigger, state) in enumerate(after):
            more = {"card": CARD, "remote": remote} if number == 0 else {}
            more |= {"reason": "Timeout"} if kind == "Ended" else {}
            await station.event(kind, trigger, state, **more)
    found = await session(case)
    assert (found.account_id, found.token_uid) == (ANNA, CARD)
    assert (found.stop_reason == "Timeout") == (found.state is SessionState.ENDED) == (after[-1][0] == "Ended")


# --- J: meter values ----------------------------------------------------------------------------
def clock_aligned(station, **sample):
    reading = {"value": station.register_wh, "context": "Sample.Clock"} | sample
    return [{"timestamp": station.now(), "sampledValue": [reading]}]


@pytest.mark.parametrize(
    "evse_id", [pytest.param(0, id="TC_J_01_CSMS station"), pytest.param(1, id="TC_J_01_CSMS EVSE")]
)
async def test_clock_aligned_values_of_no_transaction_are_taken(case, evse_id):
    async with case.station() as station:
        assert await station.tell("MeterValues", evseId=evse_id, meterValue=clock_aligned(station)) == {}
    assert await session(case) is None


async def test_tc_j_02_tc_j_03_csms_clock_aligned_values_of_a_transaction_count(case):
    async with case.station() as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        station.register_wh += 700
        await station.event("Updated", "MeterValueClock", sample={"context": "Sample.Clock"})
        assert (await session(case)).energy_wh == 700
        station.register_wh += 300
        await station.event("Ended", "EVDeparted", reason="EVDisconnected", sample={"context": "Sample.Clock"})
    assert (await session(case)).energy_wh == 1_000


async def test_tc_j_09_csms_sampled_values_count_as_they_come(case):
    async with case.station() as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        for energy_wh in (250, 500, 750):
            station.register_wh = 100_000 + energy_wh
            kwh = {"value": station.register_wh / 1000, "unitOfMeasure": {"unit": "kWh"}}
            await station.event("Updated", "MeterValuePeriodic", sample=kwh)
            assert (await session(case)).energy_wh == energy_wh


async def test_tc_j_04_tc_j_11_csms_signed_values_are_kept_as_they_came(case):
    async with case.station() as station:
        await station.tell("MeterValues", evseId=1, meterValue=clock_aligned(station, signedMeterValue=SIGNED))
        for kind, trigger in (("Started", "Authorized"), ("Updated", "MeterValuePeriodic"), ("Ended", "EVDeparted")):
            await station.event(kind, trigger, card=CARD, where=True, sample={"signedMeterValue": SIGNED})
    async with case.db.read() as tx:
        outside = await transactions.signed(tx, HOME_STATION, None)
        inside = await transactions.signed(tx, HOME_STATION, "T-1")
    assert [json.loads(one.data) for one in outside + inside] == [SIGNED] * 4
    assert [one.context for one in inside] == ["Transaction.Begin", "Sample.Periodic", "Transaction.End"]


# --- TriggerMessage, as it reaches the session --------------------------------------------------
@pytest.mark.parametrize(
    "where",
    [pytest.param({"evse": {"id": 1}}, id="TC_F_13_CSMS one EVSE"), pytest.param({}, id="TC_F_14_CSMS all")],
)
async def test_a_triggered_event_is_read(case, where):
    asks = {"requestedMessage": "TransactionEvent"} | where
    async with case.station() as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        by_hand = GatewayHands(case.gateway).say(HOME_STATION, "HOME-1", Order("TriggerMessage", asks, ANNA, 10))
        asked = asyncio.create_task(by_hand)
        assert (await answered(station, {"status": "Accepted"}))[2:] == ["TriggerMessage", asks]
        assert (await asked).answer == {"status": "Accepted"}
        station.register_wh += 900
        await station.event("Updated", "Trigger", sample={"context": "Trigger"})
    assert (await session(case)).energy_wh == 900
