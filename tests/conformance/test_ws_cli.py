"""npm's ocpp-ws-cli finds nothing wrong with the gateway, and its fuzzer neither drops a line nor makes it grow."""

import asyncio

import pytest
import ws_cli
from gateway_town import KEY, MemoryFlows, Town

from server.gateway.listener import Gateway, GatewaySettings

pytestmark = pytest.mark.node
SECONDS = 5
GROWTH_KIB = 4_096


@pytest.fixture
async def town():
    flows = MemoryFlows()
    flows.keys = dict.fromkeys(ws_cli.identities(), KEY)
    gateway = Gateway(flows, GatewaySettings(port=0))
    await gateway.start()
    yield Town(flows, gateway)
    await gateway.stop()


async def test_its_tests_all_pass(town, tmp_path, node):
    async with ws_cli.signing_in(town.gateway.port, KEY) as url:
        runs = [ws_cli.run_tests(node, tmp_path, url, protocol) for protocol in ws_cli.PROTOCOLS]
        for found in await asyncio.gather(*runs):
            assert len(found) >= 19
            assert {name: issue for name, issue in found.items() if issue} == {}


async def test_its_fuzzer_drops_no_line_and_makes_nothing_grow(town, tmp_path, node):
    town.flows.message = lambda _station_id, _said: None  # what the test's flows keep in memory would grow
    async with ws_cli.signing_in(town.gateway.port, KEY) as url:
        (tmp_path / "warm").mkdir()
        await ws_cli.fuzz(node, tmp_path / "warm", url, 2)
        before = ws_cli.resident_kib()
        found = await ws_cli.fuzz(node, tmp_path, url, SECONDS)
    assert found["anomaliesSent"] > 100
    assert found["serverDrops"] == 0
    answered = found["serverErrors"] + found["serverTolerated"]
    assert answered > found["anomaliesSent"] * 0.6  # the rest is what no answer could be matched to
    assert ws_cli.resident_kib() - before < GROWTH_KIB
    await town.quiet()
