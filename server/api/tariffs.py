"""The home tariff: what is in force, a new one, and what one would mean."""

from http import HTTPStatus

from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from server.api.context import ApiContext
from server.api.errors import Failed, documented, invalid, problem, refused
from server.api.guards import Caller, requires
from server.core.session import Refused
from server.flows import tariffs
from server.flows.tariffs import Invalid
from shared.accounts import Role
from shared.tariffs import HomeTariff, HomeTariffInput, TariffPreview


class TariffController(Controller):
    """What a driver pays at home."""

    path = "/tariffs"
    tags = ("tariffs",)
    guards = (requires(Role.DRIVER),)

    @get("/home", responses=documented(404))
    async def get_home_tariff(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> HomeTariff:
        """The home tariff in force."""
        async with context.db.read() as tx:
            found = await tariffs.home(tx, caller.account_id, context.now())
        if found is None:
            hint = "Set one with PUT /api/tariffs/home."
            raise Failed(problem(HTTPStatus.NOT_FOUND, "You have no home tariff.", code="no_home_tariff", hint=hint))
        return found

    @put("/home", responses=documented(409, 422))
    async def set_home_tariff(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], data: JSONBody[HomeTariffInput]
    ) -> HomeTariff:
        """A new home tariff for the sessions to come."""
        async with context.db.begin() as tx:
            saved = await tariffs.replace(tx, caller.account_id, data, context.now())
        if isinstance(saved, Invalid):
            raise invalid(saved.errors)
        if isinstance(saved, Refused):
            raise refused(saved)
        return saved

    @post("/preview", status_code=HTTPStatus.OK, responses=documented(422))
    async def preview_tariff(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], data: JSONBody[HomeTariffInput]
    ) -> TariffPreview:
        """What a tariff would mean now, tonight and tomorrow; nothing is saved."""
        async with context.db.read() as tx:
            seen = await tariffs.preview(tx, caller.account_id, data, context.now())
        if isinstance(seen, Invalid):
            raise invalid(seen.errors)
        return seen
