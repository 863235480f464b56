"""A gateway that takes any station with the usual key, keeps each one's frames apart, and a fleet in front of it."""

import asyncio
import json
from collections import defaultdict
from contextlib import asynccontextmanager

import msgspec
from gateway_town import KEY, MemoryFlows, station_of

from server.gateway.link import Question
from server.gateway.listener import Gateway, GatewaySettings
from server.simulator.fleet import plan as planned
from server.simulator.fleet import quirks
from server.simulator.fleet.plan import FleetPlan
from server.simulator.fleet.run import simulate


class Everybody(dict):
    def get(self, key, default=None):
        return super().get(key, KEY)


class FleetFlows(MemoryFlows):
    """Knows every identity, and the traits of those that a plan names."""

    def __init__(self, plan: FleetPlan | None = None) -> None:
        super().__init__()
        self.keys = Everybody()
        self.spoken = defaultdict(list)
        for number in range(1, plan.stations + 1) if plan else ():
            one = planned.station(plan, number)
            self.quirks[one.identity] = quirks.traits(one.quirks)

    def message(self, station_id, said) -> None:
        self.spoken[station_id].append(said)

    def heard_from(self, identity, kind, action=None):
        """(message id, payload) of what a station said: calls, or results."""
        found = [said for said in self.spoken[station_of(identity)] if (said.direction, said.kind) == ("in", kind)]
        place = 3 if kind == "call" else 2
        return [(one.message_id, json.loads(one.raw)[place]) for one in found if action in (None, one.action)]

    def calls(self, identity, action):
        """The payloads of a station's calls."""
        return [payload for _, payload in self.heard_from(identity, "call", action)]


@asynccontextmanager
async def fleet_gateway(flows, **settings):
    gateway = Gateway(flows, GatewaySettings(**{"port": 0, "quiet_s": 0.0, **settings}))
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


class Fleet:
    """A fleet that lives until the test has seen enough."""

    def __init__(self, plan: FleetPlan) -> None:
        self._over = asyncio.Event()
        self._running = asyncio.create_task(simulate(plan, over=self._over))

    async def ends(self):
        """Let all leave; what became of them."""
        self._over.set()
        return await self._running


def url_of(gateway) -> str:
    return f"ws://127.0.0.1:{gateway.port}/ocpp"


async def asked(gateway, identity, action, payload, timeout_s=5.0):
    """The gateway asks a station: (status, what it answered)."""
    question = Question(action, msgspec.Raw(json.dumps(payload).encode()))
    reply = await gateway.ask(station_of(identity), question, timeout_s)
    answered = reply.status.value == "answered"
    return reply.status.value, json.loads(bytes(reply.payload)) if answered else {}


def profile(version, unit, limit, *, stack_level=1, purpose="TxProfile"):
    """A SetChargingProfile of a version with one limit, as it stands on the wire."""
    periods = [{"startPeriod": 0, "limit": limit}]
    schedule = {"chargingRateUnit": unit, "chargingSchedulePeriod": periods}
    raw = {"stackLevel": stack_level, "chargingProfilePurpose": purpose, "chargingProfileKind": "Relative"}
    where = 0 if purpose not in {"TxProfile", "TxDefaultProfile"} else 1
    if version == "1.6":
        return {
            "connectorId": where,
            "csChargingProfiles": raw | {"chargingProfileId": stack_level, "chargingSchedule": schedule},
        }
    return {
        "evseId": where,
        "chargingProfile": raw | {"id": stack_level, "chargingSchedule": [schedule | {"id": 1}]},
    }
