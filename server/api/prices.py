"""Market prices."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from server.api.context import ApiContext
from server.api.errors import documented
from server.api.guards import Caller
from server.flows import tariffs
from shared.plans import PriceCurveView

Hours = Annotated[int, QueryParameter(ge=1, le=72, description="How far ahead")]


class PriceController(Controller):
    """Day-ahead prices of the zone where the caller lives."""

    path = "/prices"
    tags = ("prices",)

    @get(responses=documented())
    async def get_prices(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], hours: Hours = 36
    ) -> PriceCurveView:
        """The price curve from the present slot on; where none is out yet, a typical one, marked ESTIMATED."""
        async with context.db.read() as tx:
            return await tariffs.price_curve(tx, caller.account_id, context.now(), hours)
