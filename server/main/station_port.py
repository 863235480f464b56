"""Commands to stations as workers and the API give them, said in the version that the station speaks."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from server.core.following import UNANSWERED
from server.core.reports import TransactionStanding
from server.core.station import START_WAIT_S
from server.flows.reservations import ReserveOrder
from server.gateway.languages import Command
from server.gateway.limits import limit_of
from server.gateway.listener import CallOutcome, Gateway
from server.gateway.v201.commands import GetTransactionStatus, GetVariables, SetVariables, TransactionStatusAnswer
from server.gateway.v201.upkeep import CostUpdated
from server.main.heard import speaks_16, unanswered
from server.main.words import DEFAULT, TX, WORDS_16, WORDS_201, Words, unit_of
from server.workers.ports import AT_ONCE, Heard, Order
from shared.sessions import CommandAnswer

ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)
"""An absolute default profile holds from before any station was made."""
CALL_SECONDS = 20.0
UNKNOWN_HERE = ("NotSupported", "NotImplemented")
NO_WORD = Heard("not_supported", "the station's version has no word for it")


class GatewayStations:
    """Translates, calls, and says in one word what the station said."""

    def __init__(self, gateway: Gateway) -> None:
        """The gateway that holds the stations' connections."""
        self._gateway = gateway

    async def set_plan(self, station_id: UUID, order: Order) -> Heard:
        """Send a transaction's profile."""
        return await self._ask(station_id, self._words(station_id).plan(order))

    async def set_safe_share(self, station_id: UUID, share_w: int, unit: str, phases: int) -> Heard:
        """Send the default profile that holds when nobody steers; a start waits, so that others can make room.

        A station that refuses to wait gets the same without, and `AT_ONCE` is the answer's detail.
        """
        words = self._words(station_id)
        limit = limit_of(share_w, unit_of(unit), phases)
        steps = [(0, 0.0), (START_WAIT_S, limit)] if limit else [(0, 0.0)]
        heard = await self._ask(station_id, words.share(steps, unit_of(unit), None))
        if heard.accepted or heard.status in UNANSWERED:
            return heard
        heard = await self._ask(station_id, words.share([(0, limit)], unit_of(unit), ALWAYS))
        return Heard(heard.status, AT_ONCE) if heard.accepted and limit else heard

    async def clear_share(self, station_id: UUID) -> Heard:
        """Take the default profile back; `Unknown` is what a station says that holds none."""
        heard = await self._ask(station_id, self._words(station_id).clear(DEFAULT))
        return Heard("accepted", heard.detail) if heard.detail == "Unknown" else heard

    async def set_option(self, station_id: UUID, key: str, value: str) -> Heard:
        """Change a configuration key: by its name in 1.6, or the variables that mean the same."""
        request = self._words(station_id).set_option(key, value)
        if isinstance(request, SetVariables) and len(request.set_variable_data) > 1:
            await self._gateway.learn_limits(station_id, CALL_SECONDS)
        return await self._ask(station_id, request)

    async def get_options(self, station_id: UUID, keys: Sequence[str]) -> dict[str, str]:
        """What configuration keys say; those that the station, or its version, does not know are left out."""
        words = self._words(station_id)
        request = words.get_options(keys)
        if request is None:
            return {}
        if isinstance(request, GetVariables) and len(request.get_variable_data) > 1:
            await self._gateway.learn_limits(station_id, CALL_SECONDS)
        return words.option_values(keys, (await self._gateway.call(station_id, request, CALL_SECONDS)).answer)

    async def transaction_standing(self, station_id: UUID, reference: str) -> TransactionStanding | None:
        """What a 2.x station says of a transaction of its own; None where it did not say."""
        outcome = await self._gateway.call(station_id, GetTransactionStatus(reference), CALL_SECONDS)
        said = outcome.answer
        if not isinstance(said, TransactionStatusAnswer):
            return None
        return TransactionStanding(said.ongoing_indicator, said.messages_in_queue)

    async def trigger(self, station_id: UUID, message: str) -> Heard:
        """Ask a station to say something now."""
        return await self._ask(station_id, self._words(station_id).trigger(message))

    async def clear_plans(self, station_id: UUID) -> Heard:
        """Take the profiles of running transactions back; `Unknown` is what a station says that holds none."""
        heard = await self._ask(station_id, self._words(station_id).clear(TX))
        return Heard("accepted", heard.detail) if heard.detail == "Unknown" else heard

    async def tell_cost(self, station_id: UUID, reference: str, total_minor: int) -> Heard:
        """What a transaction costs so far; any answer is a good one."""
        if speaks_16(self._gateway, station_id):
            return NO_WORD
        outcome = await self._gateway.call(station_id, CostUpdated(total_minor / 100, reference), CALL_SECONDS)
        if outcome.error_code in UNKNOWN_HERE:
            return Heard("not_supported", outcome.error_code)
        return unanswered(outcome) or Heard("accepted")

    async def ask_limits(self, station_id: UUID) -> Heard:
        """Ask for the limits that a station has from elsewhere; `NoProfiles` is what one says that has none."""
        heard = await self._ask(station_id, self._words(station_id).ask_limits())
        return Heard("not_supported", heard.detail) if heard.detail in UNKNOWN_HERE else heard

    async def reset(self, station_id: UUID, *, hard: bool) -> Heard:
        """Restart a station."""
        return await self._ask(station_id, self._words(station_id).reset(hard=hard))

    async def start(self, station_id: UUID, connector_no: int, token_uid: str) -> CommandAnswer:
        """Ask a station to start a session."""
        heard = await self._ask(station_id, self._words(station_id).start(connector_no, token_uid))
        return CommandAnswer(heard.status, heard.detail)

    async def stop(self, station_id: UUID, transaction_id: int, reference: str | None = None) -> CommandAnswer:
        """Ask a station to end a session; `reference` is what a 2.x station calls it."""
        heard = await self._ask(station_id, self._words(station_id).stop(transaction_id, reference))
        return CommandAnswer(heard.status, heard.detail)

    async def reserve(self, order: ReserveOrder) -> CommandAnswer:
        """Ask a station to keep an EVSE free; the detail is its own word."""
        heard = await self._ask(order.station_id, self._words(order.station_id).reserve(order))
        return CommandAnswer(heard.status, heard.detail)

    async def cancel_reservation(self, station_id: UUID, reservation_id: int) -> CommandAnswer:
        """Ask a station to keep it free no longer."""
        heard = await self._ask(station_id, self._words(station_id).cancel_reservation(reservation_id))
        return CommandAnswer(heard.status, heard.detail)

    def _words(self, station_id: UUID) -> Words:
        return WORDS_16 if speaks_16(self._gateway, station_id) else WORDS_201

    async def _ask(self, station_id: UUID, request: Command | None) -> Heard:
        if request is None:
            return NO_WORD
        return _heard(await self._gateway.call(station_id, request, CALL_SECONDS))


def _heard(outcome: CallOutcome) -> Heard:
    if (lost := unanswered(outcome)) is not None:
        return lost
    if outcome.accepted:
        return Heard("accepted")
    status = getattr(outcome.answer, "status", "")
    return Heard("not_supported" if status == "NotSupported" else "rejected", status)
