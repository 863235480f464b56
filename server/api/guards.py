"""Who calls, and what their role lets them do; what belongs to others is not found."""

import time
from typing import Any
from uuid import UUID

import jwt
import msgspec
from litestar.connection import ASGIConnection
from litestar.enums import HttpMethod
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware.authentication import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import Guard
from sqlalchemy.ext.asyncio import AsyncSession

from server.api.context import ApiContext, ApiSettings
from server.api.errors import not_found
from server.core.session import Session
from server.flows.accounts import Grant
from server.storage import sessions
from shared.accounts import Role, TokenPair

ALGORITHM = "HS256"
ISSUER = "dalstroom"
DEMO = "demo"
"""The claim of a token that a demo gave."""
PUBLIC = {"public": True}
"""The `opt` of a route that needs no sign-in."""


class Caller(msgspec.Struct, frozen=True):
    """Who a valid access token speaks for, until when (wall seconds)."""

    account_id: UUID
    party_id: UUID
    role: Role
    expires_at: float


def issue(settings: ApiSettings, grant: Grant) -> TokenPair:
    """An access token for a sign-in that holds, beside its refresh token."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": str(grant.account_id),
        "party": str(grant.party_id),
        "role": grant.role.value,
        "iat": now,
        "exp": now + settings.access_token_s,
        DEMO: settings.demo,
    }
    access = jwt.encode(claims, settings.secret, algorithm=ALGORITHM)
    return TokenPair(access, grant.refresh_token, settings.access_token_s)


def read(settings: ApiSettings, token: str) -> Caller | None:
    """Who an access token speaks for, None where it is forged, expired, of a demo elsewhere, or no token at all."""
    try:
        claims = jwt.decode(
            token,
            settings.secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            options={"require": ["exp", "iss", "sub"]},
        )
        if claims.get(DEMO) and not settings.demo:  # one tap granted it
            return None
        return Caller(UUID(claims["sub"]), UUID(claims["party"]), Role(claims["role"]), float(claims["exp"]))
    except (jwt.InvalidTokenError, KeyError, ValueError):
        return None


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Turns `Authorization: Bearer` into a Caller; 401 where there is none."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """The caller of a request; no database is asked."""
        context: ApiContext = connection.app.state.context
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        caller = read(context.settings, token.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            raise NotAuthorizedException("No valid access token came with the request.")
        return AuthenticationResult(user=caller, auth=None)


def requires(*roles: Role) -> Guard:
    """A guard that lets some roles in."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        if connection.scope.get("method") == HttpMethod.OPTIONS:  # says which methods there are, to anybody
            return
        if connection.user.role not in roles:
            raise PermissionDeniedException(f"This is for the role {' or '.join(roles)}.")

    return guard


async def own_session(tx: AsyncSession, session_id: UUID, caller: Caller) -> Session:
    """A session of the caller's. Raises 404 for any other: who asks learns nothing of it."""
    session = await sessions.get(tx, session_id)
    if session is None or session.account_id != caller.account_id:
        raise not_found("session", "List yours with GET /api/sessions.")
    return session
