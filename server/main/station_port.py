"""Commands to stations as workers and the API give them, said in the version that the station speaks (OCPP 1.6)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from server.core.following import UNANSWERED
from server.core.station import START_WAIT_S
from server.core.traits import within_periods
from server.core.valley.charging_profile import to_periods
from server.gateway.link import CallStatus
from server.gateway.listener import CallOutcome, Gateway
from server.gateway.v16 import commands
from server.gateway.v16.translate import Place, default_profile, limit_of, tx_profile
from server.workers.ports import AT_ONCE, Heard, Order
from shared.sessions import CommandAnswer

ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)
"""An absolute default profile holds from before any station was made."""
SAFE_PROFILE_ID = 1
CALL_SECONDS = 20.0
WORDS = {CallStatus.OFFLINE: "offline", CallStatus.TIMED_OUT: "timed_out", CallStatus.ERROR: "error"}


class GatewayStations:
    """Translates, calls, and says in one word what the station said."""

    def __init__(self, gateway: Gateway) -> None:
        """The gateway that holds the stations' connections."""
        self._gateway = gateway

    async def set_plan(self, station_id: UUID, order: Order) -> Heard:
        """Send a transaction's profile."""
        numbers = {"profile_id": 10 + order.connector_no, "stack_level": order.stack_level}
        place = Place(order.connector_no, order.transaction_id, **numbers)
        start = order.start + timedelta(seconds=order.elapsed_s)
        request = tx_profile(place, start, steps(order), _unit(order.unit))
        return _heard(await self._gateway.call(station_id, request, CALL_SECONDS))

    async def set_safe_share(self, station_id: UUID, share_w: int, unit: str, phases: int) -> Heard:
        """Send the default profile that holds when nobody steers; a start waits, so that others can make room.

        A station that refuses to wait gets the same without, and `AT_ONCE` is the answer's detail.
        """
        limit = limit_of(share_w, _unit(unit), phases)
        steps = [(0, 0.0), (START_WAIT_S, limit)] if limit else [(0, 0.0)]
        request = default_profile(SAFE_PROFILE_ID, steps, _unit(unit))
        heard = _heard(await self._gateway.call(station_id, request, CALL_SECONDS))
        if heard.accepted or heard.status in UNANSWERED:
            return heard
        request = default_profile(SAFE_PROFILE_ID, [(0, limit)], _unit(unit), ALWAYS)
        heard = _heard(await self._gateway.call(station_id, request, CALL_SECONDS))
        return Heard(heard.status, AT_ONCE) if heard.accepted and limit else heard

    async def set_option(self, station_id: UUID, key: str, value: str) -> Heard:
        """Change a configuration key."""
        request = commands.ChangeConfiguration(key=key, value=value)
        return _heard(await self._gateway.call(station_id, request, CALL_SECONDS))

    async def get_options(self, station_id: UUID, keys: Sequence[str]) -> dict[str, str]:
        """What configuration keys say."""
        outcome = await self._gateway.call(station_id, commands.GetConfiguration(key=tuple(keys)), CALL_SECONDS)
        if not isinstance(outcome.answer, commands.ConfigurationAnswer):
            return {}
        return {one.key: one.value or "" for one in outcome.answer.configuration_key or () if one.key in keys}

    async def trigger(self, station_id: UUID, message: str) -> Heard:
        """Ask a station to say something now. No connector is named: some refuse 0 (Growatt), none refuses none."""
        request = commands.TriggerMessage(requested_message=message)
        return _heard(await self._gateway.call(station_id, request, CALL_SECONDS))

    async def clear_plans(self, station_id: UUID) -> Heard:
        """Take the profiles of running transactions back; `Unknown` is what a station says that holds none."""
        request = commands.ClearChargingProfile(charging_profile_purpose="TxProfile")
        heard = _heard(await self._gateway.call(station_id, request, CALL_SECONDS))
        return Heard("accepted", heard.detail) if heard.detail == "Unknown" else heard

    async def reset(self, station_id: UUID, *, hard: bool) -> Heard:
        """Restart a station."""
        request = commands.Reset(type="Hard" if hard else "Soft")
        return _heard(await self._gateway.call(station_id, request, CALL_SECONDS))

    async def start(self, station_id: UUID, connector_no: int, token_uid: str) -> CommandAnswer:
        """Ask a station to start a session."""
        request = commands.RemoteStartTransaction(id_tag=token_uid, connector_id=connector_no)
        heard = _heard(await self._gateway.call(station_id, request, CALL_SECONDS))
        return CommandAnswer(heard.status, heard.detail)

    async def stop(self, station_id: UUID, transaction_id: int) -> CommandAnswer:
        """Ask a station to end a session."""
        request = commands.RemoteStopTransaction(transaction_id=transaction_id)
        heard = _heard(await self._gateway.call(station_id, request, CALL_SECONDS))
        return CommandAnswer(heard.status, heard.detail)


def steps(order: Order) -> list[tuple[int, float]]:
    """A plan as periods, from the moment on that it was made for: a first slot that has begun counts for its rest."""
    if not order.energy_wh:
        return [(0, limit_of(order.final_w, _unit(order.unit), order.phases))]
    periods = to_periods(
        order.energy_wh,
        order.slot_seconds,
        max_w=order.max_w,
        phases=order.phases,
        unit=order.unit,
        final_w=order.final_w,
        elapsed_s=order.elapsed_s,
    )
    return within_periods([(period.start_s, period.limit) for period in periods], order.periods_max)


def _unit(unit: str) -> Literal["A", "W"]:
    return "W" if unit == "W" else "A"


def _heard(outcome: CallOutcome) -> Heard:
    if outcome.status is not CallStatus.ANSWERED:
        return Heard(WORDS[outcome.status], outcome.detail or outcome.error_code)
    if outcome.accepted:
        return Heard("accepted")
    status = getattr(outcome.answer, "status", "")
    return Heard("not_supported" if status == "NotSupported" else "rejected", status)
