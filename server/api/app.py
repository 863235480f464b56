"""The API as an ASGI application."""

from dataclasses import replace
from typing import Any

from litestar import Litestar, Request, Router
from litestar.datastructures import ResponseHeader, State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware

from server.api import openapi, security
from server.api.accounts import AuthController, DemoController, MeController, RotaController
from server.api.admission import AdmissionController
from server.api.attempts import Attempts
from server.api.bulk import BulkController, Jobs
from server.api.clock import ClockController
from server.api.commands import CommandController, station_events, station_inventory
from server.api.context import ApiContext, ApiSettings, Commands, Solver
from server.api.errors import HANDLERS
from server.api.feeders import FeederController
from server.api.files import FileController, UploadController
from server.api.forwardings import ForwardingController
from server.api.guards import BearerAuthentication, Caller
from server.api.health import health
from server.api.live import live
from server.api.local_lists import LocalListController
from server.api.locations import LocationController
from server.api.messages import MessageController
from server.api.party import TokenPolicyController
from server.api.prices import PriceController
from server.api.requests import StrictRequest, allowed_methods, keep_segments
from server.api.reservations import ReservationController, StationReservationController
from server.api.sessions import SessionController
from server.api.stations import StationController, list_disputes
from server.api.tariffs import TariffController
from server.api.traits import TraitsController
from server.api.vehicles import VehicleController
from server.api.wallets import WalletController

__all__ = ["ApiContext", "ApiSettings", "Commands", "Solver", "create", "schema", "state_of"]

BODY_MAX = 64 * 1024
ROUTES = (
    health,
    DemoController,
    AuthController,
    MeController,
    RotaController,
    VehicleController,
    TariffController,
    SessionController,
    LocationController,
    FeederController,
    WalletController,
    PriceController,
    StationController,
    *security.CONTROLLERS,
    AdmissionController,
    TokenPolicyController,
    LocalListController,
    ReservationController,
    StationReservationController,
    TraitsController,
    list_disputes,
    CommandController,
    station_events,
    station_inventory,
    FileController,
    UploadController,
    BulkController,
    ForwardingController,
    MessageController,
    ClockController,
    live,
)


class Api(Litestar):
    """The application, to which a path's segments stay what they are."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- as ASGI has them
        """One request, or the application's life."""
        keep_segments(scope)
        await super().__call__(scope, receive, send)


def create(context: ApiContext) -> Litestar:
    """The API over a context; the caller migrates and closes the database, and sets `stopping` to end streams."""
    return _litestar(context.settings.version, state_of(context))


def state_of(context: ApiContext) -> State:
    """What an application over this context begins with: nobody has tried to sign in yet, and no job runs."""
    return State({"context": context, "attempts": Attempts(), "jobs": Jobs()})


def schema() -> dict[str, Any]:
    """The OpenAPI 3.1 document, without a server; paths in order, so that it is the same every time."""
    found: dict[str, Any] = _litestar(ApiSettings(demo=False, secret=b"").version, State()).openapi_schema.to_schema()
    return {**found, "paths": dict(sorted(found["paths"].items()))}


def _litestar(version: str, state: State) -> Litestar:
    no_store = ResponseHeader(name="Cache-Control", value="no-store", documentation_only=False)
    return Api(
        route_handlers=[Router("/api", route_handlers=list(ROUTES))],
        state=state,
        dependencies={
            "context": Provide(_context, sync_to_thread=False),
            "caller": Provide(_caller, sync_to_thread=False),
            "attempts": Provide(_attempts, sync_to_thread=False),
            "jobs": Provide(_jobs, sync_to_thread=False),
        },
        middleware=[DefineMiddleware(BearerAuthentication, exclude="^/schema", exclude_from_auth_key="public")],
        exception_handlers=HANDLERS,
        plugins=[openapi.StrictStructs()],
        openapi_config=openapi.config(version),
        request_class=StrictRequest,
        before_request=allowed_methods,
        response_headers=[no_store],
        request_max_body_size=BODY_MAX,
        logging_config=None,
        debug=False,
    )


def _context(state: State, request: Request[Any, Any, Any]) -> ApiContext:
    found: ApiContext = state.context
    seen = found.settings.seen_at(request.headers.get("host"))
    return found if seen is found.settings else replace(found, settings=seen)


def _attempts(state: State) -> Attempts:
    found: Attempts = state.attempts
    return found


def _jobs(state: State) -> Jobs:
    found: Jobs = state.jobs
    return found


def _caller(request: Request[Caller, Any, Any]) -> Caller:
    return request.user
