"""A station that speaks more than the other system does comes back in the version that both speak."""

from contextlib import asynccontextmanager, suppress

import pytest
from api_edge import bearer, eventually
from forwarding_desk import AT, LIST, opened, read, start, stop
from other_system import Billing
from small_town import OLGA
from websockets.exceptions import ConnectionClosed

BOTH = ("ocpp2.0.1", "ocpp1.6")
BOOT = {"reason": "PowerUp", "chargingStation": {"model": "M2", "vendorName": "V2"}}
PLACE = {"evseId": 1, "connectorId": 1}


@pytest.fixture
async def office(context):
    async with opened(context) as office:
        yield office


@asynccontextmanager
async def station(office, versions=BOTH):
    """LOOTS/1, whose connection may be let go of."""
    with suppress(ConnectionClosed):
        async with office.station(versions=versions) as box:
            yield box


def event(kind, seq_no, trigger="Authorized", **more) -> dict:
    said = {"eventType": kind, "timestamp": AT.format(seq_no), "triggerReason": trigger, "seqNo": seq_no}
    return said | {"transactionInfo": {"transactionId": "tx-1"}} | more


async def say_201(box) -> None:
    """It starts and says how it is."""
    await box.ask("BootNotification", BOOT, "boot")
    status = PLACE | {"timestamp": AT.format(0), "connectorStatus": "Occupied"}
    await box.ask("StatusNotification", status, "status")


async def test_it_comes_back_in_the_version_of_the_other_system_and_that_is_remembered(office):
    billing = Billing()
    async with billing.listening(versions=["ocpp1.6"]):
        made = (await office.upload(billing)).json()["forwarding"]
        async with station(office) as box:
            assert box.socket.subprotocol == "ocpp2.0.1"
            await box.socket.wait_closed()
        async with station(office) as box:
            assert box.socket.subprotocol == "ocpp1.6"
            await office.until_listed(state="connected", error="")
            ours, _ = await start(box)
            await read(box, ours, 1_500)
            await stop(box, ours)
            await office.until_listed(delivered=3, waiting=0)
        await office.kill()
        office.employ()  # another process
        await eventually(lambda: office.forwarder._lines)
        async with station(office) as box:
            assert box.socket.subprotocol == "ocpp1.6"
        path = f"{LIST}/{made['id']}"
        changed = await office.api.patch(path, json={"url": billing.url + "/other"}, headers=bearer(OLGA))
        assert changed.is_success
        await eventually(lambda: office.forwarder._lines and office.forwarder._standing is not None)
        async with station(office) as box:  # another system may take it
            assert box.socket.subprotocol == "ocpp2.0.1"


async def test_nobody_is_cut_off_who_charges_and_what_was_said_is_told_in_other_words(office):
    billing = Billing()
    async with billing.listening(versions=["ocpp1.6"]):
        async with station(office) as box:
            await say_201(box)
            token = {"idToken": "ANNA-CARD", "type": "ISO14443"}
            await box.ask("TransactionEvent", event("Started", 0, evse={"id": 1}, idToken=token), "start")
            await office.upload(billing)
            said = "it takes ocpp1.6, not ocpp2.0.1: the station changes once nobody charges there"
            begin = {"waiting": 0, "dropped": 1, "untold": 1}  # which nobody there understands
            await office.until_listed(state="refused", error=said, **begin)
            await say_201(box)
            await box.ask("TransactionEvent", event("Ended", 1, "EVDeparted"), "end")
            await box.socket.wait_closed()
        async with station(office) as box:
            assert box.socket.subprotocol == "ocpp1.6"
            await office.until_listed(state="connected", waiting=0, dropped=2, untold=1)
            await eventually(lambda: billing.told("StatusNotification"))
    assert billing.told("BootNotification") == [{"chargePointVendor": "V2", "chargePointModel": "M2"}]
    assert [(one["connectorId"], one["status"]) for one in billing.told("StatusNotification")] == [(1, "Preparing")]
    assert (await office.listed())["note"] == "It does not take ocpp2.0.1: what the station said in it is dropped"


async def test_what_refuses_every_version_alike_is_not_said_to_take_another(office):
    billing = Billing()
    async with billing.listening(versions=["nonsense"]), office.station(versions=BOTH) as box:
        await office.upload(billing)
        await box.ask("BootNotification", BOOT, "boot")
        why = "it refused the connection (400), perhaps because it does not speak ocpp2.0.1"
        await office.until_listed(state="waiting", error=why, untold=0)


async def test_one_that_offers_nothing_that_it_takes_stays_and_its_operator_reads_why(office):
    billing = Billing()
    async with billing.listening(versions=["ocpp1.6"]), office.station(versions=BOTH[:1]) as box:
        await office.upload(billing)
        await box.ask("BootNotification", BOOT, "boot")
        await office.until_listed(state="refused", error="it takes ocpp1.6, and the station speaks ocpp2.0.1 only")
        assert (await box.ask("Heartbeat", {}, "beat"))[0] == 3
