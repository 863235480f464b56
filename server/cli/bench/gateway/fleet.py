"""Stations of the bench, many at once: they come, plug in, report, go and come again."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from server.cli.bench.gateway import place
from server.cli.bench.gateway.wire import Where, Wire

AT_ONCE = 100
VOLTS = 230
MAX_W = 11_040.0
ACCEPTED = {"status": "Accepted"}
BOOT = {"chargePointVendor": "Bench", "chargePointModel": "Wire"}


class Schedule(msgspec.Struct, frozen=True):
    """A charging profile's limits, W, from so many seconds after `start` on (None: after a transaction's start)."""

    start: datetime | None
    periods: list[tuple[int, float]]

    def limit_w(self, at: datetime, began: datetime) -> float:
        """What it allows at a moment."""
        seconds = (at - (self.start or began)).total_seconds()
        return next((limit for start, limit in reversed(self.periods) if start <= seconds), self.periods[0][1])


class Station:
    """A station with one connector; its car draws what the profiles that it holds allow, also without a server.

    `profiled`: it has heard of a plan since the car came or the socket broke; `told_s` says when (`perf_counter`).
    """

    def __init__(self, number: int, where: Where) -> None:
        self.number, self.where = number, where
        self.wire = self._line()
        self.transaction_id = 0
        self.began: datetime | None = None
        self.read_at: datetime | None = None
        self.register_wh = 1_000_000.0 + number
        self.plan: Schedule | None = None
        self.default: Schedule | None = None
        self.profiled = asyncio.Event()
        self.told_s = 0.0
        self.acknowledged: dict[str, int] = {}

    def _line(self) -> Wire:
        return Wire(place.identity(self.number), place.KEY, self._heard)

    def _heard(self, _wire: Wire, action: str, payload: Any) -> object:  # noqa: ANN401 -- any JSON
        if action == "GetConfiguration":
            return {"configurationKey": [], "unknownKey": []}
        if action == "GetLocalListVersion":
            return {"listVersion": -1}  # it holds none
        if action == "SetChargingProfile":
            self._profile(payload["csChargingProfiles"])
        return ACCEPTED

    def _profile(self, profile: dict[str, Any]) -> None:
        schedule = profile["chargingSchedule"]
        per_unit = 1 if schedule["chargingRateUnit"] == "W" else 3 * VOLTS
        start = schedule.get("startSchedule")
        periods = [(one["startPeriod"], one["limit"] * per_unit) for one in schedule["chargingSchedulePeriod"]]
        held = Schedule(None if start is None else datetime.fromisoformat(start), periods)
        if profile["chargingProfilePurpose"] == "TxProfile":
            self.plan = held
            self.told_s = time.perf_counter()
            self.profiled.set()
        else:
            self.default = held

    def power_w(self, at: datetime) -> float:
        """What the car draws at a moment."""
        if self.began is None:
            return 0.0
        held = self.plan or self.default
        return MAX_W if held is None else min(MAX_W, held.limit_w(at, self.began))

    async def come(self, *, boot: bool = True) -> None:
        """Sign in on a new socket; a station that boots says of its connector what it does."""
        self.wire.drop()
        self.wire = self._line()
        await self.wire.connect(self.where)
        if boot:
            await self.wire.call("BootNotification", BOOT)
            status = "Available" if self.began is None else "Charging"
            await self.wire.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": status})

    async def plug_in(self, at: datetime) -> None:
        """A car comes and its driver shows the card."""
        self.profiled.clear()
        self.plan, self.began, self.read_at = None, at, at
        started = {"connectorId": 1, "idTag": place.card(self.number), "meterStart": round(self.register_wh)}
        answer = await self.wire.call("StartTransaction", {**started, "timestamp": moment(at)})
        self.transaction_id = answer["transactionId"]

    async def read(self, at: datetime) -> None:
        """Report the meter: eight samples of a moment. What was acknowledged is written down."""
        assert self.read_at is not None
        hours = max(0.0, (at - self.read_at).total_seconds() / 3600)
        self.register_wh += self.power_w(at) * hours
        self.read_at = max(at, self.read_at)
        said = self.values(at)
        register = round(self.register_wh)
        await self.wire.call("MeterValues", said)
        self.acknowledged[moment(at)] = register

    def values(self, at: datetime) -> dict[str, object]:
        """A MeterValues of eight samples, about 1 KB, as stations send it."""
        power_w = self.power_w(at)
        amps = f"{power_w / 3 / VOLTS:.2f}"
        said = [
            ("Energy.Active.Import.Register", "Wh", str(round(self.register_wh)), None),
            ("Power.Active.Import", "W", f"{power_w:.1f}", None),
            *(("Current.Import", "A", amps, phase) for phase in ("L1", "L2", "L3")),
            *(("Voltage", "V", "230.4", phase) for phase in ("L1-N", "L2-N", "L3-N")),
        ]
        samples = [
            {"value": value, "context": "Sample.Periodic", "measurand": measurand, "location": "Outlet", "unit": unit}
            | ({"phase": phase} if phase else {})
            for measurand, unit, value, phase in said
        ]
        values = {"timestamp": moment(at), "sampledValue": samples}
        return {"connectorId": 1, "transactionId": self.transaction_id, "meterValue": [values]}

    async def unplug(self, at: datetime) -> None:
        """The car leaves."""
        stop = {"transactionId": self.transaction_id, "meterStop": round(self.register_wh), "timestamp": moment(at)}
        await self.wire.call("StopTransaction", {**stop, "reason": "EVDisconnected"})
        self.began = None


def moment(at: datetime) -> str:
    """A time as most stations write it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Ahead:
    """The time of the server's clock, which runs ahead of ours."""

    def __init__(self, server_now: datetime) -> None:
        self.by: timedelta = server_now - datetime.now(UTC)

    def now(self) -> datetime:
        """Its present moment."""
        return datetime.now(UTC) + self.by


@asynccontextmanager
async def gathered(stations: Sequence[Station], *, boot: bool = True) -> AsyncIterator[None]:
    """All of them on the line, and off it afterwards."""
    await side_by_side([station.come(boot=boot) for station in stations], AT_ONCE)
    try:
        yield
    finally:
        for station in stations:
            station.wire.drop()
        await asyncio.sleep(0)


async def side_by_side(work: Sequence[Any], at_once: int) -> list[Any]:
    """The results of some work in their order, so much of it at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one(part: Any) -> Any:  # noqa: ANN401 -- whatever the work gives
        async with gate:
            return await part

    return await asyncio.gather(*(one(part) for part in work))


async def report_until(stations: Sequence[Station], clock: Ahead, until: float) -> int:
    """Every station reports its meter, one report after the other, until a moment of `perf_counter`; how many did."""

    async def one(station: Station) -> int:
        done = 0
        while time.perf_counter() < until:
            await station.read(clock.now())
            done += 1
        return done

    return sum(await asyncio.gather(*(one(station) for station in stations)))
