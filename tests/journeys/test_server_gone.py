"""The server is gone and every station behind a shared limit reboots: the limit holds, by the meters, on each phase."""

from datetime import UTC, datetime, timedelta

from server.cli.seed import seed
from server.clock import SteppedClock
from server.main.server import Parts, Server
from server.settings import Settings
from server.simulator.pace import Stepped
from server.simulator.runner import Ends, Runner
from server.simulator.town import build
from server.storage import sessions, stations, wallets
from server.storage.db import Database
from server.workers.solve import Inline
from shared.sessions import SessionState

NOON = datetime(2026, 1, 13, 11, tzinfo=UTC)
GONE_AT = NOON + timedelta(hours=15)
BACK_AT = NOON + timedelta(hours=18)
END = NOON + timedelta(hours=24)


async def test_the_limit_holds_while_nobody_steers_and_every_session_is_settled_afterwards(tmp_path):
    town, clock = build(4, NOON), SteppedClock(NOON)
    settings = Settings(home=tmp_path, port=0, ocpp_port=0, demo=True)
    serving = []

    async def settle():
        if serving:
            await serving[0].settle()

    server = Server(settings, Parts(clock=clock, solver=Inline(), abreast=1))
    async with server.running(pages=False):
        serving.append(server)
        await seed(server.db, town, NOON)
        ports = server.port, server.gateway.port
        runner = Runner(town, Stepped(clock, settle), Ends(server.ws_url, server.api_url))
        await runner.connect()
        await runner.run(GONE_AT)
        async with server.db.read() as tx:
            held = [box.safe_held_w for place in town.places if place.feeder_id for box in await at(tx, place)]
        assert len(held) == 18
        assert None not in held, "each station behind a shared limit has confirmed its safe share"
        serving.clear()
    drawing = sum(station.power_w > 0 for station in runner.stations)
    assert drawing > 3, "a story about cars that charge"
    for number in range(len(runner.stations)):
        await runner.power_cycle(number)
    await runner.run(BACK_AT)
    assert runner.report().violations == ()

    settings = Settings(home=tmp_path, port=ports[0], ocpp_port=ports[1], demo=True)
    server = Server(settings, Parts(clock=clock, solver=Inline(), abreast=1))
    async with server.running(pages=False):
        serving.append(server)
        await runner.run(END)
        await server.settle()
        await runner.close()
        serving.clear()
    assert runner.report().violations == ()
    db = Database(settings.database_url)
    async with db.read() as tx:
        known = await sessions.in_order(tx)
        assert len(known) >= 25
        assert {one.state for one in known} == {SessionState.SETTLED}
        assert await wallets.posted_twice(tx) == 0
        assert await wallets.total(tx) == 0
    await db.close()


async def at(tx, place):
    return await stations.at_location(tx, place.id)
