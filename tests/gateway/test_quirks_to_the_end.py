"""Quirks whose point is what becomes of a session: a real socket, the real flows, a real database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
import small_town
from gateway_town import ask
from raw_station import RawStation
from small_town import ANNA, NOW
from websockets.asyncio.client import connect

from server.clock import SteppedClock
from server.core.following import TOO_MUCH
from server.core.session import Followed
from server.flows import settlements
from server.gateway.listener import Gateway, GatewaySettings
from server.main.gateway_flows import GatewayFlows
from server.storage import outbox, plans, sessions, wallets
from server.storage.db import Database
from shared.sessions import SessionState

MINUTE = timedelta(minutes=1)
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


class Home:
    """Anna's station, by hand, and what the server keeps of it."""

    def __init__(self, db: Database, clock: SteppedClock, gateway: Gateway) -> None:
        self.db, self.clock, self.gateway, self.number = db, clock, gateway, 0
        self.socket = None

    async def says(self, action, payload, message_id=None):
        self.number += 1
        answer = await ask(self.socket, action, payload, message_id or str(self.number))
        assert answer[0] == 3, answer
        return answer[2]

    def at(self, minutes):
        return (NOW + minutes * MINUTE).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def starts(self, minutes=0, meter=100_000, card="ANNA-CARD", message_id=None):
        said = {"connectorId": 1, "idTag": card, "meterStart": meter, "timestamp": self.at(minutes)}
        return (await self.says("StartTransaction", said, message_id))["transactionId"]

    async def meters(self, transaction_id, minutes, register, message_id=None, **more):
        sample = {"timestamp": self.at(minutes), "sampledValue": [{"value": str(register)}, *more.get("samples", ())]}
        said = {"connectorId": 1, "meterValue": [sample]}
        said = said if transaction_id is None else {**said, "transactionId": transaction_id}
        self.clock.advance_to(NOW + minutes * MINUTE)
        await self.says("MeterValues", said, message_id)

    async def stops(self, transaction_id, minutes, meter, message_id=None):
        said = {"transactionId": transaction_id, "meterStop": meter, "timestamp": self.at(minutes)}
        self.clock.advance_to(NOW + minutes * MINUTE)
        return await self.says("StopTransaction", said, message_id)

    async def sessions(self):
        async with self.db.read() as tx:
            return await sessions.in_order(tx)

    async def settled(self):
        for one in await self.sessions():
            if one.state is SessionState.ENDED:
                async with self.db.begin() as tx:
                    await settlements.settle_session(tx, one.id, self.clock.now())
        async with self.db.read() as tx:
            return await wallets.receipts_of(tx, ANNA)


@pytest.fixture(scope="module")
def town_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("quirks") / "town.db"
    asyncio.run(small_town.found(path))
    return path


@pytest.fixture
async def home(town_file, tmp_path) -> AsyncIterator[Home]:
    (tmp_path / "town.db").write_bytes(town_file.read_bytes())
    db, clock = Database(f"sqlite:///{tmp_path / 'town.db'}"), SteppedClock(NOW)
    gateway = Gateway(GatewayFlows(db, clock), GatewaySettings(port=0, quiet_s=0.0))
    await gateway.start()
    one = Home(db, clock, gateway)
    hello = RawStation(gateway.port, "HOME-1", small_town.STATION_KEY.encode()).authorization
    url, headers = f"ws://127.0.0.1:{gateway.port}/ocpp/HOME-1", {"Authorization": hello}
    async with connect(url, subprotocols=["ocpp1.6"], additional_headers=headers, compression=None) as one.socket:
        await one.says("BootNotification", BOOT)
        yield one
    await gateway.stop()
    await db.close()


async def test_quirk_18_a_finished_transaction_that_goes_on_talking_revives_nothing(home):
    number = await home.starts()
    await home.meters(number, 30, 105_000)
    await home.stops(number, 60, 108_000)
    await home.settled()
    for minutes in (61, 90):  # the last values after the stop (Ocular), and on and on (EN+)
        await home.meters(number, minutes, 108_000)
    (session,) = await home.sessions()
    assert (session.state, session.energy_wh) == (SessionState.SETTLED, 8_000)
    following = await home.starts(95, 108_000)
    assert following != number
    assert [one.state for one in await home.sessions()] == [SessionState.SETTLED, SessionState.OPEN]


async def test_quirk_19_everything_twice_with_the_same_ids_and_with_new_ones(home):
    numbers = {await home.starts(message_id=name) for name in ("a", "a", "b")}
    assert len(numbers) == 1
    (number,) = numbers
    for name in ("m", "m", "n"):
        await home.meters(number, 30, 105_000, message_id=name)
    for name in ("s", "s", "t"):
        await home.stops(number, 60, 108_000, message_id=name)
    (receipt,) = await home.settled()
    assert receipt.energy_wh == 8_000
    async with home.db.read() as tx:
        (session,) = await sessions.in_order(tx)
        assert len(await sessions.readings(tx, session.id)) == 1
        assert (await wallets.posted_twice(tx), await wallets.total(tx)) == (0, 0)


async def test_quirk_19_a_replay_of_the_readings_after_a_reconnect_changes_nothing(home):
    number = await home.starts()
    for minutes, register in ((30, 105_000), (45, 106_000), (30, 105_000), (45, 106_000)):
        await home.meters(number, minutes, register, message_id=f"same-{minutes}")
    (session,) = await home.sessions()
    assert (session.energy_wh, session.read_at) == (6_000, NOW + 45 * MINUTE)


async def test_quirk_20_the_end_of_a_transaction_that_nobody_saw_begin(home):
    assert await home.stops(4_711, 60, 108_000) == {}
    assert await home.sessions() == []
    async with home.db.read() as tx:
        assert [task.kind for task in await outbox.due(tx, home.clock.now()) if task.kind == "settle"] == []


async def test_quirk_21_a_spoilt_card_charges_on_nobodys_account(home):
    answer = await home.says("Authorize", {"idTag": "ANNA-CARD\u0000\u0007"})
    assert answer["idTagInfo"]["status"] == "Invalid"
    await home.starts(card="ANNA-CARDxy")
    (session,) = await home.sessions()
    assert session.account_id is None


async def test_a_stop_that_says_neither_register_nor_time_ends_at_the_last_reading(home):
    number = await home.starts()
    await home.meters(number, 30, 105_000)
    home.clock.advance_to(NOW + 60 * MINUTE)
    assert await home.says("StopTransaction", {"transactionId": str(number)}) == {}  # nobody's card
    (session,) = await home.sessions()
    assert (session.meter_stop_wh, session.ended_at) == (105_000, NOW + 60 * MINUTE)
    (receipt,) = await home.settled()
    assert receipt.energy_wh == 5_000


@pytest.mark.parametrize("last", [99_999, 0])
async def test_quirk_22_a_stop_below_the_start_says_nothing(home, last):
    number = await home.starts()
    await home.meters(number, 30, 105_000)
    await home.stops(number, 60, last)  # Huawei: the start less one
    (receipt,) = await home.settled()
    assert receipt.energy_wh == 5_000


async def test_quirk_22_registers_that_drop_to_zero_or_begin_anew_take_nothing_back(home):
    number = await home.starts()
    for minutes, register in ((15, 102_000), (30, 0), (45, 104_000), (50, 3)):
        await home.meters(number, minutes, register)
    (session,) = await home.sessions()
    assert session.energy_wh == 4_000
    await home.stops(number, 60, 105_000)
    (receipt,) = await home.settled()
    assert receipt.energy_wh == 5_000


async def test_quirk_23_accepted_and_ignored_is_seen_by_the_meter(home):
    number = await home.starts()
    await small_town.make_plan(home.db, small_town.HOME, NOW)
    async with home.db.begin() as tx:
        (session,) = await sessions.in_order(tx)
        await sessions.save(tx, session, msgspec.structs.replace(session, plan_accepted=True))
        await plans.set_outcomes(tx, [plans.Outcome(session.plan_id, NOW, "accepted")])
        plan = await plans.get(tx, session.plan_id)
    pause = plan.grid.at(plan.energy_wh.index(0))
    begin = round((pause - NOW) / MINUTE)
    power = {"value": "11000", "measurand": "Power.Active.Import", "unit": "W"}
    for minutes in (begin + 5, begin + 10):
        await home.meters(number, minutes, 105_000 + 10 * minutes, samples=[power])
    (session,) = await home.sessions()
    assert (session.followed, session.not_followed_reason) == (Followed.NOT_FOLLOWED, TOO_MUCH)
