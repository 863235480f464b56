"""Shared limits under a place, for who runs it or lives there."""

from http import HTTPStatus
from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from server.api.context import ApiContext
from server.api.errors import documented, invalid, not_found
from server.api.guards import Caller
from server.flows import explanations, feeders
from server.storage.locations import Location
from shared.feeders import FeederAdd, FeederChange, FeederView

LISTED = "List them with GET /api/locations/{location_id}/feeders."


class FeederController(Controller):
    """What a connection, or a part of it, may carry in all: a tree, the stations on its branches."""

    path = "/locations/{location_id:uuid}/feeders"
    tags = ("locations",)

    @get(responses=documented(404))
    async def list_feeders(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], location_id: FromPath[UUID]
    ) -> list[FeederView]:
        """The shared limits of a place that you run or live at, with what hangs on each."""
        async with context.db.read() as tx:
            place = await _own(tx, caller, location_id)
            return (await feeders.limits(tx, place.id)).views()

    @post(status_code=HTTPStatus.CREATED, responses=documented(404, 422))
    async def add_feeder(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        location_id: FromPath[UUID],
        data: JSONBody[FeederAdd],
    ) -> FeederView:
        """Enter a limit; the first of a place holds for all of its stations unless you name some."""
        async with context.db.begin() as tx:
            made = await feeders.add(tx, await _own(tx, caller, location_id), data, context.now())
        if isinstance(made, list):
            raise invalid(made)
        return made

    @patch("/{feeder_id:uuid}", responses=documented(404, 422))
    async def change_feeder(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        location_id: FromPath[UUID],
        feeder_id: FromPath[UUID],
        data: JSONBody[FeederChange],
    ) -> FeederView:
        """Change a limit, where it hangs, or which stations hang on it."""
        async with context.db.begin() as tx:
            made = await feeders.change(tx, await _own(tx, caller, location_id), feeder_id, data, context.now())
        if made is None:
            raise not_found("limit", LISTED)
        if isinstance(made, list):
            raise invalid(made)
        return made

    @delete("/{feeder_id:uuid}", status_code=HTTPStatus.NO_CONTENT, responses=documented(404))
    async def remove_feeder(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        location_id: FromPath[UUID],
        feeder_id: FromPath[UUID],
    ) -> None:
        """Take a limit away; what hangs on it hangs where it did."""
        async with context.db.begin() as tx:
            gone = await feeders.remove(tx, await _own(tx, caller, location_id), feeder_id, context.now())
        if not gone:
            raise not_found("limit", LISTED)


async def _own(tx: AsyncSession, caller: Caller, location_id: UUID) -> Location:
    place = await explanations.place_of(tx, location_id, caller.account_id, caller.party_id, caller.role)
    if place is None:
        raise not_found("place", "Operators see the places of their own party.")
    return place
