"""Whether the server works, for whoever watches it."""

from http import HTTPStatus

import msgspec
from litestar import get
from litestar.di import NamedDependency
from sqlalchemy.exc import SQLAlchemyError

from server.api.context import ApiContext
from server.api.errors import Failed, documented_public, problem
from server.api.guards import PUBLIC
from server.storage import locations


class Health(msgspec.Struct, frozen=True):
    """`ok`, and the version that runs."""

    status: str
    version: str


@get("/health", opt=PUBLIC, security=[{}], tags=["health"], responses=documented_public(503))
async def health(context: NamedDependency[ApiContext]) -> Health:
    """200 while the database answers, 503 while it does not."""
    try:
        async with context.db.read() as tx:
            await locations.zones(tx)
    except (SQLAlchemyError, OSError) as error:
        raise Failed(problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer.")) from error
    return Health("ok", context.settings.version)
