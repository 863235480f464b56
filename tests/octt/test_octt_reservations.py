"""Reservations from the app to the wire and back, in 1.6 (TC_046, TC_047, TC_048, TC_051, TC_052) and 2.0.1 (TC_H)."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace

import msgspec
import pytest
from small_town import ANNA, BERT, NOW, OLGA, STREET_EVSE_1, STREET_EVSE_2, STREET_STATION_1
from teller_16 import judge, station_16
from v2_station import judge_call, judge_result

from server.api.context import Order
from server.core.session import Refused
from server.flows import reservations, starts
from server.main.hands import GatewayHands
from server.main.station_port import GatewayStations
from server.storage import outbox, sessions, stations
from server.storage import reservations as stored
from server.workers import reservations as worker
from shared.reservations import ReservationAsk
from shared.sessions import RemoteStart

CARD = "ANNA-CARD"
BOTH = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])


@asynccontextmanager
async def street(case, version):
    """A station of Street in either version."""
    async with station_16(case, "LOOTS%2F1") if version == "ocpp1.6" else case.station("LOOTS%2F1") as station:
        yield station


async def answers(station, version, payload):
    """The station answers our next call; action and payload, both judged."""
    _, message_id, action, said = json.loads(await asyncio.wait_for(station.socket.recv(), 30))
    if version == "ocpp1.6":
        judge(2, action, said)
        judge(3, action, payload)
    else:
        judge_call(version, action, said)
        judge_result(version, action, payload)
    await station.socket.send(json.dumps([3, message_id, payload]))
    return action, said


async def ask(case, account_id=ANNA, minutes=30):
    async with case.db.begin() as tx:
        return await reservations.prepare(tx, account_id, ReservationAsk(STREET_EVSE_1, minutes), case.clock.now())


async def reserve(case, station, version, status="Accepted"):
    """A driver reserves and the station says this; the order, and what the station was asked."""
    order = await ask(case)
    asked = asyncio.create_task(GatewayStations(case.gateway).reserve(order))
    action, said = await answers(station, version, {"status": status})
    answer = await asked
    async with case.db.begin() as tx:
        await reservations.answered(tx, order.reservation_id, answer.status, answer.detail)
    assert action == "ReserveNow"
    return order, said


async def state(case, order):
    async with case.db.read() as tx:
        return (await stored.get(tx, order.reservation_id)).state


@BOTH
async def test_a_reservation_is_used_by_the_session_that_names_it_tc_046_tc_h_01_tc_h_19(case, version):
    async with street(case, version) as station:
        order, said = await reserve(case, station, version)
        ends = "2025-01-15T18:30:00Z"
        if version == "ocpp1.6":
            assert said == {
                "connectorId": 1,
                "expiryDate": ends,
                "idTag": CARD,
                "reservationId": order.reservation_id,
                "parentIdTag": order.group,
            }
        else:
            assert (said["id"], said["evseId"], said["expiryDateTime"]) == (order.reservation_id, 1, ends)
            assert said["groupIdToken"]["idToken"] == order.group
        assert await state(case, order) == "held"
        await station.status("Reserved")
        async with case.db.begin() as tx:  # its driver may start there, nobody else
            mine = await starts.prepare(tx, ANNA, RemoteStart(STREET_EVSE_1), NOW)
            other = await starts.prepare(tx, BERT, RemoteStart(STREET_EVSE_1), NOW)
        assert not isinstance(mine, Refused)
        assert (isinstance(other, Refused), other.code) == (True, "evse_reserved")
        named = {"reservationId": order.reservation_id}
        if version == "ocpp1.6":
            assert await station.start(CARD, **named) == "Accepted"
        else:
            await station.event("Started", "Authorized", "Charging", card=CARD, **named)
    async with case.db.read() as tx:
        (session,) = await sessions.in_order(tx)
        kept = await stored.get(tx, order.reservation_id)
    assert (kept.state, kept.session_id, session.account_id) == ("used", session.id, ANNA)


@BOTH
async def test_a_reservation_that_nobody_uses_ends_tc_047_tc_h_07(case, version):
    context = SimpleNamespace(db=case.db, clock=case.clock)
    async with street(case, version) as station:
        order, _ = await reserve(case, station, version)
        async with case.db.read() as tx:
            (task,) = [one for one in await outbox.due(tx, NOW + timedelta(days=1)) if one.kind == "reservation_end"]
        assert task.due_at == NOW + timedelta(minutes=31)
        if version == "ocpp2.0.1":
            update = {"reservationId": order.reservation_id, "reservationUpdateStatus": "Expired"}
            await station.tell("ReservationStatusUpdate", **update)
            assert await state(case, order) == "expired"
        case.clock.advance_to(task.due_at)
        assert await worker.end(context, task) == ("expired" if version == "ocpp1.6" else "over")
    assert await state(case, order) == "expired"


@pytest.mark.parametrize(
    ("version", "status"),
    [
        pytest.param("ocpp1.6", "Faulted", id="TC_048_1"),
        pytest.param("ocpp1.6", "Occupied", id="TC_048_2"),
        pytest.param("ocpp1.6", "Unavailable", id="TC_048_3"),
        pytest.param("ocpp1.6", "Rejected", id="TC_048_4"),
        pytest.param("ocpp2.0.1", "Rejected", id="TC_H_22"),
    ],
)
async def test_a_station_that_refuses_has_the_last_word(case, version, status):
    async with street(case, version) as station:
        order, _ = await reserve(case, station, version, status)
        async with case.db.read() as tx:
            kept = await stored.get(tx, order.reservation_id)
        assert (kept.state, kept.word) == ("refused", status)
        again, _ = await reserve(case, station, version)  # it stands in nobody's way
        assert await state(case, again) == "held"


@BOTH
@pytest.mark.parametrize(
    "status",
    [pytest.param("Accepted", id="TC_051 TC_H_17"), pytest.param("Rejected", id="TC_052 it knows of none")],
)
async def test_a_reservation_is_cancelled(case, version, status):
    async with street(case, version) as station:
        order, _ = await reserve(case, station, version)
        async with case.db.read() as tx:
            assert await reservations.own(tx, BERT, order.reservation_id, NOW) is None
            one = await reservations.own(tx, ANNA, order.reservation_id, NOW)
        asked = asyncio.create_task(GatewayStations(case.gateway).cancel_reservation(one.station_id, one.id))
        action, said = await answers(station, version, {"status": status})
        assert (action, said) == ("CancelReservation", {"reservationId": one.id})
        answer = await asked
        async with case.db.begin() as tx:
            assert await reservations.cancelled(tx, one, answer.status, answer.detail)
    assert await state(case, order) == "cancelled"


async def test_tc_h_20_csms_a_station_that_breaks_takes_its_reservation_back(case):
    async with street(case, "ocpp2.0.1") as station:
        order, _ = await reserve(case, station, "ocpp2.0.1")
        await station.status("Faulted")
        update = {"reservationId": order.reservation_id, "reservationUpdateStatus": "Removed"}
        await station.tell("ReservationStatusUpdate", **update)
    assert await state(case, order) == "removed"


@pytest.mark.parametrize("status", ["timed_out", "offline"])
async def test_one_that_nobody_answered_stands_until_it_would_have_ended(case, status):
    async with street(case, "ocpp1.6"):
        order = await ask(case)
        async with case.db.begin() as tx:
            await reservations.answered(tx, order.reservation_id, status, "")
            (seen,) = await reservations.mine(tx, ANNA, NOW)
        assert (seen.confirmed, seen.location_name) == (False, "Lootsstraat")
        assert (await ask(case, BERT)).code == "evse_not_free"
        assert (await ask(case)).code == "reserved_already"
        case.clock.advance_to(NOW + timedelta(minutes=31))
        assert not isinstance(await ask(case, BERT), Refused)


async def test_of_two_at_once_one_is_kept_and_a_late_word_takes_no_use_back(case):
    async with street(case, "ocpp1.6") as station:
        order, _ = await reserve(case, station, "ocpp1.6")
        async with case.db.begin() as tx:
            first = await stored.get(tx, order.reservation_id)
            again = msgspec.structs.replace(first, state="asked")
            assert await stored.insert(tx, msgspec.structs.replace(again, account_id=BERT)) is None
            assert await stored.insert(tx, msgspec.structs.replace(again, evse_id=STREET_EVSE_2)) is None
            then = first.expires_at
            later = msgspec.structs.replace(again, made_at=then, expires_at=then + timedelta(hours=1))
            assert await stored.close(tx, first, "used")
            assert await reservations.cancelled(tx, first, "accepted", "")
            assert (await stored.get(tx, first.id)).state == "used"
            one = await stored.insert(tx, again)
            two = await stored.insert(tx, later)
            assert (await stored.get(tx, one.id)).state == "expired"
            assert (await stored.get(tx, two.id)).state == "asked"


async def test_another_stations_word_about_it_does_not_count(case):
    async with street(case, "ocpp1.6") as station:
        order, _ = await reserve(case, station, "ocpp1.6")
    async with case.station() as other:
        update = {"reservationId": order.reservation_id, "reservationUpdateStatus": "Removed"}
        await other.tell("ReservationStatusUpdate", **update)
    assert await state(case, order) == "held"
    async with case.db.read() as tx:
        assert [one.id for one in await reservations.at_station(tx, STREET_STATION_1, NOW)] == [order.reservation_id]


async def test_as_many_reservations_without_an_evse_as_there_are_evses_leave_none_for_others_tc_h_14(case):
    async with case.db.begin() as tx:
        second = await stations.add_evse(tx, await stations.get(tx, STREET_STATION_1), 2)
    until = "2025-01-15T18:30:00Z"
    async with case.station("LOOTS%2F1") as station:
        for number, status in ((901, "Accepted"), (902, "Accepted"), (903, "Occupied")):
            body = {"id": number, "expiryDateTime": until, "idToken": {"idToken": f"C-{number}", "type": "ISO14443"}}
            order = Order("ReserveNow", body, OLGA)
            asked = asyncio.create_task(GatewayHands(case.gateway).say(STREET_STATION_1, "LOOTS/1", order))
            assert await answers(station, "ocpp2.0.1", {"status": status}) == ("ReserveNow", body)
            outcome = await asked
            assert (outcome.status, outcome.answer, outcome.complaints) == ("answered", {"status": status}, [])
            if status == "Accepted":
                said = {"timestamp": station.now(), "connectorStatus": "Reserved", "connectorId": 1}
                await station.tell("StatusNotification", evseId=number - 900, **said)
        async with case.db.begin() as tx:
            for evse_id in (STREET_EVSE_1, second.id):
                start = await starts.prepare(tx, BERT, RemoteStart(evse_id), NOW)
                keep = await reservations.prepare(tx, BERT, ReservationAsk(evse_id, 30), NOW)
                assert (start.code, keep.code) == ("evse_not_free", "evse_not_free")
        held = {"transactionInfo": {"transactionId": "T-9"}, "evse": {"id": 2, "connectorId": 1}, "seqNo": 0}
        card = {"idToken": "ANNA-CARD", "type": "ISO14443"}
        head = {"eventType": "Started", "timestamp": station.now(), "triggerReason": "Authorized"}
        said = await station.tell("TransactionEvent", **head, **held, idToken=card, reservationId=902)
        assert said["idTokenInfo"]["status"] == "Accepted"
    async with case.db.read() as tx:
        (session,) = await sessions.in_order(tx)
    assert (session.connector_no, session.account_id) == (2, ANNA)
