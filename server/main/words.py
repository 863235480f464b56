"""What workers and the API mean, in the words of each version of OCPP."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import uuid4

from server.core.traits import within_periods
from server.core.valley.charging_profile import to_periods
from server.flows.reservations import ReserveOrder
from server.gateway import moments
from server.gateway.languages import Command, CommandAnswer
from server.gateway.limits import limit_of
from server.gateway.v16 import commands as c16
from server.gateway.v16 import translate as t16
from server.gateway.v16 import upkeep as u16
from server.gateway.v201 import commands as c201
from server.gateway.v201 import translate as t201
from server.gateway.v201 import upkeep as u201
from server.gateway.v201.messages import IdToken
from server.workers.ports import Order

Steps = list[tuple[int, float]]
Unit = Literal["A", "W"]
SAFE_PROFILE_ID = 1
TX, DEFAULT = "TxProfile", "TxDefaultProfile"
CENTRAL = "Central"
"""What we start a session with was not read by the station (OCPP 2.0.1 IdTokenEnumType)."""


class Words(Protocol):
    """One version's words. None: it has none for that."""

    def plan(self, order: Order) -> Command | None:
        """A transaction's profile."""

    def share(self, steps: Steps, unit: Unit, start: datetime | None) -> Command:
        """The default profile, counted from each transaction's start or from a time."""
        ...

    def set_option(self, key: str, value: str) -> Command | None:
        """Set a configuration key of 1.6."""

    def get_options(self, keys: Sequence[str]) -> Command | None:
        """Ask for configuration keys of 1.6."""

    def option_values(self, keys: Sequence[str], answer: CommandAnswer | None) -> dict[str, str]:
        """What the keys say; those of which the answer does not say anything are left out."""
        ...

    def trigger(self, message: str) -> Command:
        """Say something now: a message by its name in 1.6."""
        ...

    def clear(self, purpose: str) -> Command:
        """Take profiles back: those of running transactions (`TX`), or the default one (`DEFAULT`)."""
        ...

    def ask_limits(self) -> Command | None:
        """Report the limits that you have from elsewhere."""

    def reset(self, *, hard: bool) -> Command:
        """Restart; what charges there ends."""
        ...

    def start(self, connector_no: int, token_uid: str) -> Command:
        """Start a session."""
        ...

    def stop(self, transaction_id: int, reference: str | None) -> Command | None:
        """End a session."""

    def reserve(self, order: ReserveOrder) -> Command:
        """Keep an EVSE free."""
        ...

    def cancel_reservation(self, reservation_id: int) -> Command:
        """Keep it free no longer."""
        ...


class _Words16:
    """OCPP 1.6."""

    def plan(self, order: Order) -> Command | None:
        numbers = {"profile_id": 10 + order.connector_no, "stack_level": order.stack_level}
        place = t16.Place(order.connector_no, order.transaction_id, **numbers)
        return t16.tx_profile(place, _begin(order), steps(order), unit_of(order.unit))

    def share(self, steps: Steps, unit: Unit, start: datetime | None) -> Command:
        return t16.default_profile(SAFE_PROFILE_ID, steps, unit, start)

    def set_option(self, key: str, value: str) -> Command | None:
        return c16.ChangeConfiguration(key=key, value=value)

    def get_options(self, keys: Sequence[str]) -> Command | None:
        return c16.GetConfiguration(key=tuple(keys))

    def option_values(self, keys: Sequence[str], answer: CommandAnswer | None) -> dict[str, str]:
        if not isinstance(answer, c16.ConfigurationAnswer):
            return {}
        return {one.key: one.value or "" for one in answer.configuration_key or () if one.key in keys}

    def trigger(self, message: str) -> Command:
        """No connector is named: some refuse 0 (Growatt), none refuses none."""
        return c16.TriggerMessage(requested_message=message)

    def clear(self, purpose: str) -> Command:
        return c16.ClearChargingProfile(charging_profile_purpose=purpose)

    def ask_limits(self) -> Command | None:
        return None

    def reset(self, *, hard: bool) -> Command:
        return c16.Reset(type="Hard" if hard else "Soft")

    def start(self, connector_no: int, token_uid: str) -> Command:
        return c16.RemoteStartTransaction(id_tag=token_uid, connector_id=connector_no)

    def stop(self, transaction_id: int, _reference: str | None) -> Command | None:
        return c16.RemoteStopTransaction(transaction_id=transaction_id)

    def reserve(self, order: ReserveOrder) -> Command:
        until, who = moments.write(order.until), order.token_uid
        return u16.ReserveNow(order.connector_no, until, who, order.reservation_id, order.group or None)

    def cancel_reservation(self, reservation_id: int) -> Command:
        return u16.CancelReservation(reservation_id)


class _Words201:
    """OCPP 2.0.1, and 2.1, which says the same for all of this."""

    def plan(self, order: Order) -> Command | None:
        if order.reference is None:
            return None  # a session of before the station spoke this version
        numbers = {"profile_id": 10 + order.connector_no, "stack_level": order.stack_level}
        place = t201.Place(order.connector_no, order.reference, **numbers)
        return t201.tx_profile(place, _begin(order), steps(order), unit_of(order.unit))

    def share(self, steps: Steps, unit: Unit, start: datetime | None) -> Command:
        return t201.default_profile(SAFE_PROFILE_ID, steps, unit, start)

    def set_option(self, key: str, value: str) -> Command | None:
        return t201.set_option(key, value)

    def get_options(self, keys: Sequence[str]) -> Command | None:
        return t201.get_options(keys)

    def option_values(self, keys: Sequence[str], answer: CommandAnswer | None) -> dict[str, str]:
        return t201.option_values(keys, answer) if isinstance(answer, c201.VariablesAnswer) else {}

    def trigger(self, message: str) -> Command:
        return c201.TriggerMessage(requested_message=message)

    def clear(self, purpose: str) -> Command:
        return c201.ClearChargingProfile(
            charging_profile_criteria=c201.ProfileCriteria(charging_profile_purpose=purpose)
        )

    def ask_limits(self) -> Command | None:
        wanted = c201.ReportCriteria(charging_profile_purpose="ChargingStationExternalConstraints")
        return c201.GetChargingProfiles(uuid4().int & 0x7FFF_FFFF, wanted)

    def reset(self, *, hard: bool) -> Command:
        """Soft is OnIdle here: what still charges ends first."""
        return c201.Reset(type="Immediate" if hard else "OnIdle")

    def start(self, connector_no: int, token_uid: str) -> Command:
        start_id = uuid4().int & 0x7FFF_FFFF
        return c201.RequestStartTransaction(IdToken(token_uid, CENTRAL), start_id, connector_no)

    def stop(self, _transaction_id: int, reference: str | None) -> Command | None:
        return None if reference is None else c201.RequestStopTransaction(reference)

    def reserve(self, order: ReserveOrder) -> Command:
        token = IdToken(order.token_uid, "ISO14443" if order.card else CENTRAL)
        group = IdToken(order.group, CENTRAL) if order.group else None
        until = moments.write(order.until)
        return u201.ReserveNow(order.reservation_id, until, token, order.connector_no, group_id_token=group)

    def cancel_reservation(self, reservation_id: int) -> Command:
        return u201.CancelReservation(reservation_id)


WORDS_16: Words = _Words16()
WORDS_201: Words = _Words201()


def unit_of(unit: str) -> Unit:
    """W, or else A."""
    return "W" if unit == "W" else "A"


def _begin(order: Order) -> datetime:
    return order.start + timedelta(seconds=order.elapsed_s)


def steps(order: Order) -> list[tuple[int, float]]:
    """A plan as periods, from the moment on that it was made for: a first slot that has begun counts for its rest."""
    if not order.energy_wh:
        return [(0, limit_of(order.final_w, unit_of(order.unit), order.phases))]
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
