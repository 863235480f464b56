"""The `ocpp` package's charge point, which nobody here wrote, speaks with us; its schemas judge our answers."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import ocpp.messages
import pytest
from gateway_town import Town, ask, station_of
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result

from server.gateway.v16 import commands as c
from server.gateway.v16 import translate

CP1 = station_of("CP1")
AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
SAID = "2026-11-21T04:00:00Z"
SAMPLES = [{"timestamp": SAID, "sampled_value": [{"value": "12.5", "unit": "kWh"}]}]


class Other(ChargePoint):
    """A station that does as it is told and keeps what it was told."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.profiles: list[dict] = []

    @on("SetChargingProfile")
    def on_profile(self, connector_id, cs_charging_profiles):
        self.profiles.append({"connector_id": connector_id, **cs_charging_profiles})
        return call_result.SetChargingProfile(status="Accepted")

    @on("GetConfiguration")
    def on_configuration(self, key=None):
        known = [{"key": "HeartbeatInterval", "readonly": False, "value": "900"}]
        return call_result.GetConfiguration(configuration_key=known, unknown_key=[])

    @on("GetCompositeSchedule")
    def on_composite(self, connector_id, duration, charging_rate_unit=None):
        schedule = {"charging_rate_unit": "A", "charging_schedule_period": [{"start_period": 0, "limit": 6.0}]}
        return call_result.GetCompositeSchedule("Accepted", connector_id, SAID, schedule)


@asynccontextmanager
async def other(town: Town):
    async with town.station() as socket:
        station = Other("CP1", socket)
        running = asyncio.create_task(station.start())
        try:
            yield station
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_session_from_boot_to_stop(town):
    async with other(town) as station:
        boot = await station.call(call.BootNotification(charge_point_model="M", charge_point_vendor="V"))
        assert (boot.status, boot.interval) == ("Accepted", 900)
        assert (await station.call(call.Heartbeat())).current_time == "2026-11-21T04:05:06Z"
        await station.call(call.StatusNotification(connector_id=1, error_code="NoError", status="Preparing"))
        assert (await station.call(call.Authorize(id_tag="TAG"))).id_tag_info["status"] == "Accepted"
        assert (await station.call(call.Authorize(id_tag="STRANGER"))).id_tag_info["status"] == "Invalid"
        start = call.StartTransaction(connector_id=1, id_tag="TAG", meter_start=0, timestamp=SAID)
        transaction_id = (await station.call(start)).transaction_id
        values = call.MeterValues(connector_id=1, transaction_id=transaction_id, meter_value=SAMPLES)
        assert await station.call(values) == call_result.MeterValues()
        stop = call.StopTransaction(meter_stop=12_500, timestamp=SAID, transaction_id=transaction_id)
        assert await station.call(stop) == call_result.StopTransaction()
        assert (await station.call(call.DataTransfer(vendor_id="V", data="x"))).status == "UnknownVendorId"
    assert town.flows.told("readings")[0].readings[0].register_wh == 12_500


async def test_it_takes_our_profiles_and_we_read_what_it_says(town):
    place = translate.Place(1, 7, 3)
    async with other(town) as station:
        profile = translate.tx_profile(place, AT, [(0, 0.0), (900, 16.0)], "A")
        assert (await town.gateway.call(CP1, profile, 5)).accepted
        assert (await town.gateway.call(CP1, translate.default_profile(1, [(0, 6.0)], "A", AT), 5)).accepted
        told = await town.gateway.call(CP1, c.GetConfiguration(), 5)
        assert told.answer.configuration_key == (c.KeyValue("HeartbeatInterval", False, "900"),)
        composite = await town.gateway.call(CP1, c.GetCompositeSchedule(1, 3600), 5)
        assert composite.answer.charging_schedule.charging_schedule_period[0].limit == 6.0
        refused = await town.gateway.call(CP1, c.UnlockConnector(1), 5)
        assert refused.status == "error"
        assert refused.error_code in {"NotSupported", "NotImplemented"}
        assert [one["charging_profile_purpose"] for one in station.profiles] == ["TxProfile", "TxDefaultProfile"]
        periods = station.profiles[0]["charging_schedule"]["charging_schedule_period"]
        assert [(one["start_period"], float(one["limit"])) for one in periods] == [(0, 0.0), (900, 16.0)]


START = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": SAID}
STOP = {"transactionId": 1, "meterStop": 9, "timestamp": SAID}


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
        ("Heartbeat", {}),
        ("StatusNotification", {"connectorId": 0, "errorCode": "NoError", "status": "Available"}),
        ("Authorize", {"idTag": "TAG"}),
        ("StartTransaction", START),
        ("StopTransaction", STOP),
        ("StopTransaction", STOP | {"idTag": "TAG"}),
        ("MeterValues", {"connectorId": 1, "meterValue": []}),
        ("DataTransfer", {"vendorId": "V"}),
    ],
)
async def test_our_answers_are_what_the_official_schemas_ask_for(town, action, payload):
    async with town.station() as socket:
        answer = await ask(socket, action, payload)
    result = ocpp.messages.CallResult(answer[1], answer[2], action)
    ocpp.messages._validate_payload(result, "1.6")
