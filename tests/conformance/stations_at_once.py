"""Hundreds of npm ocpp-rpc stations at once, in strict mode, half in 1.6 and half in 2.0.1, with odd identities.

`python tests/conformance/whole.py` runs them by the hundred; `test_stations_at_once` runs a few.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from server.clock import RealClock
from server.core.tariff import EnergyWindow
from server.flows import entry
from server.flows.entry import AccountEntry, StationEntry
from server.storage import sessions, wallets
from server.storage.db import Database
from shared.accounts import Role
from shared.stations import Identity, StationAdd

SCRIPT = Path(__file__).with_name("ocpp_rpc_many.mjs")
CARD, MAIL = "04A1B2C3D4E5F6", "you@example.org"
ODD = (
    "with space {n}",
    "RDAM|{n}/23",
    "Straße {n}",
    "{n}%41",
    "100% {n}%2F",
    "北京/{n} ü",
    "%20{n}+&?#",
    "q\"{n}'\\..",
    "🔌{n}",
    "PLAIN-{n}",
)
"""What makers, and who sets stations up, name them. Each is a path segment, a name in Basic auth and a row."""
ENERGY_WH = 8_000
PATIENCE_MS = 60_000
"""How long a station waits for an answer: a busy machine is no fault."""


class Station(msgspec.Struct, frozen=True):
    """What one of them signs in with."""

    identity: str
    password: str
    protocol: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of them: `errors` in the stations' words, and how long it took until all was settled."""

    errors: list[str]
    settled: dict[str, int]
    charged_s: float
    settled_s: float


def identities(count: int) -> list[str]:
    """Identities that an operator may enter, each odd in its way."""
    made = [ODD[number % len(ODD)].format(n=number) for number in range(count)]
    return [msgspec.convert(one, Identity) for one in made]


async def enter(database: str, count: int, ocpp_url: str) -> list[Station]:
    """Put them into an installation's database, each at a public place of its own; a card charges at all of them."""
    now, price = RealClock().now(), (EnergyWindow("00:00", "24:00", 420_000),)
    db, stations = Database(database), []
    async with db.begin() as tx:
        await entry.add_account(tx, AccountEntry(MAIL, "You", Role.DRIVER, "Odd cards", ""), now)
        await entry.add_token(tx, CARD, MAIL, now)
        for number, identity in enumerate(identities(count)):
            place = StationEntry(StationAdd(identity, f"Lot {number}"), "Odd names", energy=price)
            added = await entry.add_station(tx, place, ocpp_url, now)
            assert isinstance(added, entry.Added), added
            protocol = ("ocpp1.6", "ocpp2.0.1")[number // len(ODD) % 2]
            stations.append(Station(identity, added.credentials.key, protocol))
    await db.close()
    return stations


async def charge(node: str, folder: Path, url: str, stations: Sequence[Station], timeout_s: float) -> list[str]:
    """All connect at once, each charges one session; what went wrong, in their words."""
    listed = folder / "stations.json"
    listed.write_bytes(msgspec.json.encode(stations))
    said = ["--url", url, "--stations", str(listed), "--token", CARD, "--energy-wh", str(ENERGY_WH)]
    said += ["--wait-ms", "0", "--timeout-ms", str(PATIENCE_MS)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(node, str(SCRIPT), *said, stdout=pipe, stderr=pipe)
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout_s)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    heard = [json.loads(line) for line in out.decode().splitlines()]
    assert len(heard) == len(stations), err.decode()
    return [f"{one['identity']}: {one['error']}" for one in heard if one["error"] is not None]


async def until_settled(database: str, count: int, timeout_s: float) -> dict[str, int]:
    """The energy of each session's receipt, by transaction, once there are as many as there are stations."""
    db, settled = Database(database), {}
    try:
        async with asyncio.timeout(timeout_s):
            while len(settled) < count:
                await asyncio.sleep(0.5)
                async with db.read() as tx:
                    for one in await sessions.in_order(tx):
                        receipt = None if str(one.id) in settled else await wallets.receipt(tx, one.id)
                        if receipt is not None:
                            settled[str(one.id)] = receipt.energy_wh
    finally:
        await db.close()
    return settled


async def run(node: str, home: Path, url: str, stations: Sequence[Station], timeout_s: float) -> Outcome:
    """Charge and settle."""
    began = time.monotonic()
    errors = await charge(node, home, url, stations, timeout_s)
    charged = time.monotonic() - began
    good = len(stations) - len(errors)
    settled = await until_settled(f"sqlite:///{home / 'dalstroom.db'}", good, timeout_s)
    return Outcome(errors, settled, charged, time.monotonic() - began)
