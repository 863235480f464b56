"""The conformance runs in full: 500 stations of npm's ocpp-rpc at once, then npm's ocpp-ws-cli, fuzzing for 6 x 60 s.

    make conformance [ARGS='--stations 500 --seconds 60']

The whole server runs beside it as a user starts it. Exit code 1 where anything is not as it should be, or where it
takes too long.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "cli")]
import stations_at_once as at_once  # noqa: E402
import ws_cli  # noqa: E402
from up_process import Up  # noqa: E402

from server.clock import RealClock  # noqa: E402
from server.core.traits import Traits  # noqa: E402
from server.flows import entry  # noqa: E402
from server.flows.entry import SimulatedStation  # noqa: E402
from server.storage import stations as stored  # noqa: E402
from server.storage.db import Database  # noqa: E402

KEY = b"0123456789abcdef0123456789abcdef01234567"
GROWTH_MAX_KIB, GROWTH_OF_ALL_MAX_KIB = 2 * 1024, 32 * 1024
WARMING = 5
"""So many times it fuzzes before that is weighed: what is kept within bounds (pages of the database, ids, plans) fills
up meanwhile, by 16 to 20 MiB in three times or four; a server that grows for good grows after it too. By how much it
may grow in the last time, and from before the first until it has been quiet."""
QUIET_S = 40.0
"""Then the server has looked for all garbage, and given back the pages that were free."""
PATIENCE_S = 600.0
"""Beside fuzzing and quiet: starting, half a thousand sessions, and the other client's tests, which mostly sleep."""


async def stations(node: str, home: Path, up: Up, count: int) -> bool:
    """Every session of the stations is settled."""
    database, url = f"sqlite:///{home / 'dalstroom.db'}", f"ws://127.0.0.1:{up.ocpp_port}/ocpp"
    entered = await at_once.enter(database, count, url)
    outcome = await at_once.run(node, home, url, entered, 60 + count)
    right = sum(energy_wh == at_once.ENERGY_WH for energy_wh in outcome.settled.values())
    print(
        f"{count} stations at once: {len(outcome.errors)} errors, {right} sessions settled with the energy they drew;"
        f" charged in {outcome.charged_s:.1f} s, all settled after {outcome.settled_s:.1f} s"
    )
    print(*outcome.errors[:10], sep="\n")
    return not outcome.errors and right == count


async def cli(node: str, home: Path, up: Up, seconds: float) -> bool:
    """Its tests pass; while it fuzzes no line drops and the server does not grow."""
    entered = [SimulatedStation(identity, KEY.decode()) for identity in ws_cli.identities()]
    db = Database(f"sqlite:///{home / 'dalstroom.db'}")
    async with db.begin() as tx:
        ids = await entry.enter_simulated(tx, entered, at_once.CARD, RealClock().now())
        for station_id in ids.values():  # it takes the next frame for its answer: nothing may be asked of it meanwhile
            await stored.update(tx, station_id, traits=Traits(auto_configure=False))
    await db.close()
    async with ws_cli.signing_in(up.ocpp_port, KEY) as url:
        runs = [ws_cli.run_tests(node, home, url, protocol) for protocol in ws_cli.PROTOCOLS]
        found = {
            f"{name}, {number}": issue
            for number, one in enumerate(await asyncio.gather(*runs))
            for name, issue in one.items()
        }
        wrong = {name: issue for name, issue in found.items() if issue}
        print(f"ocpp-ws-cli test: {len(found) - len(wrong)} of {len(found)} pass {wrong or ''}")
        return await fuzz(node, home, up, url, seconds) and not wrong


async def fuzz(node: str, home: Path, up: Up, url: str, seconds: float) -> bool:
    """No line drops, and the server does not grow once what it keeps within bounds is full."""
    dropped, weights = 0, [ws_cli.resident_kib(up.process.pid)]
    for number in range(WARMING + 1):
        place = home / f"fuzz-{number}"
        place.mkdir()
        figures = await ws_cli.fuzz(node, place, url, seconds)
        dropped += figures["serverDrops"]
        weights.append(ws_cli.resident_kib(up.process.pid))
        print(f"ocpp-ws-cli fuzz, {seconds:.0f} s: {figures}, the server grew by {weights[-1] - weights[-2]} KiB")
    await asyncio.sleep(QUIET_S)
    at_rest = ws_cli.resident_kib(up.process.pid) - weights[0]
    print(f"from {weights[0]} KiB before all that by {at_rest} once it has been quiet for {QUIET_S:.0f} s")
    return dropped == 0 and weights[-1] - weights[-2] < GROWTH_MAX_KIB and at_rest < GROWTH_OF_ALL_MAX_KIB


async def main(said: SimpleNamespace) -> bool:
    """All of it."""
    node = shutil.which("node")
    assert node is not None, "install node"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with Up(home, quiet=True) as up:
            async with asyncio.timeout(PATIENCE_S + QUIET_S + (WARMING + 1) * said.seconds):
                good = await stations(node, home, up, said.stations)
                return await cli(node, home, up, said.seconds) and good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0)
    sys.exit(0 if asyncio.run(main(SimpleNamespace(**vars(parser.parse_args())))) else 1)
