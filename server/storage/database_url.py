"""Where the database is: a URL as people and hosts write it, read into what SQLAlchemy and the drivers take.

PostgreSQL's own tools, and every host that sells one, write `?sslmode=require`; those parameters mean here what they
mean to libpq, or are refused by name. None is left out silently: one of them may be what keeps the line safe.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
ONE_OF: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": TLS_VERSIONS,
    "ssl_max_protocol_version": TLS_VERSIONS,
    "target_session_attrs": ("any", "primary", "standby", "read-write", "read-only", "prefer-standby"),
}
FILES = frozenset(["sslcert", "sslkey", "sslrootcert", "sslcrl", "passfile"])
BY_DSN = frozenset([*ONE_OF, *FILES, "sslpassword", "dbname", "user", "password"])
"""What asyncpg reads from a DSN as libpq does."""
TOLD = frozenset(["application_name", "options"])
"""What the server is told as it stands."""
WHERE = frozenset(["host", "port"])
"""What SQLAlchemy reads itself: a folder of sockets, or several hosts."""
INERT: Mapping[str, tuple[str, ...]] = {
    "channel_binding": ("disable", "prefer"),
    "gssencmode": ("disable", "prefer"),
    "client_encoding": ("utf8", "UTF8", "utf-8", "UTF-8", "auto"),
}
"""What our driver does not have, with the values that ask nothing of it."""
WHOLE = frozenset(["connect_timeout", "prepared_statement_cache_size", "statement_cache_size"])
"""Numbers: seconds; the others are the driver's, 0 for a pooler that hands a connection on with each transaction."""
DIGITS_MOST = 6
KNOWN = BY_DSN | TOLD | WHERE | WHOLE | INERT.keys() | {"fallback_application_name"}


class BadDatabaseUrl(Exception):
    """The database URL is of no form that we can open."""


class BadDatabaseOption(Exception):
    """A parameter of the database URL that we do not know, or its value; the message is the line that a person sees."""


def async_url(text: str) -> tuple[URL, dict[str, Any]]:
    """`sqlite:///path` or `postgresql://...` with its async driver, and what else the driver is to be told.

    Raises:
        BadDatabaseUrl: for anything else.
        BadDatabaseOption: for a parameter that means nothing here.
    """
    try:
        parsed = make_url(text)
    except sa.exc.ArgumentError as error:
        raise BadDatabaseUrl(str(error)) from error
    except ValueError as error:  # it quotes what may be a piece of a password
        raise BadDatabaseUrl("its port is no number") from error
    name = DRIVERS.get(parsed.drivername.partition("+")[0])
    if name is None:
        raise BadDatabaseUrl(parsed.drivername)
    said = {key: value if isinstance(value, str) else value[-1] for key, value in parsed.query.items()}
    if not name.startswith("sqlite"):
        told = told_driver(said)
        return _located(parsed.set(drivername=name)), told
    if parsed.database in (None, "", ":memory:"):
        raise BadDatabaseUrl("no file is named")
    if said:
        raise BadDatabaseOption(f"a SQLite file takes no parameters: leave out {', '.join(sorted(said))}")
    return parsed.set(drivername=name), {}


def _located(url: URL) -> URL:
    """A URL with those parameters only that say where the servers are."""
    bare = url.set(query={key: value for key, value in url.query.items() if key in WHERE})
    try:
        bare.get_dialect()().create_connect_args(bare)
    except sa.exc.ArgumentError as error:
        raise BadDatabaseUrl(str(error)) from error
    return bare


def told_driver(said: Mapping[str, str]) -> dict[str, Any]:
    """Parameters as libpq has them, by name, as arguments of asyncpg's `connect`.

    Raises:
        BadDatabaseOption: for one that means nothing here, or a value that it cannot have.
    """
    dsn: dict[str, str] = {}
    told: dict[str, Any] = {}
    for name, value in said.items():
        _check(name, value)
        if name in BY_DSN or name in TOLD:
            dsn[name] = value
        elif name == "fallback_application_name":
            dsn.setdefault("application_name", value)
        elif name == "connect_timeout":
            told["timeout"] = float(value) or None
        elif name in WHOLE:
            told[name] = int(value)
    if dsn:
        told["dsn"] = f"postgresql://?{urlencode(dsn)}"
    return told


def _check(name: str, value: str) -> None:
    """Whether a parameter is known, and its value such as it takes."""
    allowed = ONE_OF.get(name) or INERT.get(name)
    if name not in KNOWN:
        near = get_close_matches(name, KNOWN, 1)
        raise BadDatabaseOption(f"{name} is not known here" + (f": did you mean {near[0]}?" if near else ""))
    if allowed and value not in allowed:
        raise BadDatabaseOption(f"{name} must be one of {', '.join(allowed)} here")
    if name in FILES and not Path(value).is_file():
        raise BadDatabaseOption(f"{name}: there is no file {value}")
    if name in WHOLE and not (value.isdecimal() and len(value) <= DIGITS_MOST):
        raise BadDatabaseOption(f"{name} must be a whole number, 0 or more")
