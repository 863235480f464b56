"""Whether a station may go to work, for its operator to say."""

from http import HTTPStatus
from uuid import UUID

from litestar import Controller, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from server.api.context import ApiContext
from server.api.errors import documented, not_found
from server.api.guards import Caller, requires
from server.flows import admission, traits
from shared.accounts import Role
from shared.stations import Admission


class AdmissionController(Controller):
    """The caller's own stations."""

    path = "/stations/{station_id:uuid}/admission"
    tags = ("stations",)
    guards = (requires(Role.OPERATOR, Role.ADMINISTRATOR),)

    @put(status_code=HTTPStatus.ACCEPTED, responses=documented(404))
    async def set_admission(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        station_id: FromPath[UUID],
        data: JSONBody[Admission],
    ) -> Admission:
        """Accept a station of yours, let it wait (Pending) or turn it away (Rejected): what its boot is answered.

        A waiting station can be read, configured and triggered, but serves nobody.
        """
        async with context.db.begin() as tx:
            station = await traits.of_own(tx, caller.party_id, station_id)
            if station is None:
                raise not_found("station", "List yours with GET /api/stations.")
            await admission.set_to(tx, station, data.status, context.now())
        return data
