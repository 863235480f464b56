"""What a person can mend: these errors become one clear line and exit code 2; anything else is ours, with its trace."""

import socket
import sqlite3
import ssl
from typing import TypeGuard

import asyncpg
import msgspec
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from server.feeds.prices.recorded import PriceFileError
from server.settings import BadSetting
from server.storage.database_url import BadDatabaseOption, BadDatabaseUrl

NO_DATABASE = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
"""What SQLite calls a file that is none of its own, or a broken one."""


def mendable() -> tuple[type[Exception], ...]:
    """The errors that `explain` has a line for."""
    return (
        BadSetting,
        BadDatabaseUrl,
        BadDatabaseOption,
        PriceFileError,
        msgspec.ValidationError,
        DBAPIError,
        sqlite3.DatabaseError,
        asyncpg.PostgresError,
        OSError,
    )


def explain(error: Exception) -> str:
    """One line that says what is wrong, and what to do where the error does not say it.

    A database that refuses what we say (and not that we are there) is our fault: such an error is raised again.
    """
    if isinstance(error, DatabaseError | sqlite3.DatabaseError) and not _about_its_place(error):
        raise error
    said = _of_the_database(error)
    if said:
        return f"--database: {said}"
    return _system(error) if isinstance(error, OSError) else _one_line(error)


def _of_the_database(error: Exception) -> str:
    """What is wrong with the database's place, "" where the error is not about that."""
    if isinstance(error, BadDatabaseUrl):
        return f"sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME is wanted ({_one_line(error)})"
    if isinstance(error, BadDatabaseOption):
        return str(error)
    if isinstance(error, asyncpg.PostgresError):
        return f"PostgreSQL says: {_one_line(error)}"
    if isinstance(error, sqlite3.DatabaseError):
        return f"{_one_line(error)}: check that the file is there, a database, and yours to write"
    if isinstance(error, DBAPIError):
        return f"{_one_line(error.orig or error)}: check that the file or server is there and yours to write"
    return _of_its_line(error)


def _of_its_line(error: Exception) -> str:
    """What is wrong with the way to a database server, "" where the error is not about that."""
    if isinstance(error, ssl.SSLError):
        return f"TLS with that server failed: {_one_line(error)}"
    if isinstance(error, ConnectionError | socket.gaierror | TimeoutError) or _no_socket(error):
        return f"no server answers there ({error.strerror or _one_line(error)})"
    return ""


def _about_its_place(error: DatabaseError | sqlite3.DatabaseError) -> bool:
    """Whether a database says where it is, or what it is, and not what it was told."""
    if isinstance(error, OperationalError | sqlite3.OperationalError):
        return True
    said = error.orig if isinstance(error, DatabaseError) else error
    return getattr(said, "sqlite_errorname", "").startswith(NO_DATABASE)


def _no_socket(error: Exception) -> TypeGuard[OSError]:
    """Whether a socket's file was not there: the event loop, unlike Python's own files, does not name it."""
    return isinstance(error, FileNotFoundError) and not error.filename


def _system(error: OSError) -> str:
    """What the system said, with the file it said it of."""
    said = error.strerror or _one_line(error)
    return f"{error.filename}: {said}" if error.filename else said


def _one_line(error: BaseException) -> str:
    """An error's first line, less the driver's own class names (`<class '...'>: ...`)."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first.removeprefix("(").partition("'>: ")[2] or first
