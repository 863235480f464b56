"""The list of tokens that a station keeps for when we are away, for its operator."""

from http import HTTPStatus
from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.api.context import ApiContext
from server.api.errors import documented, not_found
from server.api.guards import Caller, requires
from server.flows import local_lists, traits
from shared.accounts import Role
from shared.stations import LocalListView


class LocalListController(Controller):
    """What the caller's own stations hold."""

    path = "/stations/{station_id:uuid}/local-list"
    tags = ("stations",)
    guards = (requires(Role.OPERATOR, Role.ADMINISTRATOR),)

    @get(responses=documented(404))
    async def get_local_list(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], station_id: FromPath[UUID]
    ) -> LocalListView:
        """Who may charge at a station of yours while it is out of reach. `PATCH .../traits` switches it off."""
        async with context.db.read() as tx:
            if await traits.of_own(tx, caller.party_id, station_id) is None:
                raise not_found("station", "List yours with GET /api/stations.")
            return await local_lists.view(tx, station_id)

    @post("/again", status_code=HTTPStatus.ACCEPTED, responses=documented(404))
    async def send_local_list_again(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], station_id: FromPath[UUID]
    ) -> LocalListView:
        """Send a station of yours its whole list once more, also where it said before that it keeps none."""
        async with context.db.begin() as tx:
            if await traits.of_own(tx, caller.party_id, station_id) is None:
                raise not_found("station", "List yours with GET /api/stations.")
            await local_lists.again(tx, station_id, context.now())
            return await local_lists.view(tx, station_id)
