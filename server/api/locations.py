"""Places to charge: for the map and the list."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from server.api.context import ApiContext
from server.api.errors import Failed, documented, not_found, problem
from server.api.guards import Caller, requires
from server.flows import explanations, locations, plans, quotes
from shared.accounts import Role
from shared.locations import LocationView, PlaceWorth
from shared.sessions import StayEstimate

Public = Annotated[bool | None, QueryParameter(description="Only public places, or only others")]


class LocationController(Controller):
    """Public places, the caller's home and the places of the caller's contracts."""

    path = "/locations"
    tags = ("locations",)

    @get(responses=documented())
    async def list_locations(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], public: Public = None
    ) -> list[LocationView]:
        """Places where you may charge, with live state and price."""
        async with context.db.read() as tx:
            found = await locations.visible(tx, caller.account_id)
        return found if public is None else [one for one in found if one.public is public]

    @get("/{location_id:uuid}", responses=documented(404))
    async def get_location(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], location_id: FromPath[UUID]
    ) -> LocationView:
        """One place."""
        async with context.db.read() as tx:
            found = await locations.one(tx, location_id, caller.account_id)
        if found is None:
            raise not_found("place", locations.NOT_THERE.hint)
        return found

    @get("/{location_id:uuid}/worth", responses=documented(404))
    async def get_worth(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], location_id: FromPath[UUID]
    ) -> PlaceWorth:
        """What one more kWh now, and one more ampere all night, would be worth at a place that you run or live at."""
        now = context.now()
        async with context.db.read() as tx:
            place = await explanations.place_of(tx, location_id, caller.account_id, caller.party_id, caller.role)
            question = None if place is None else await plans.prepare(tx, location_id, now)
        if place is None:
            raise not_found("place", "Operators see the places of their own party.")
        if question is None or not question.wishes:
            return explanations.worth(place, now, None, None)
        answer = await context.solver.solve(explanations.worth_problem(question))
        if verdicts := plans.regrets(question, answer):
            question = plans.charging_at_once(question, verdicts)
            answer = await context.solver.solve(explanations.worth_problem(question))
        return explanations.worth(place, now, question, answer)

    @get("/home/estimate", guards=(requires(Role.DRIVER),), responses=documented(404))
    async def estimate_at_home(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> StayEstimate:
        """What a session that would start at your home now would bring: money back, savings on your own bill."""
        async with context.db.read() as tx:
            found = await quotes.at_home(tx, caller.account_id, context.now())
        return _told(found)

    @get("/evses/{evse_id:uuid}/estimate", guards=(requires(Role.DRIVER),), responses=documented(404))
    async def estimate(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], evse_id: FromPath[UUID]
    ) -> StayEstimate:
        """What a session that would start here now would bring: money back, and savings on your own bill."""
        async with context.db.read() as tx:
            evse = await locations.visible_evse(tx, evse_id, caller.account_id)
            if evse is None:
                raise not_found("EVSE", locations.NOT_THERE.hint)
            found = await quotes.estimate(tx, caller.account_id, evse, context.now())
        return _told(found)


def _told(found: StayEstimate | None) -> StayEstimate:
    if found is None:
        hint = "Nothing is paid back here under your contract; you may charge all the same."
        raise Failed(problem(HTTPStatus.NOT_FOUND, "There is no estimate.", code="no_estimate", hint=hint))
    return found
