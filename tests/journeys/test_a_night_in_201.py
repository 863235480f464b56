"""A station that speaks OCPP 2.0.1, and that we did not write, charges in the valley of the night and is settled.

It drops its line at midnight, and what it told meanwhile comes out of its queue, in the wrong order and twice.
"""

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import uuid4

import ocpp.messages
from journey_stage import HandMadePrices, Stage, clock_time, person, town_of, visit
from ocpp.routing import on
from ocpp.v201 import ChargePoint, call, call_result
from websockets.asyncio.client import connect

from server.cli.seed import seed
from server.core.session import SessionState
from server.storage import stations
from shared.sessions import Headline

FREYA = person("HOME-2")
PLUGGED, UNPLUGGED = clock_time(0, "18:05"), clock_time(1, "07:40")
QUARTER = timedelta(minutes=15)
NEED_WH, MAX_W, METER_START = 24_000, 11_040, 777_000
VALLEY_FROM, VALLEY_TO = clock_time(1, "02:00"), clock_time(1, "07:00")


class Quiet(Stage):
    """The stage without simulated stations: the story brings its own."""

    async def begin(self) -> None:
        await self.bring_up()
        await seed(self.server.db, self.town, self.town.start)
        async with self.db.begin() as tx:  # nobody has met this station yet
            await stations.update(tx, next(one.id for one in self.town.stations if one.identity == "HOME-2"), unit=None)


class Home(ChargePoint):
    """One socket and one car, which does as it is told."""

    profiles: list[dict]
    options: list[tuple[str, str]]

    async def route_message(self, raw_msg):
        frame = json.loads(raw_msg)
        if frame[0] == 2:  # the official schema judges all that we are asked
            ocpp.messages._validate_payload(ocpp.messages.Call(*frame[1:]), "2.0.1")
        await super().route_message(raw_msg)

    @on("SetChargingProfile")
    def on_profile(self, evse_id, charging_profile):
        self.profiles.append({"evse_id": evse_id, **charging_profile})
        return call_result.SetChargingProfile(status="Accepted")

    @on("SetVariables")
    def on_set(self, set_variable_data):
        self.options += [(one["variable"]["name"], one["attribute_value"]) for one in set_variable_data]
        done = [
            {"attribute_status": "Accepted", "component": one["component"], "variable": one["variable"]}
            for one in set_variable_data
        ]
        return call_result.SetVariables(set_variable_result=done)

    @on("GetVariables")
    def on_get(self, get_variable_data):
        (asked,) = get_variable_data
        known = {"attribute_status": "Accepted", "attribute_value": "A"}
        return call_result.GetVariables(get_variable_result=[known | asked])

    def allowed_w(self, now: datetime) -> int:
        """What the last plan allows now, W."""
        plan = next(one for one in reversed(self.profiles) if one["charging_profile_purpose"] == "TxProfile")
        (schedule,) = plan["charging_schedule"]
        since = (now - datetime.fromisoformat(schedule["start_schedule"])).total_seconds()
        periods = [one for one in schedule["charging_schedule_period"] if one["start_period"] <= since]
        return round(float(periods[-1]["limit"]) * 690)


class Evening:
    """The car, its meter, and what its station tells."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.transaction, self.seq_no = stage, str(uuid4()), 0
        self.energy_wh, self.profiles, self.options, self.queue = 0, [], [], []

    @asynccontextmanager
    async def line(self):
        spec = next(one for one in self.stage.town.stations if one.identity == "HOME-2")
        sign = base64.b64encode(f"{spec.identity}:{spec.key}".encode()).decode()
        headers = {"Authorization": f"Basic {sign}"}
        url = f"{self.stage.server.ws_url}/{spec.identity}"
        async with connect(url, additional_headers=headers, subprotocols=["ocpp1.6", "ocpp2.0.1"]) as socket:
            assert socket.subprotocol == "ocpp2.0.1"
            home = Home(spec.identity, socket)
            home.profiles, home.options = self.profiles, self.options
            running = asyncio.create_task(home.start())
            try:
                yield home
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    def event(self, kind: str, at: datetime, **more) -> call.TransactionEvent:
        """The next event, with the meter as it stands."""
        context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
        power = {"value": more.pop("power_w", 0), "measurand": "Power.Active.Import"}
        unit = {"unit": "kWh"}
        register = {"value": (METER_START + self.energy_wh) / 1000, "context": context, "unit_of_measure": unit}
        info = {"transaction_id": self.transaction} | more.pop("info", {})
        self.seq_no += 1
        return call.TransactionEvent(
            event_type=kind,
            timestamp=at.isoformat(),
            trigger_reason=more.pop("trigger", "MeterValuePeriodic"),
            seq_no=self.seq_no - 1,
            transaction_info=info,
            meter_value=[{"timestamp": at.isoformat(), "sampled_value": [register, power]}],
            **more,
        )

    async def charge(self, home: Home, until: datetime, *, online: bool = True) -> None:
        """Quarter by quarter as the plan allows."""
        while self.stage.clock.now() < until:
            power_w = home.allowed_w(self.stage.clock.now()) if self.energy_wh < NEED_WH else 0
            at = self.stage.clock.now() + QUARTER
            self.energy_wh += power_w // 4
            self.stage.clock.advance_to(at)
            if online:
                await home.call(self.event("Updated", at, power_w=power_w))
                await self.stage.settle()
            else:
                self.queue.append(self.event("Updated", at, power_w=power_w, offline=True))


async def evening(stage: Stage) -> tuple[Evening, list]:
    told, views = Evening(stage), []
    async with told.line() as home:
        station = {"model": "M", "vendor_name": "V"}
        boot = await home.call(call.BootNotification(charging_station=station, reason="PowerUp"))
        assert boot.status == "Accepted"
        await stage.settle()
        stage.clock.advance_to(PLUGGED)
        at = PLUGGED.isoformat()
        await home.call(call.StatusNotification(at, "Occupied", 1, 1))
        card = {"id_token": FREYA.token_uid, "type": "ISO14443"}
        charging = {"charging_state": "Charging"}
        started = told.event("Started", PLUGGED, id_token=card, evse={"id": 1, "connector_id": 1}, info=charging)
        assert (await home.call(started)).id_token_info["status"] == "Accepted"
        await stage.settle()
        views.append(await stage.see(FREYA))
        await told.charge(home, clock_time(0, "23:50"))
        views.append(await stage.see(FREYA))
    await stage.settle()
    await told.charge(home, clock_time(1, "02:50"), online=False)
    async with told.line() as home:
        await stage.settle()
        for event in [*reversed(told.queue), *told.queue[:2]]:
            await home.call(event)
        await stage.settle()
        views.append(await stage.see(FREYA))
        await told.charge(home, UNPLUGGED)
        stopped = {"stopped_reason": "EVDisconnected"}
        await home.call(told.event("Ended", UNPLUGGED, trigger="EVDeparted", info=stopped))
        await home.call(call.StatusNotification(UNPLUGGED.isoformat(), "Available", 1, 1))
        await stage.settle()
    return told, views


async def test_the_night_is_steered_and_settled_as_with_any_other_station(tmp_path):
    town = town_of(visit("HOME-2", PLUGGED, UNPLUGGED, 40))
    stage = Quiet(town, tmp_path, [HandMadePrices()], "")
    try:
        await stage.begin()
        told, (plugged, waiting, back) = await evening(stage)
        (session,) = await stage.sessions()
        receipt = await stage.receipt(FREYA, session.id)
        async with stage.db.read() as tx:
            station = await stations.get(tx, session.station_id)
        assert await stage.books() == (0, 0)
    finally:
        await stage.take_down()
    assert (station.ocpp, station.unit) == ("ocpp2.0.1", "A")
    assert ("TxUpdatedInterval", "300") in told.options
    assert plugged.headline is Headline.CHARGING_NOW, "the floor, in a dear hour"
    assert (waiting.headline, waiting.plan.starts_at) == (Headline.PAUSED, VALLEY_FROM)
    assert back.energy_wh > waiting.energy_wh  # what was told out of the queue counts
    assert (session.state, session.transaction_ref) == (SessionState.SETTLED, told.transaction)
    assert (session.started_at, session.ended_at, session.stop_reason) == (PLUGGED, UNPLUGGED, "EVDisconnected")
    assert receipt.energy_wh == told.energy_wh >= NEED_WH
    inside = sum(slot.actual_wh for slot in receipt.slots if VALLEY_FROM <= slot.start < VALLEY_TO)
    assert inside >= receipt.energy_wh - 5_000 - 2_760
    assert (receipt.eligible, receipt.sentence) == (True, "cashback_paid")
