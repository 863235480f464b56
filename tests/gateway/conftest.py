"""A gateway on a real socket for each test."""

from collections.abc import AsyncIterator

import pytest
from gateway_town import MemoryFlows, Town

from server.gateway.listener import Gateway, GatewaySettings


@pytest.fixture
def flows() -> MemoryFlows:
    return MemoryFlows()


@pytest.fixture
def settings() -> GatewaySettings:
    return GatewaySettings(port=0, quiet_s=0.0, bad_frames_per_s=None)


@pytest.fixture
async def town(flows: MemoryFlows, settings: GatewaySettings) -> AsyncIterator[Town]:
    gateway = Gateway(flows, settings)
    await gateway.start()
    yield Town(flows, gateway)
    await gateway.stop()
