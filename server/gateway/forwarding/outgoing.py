"""A connection to another central system, made as the station itself would make it."""

import base64
import logging
import ssl
from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, NegotiationError, WebSocketException
from websockets.typing import Subprotocol

from server.addresses import is_open, looked_up
from server.gateway.forwarding.ports import Route
from server.gateway.versions import Version

FRAME_MAX = 1 << 20
VERSION_STATUSES = frozenset([400, 404, 406, 426, 501])
"""Whoever answers so to a handshake may mean the version: systems have no common word for it."""


class Patience(msgspec.Struct, frozen=True):
    """Seconds of wall time: between tries (`first_s`, doubled up to `most_s`, at random down to half), for an answer.

    `hello_s`: how long a station that has just come may take to say what it is, before it is introduced.
    `look_s`: how often lists are looked at that another process may have changed, and who is online.
    `tries`: how often a message that the other system refuses is said (OCPP: TransactionMessageAttempts); begins and
    ends, without which a whole session is lost, `tries_whole` times: with these pauses, for seven hours.
    """

    first_s: float = 2.0
    most_s: float = 300.0
    answer_s: float = 30.0
    hello_s: float = 10.0
    tries: int = 3
    tries_whole: int = 120
    ping_s: float = 60.0
    look_s: float = 2.0


class Unreachable(Exception):
    """There is no line to the other system; the message says why, in a sentence."""


class OtherVersion(Unreachable):
    """It seems not to take the version that was offered."""


class _Straight(connect):
    """Follows no redirect: it would carry the station's key elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """The refusal itself."""
        return exc


async def dial(route: Route, version: Version, patience: Patience) -> ClientConnection:
    """A line that stands. Raises Unreachable."""
    if route.key is None:
        raise Unreachable("its key cannot be read on this installation: upload it again")
    sign = base64.b64encode(f"{route.identity}:{route.key}".encode()).decode()
    try:
        where = {} if not route.guarded and route.within is None else await _place(route)
        if urlsplit(route.url).scheme == "wss":
            where["ssl"] = _tls()
        socket_ = await _Straight(
            route.url,
            additional_headers={"Authorization": f"Basic {sign}"},
            subprotocols=[Subprotocol(version)],
            compression=None,
            proxy=None,
            user_agent_header=None,
            open_timeout=patience.answer_s,
            close_timeout=1.0,
            ping_interval=patience.ping_s,
            ping_timeout=patience.ping_s,
            max_size=FRAME_MAX,
            logger=_quiet(),
            **where,
        )
    except (OSError, WebSocketException, TimeoutError, ValueError) as error:
        kind = OtherVersion if _may_be_of_version(error) else Unreachable
        raise kind(_sentence(error, version)) from error
    if socket_.subprotocol is None or str(socket_.subprotocol) != version.value:
        await socket_.close()
        raise OtherVersion(f"it does not speak {version}")
    return socket_


async def taken(route: Route, versions: Sequence[Version], patience: Patience) -> Version | None:
    """The first of some versions in which the other system takes a connection, which is closed at once."""
    for version in versions:
        try:
            connection = await dial(route, version, patience)
        except Unreachable:
            continue
        await connection.close()
        return version
    return None


def _may_be_of_version(error: Exception) -> bool:
    if isinstance(error, InvalidStatus):
        return error.response.status_code in VERSION_STATUSES
    return isinstance(error, NegotiationError)


def _sentence(error: Exception, version: Version) -> str:
    match error:
        case InvalidStatus():
            status = error.response.status_code
            perhaps = f"it refused the connection (400), perhaps because it does not speak {version}"
            known = {400: perhaps, 401: "it refused the station's key (401)", 404: "it does not know the station (404)"}
            return known.get(status, f"it answered {status} instead of a connection")
        case NegotiationError():
            return f"it does not speak {version}"
        case InvalidURI():
            return "its URL is none"
        case TimeoutError():
            return "it did not answer"
        case InvalidHandshake():
            return "what answers there is no central system"
        case OSError():
            return f"it cannot be reached ({error.strerror or type(error).__name__})"[:200]
    return f"the connection failed ({type(error).__name__})"


async def _place(route: Route) -> dict[str, Any]:
    """Where to call: never into the network that the server stands in, but where its owner allows that.

    The address that was looked at is the one that is called. Raises Unreachable.
    """
    parts = urlsplit(route.url)
    if route.guarded and parts.scheme != "wss":
        raise Unreachable("from a home only wss:// is forwarded to")
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    address = await looked_up(parts.hostname, port)
    if not is_open(address, () if route.guarded else route.within or ()):
        whose = "from a home" if route.guarded else "from here (DALSTROOM_FORWARD_TO)"
        raise Unreachable(f"{whose} only public addresses are forwarded to")
    named = {"server_hostname": parts.hostname} if parts.scheme == "wss" else {}
    return {"host": str(address), "port": port, **named}


@cache
def _tls() -> ssl.SSLContext:
    """One for all lines: to make it takes 33 ms of the loop, and 0.8 MB."""
    return ssl.create_default_context()


def _quiet() -> logging.Logger:
    """The library's log holds headers, and with them keys."""
    library = logging.getLogger("server.gateway.forwarding.websockets")
    library.setLevel(logging.CRITICAL)
    return library
