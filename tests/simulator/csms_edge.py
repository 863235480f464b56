"""A tiny central system for the simulator's tests: the `ocpp` package as server, with a simple night plan."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import unquote

import ocpp.messages
from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result, datatypes
from ocpp.v16.enums import Action
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from server.gateway.closing import take_no_more

ocpp.messages.ASYNC_VALIDATION = False


def night_profile(unit: str, amps: float, opens: datetime, now: datetime, tx: int) -> dict:
    """Nothing until `opens`, then `amps` per phase on three phases."""
    factor = 1 if unit == "A" else 690
    periods = [{"startPeriod": 0, "limit": 0.0}]
    if opens > now:
        periods.append({"startPeriod": int((opens - now).total_seconds()), "limit": amps * factor})
    else:
        periods = [{"startPeriod": 0, "limit": amps * factor}]
    return profile("TxProfile", unit, periods, now, tx)


def profile(purpose: str, unit: str, periods: list[dict], start: datetime, tx: int | None = None) -> dict:
    """A profile in the words of the `ocpp` package."""
    out = {
        "chargingProfileId": 1 if purpose == "TxProfile" else 2,
        "stackLevel": 1,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": unit,
            "startSchedule": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "chargingSchedulePeriod": periods,
        },
    }
    return out | ({"transactionId": tx} if tx is not None else {})


class Peer(ChargePoint):
    """One station, as the central system sees it."""

    def __init__(self, identity: str, socket: ServerConnection, system: "CentralSystem") -> None:
        super().__init__(identity, socket)
        self.system = system
        self._unique_id_generator = iter(range(10**6)).__next__

    async def start(self) -> None:
        while True:
            frame = await self._connection.recv()
            self.system.frames.append((self.id, frame))
            # Answered in a task, so that a call of ours does not wait behind a handler of theirs.
            await self.route_message(frame)

    @on(Action.boot_notification)
    def on_boot(self, **_):
        return call_result.BootNotification(self.system.stamp(), self.system.interval_s, self.system.boot_status)

    @after(Action.boot_notification)
    def after_boot(self, **_):
        self.system.act(self.system.booted(self))

    @on(Action.heartbeat)
    def on_heartbeat(self):
        return call_result.Heartbeat(self.system.stamp())

    @on(Action.status_notification)
    def on_status(self, **_):
        return call_result.StatusNotification()

    @on(Action.authorize)
    def on_authorize(self, id_tag):
        status = "Invalid" if id_tag in self.system.blocked else "Accepted"
        return call_result.Authorize(datatypes.IdTagInfo(status))

    @on(Action.start_transaction)
    def on_start(self, connector_id, id_tag, meter_start, timestamp, **_):
        key = (self.id, id_tag, meter_start, timestamp)
        number = self.system.transactions.setdefault(key, len(self.system.transactions) + 1)
        return call_result.StartTransaction(number, datatypes.IdTagInfo("Accepted"))

    @after(Action.start_transaction)
    def after_start(self, id_tag, meter_start, timestamp, **_):
        self.system.act(self.system.started(self, self.system.transactions[self.id, id_tag, meter_start, timestamp]))

    @on(Action.meter_values)
    def on_readings(self, **values):
        self.system.readings.append((self.id, values))
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    def on_stop(self, transaction_id, meter_stop, **_):
        self.system.stops.append((self.id, transaction_id, meter_stop))
        return call_result.StopTransaction()


class CentralSystem:
    """Accepts everybody with any key; what it does after boot and start is given by the test."""

    def __init__(self, now) -> None:
        self.now = now
        self.interval_s = 3600
        self.boot_status = "Accepted"
        self.peers: dict[str, Peer] = {}
        self.transactions: dict[tuple, int] = {}
        self.readings: list = []
        self.stops: list = []
        self.frames: list[tuple[str, str]] = []
        self.blocked: set[str] = set()
        self.keys: dict[str, str] = {}
        self._tasks: set[asyncio.Task] = set()
        self._server = None
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_) -> None:
        await self.gone()

    async def listen(self) -> None:
        self._server = await serve(
            self._serve, "127.0.0.1", self.port, subprotocols=["ocpp1.6"], compression=None, ping_interval=None
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def gone(self) -> None:
        await take_no_more([self._server], goodbye=True)
        await self._server.wait_closed()
        for task in self._tasks:
            task.cancel()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp"

    def stamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def act(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        while self._tasks:
            await asyncio.wait(self._tasks)
            await asyncio.sleep(0)

    async def set_profile(self, peer: Peer, connector: int, raw: dict) -> str:
        answer = await peer.call(
            call.SetChargingProfile(connector_id=connector, cs_charging_profiles=raw), suppress=False
        )
        return answer.status

    async def booted(self, peer: Peer) -> None:
        """What to do after a boot; the test may replace it."""

    async def started(self, peer: Peer, transaction_id: int) -> None:
        """What to do after a start; the test may replace it."""

    async def _serve(self, socket: ServerConnection) -> None:
        identity = unquote(socket.request.path.rsplit("/", 1)[1])
        peer = self.peers[identity] = Peer(identity, socket, self)
        try:
            await peer.start()
        except ConnectionClosed:
            return


class HandClock:
    """A clock that the test or the runner moves."""

    speed = 0

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance_to(self, moment: datetime) -> None:
        assert moment >= self._now
        self._now = moment

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError("a stepped run never sleeps")


NOON = datetime(2024, 3, 12, 11, tzinfo=UTC)


def valley(system: CentralSystem, stations: dict[str, str]):
    """The simple plan of these tests: safe shares as defaults, nothing before 23:00, then a share that always fits."""

    async def booted(peer: Peer) -> None:
        if peer.id.startswith("HOME"):
            return
        unit = stations[peer.id]
        amps = 10 if peer.id.startswith("LOOTS") else 0
        limit = amps * (1 if unit == "A" else 690)
        raw = profile("TxDefaultProfile", unit, [{"startPeriod": 0, "limit": float(limit)}], NOON - timedelta(days=1))
        assert await system.set_profile(peer, 0, raw) == "Accepted"

    async def started(peer: Peer, tx: int) -> None:
        now = system.now()
        opens = NOON + timedelta(hours=11)
        amps = 10.0
        if peer.id.startswith("DEPOT"):
            # Five vans at a time at 7 A on 16 kW of an evening; the others after them.
            opens += timedelta(hours=4 * ((int(peer.id[-2:]) - 1) // 5) - 1)
            amps = 7.0 if int(peer.id[-2:]) % 5 else 6.0
        if peer.id.startswith("HOME"):
            amps = 16.0
        raw = night_profile(stations[peer.id], amps, opens, now, tx)
        assert await system.set_profile(peer, 1, raw) in {"Accepted", "Rejected"}

    system.booted, system.started = booted, started
