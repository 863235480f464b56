"""What a station says while its line to the other system is made anew, or none stands yet, is not lost."""

import asyncio
from types import SimpleNamespace

import pytest
from api_edge import InlineSolver, bearer, eventually
from forwarding_desk import LIST, boot, opened, start
from other_system import Billing
from small_town import OLGA

from server.clock import RealClock
from server.gateway.link import Question
from server.gateway.ports import Said
from server.main.forwarding_store import StationStore
from server.main.server import Parts, Server
from server.settings import BadSetting, Settings
from server.storage import forwardings, outbox, stations


@pytest.fixture
async def office(context):
    async with opened(context) as office:
        yield office


def held(monkeypatch) -> asyncio.Event:
    """New lines are made only once this is set."""
    released, memory = asyncio.Event(), StationStore.memory

    async def late(self):
        found = await memory(self)
        await released.wait()
        return found

    monkeypatch.setattr(StationStore, "memory", late)
    return released


async def change(office, made) -> None:
    """Something of the list changes, and the line with it."""
    path = f"{LIST}/{made['id']}"
    assert (await office.api.patch(path, json={"allowed": ["Reset"]}, headers=bearer(OLGA))).is_success


async def test_what_is_said_while_a_line_is_made_anew_is_told(office, monkeypatch):
    billing = Billing()
    async with billing.listening(), office.station() as box:
        made = (await office.upload(billing)).json()["forwarding"]
        await boot(box)
        await office.until_listed(state="connected")
        released = held(monkeypatch)
        await change(office, made)
        await eventually(lambda: not office.forwarder._lines)
        await start(box)
        released.set()
        await office.until_listed(delivered=1, waiting=0)
    assert len(billing.told("StartTransaction")) == 1


async def test_a_call_that_we_answer_after_the_change_is_told(office):
    billing = Billing()
    begun = (
        b'[2,"9","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":1,"timestamp":"2025-01-15T18:00:00Z"}]'
    )
    async with billing.listening(), office.station() as box:
        made = (await office.upload(billing)).json()["forwarding"]
        await boot(box)
        ((station_id, before),) = office.forwarder._lines.items()
        office.forwarder.hear(station_id, Said("in", "call", "StartTransaction", "9", begun))
        await change(office, made)
        await eventually(lambda: office.forwarder._lines.get(station_id) not in {None, before})
        office.forwarder.hear(station_id, Said("out", "result", "", "9", b'[3,"9",{"transactionId":77}]'))
        await office.until_listed(delivered=1, waiting=0)


async def test_the_lines_stand_before_a_station_is_let_in(office):
    await office.upload(Billing(), url="ws://127.0.0.1:1/none")
    await office.kill()
    office.employ()
    office.running.cancel()
    await office.forwarder.begin()
    assert len(office.forwarder._lines) == 1
    await office.forwarder.end()
    assert office.forwarder._lines == {}


async def test_a_command_whose_asker_is_gone_leaves_the_station_configured_anew(office):
    await office.upload(Billing(), url="ws://127.0.0.1:1/none")
    asked = asyncio.Event()

    async def ask(*_):
        asked.set()
        await asyncio.Event().wait()

    async with office.context.db.begin() as tx:
        (row,) = await forwardings.routes(tx)
        await stations.update(tx, row.station_id, safe_held_w=1_000)
    office.forwarder.gateway = SimpleNamespace(ask=ask, version=lambda _: None)
    asking = asyncio.create_task(office.forwarder.ask(row.station_id, Question("SetVariables", None)))
    await asked.wait()
    asking.cancel()
    assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], asyncio.CancelledError)
    async with office.context.db.read() as tx:
        due = {task.kind for task in await outbox.due(tx, office.context.now())}
    assert {"configure", "replan"} <= due


async def test_a_server_makes_the_lines_first_and_ends_them_where_it_cannot_listen(tmp_path, monkeypatch):
    done = []
    server = Server(Settings(home=tmp_path, port=0, ocpp_port=0), Parts(clock=RealClock(), solver=InlineSolver()))

    async def begin():
        done.append("begin")

    async def end():
        done.append("end")

    async def start_gateway():
        done.append("gateway")
        raise OSError

    monkeypatch.setattr(server.forwarder, "begin", begin)
    monkeypatch.setattr(server.forwarder, "end", end)
    monkeypatch.setattr(server.gateway, "start", start_gateway)
    with pytest.raises(BadSetting):
        async with server.running(pages=False):
            pass
    assert done == ["begin", "gateway", "end"]
