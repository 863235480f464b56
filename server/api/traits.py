"""What is known of a station, for its operator to read and to correct."""

from http import HTTPStatus
from uuid import UUID

from litestar import Controller, get, patch
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from server.api.context import ApiContext
from server.api.errors import documented, not_found, refused
from server.api.guards import Caller, requires
from server.core.makes import NAMES, is_name, of_make
from server.core.session import Refused
from server.core.station import Station
from server.flows import traits
from shared.accounts import Role
from shared.traits import StationTraits, TraitsUpdate

UNKNOWN = Refused("unknown_quirk", f"Quirks are {', '.join(NAMES)}, clock: and a time zone; not: takes one back.")


class TraitsController(Controller):
    """What the caller's own stations can do, and how they are to be treated."""

    path = "/stations/{station_id:uuid}/traits"
    tags = ("stations",)
    guards = (requires(Role.OPERATOR, Role.ADMINISTRATOR),)

    @get(responses=documented(404))
    async def get_traits(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], station_id: FromPath[UUID]
    ) -> StationTraits:
        """What a station of yours takes and does, as far as it has shown."""
        async with context.db.read() as tx:
            station = await _own(tx, caller, station_id)
        return traits.view(station, of_make(station.vendor, station.model), context.now())

    @patch(responses=documented(404, 422))
    async def change_traits(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        station_id: FromPath[UUID],
        data: JSONBody[TraitsUpdate],
    ) -> StationTraits:
        """Say how a station of yours is to be treated; quirks hold from its next connection on."""
        strange = [name for name in data.quirks or () if not is_name(name)]
        if strange:
            raise refused(UNKNOWN, HTTPStatus.UNPROCESSABLE_ENTITY)
        async with context.db.begin() as tx:
            station = await _own(tx, caller, station_id)
            station = await traits.write(tx, station, data, context.now())
        return traits.view(station, of_make(station.vendor, station.model), context.now())


async def _own(tx: AsyncSession, caller: Caller, station_id: UUID) -> Station:
    station = await traits.of_own(tx, caller.party_id, station_id)
    if station is None:
        raise not_found("station", "List yours with GET /api/stations.")
    return station
