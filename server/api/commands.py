"""Commands to one station, for its operator: any request of the station's version, in JSON."""

from typing import Annotated, Any
from urllib.parse import unquote

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from server.api.context import ApiContext, Order
from server.api.errors import Failed, documented, invalid, not_found, problem
from server.api.guards import Caller, requires
from server.api.paging import Cursor, Limit
from server.core.station import Station
from server.flows import inventory, local_lists, stations
from server.flows import station_events as event_pages
from server.storage import stations as stored
from server.storage.inventory import Wanted
from shared.accounts import Role
from shared.operating import CommandForms, CommandOutcome, InventoryKind, InventoryLine, StationEventView
from shared.wire import Page

OPERATING = (requires(Role.OPERATOR, Role.ADMINISTRATOR),)
DISTURBING = frozenset(
    ["ChangeConfiguration", "ClearChargingProfile", "SetChargingProfile", "SetVariables", "SetNetworkProfile"]
)
"""Commands that change what we rely on: the station's safe share and its options are told anew afterwards."""
Patience = Annotated[float, QueryParameter(ge=1, le=120, description="Seconds to wait for the answer")]


async def own_station(tx: AsyncSession, identity: str, caller: Caller) -> Station:
    """A station of the caller's party (of any, for an administrator), by its identity.

    Raises 404 for any other: who asks learns nothing of it.
    """
    station = await stored.named(tx, identity)
    if station is None or (station.party_id != caller.party_id and caller.role is not Role.ADMINISTRATOR):
        raise not_found("station", "List yours with GET /api/stations.")
    return station


async def carry_out(context: ApiContext, station: Station, order: Order) -> CommandOutcome:
    """Send a command that was found good; what we rely on and it may change is told to the station anew."""
    disturbing = order.action in DISTURBING
    if disturbing:
        async with context.db.begin() as tx:
            await stations.disturb(tx, station.id)
    outcome = await context.hands.say(station.id, station.identity, order)
    if disturbing:
        async with context.db.begin() as tx:
            await stations.disturbed(tx, station.id, context.now())
    if uid := _cleared(order, outcome):
        async with context.db.begin() as tx:
            await local_lists.cleared(tx, station.id, uid, context.now())
    return outcome


def _cleared(order: Order, outcome: CommandOutcome) -> str:
    """The token of a customer whom the station has forgotten, "" where it has forgotten none."""
    said = outcome.answer if isinstance(outcome.answer, dict) else {}
    forgets = order.action == "CustomerInformation" and order.body.get("clear") and said.get("status") == "Accepted"
    return str(order.body.get("idToken", {}).get("idToken", "")) if forgets else ""


class CommandController(Controller):
    """What can be asked of a station, and asking it."""

    path = "/stations/{identity:str}/commands"
    tags = ("stations",)
    guards = OPERATING

    @get(responses=documented(404))
    async def list_commands(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        identity: FromPath[str],
    ) -> CommandForms:
        """What this station can be asked in its version of OCPP, each with an example that fits its schema."""
        async with context.db.read() as tx:
            station = await own_station(tx, unquote(identity), caller)
        return context.hands.forms(station.id, station.ocpp)

    @post("/{action:str}", status_code=200, responses=documented(404, 422))
    async def command(  # noqa: PLR0913, PLR0917 -- a parameter each of the request
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        identity: FromPath[str],
        action: FromPath[str],
        data: JSONBody[dict[str, Any]],
        timeout_s: Patience = 30.0,
    ) -> CommandOutcome:
        """Ask a station; the answer says what became of it.

        `status`: answered, refused (its CALLERROR), timed_out or offline. A body that breaks the official schema is
        not sent (422, `errors` name the fields). The identity is percent-encoded. Who asked is in the message log.
        """
        async with context.db.read() as tx:
            station = await own_station(tx, unquote(identity), caller)
        order = Order(action, data, caller.account_id, timeout_s)
        check(context, station, order)
        return await carry_out(context, station, order)


def check(context: ApiContext, station: Station, order: Order) -> None:
    """Raises 404 for an action that the station's version has not, 422 for a body that its schema refuses."""
    complaints = context.hands.complaints(station.id, order, station.ocpp)
    if complaints is None:
        hint = "GET /api/stations/{identity}/commands lists what this station can be asked."
        raise Failed(problem(404, "The station's version has no such action.", code="unknown_action", hint=hint))
    if complaints:
        raise invalid(complaints)


@get(
    "/stations/{identity:str}/events",
    tags=["stations"],
    guards=list(OPERATING),
    responses=documented(404),
)
async def station_events(
    context: NamedDependency[ApiContext],
    caller: NamedDependency[Caller],
    identity: FromPath[str],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[StationEventView]:
    """What a station told of firmware, diagnostics, logs and security, newest first."""
    async with context.db.read() as tx:
        station = await own_station(tx, unquote(identity), caller)
        return await event_pages.page(tx, station.id, None if cursor is None else int(cursor), limit)


Kind = Annotated[InventoryKind | None, QueryParameter(description="Only lines of this kind")]
Holds = Annotated[
    str | None,
    QueryParameter(
        max_length=200, pattern=r"^[^\x00]*$", description="Words in the name or in what is said, in any order"
    ),
]


@get(
    "/stations/{identity:str}/inventory",
    tags=["stations"],
    guards=list(OPERATING),
    responses=documented(404),
)
async def station_inventory(  # noqa: PLR0913, PLR0917 -- a parameter each of the request
    context: NamedDependency[ApiContext],
    caller: NamedDependency[Caller],
    identity: FromPath[str],
    kind: Kind = None,
    text: Holds = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[InventoryLine]:
    """What a station of yours reported of itself (2.x): variables, monitors, display messages, customer data.

    Ask it for a report with a command (GetBaseReport, GetReport, GetMonitoringReport, CustomerInformation,
    GetDisplayMessages); `kind=report` says which reports came whole, `kind=problem` what the station says is wrong.
    """
    async with context.db.read() as tx:
        station = await own_station(tx, unquote(identity), caller)
        wanted = Wanted(station.id, None if kind is None else kind.value, text)
        return await inventory.page(tx, wanted, None if cursor is None else int(cursor), limit)
