"""Stations that another central system hears too: an operator's lists, and a driver's own station at home."""

import asyncio
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from server.api.context import ApiContext, Order
from server.api.errors import documented, invalid, not_found, refused
from server.api.guards import Caller, requires
from server.core.network_profile import way_back
from server.core.session import Refused
from server.core.station_list import Fault
from server.flows import forwarding
from server.flows.forwarding import Entered, Installation, Owner
from server.storage.forwardings import Forwarding
from shared.accounts import Role
from shared.forwarding import (
    ForwardedStation,
    ForwardedStationChange,
    ForwardingAdd,
    ForwardingAnswer,
    ForwardingChange,
    ForwardingUndo,
    ForwardingUndone,
    ForwardingView,
    HomeForwardingAdd,
)
from shared.operating import CommandStatus
from shared.problems import FieldError

PATIENCE_S = 20.0
ABREAST = 20
"""Stations that are told the way back side by side."""
T = TypeVar("T")
LIST = "List yours with GET /api/forwardings."


class ForwardingController(Controller):
    """The caller's own lists: a party's for its operators, a driver's own for a driver."""

    path = "/forwardings"
    tags = ("stations",)
    guards = (requires(Role.OPERATOR, Role.ADMINISTRATOR, Role.DRIVER),)

    @get(responses=documented())
    async def list_forwardings(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> list[ForwardingView]:
        """Your lists, each station with what it waits for and the way back (`back_url`)."""
        async with context.db.read() as tx:
            return await forwarding.views(tx, _owner(caller), _here(context))

    @post(status_code=HTTPStatus.OK, guards=[requires(Role.OPERATOR, Role.ADMINISTRATOR)], responses=documented(422))
    async def put_forwarding(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], data: JSONBody[ForwardingAdd]
    ) -> ForwardingAnswer:
        """Upload a list of stations and the system that hears them too; all of it, or nothing (`errors` name the rows).

        Stations that you have not added yet are made, with the key of their row. Enter each station's `url` in the
        station; it connects to us from then on, and we speak to the other system in its name. The same list again
        changes nothing; a longer one adds. At most 500 stations at a time.
        """
        async with context.db.begin() as tx:
            entered = await forwarding.enter(tx, _owner(caller), data, _here(context), context.now())
            return await _answer(tx, entered, context)

    @post("/home", status_code=HTTPStatus.OK, guards=[requires(Role.DRIVER)], responses=documented(404, 409, 422))
    async def put_home_forwarding(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], data: JSONBody[HomeForwardingAdd]
    ) -> ForwardingAnswer:
        """Let another system hear your own station at home, your employer's billing say. Over TLS only."""
        async with context.db.begin() as tx:
            entered = await forwarding.enter_home(tx, _owner(caller), data, _here(context), context.now())
            return await _answer(tx, entered, context)

    @get("/{forwarding_id:uuid}", responses=documented(404))
    async def get_forwarding(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], forwarding_id: FromPath[UUID]
    ) -> ForwardingView:
        """One list."""
        async with context.db.read() as tx:
            return await forwarding.view(tx, await _own(tx, caller, forwarding_id), _here(context))

    @patch("/{forwarding_id:uuid}", responses=documented(404, 422))
    async def change_forwarding(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        forwarding_id: FromPath[UUID],
        data: JSONBody[ForwardingChange],
    ) -> ForwardingView:
        """Change a list. `on` false ends the forwarding of all its stations at once: enter `back_url` in a station, and
        it is as it was before us. What waits stays, and goes on where it was once the list is on again.
        """
        async with context.db.begin() as tx:
            mine = await _own(tx, caller, forwarding_id)
            changed = _sound(await forwarding.change(tx, mine, data, context.now()))
            return await forwarding.view(tx, changed, _here(context))

    @post("/{forwarding_id:uuid}/undo", status_code=HTTPStatus.OK, responses=documented(404))
    async def undo_forwarding(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        forwarding_id: FromPath[UUID],
        data: JSONBody[ForwardingUndo],
    ) -> ForwardingUndone:
        """Switch a list off, and send its stations back to the other system: the URL for each, and those that can be
        told of it are (SetNetworkProfile, OCPP 2.x), where you want that.
        """
        async with context.db.begin() as tx:
            mine = await _own(tx, caller, forwarding_id)
            _sound(await forwarding.change(tx, mine, ForwardingChange(on=False), context.now()))
            view = await forwarding.view(tx, mine, _here(context))
            spoke = await forwarding.spoken(tx, mine)
        turn = asyncio.Semaphore(ABREAST)

        async def one(station: ForwardedStation) -> str:
            async with turn:
                return await _send_back(context, caller, station, (mine.url, spoke[station.id]))

        told = await asyncio.gather(*map(one, view.stations if data.write_back else []))
        by_hand = dict.fromkeys((one.identity for one in view.stations), "by_hand")
        said = dict(zip((one.identity for one in view.stations), told, strict=False))
        return ForwardingUndone({one.identity: one.back_url for one in view.stations}, by_hand | said)

    @delete("/{forwarding_id:uuid}", status_code=HTTPStatus.NO_CONTENT, responses=documented(404))
    async def delete_forwarding(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], forwarding_id: FromPath[UUID]
    ) -> None:
        """Forget a list, its keys and what waits. Its stations stay with us."""
        async with context.db.begin() as tx:
            await forwarding.delete(tx, await _own(tx, caller, forwarding_id))

    @patch("/{forwarding_id:uuid}/stations/{station_id:uuid}", responses=documented(404))
    async def switch_station(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        forwarding_id: FromPath[UUID],
        station_id: FromPath[UUID],
        data: JSONBody[ForwardedStationChange],
    ) -> ForwardingView:
        """Forward one station of a list, or not."""
        async with context.db.begin() as tx:
            mine = await _own(tx, caller, forwarding_id)
            if not await forwarding.switch_station(tx, mine, station_id, context.now(), on=data.on):
                raise not_found("station", LIST)
            return await forwarding.view(tx, mine, _here(context))


async def _send_back(context: ApiContext, caller: Caller, station: ForwardedStation, way: tuple[str, str]) -> str:
    """Tell a 2.x station the way to the other system, and to go; what became of it. `way`: the URL, what it spoke."""
    url, spoke = way
    for action, body in way_back(url):
        order = Order(action, body, caller.account_id, PATIENCE_S)
        if context.hands.complaints(station.id, order, spoke) is None:
            return "by_hand"
        said = await context.hands.say(station.id, station.identity, order)
        if said.status is not CommandStatus.ANSWERED:
            return said.status.value
        if not _accepted(said.answer):
            return f"refused: {action} {msgspec.json.encode(said.answer).decode()}"[:200]
    return "told"


def _accepted(answer: Any) -> bool:  # noqa: ANN401 -- whatever a station said
    """Whether an answer, or each result in it, says yes."""
    results = answer.get("setVariableResult", [answer]) if isinstance(answer, dict) else [{}]
    words = {one.get("status", one.get("attributeStatus")) for one in results if isinstance(one, dict)}
    return bool(words) and words <= {"Accepted", "RebootRequired", "Scheduled"}


def _owner(caller: Caller) -> Owner:
    return Owner(caller.party_id, caller.account_id if caller.role is Role.DRIVER else None)


def _here(context: ApiContext) -> Installation:
    return Installation(context.settings.secret, context.settings.ocpp_url)


async def _own(tx: AsyncSession, caller: Caller, forwarding_id: UUID) -> Forwarding:
    """A list of the caller's. Raises 404 for any other: who asks learns nothing of it."""
    found = await forwarding.own(tx, _owner(caller), forwarding_id)
    if found is None:
        raise not_found("forwarding", LIST)
    return found


async def _answer(tx: AsyncSession, entered: Entered | Refused | list[Fault], context: ApiContext) -> ForwardingAnswer:
    if isinstance(entered, Refused):
        raise refused(entered, HTTPStatus.NOT_FOUND if entered.code == "not_found" else HTTPStatus.CONFLICT)
    made = _sound(entered)
    return ForwardingAnswer(await forwarding.view(tx, made.forwarding, _here(context)), made.outcomes)


def _sound(said: T | list[Fault]) -> T:
    """What was done; raises 422 for faults."""
    if isinstance(said, list):
        raise invalid([FieldError(one.where, one.why) for one in said])
    return said
