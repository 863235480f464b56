"""An operator keeps its central system: it uploads a list, changes one URL, and ten minutes later a session is steered.

Its own system hears the whole session under its own number, and one switch ends it all.
"""

import asyncio

import msgspec
from journey_stage import HandMadePrices, Stage, clock_time, three_phase_drivers, town_of, visit
from other_system import Billing

from server.cli.seed import seed
from server.core.session import SessionState
from server.simulator.log import MessageLog
from server.simulator.pace import Stepped
from server.simulator.runner import Ends, Runner
from shared.sessions import Delay

UPLOADED, PLUGGED, STEERED = clock_time(0, "17:58"), clock_time(0, "18:02"), clock_time(0, "18:08")
IDENTITY = "LOOTS/1"


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- a test looks in from outside
            await asyncio.sleep(0.01)


class Joining(Stage):
    """The stage before the operator's station is known to anybody."""

    async def begin(self) -> None:
        await self.bring_up()
        await seed(self.server.db, msgspec.structs.replace(self.town, stations=()), self.town.start)

    async def change_url(self) -> None:
        """The station connects to us, with the key that it always had."""
        ends = Ends(self.server.ws_url, self.server.api_url, MessageLog(self.sink))
        self._runner = Runner(self.town, Stepped(self.clock, self.settle), ends)
        await self._runner.connect()


async def told_of(billing, session, receipt, driver) -> int:
    """The other system has the whole session, under its own number, and may bill it; how many messages that were."""
    await until(lambda: billing.told("StopTransaction"))
    (start,), (stop,) = billing.told("StartTransaction"), billing.told("StopTransaction")
    readings = [one for one in billing.told("MeterValues") if "transactionId" in one]
    assert stop["transactionId"] == 7001 != session.transaction_id
    assert len(readings) > 10
    assert {one["transactionId"] for one in readings} == {7001}
    assert stop["meterStop"] - start["meterStart"] == receipt.energy_wh
    assert start["idTag"] == driver.token_uid
    return len(readings) + 2


async def undone(stage, noor, billing, forwarding_id) -> None:
    """One switch, and one URL."""
    off = await stage.ask(noor, "PATCH", f"/api/forwardings/{forwarding_id}", {"on": False})
    assert (off["on"], off["stations"][0]["state"]) == (False, "off")
    assert off["stations"][0]["back_url"] == f"{billing.url}/LOOTS%2F1"
    await until(lambda: IDENTITY not in billing.stations)


async def join(stage, noor, billing, key):
    """The upload, and the URL that is changed."""
    wanted = {"name": "Ours", "url": billing.url, "stations": f"identity,key,location\n{IDENTITY},{key},Lootsstraat\n"}
    answer = await stage.ask(noor, "POST", "/api/forwardings", wanted)
    assert answer["outcomes"] == {IDENTITY: "added"}
    assert answer["forwarding"]["stations"][0]["url"] == f"{stage.server.ws_url}/LOOTS%2F1"
    await stage.change_url()
    return answer["forwarding"]["id"]


async def test_from_upload_to_the_first_steered_session_in_ten_minutes(tmp_path):
    driver = next(one for one in three_phase_drivers() if one.consent)
    stay = visit(IDENTITY, PLUGGED, clock_time(0, "18:45"), 30, who=driver)
    town = town_of(stay, start=UPLOADED, hours=1)
    spec = next(one for one in town.stations if one.identity == IDENTITY)
    noor = next(one for one in town.people if one.role == "operator")
    stage = Joining(msgspec.structs.replace(town, stations=(spec,)), tmp_path, [HandMadePrices()], "")
    billing = Billing()
    billing.keys[IDENTITY] = spec.key
    try:
        async with billing.listening():
            await stage.begin()
            forwarding_id = await join(stage, noor, billing, spec.key)
            await stage.until(STEERED)
            view = await stage.see(driver)
            (session,) = await stage.sessions()
            assert (view.delay, session.plan_accepted) == (Delay.MANAGED, True)
            await until(lambda: billing.told("StartTransaction"))
            assert billing.actions()[0] == "BootNotification"

            await stage.until(town.end)
            (session,) = await stage.sessions()
            assert session.state is SessionState.SETTLED
            count = await told_of(billing, session, await stage.receipt(driver, session.id), driver)
            (listed,) = (await stage.ask(noor, "GET", "/api/forwardings"))[0]["stations"]
            assert (listed["state"], listed["error"], listed["dropped"]) == ("connected", "", 0)
            assert listed["waiting"] + listed["delivered"] == count
            await undone(stage, noor, billing, forwarding_id)
    finally:
        if stage._runner is not None:
            await stage._runner.close()
        await stage.take_down()
