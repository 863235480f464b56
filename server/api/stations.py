"""Stations, for the party that owns them."""

from http import HTTPStatus
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from server.api.context import ApiContext
from server.api.errors import documented, refused
from server.api.guards import Caller, requires
from server.core.session import Refused
from server.flows import health as station_health
from server.flows import locations, operating
from shared.accounts import Role
from shared.health import StationHealth
from shared.stations import Dispute, StationAdd, StationCredentials, StationView

Days = Annotated[int, QueryParameter(ge=1, le=31, description="How many local days, today included")]


class StationController(Controller):
    """The stations of the caller's own party."""

    path = "/stations"
    tags = ("stations",)
    guards = (requires(Role.OPERATOR, Role.ADMINISTRATOR),)

    @get(responses=documented())
    async def list_stations(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> list[StationView]:
        """Your party's stations, by identity, with their connectors and what runs there."""
        async with context.db.read() as tx:
            return await operating.stations_of(tx, caller.party_id, context.now())

    @get("/health", responses=documented())
    async def health_of_stations(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        days: Days = 7,
    ) -> list[StationHealth]:
        """What is wrong with your party's stations, what was done about it, and their last days in figures."""
        async with context.db.read() as tx:
            return await station_health.of_party(tx, caller.party_id, days, context.now())

    @post(status_code=HTTPStatus.CREATED, responses=documented(409))
    async def add_station(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], data: JSONBody[StationAdd]
    ) -> StationCredentials:
        """A new station; its key is told in this answer and never again."""
        async with context.db.begin() as tx:
            added = await locations.add_station(tx, caller.party_id, data, context.settings.ocpp_url, context.now())
        if isinstance(added, Refused):
            raise refused(added)
        return added


@get(
    "/disputes",
    tags=["stations"],
    guards=[requires(Role.OPERATOR, Role.ADMINISTRATOR)],
    responses=documented(),
)
async def list_disputes(context: NamedDependency[ApiContext], caller: NamedDependency[Caller]) -> list[Dispute]:
    """Sessions at your stations whose plan is not followed, and messages of sessions that nobody knows."""
    async with context.db.read() as tx:
        return await operating.disputes(tx, caller.party_id)
