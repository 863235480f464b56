"""The driver's cars."""

from http import HTTPStatus
from uuid import UUID

from litestar import Controller, Response, get, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from server.api.context import ApiContext
from server.api.errors import documented, refused
from server.api.guards import Caller, requires
from server.core.session import Refused
from server.flows import vehicles
from shared.accounts import Role
from shared.vehicles import Vehicle, VehicleUpdate

ADDED = ResponseSpec(Vehicle, generate_examples=False, description="The car is new")


class VehicleController(Controller):
    """A driver's cars."""

    path = "/vehicles"
    tags = ("vehicles",)
    guards = (requires(Role.DRIVER),)

    @get(responses=documented())
    async def list_vehicles(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> list[Vehicle]:
        """Your cars, by name."""
        async with context.db.read() as tx:
            return await vehicles.mine(tx, caller.account_id)

    @put("/{vehicle_id:uuid}", responses={HTTPStatus.CREATED: ADDED, **documented(404, 409)})
    async def save_vehicle(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        vehicle_id: FromPath[UUID],
        data: JSONBody[VehicleUpdate],
    ) -> Response[Vehicle]:
        """Change a car of yours, or add one under an id that you choose."""
        async with context.db.begin() as tx:
            saved = await vehicles.save(tx, caller.account_id, vehicle_id, data, context.now())
        if isinstance(saved, Refused):
            strange = saved is vehicles.NOT_YOURS
            raise refused(saved, HTTPStatus.NOT_FOUND if strange else HTTPStatus.CONFLICT)
        return Response(saved.vehicle, status_code=HTTPStatus.CREATED if saved.created else HTTPStatus.OK)
