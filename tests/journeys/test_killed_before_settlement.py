"""The server is killed between unplug and settlement: it settles when it comes back, once, and pays nothing twice."""

import asyncio
import base64
import json
import re
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import websockets
from command import dalstroom

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from small_town import ANNA, NOW, STREET_STATION_1, found, plug_in, read_meter
from up_process import Up, free_port

from server.clock import SteppedClock
from server.core.reports import StopInfo
from server.flows import sessions as flows
from server.main.server import Parts, Server
from server.settings import Settings
from server.storage import sessions, wallets
from server.storage.db import Database
from server.workers.solve import Inline
from shared.sessions import SessionState

MAIL, CARD, IDENTITY = "you@example.org", "04A1B2C3D4E5F6", "STREET-1"


async def unplug(db, session_id, at, energy_wh):
    """The car leaves and the message is answered; nobody is there to settle."""
    async with db.begin() as tx:
        session = await sessions.get(tx, session_id)
        stop = StopInfo(session.transaction_id, session.meter_start_wh + energy_wh, at, reason="EVDisconnected")
        assert (await flows.close_session(tx, session.station_id, stop, at)).status == "Accepted"
        assert (await sessions.get(tx, session_id)).state is SessionState.ENDED


async def test_what_had_ended_when_the_server_died_is_settled_when_it_comes_back(tmp_path):
    await found(tmp_path / "town.db")
    url = f"sqlite:///{tmp_path / 'town.db'}"
    db = Database(url)
    session_id = await plug_in(db, NOW, STREET_STATION_1)
    await read_meter(db, session_id, NOW + timedelta(minutes=15), 2_500)
    await unplug(db, session_id, NOW + timedelta(hours=1), 10_000)
    await db.close()
    settings = Settings(home=tmp_path, port=0, ocpp_port=0, database=url)
    for _ in range(2):  # coming back twice pays no second time
        clock = SteppedClock(NOW + timedelta(hours=2))
        server = Server(settings, Parts(clock=clock, solver=Inline(), abreast=1))
        async with server.running(pages=False):
            await server.settle()
    db = Database(url)
    async with db.read() as tx:
        assert (await sessions.get(tx, session_id)).state is SessionState.SETTLED
        assert len(await wallets.receipts_of(tx, ANNA)) == 1
        assert await wallets.posted_twice(tx) == 0
        assert await wallets.total(tx) == 0
    await db.close()


async def charge(url, key, number):
    """One session of a real station, up to the answer to its StopTransaction; returns its transaction id."""
    login = base64.b64encode(f"{IDENTITY}:{key}".encode()).decode()
    headers = {"Authorization": f"Basic {login}"}
    began = datetime(2026, 3, 10, 18, tzinfo=UTC) + timedelta(days=number)
    async with websockets.connect(url, subprotocols=["ocpp1.6"], additional_headers=headers) as socket:

        async def call(action, payload):
            await socket.send(json.dumps([2, f"{number}-{action}", action, payload]))
            async with asyncio.timeout(20):
                while True:
                    frame = json.loads(await socket.recv())
                    if frame[0] == 3:
                        return frame[2]
                    await socket.send(json.dumps([4, frame[1], "NotSupported", "", {}]))

        await call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        start = {"connectorId": 1, "idTag": CARD, "meterStart": 0, "timestamp": began.isoformat()}
        transaction_id = (await call("StartTransaction", start))["transactionId"]
        stop = {"transactionId": transaction_id, "meterStop": 5_000, "reason": "EVDisconnected"}
        await call("StopTransaction", {**stop, "timestamp": (began + timedelta(hours=1)).isoformat()})
        return transaction_id


async def test_killed_right_after_the_answer_to_a_stop_it_settles_each_session_once(tmp_path):
    home, ocpp_port = tmp_path / "home", free_port()
    dalstroom(home, "account", "add", MAIL, "--name", "You")
    words = ["--location", "Square", "--price", "0.40", "--ocpp-port", str(ocpp_port)]
    added = dalstroom(home, "station", "add", IDENTITY, *words)
    dalstroom(home, "token", "add", CARD, "--account", MAIL)
    url, key = re.search(r"ws://\S+", added)[0], re.search(r"\b[0-9a-f]{40}\b", added)[0]
    answered = []
    for number in range(2):
        with Up(home, "--ocpp-port", str(ocpp_port)) as up:
            answered.append(await charge(url, key, number))
            up.process.send_signal(signal.SIGKILL)
    with Up(home, "--ocpp-port", str(ocpp_port)):
        db = Database(f"sqlite:///{home / 'dalstroom.db'}")
        async with asyncio.timeout(20):
            while True:
                async with db.read() as tx:
                    known = await sessions.in_order(tx)
                    if all(one.state is SessionState.SETTLED for one in known):
                        break
                await asyncio.sleep(0.1)
        async with db.read() as tx:
            assert [one.transaction_id for one in known] == answered
            assert len(await wallets.receipts(tx, [one.id for one in known])) == len(answered)
            assert await wallets.posted_twice(tx) == 0
            assert await wallets.total_of(tx, "receivable:") == -2 * 200  # 5 kWh at EUR 0.40, twice, owed once each
            assert await wallets.total(tx) == 0
        await db.close()
