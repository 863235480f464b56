"""Reservations: a driver's own, and those at an operator's stations."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter

from server.api.context import ApiContext
from server.api.errors import Failed, documented, not_found, problem, refused
from server.api.guards import Caller, requires
from server.core.session import Refused
from server.flows import locations, reservations, traits
from server.storage.reservations import Reservation
from shared.accounts import Role
from shared.reservations import ReservationAsk, ReservationView
from shared.sessions import CommandAnswer

ReservationId = Annotated[int, PathParameter(ge=0, le=2**31 - 1, description="As OCPP counts them")]
MINE = "List yours with GET /api/reservations."


class ReservationController(Controller):
    """An EVSE in public, kept free for the caller."""

    path = "/reservations"
    tags = ("sessions",)
    guards = (requires(Role.DRIVER),)

    @get(responses=documented())
    async def list_reservations(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> list[ReservationView]:
        """Your reservations that stand."""
        async with context.db.read() as tx:
            return await reservations.mine(tx, caller.account_id, context.now())

    @post(status_code=HTTPStatus.CREATED, responses=documented(404, 409))
    async def reserve(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], data: JSONBody[ReservationAsk]
    ) -> ReservationView:
        """Ask a station to keep an EVSE free for you; any of your cards may use it. One at a time."""
        async with context.db.begin() as tx:
            order = await reservations.prepare(tx, caller.account_id, data, context.now())
        if isinstance(order, Refused):
            strange = order is locations.NOT_THERE
            raise refused(order, HTTPStatus.NOT_FOUND if strange else HTTPStatus.CONFLICT)
        answer = await context.commands.reserve(order)
        async with context.db.begin() as tx:
            await reservations.answered(tx, order.reservation_id, answer.status, answer.detail)
            made = await reservations.by_id(tx, order.reservation_id)
            assert made is not None
            seen = await reservations.view(tx, made)
        if made.state == "refused":
            raise _refused_by(answer)
        return seen

    @delete("/{reservation_id:int}", status_code=HTTPStatus.NO_CONTENT, responses=documented(404, 409))
    async def cancel_reservation(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], reservation_id: ReservationId
    ) -> None:
        """Let an EVSE go that was kept free for you."""
        async with context.db.read() as tx:
            one = await reservations.own(tx, caller.account_id, reservation_id, context.now())
        if one is None:
            raise not_found("reservation", MINE)
        await _cancel(context, one)


class StationReservationController(Controller):
    """Reservations at the caller's own stations."""

    path = "/stations/{station_id:uuid}/reservations"
    tags = ("stations",)
    guards = (requires(Role.OPERATOR, Role.ADMINISTRATOR),)

    @get(responses=documented(404))
    async def list_station_reservations(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], station_id: FromPath[UUID]
    ) -> list[ReservationView]:
        """What is kept free at a station of yours; for whom is the driver's business."""
        async with context.db.read() as tx:
            if await traits.of_own(tx, caller.party_id, station_id) is None:
                raise not_found("station", "List yours with GET /api/stations.")
            return await reservations.at_station(tx, station_id, context.now())

    @delete("/{reservation_id:int}", status_code=HTTPStatus.NO_CONTENT, responses=documented(404, 409))
    async def cancel_station_reservation(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        station_id: FromPath[UUID],
        reservation_id: ReservationId,
    ) -> None:
        """End a reservation at a station of yours."""
        async with context.db.read() as tx:
            one = await reservations.at_own(tx, caller.party_id, reservation_id, context.now())
        if one is None or one.station_id != station_id:
            raise not_found("reservation", "List them with GET /api/stations/{id}/reservations.")
        await _cancel(context, one)


async def _cancel(context: ApiContext, one: Reservation) -> None:
    answer = await context.commands.cancel_reservation(one.station_id, one.id)
    async with context.db.begin() as tx:
        done = await reservations.cancelled(tx, one, answer.status, answer.detail)
    if not done:
        raise _refused_by(answer)


def _refused_by(answer: CommandAnswer) -> Failed:
    """The station said no, or nothing."""
    said = answer.detail or answer.status
    hint = f"The station says {said}; choose another one, or try again in a minute."
    return Failed(problem(HTTPStatus.CONFLICT, "The station does not do this now.", code="station_refused", hint=hint))
