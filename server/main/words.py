"""What workers and the API mean, in the words of each version of OCPP."""

from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import uuid4

from server.core.valley.charging_profile import to_periods
from server.gateway.languages import Command, CommandAnswer
from server.gateway.limits import limit_of
from server.gateway.v16 import commands as c16
from server.gateway.v16 import translate as t16
from server.gateway.v201 import commands as c201
from server.gateway.v201 import translate as t201
from server.gateway.v201.messages import IdToken
from server.workers.ports import Order

Steps = list[tuple[int, float]]
Unit = Literal["A", "W"]
SAFE_PROFILE_ID = 1
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

    def get_option(self, key: str) -> Command | None:
        """Ask for a configuration key of 1.6."""

    def option_value(self, key: str, answer: CommandAnswer | None) -> str:
        """What the key says; "" where the answer does not say."""
        ...

    def start(self, connector_no: int, token_uid: str) -> Command:
        """Start a session."""
        ...

    def stop(self, transaction_id: int, reference: str | None) -> Command | None:
        """End a session."""


class _Words16:
    """OCPP 1.6."""

    def plan(self, order: Order) -> Command | None:
        place = t16.Place(order.connector_no, order.transaction_id, profile_id=10 + order.connector_no)
        return t16.tx_profile(place, _begin(order), steps(order), unit_of(order.unit))

    def share(self, steps: Steps, unit: Unit, start: datetime | None) -> Command:
        return t16.default_profile(SAFE_PROFILE_ID, steps, unit, start)

    def set_option(self, key: str, value: str) -> Command | None:
        return c16.ChangeConfiguration(key=key, value=value)

    def get_option(self, key: str) -> Command | None:
        return c16.GetConfiguration(key=(key,))

    def option_value(self, key: str, answer: CommandAnswer | None) -> str:
        if not isinstance(answer, c16.ConfigurationAnswer):
            return ""
        return next((one.value or "" for one in answer.configuration_key or () if one.key == key), "")

    def start(self, connector_no: int, token_uid: str) -> Command:
        return c16.RemoteStartTransaction(id_tag=token_uid, connector_id=connector_no)

    def stop(self, transaction_id: int, _reference: str | None) -> Command | None:
        return c16.RemoteStopTransaction(transaction_id=transaction_id)


class _Words201:
    """OCPP 2.0.1, and 2.1, which says the same for all of this."""

    def plan(self, order: Order) -> Command | None:
        if order.reference is None:
            return None  # a session of before the station spoke this version
        place = t201.Place(order.connector_no, order.reference, profile_id=10 + order.connector_no)
        return t201.tx_profile(place, _begin(order), steps(order), unit_of(order.unit))

    def share(self, steps: Steps, unit: Unit, start: datetime | None) -> Command:
        return t201.default_profile(SAFE_PROFILE_ID, steps, unit, start)

    def set_option(self, key: str, value: str) -> Command | None:
        return t201.set_option(key, value)

    def get_option(self, key: str) -> Command | None:
        return t201.get_option(key)

    def option_value(self, _key: str, answer: CommandAnswer | None) -> str:
        return t201.option_value(answer) if isinstance(answer, c201.VariablesAnswer) else ""

    def start(self, connector_no: int, token_uid: str) -> Command:
        start_id = uuid4().int & 0x7FFF_FFFF
        return c201.RequestStartTransaction(IdToken(token_uid, CENTRAL), start_id, connector_no)

    def stop(self, _transaction_id: int, reference: str | None) -> Command | None:
        return None if reference is None else c201.RequestStopTransaction(reference)


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
    return [(period.start_s, period.limit) for period in periods]
