# mypy: disable-error-code="misc,untyped-decorator"
"""How a station answers the server's calls, as handlers of the `ocpp` package's charge point."""

from typing import Any, Protocol

import ocpp.messages
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result, datatypes
from ocpp.v16.enums import Action, Reason

from server.simulator.profiles import MAX_PERIODS, stamp
from server.simulator.station import CONNECTOR, SECOND_US, Station

# Validation in the default thread pool would make the order of messages depend on the machine's load.
ocpp.messages.ASYNC_VALIDATION = False


class Wire(Protocol):
    """A socket as the `ocpp` package wants it."""

    async def recv(self) -> str:
        """The next frame."""

    async def send(self, frame: str) -> None:
        """Send a frame."""


class Answers(ChargePoint):
    """The `ocpp` package's side of one connection, on behalf of a station."""

    def __init__(self, station: Station, wire: Wire, timeout_s: float) -> None:
        super().__init__(station.spec.identity, wire, response_timeout=timeout_s)
        self._station = station

    @on(Action.set_charging_profile)
    def on_set_charging_profile(
        self, connector_id: int, cs_charging_profiles: dict[str, Any]
    ) -> call_result.SetChargingProfile:
        station = self._station
        status = station.profiles.install(connector_id, cs_charging_profiles, station.running)
        if status == "Accepted":
            station.changed(profile=True)
        return call_result.SetChargingProfile(status=status)

    @on(Action.clear_charging_profile)
    def on_clear_charging_profile(self, **wanted: int | str) -> call_result.ClearChargingProfile:
        status = self._station.profiles.clear(wanted)
        self._station.changed()
        return call_result.ClearChargingProfile(status=status)

    @on(Action.get_composite_schedule)
    def on_get_composite_schedule(
        self, connector_id: int, duration: int, charging_rate_unit: str | None = None
    ) -> call_result.GetCompositeSchedule:
        station = self._station
        if connector_id > CONNECTOR or (charging_rate_unit or station.spec.unit) != station.spec.unit:
            return call_result.GetCompositeSchedule(status="Rejected")
        start_us = station.now_us()
        return call_result.GetCompositeSchedule(
            status="Accepted",
            connector_id=connector_id,
            schedule_start=stamp(start_us),
            charging_schedule=datatypes.ChargingSchedule(
                charging_rate_unit=station.spec.unit,
                duration=duration,
                start_schedule=stamp(start_us),
                charging_schedule_period=_periods(station, start_us, duration),
            ),
        )

    @on(Action.trigger_message)
    def on_trigger_message(self, requested_message: str, connector_id: int | None = None) -> call_result.TriggerMessage:
        if connector_id is not None and connector_id > CONNECTOR:
            return call_result.TriggerMessage(status="Rejected")
        act = {
            "BootNotification": self._station.boot,
            "Heartbeat": self._station.beat,
            "StatusNotification": self._station.status,
            "MeterValues": self._station.reading,
        }.get(requested_message)
        if act is None:
            return call_result.TriggerMessage(status="NotImplemented")
        act()
        self._station.changed()
        return call_result.TriggerMessage(status="Accepted")

    @on(Action.remote_start_transaction)
    def on_remote_start_transaction(
        self, id_tag: str, connector_id: int = CONNECTOR, charging_profile: dict[str, Any] | None = None
    ) -> call_result.RemoteStartTransaction:
        accepted = connector_id == CONNECTOR and self._station.remote_start(id_tag)
        if accepted and charging_profile and self._station.running:
            self._station.profiles.install(CONNECTOR, charging_profile, self._station.running)
        self._station.changed()
        return call_result.RemoteStartTransaction(status="Accepted" if accepted else "Rejected")

    @on(Action.remote_stop_transaction)
    def on_remote_stop_transaction(self, transaction_id: int) -> call_result.RemoteStopTransaction:
        running = self._station.running
        if running is None or running.id != transaction_id:
            return call_result.RemoteStopTransaction(status="Rejected")
        self._station.stop(Reason.remote)
        self._station.changed()
        return call_result.RemoteStopTransaction(status="Accepted")

    @on(Action.change_availability)
    def on_change_availability(self, connector_id: int, type: str) -> call_result.ChangeAvailability:  # noqa: A002, ARG002
        self._station.operative = type == "Operative"
        self._station.changed()
        scheduled = self._station.running is not None and type == "Inoperative"
        return call_result.ChangeAvailability(status="Scheduled" if scheduled else "Accepted")

    @on(Action.reset)
    def on_reset(self, type: str) -> call_result.Reset:  # noqa: A002
        self._station.reset_wanted = type
        self._station.changed()
        return call_result.Reset(status="Accepted")

    @on(Action.unlock_connector)
    def on_unlock_connector(self, connector_id: int) -> call_result.UnlockConnector:
        if connector_id != CONNECTOR:
            return call_result.UnlockConnector(status="NotSupported")
        self._station.stop(Reason.unlock_command)
        self._station.changed()
        return call_result.UnlockConnector(status="Unlocked")

    @on(Action.get_configuration)
    def on_get_configuration(self, key: list[str] | None = None) -> call_result.GetConfiguration:
        known, unknown = self._station.configuration.read(key or [])
        return call_result.GetConfiguration(configuration_key=known, unknown_key=unknown)

    @on(Action.change_configuration)
    def on_change_configuration(self, key: str, value: str) -> call_result.ChangeConfiguration:
        status = self._station.configuration.change(key, value)
        self._station.spoke()
        self._station.changed()
        return call_result.ChangeConfiguration(status=status)

    @on(Action.get_local_list_version)
    def on_get_local_list_version(self) -> call_result.GetLocalListVersion:
        return call_result.GetLocalListVersion(list_version=self._station.local_list.version)

    @on(Action.send_local_list)
    def on_send_local_list(
        self, list_version: int, update_type: str, local_authorization_list: list[dict[str, Any]] | None = None
    ) -> call_result.SendLocalList:
        status = self._station.local_list.take(list_version, update_type, local_authorization_list or [])
        return call_result.SendLocalList(status=status)

    @on(Action.data_transfer)
    def on_data_transfer(self, vendor_id: str, **_rest: str) -> call_result.DataTransfer:  # noqa: ARG002
        return call_result.DataTransfer(status="UnknownVendorId")


def _periods(station: Station, start_us: int, duration_s: int) -> list[datatypes.ChargingSchedulePeriod]:
    """What the station would allow over the next seconds, in its own unit, one decimal."""
    top = station.spec.max_ma if station.spec.unit == "A" else station.spec.max_w * 1000
    out: list[datatypes.ChargingSchedulePeriod] = []
    now_us, end_us = start_us, start_us + duration_s * SECOND_US
    while now_us < end_us and len(out) < 4 * MAX_PERIODS:
        found = station.profiles.limit(now_us, station.running)
        limit = min(top, found.milli if found.milli is not None else top) // 100 / 10
        if not out or out[-1].limit != limit:
            out.append(datatypes.ChargingSchedulePeriod(start_period=(now_us - start_us) // SECOND_US, limit=limit))
        now_us = found.until_us
    return out
