"""Sign-in, refresh, sign-out, and the signed-in account."""

import asyncio
import time
from http import HTTPStatus
from typing import Annotated, Any

from litestar import Controller, Request, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from server.api.attempts import Attempts
from server.api.context import ApiContext, wall
from server.api.errors import Failed, documented, documented_public, invalid, not_found, problem, refused
from server.api.guards import PUBLIC, Caller, issue, requires
from server.api.openapi import CalendarBody
from server.core.session import Refused
from server.flows import accounts
from shared.accounts import (
    TRAVEL_MAX_MINUTES,
    DemoDriver,
    DemoSignIn,
    Me,
    MeUpdate,
    Refresh,
    Role,
    SignIn,
    TokenPair,
)
from shared.problems import FieldError

TravelMinutes = Annotated[
    int, QueryParameter(ge=0, le=TRAVEL_MAX_MINUTES, description="How long before a shift the driver leaves")
]


class DemoController(Controller):
    """The people of the demo town; not there on a server that is no demo."""

    path = "/demo"
    tags = ("accounts",)

    @get("/drivers", opt=PUBLIC, security=[{}], responses=documented_public(404))
    async def list_demo_drivers(self, context: NamedDependency[ApiContext]) -> list[DemoDriver]:
        """The drivers that one tap signs in as."""
        _demo_only(context)
        async with context.db.read() as tx:
            return await accounts.demo_drivers(tx)


class AuthController(Controller):
    """Access tokens are short and renewed by a refresh token, which works once."""

    path = "/auth"
    tags = ("accounts",)
    opt = PUBLIC
    security = ({},)
    status_code = HTTPStatus.OK

    @post("/demo", status_code=HTTPStatus.OK, responses=documented_public(404))
    async def sign_in_demo(self, context: NamedDependency[ApiContext], data: JSONBody[DemoSignIn]) -> TokenPair:
        """One tap, demo only."""
        _demo_only(context)
        async with context.db.begin() as tx:
            grant = await accounts.sign_in_demo(tx, data.account_id, wall(), context.settings.refresh_lifetime)
        if isinstance(grant, Refused):
            raise refused(grant, HTTPStatus.NOT_FOUND)
        return issue(context.settings, grant)

    @post("/sign-in", status_code=HTTPStatus.OK, responses=documented_public(401, 429))
    async def sign_in(
        self,
        request: Request[Any, Any, Any],
        context: NamedDependency[ApiContext],
        attempts: NamedDependency[Attempts],
        data: JSONBody[SignIn],
    ) -> TokenPair:
        """E-mail and password. The answer takes as long for an address that nobody has."""
        address = request.client.host if request.client is not None else ""
        email = accounts.normal_email(data.email)
        wait_s = attempts.wait_s(address, email, time.monotonic())
        if wait_s:
            hint = f"Wait {wait_s} seconds; your account is not locked."
            found = problem(HTTPStatus.TOO_MANY_REQUESTS, "Too many attempts to sign in.", hint=hint)
            raise Failed(found, {"Retry-After": str(wait_s)})
        async with context.db.read() as tx:
            account = await accounts.find(tx, email)
        password_hash = None if account is None else account.password_hash
        fits = await asyncio.to_thread(accounts.password_fits, password_hash, data.password)
        if account is None or not fits:
            raise refused(accounts.WRONG, HTTPStatus.UNAUTHORIZED)
        attempts.forget(address, email)
        async with context.db.begin() as tx:
            grant = await accounts.sign_in(tx, account, wall(), context.settings.refresh_lifetime)
        return issue(context.settings, grant)

    @post("/refresh", status_code=HTTPStatus.OK, responses=documented_public(401))
    async def refresh(self, context: NamedDependency[ApiContext], data: JSONBody[Refresh]) -> TokenPair:
        """A new pair for a refresh token. One that was used before ends all that came of its sign-in."""
        async with context.db.begin() as tx:
            said, settings = data.refresh_token, context.settings
            grant = await accounts.refresh(tx, said, wall(), settings.refresh_lifetime, demo=settings.demo)
        if isinstance(grant, Refused):
            raise refused(grant, HTTPStatus.UNAUTHORIZED)
        return issue(context.settings, grant)

    @post("/sign-out", status_code=HTTPStatus.NO_CONTENT, responses=documented_public())
    async def sign_out(self, context: NamedDependency[ApiContext], data: JSONBody[Refresh]) -> None:
        """End a sign-in; an unknown token is signed out already."""
        async with context.db.begin() as tx:
            await accounts.sign_out(tx, data.refresh_token, wall())


class MeController(Controller):
    """The signed-in account."""

    path = "/me"
    tags = ("accounts",)

    @get(responses=documented())
    async def get_me(self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]) -> Me:
        """Who is signed in, and what was agreed."""
        return await _me(context, caller)

    @patch(responses=documented(422))
    async def update_me(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], data: JSONBody[MeUpdate]
    ) -> Me:
        """Language, theme, consent to delayed charging, habits: what is given changes, the rest stays."""
        async with context.db.begin() as tx:
            refusal = await accounts.update_me(tx, caller.account_id, data, context.now())
        if refusal is accounts.SIGN_IN_AGAIN:
            raise refused(refusal, HTTPStatus.UNAUTHORIZED)
        if refusal is not None:
            raise refused(refusal, HTTPStatus.UNPROCESSABLE_ENTITY)
        return await _me(context, caller)


class RotaController(Controller):
    """A driver's shifts: when they begin, the car is ready for the way there."""

    path = "/me/rota"
    tags = ("accounts",)
    guards = (requires(Role.DRIVER),)

    @put(operation_class=CalendarBody, responses=documented(413, 422))
    async def save_rota(
        self,
        request: Request[Any, Any, Any],
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        travel_minutes: TravelMinutes = 30,
    ) -> Me:
        """The shifts of a calendar (text/calendar, RFC 5545) in place of those before; an error names its line."""
        try:
            calendar = (await request.body()).decode()
        except UnicodeDecodeError as error:
            hint = "Send the calendar as text in UTF-8."
            raise Failed(problem(HTTPStatus.BAD_REQUEST, str(error), code="malformed", hint=hint)) from error
        async with context.db.begin() as tx:
            refusal = await accounts.save_rota(tx, caller.account_id, calendar, travel_minutes, context.now())
        if isinstance(refusal, FieldError):
            raise invalid([refusal])
        if refusal is not None:
            raise refused(refusal, HTTPStatus.UNAUTHORIZED)
        return await _me(context, caller)

    @delete(status_code=HTTPStatus.OK, responses=documented())
    async def forget_rota(self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]) -> Me:
        """No shifts any more: habits hold again."""
        async with context.db.begin() as tx:
            await accounts.forget_rota(tx, caller.account_id, context.now())
        return await _me(context, caller)


async def _me(context: ApiContext, caller: Caller) -> Me:
    async with context.db.read() as tx:
        found = await accounts.me(tx, caller.account_id, context.now(), demo=context.settings.demo)
    if found is None:
        raise refused(accounts.SIGN_IN_AGAIN, HTTPStatus.UNAUTHORIZED)
    return found


def _demo_only(context: ApiContext) -> None:
    if not context.settings.demo:
        raise not_found("page", "Demo sign-in exists only on a server started with --demo.")
