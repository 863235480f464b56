"""The API as an ASGI application."""

from typing import Any

from litestar import Litestar, Request, Router
from litestar.datastructures import ResponseHeader, State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware

from server.api import openapi, security
from server.api.accounts import AuthController, DemoController, MeController, RotaController
from server.api.attempts import Attempts
from server.api.clock import ClockController
from server.api.context import ApiContext, ApiSettings, Commands, Solver
from server.api.errors import HANDLERS
from server.api.guards import BearerAuthentication, Caller
from server.api.health import health
from server.api.live import live
from server.api.locations import LocationController
from server.api.prices import PriceController
from server.api.requests import StrictRequest, allowed_methods
from server.api.sessions import SessionController
from server.api.stations import StationController
from server.api.tariffs import TariffController
from server.api.vehicles import VehicleController
from server.api.wallets import WalletController

__all__ = ["ApiContext", "ApiSettings", "Commands", "Solver", "create", "schema"]

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
    WalletController,
    PriceController,
    StationController,
    *security.CONTROLLERS,
    ClockController,
    live,
)


def create(context: ApiContext) -> Litestar:
    """The API over a context; the caller migrates and closes the database, and sets `stopping` to end streams."""
    state = State({"context": context, "attempts": Attempts()})
    return _litestar(context.settings.version, state)


def schema() -> dict[str, Any]:
    """The OpenAPI 3.1 document, without a server; paths in order, so that it is the same every time."""
    found: dict[str, Any] = _litestar(ApiSettings(demo=False, secret=b"").version, State()).openapi_schema.to_schema()
    return {**found, "paths": dict(sorted(found["paths"].items()))}


def _litestar(version: str, state: State) -> Litestar:
    no_store = ResponseHeader(name="Cache-Control", value="no-store", documentation_only=False)
    return Litestar(
        route_handlers=[Router("/api", route_handlers=list(ROUTES))],
        state=state,
        dependencies={
            "context": Provide(_context, sync_to_thread=False),
            "caller": Provide(_caller, sync_to_thread=False),
            "attempts": Provide(_attempts, sync_to_thread=False),
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


def _context(state: State) -> ApiContext:
    found: ApiContext = state.context
    return found


def _attempts(state: State) -> Attempts:
    found: Attempts = state.attempts
    return found


def _caller(request: Request[Caller, Any, Any]) -> Caller:
    return request.user
