"""Before a socket is a station's: who is let in, who waits, who is told to wait."""

import asyncio
import hashlib
import ipaddress
import time
from collections import Counter
from http import HTTPStatus

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from server.core.windows import Windows
from server.gateway import signin, tls
from server.gateway.connection import StationConnection
from server.gateway.door import Doorkeeper, Stranger
from server.gateway.ports import Flows
from server.gateway.quirks import of_station
from server.gateway.signin import Admitted, Shown, Why
from server.gateway.versions import Version

WINDOW_S = 300.0
TRIES_AT_IDENTITY = 10
"""Wrong keys from one address for one identity."""
TRIES_AT_IDENTITY_BY_ALL = 50
TRIES_OF_ADDRESS = 100
"""A car park's stations share one address, and some may be wrongly set up for days."""
STRANGERS_OF_ADDRESS = 200
"""Each stranger that asks whether it may wait is written down: from one address not more often than this."""
KEYS_MAX = 20_000
LIMITED_WAIT_S = 2.0
WAITING_MAX = 200

log = structlog.get_logger("gateway")


class Reception:
    """Signs stations in. `busy`: sign-ins under way.

    A right key is let in whoever else guesses: failures are counted only after the key was found to be wrong, and
    change nothing but the answer to wrong ones, which come late and say 429.
    """

    def __init__(self, flows: Flows, door: Doorkeeper, counts: Counter[str]) -> None:
        """`counts` is the gateway's."""
        self.busy = 0
        self._flows, self._door, self._counts = flows, door, counts
        self._failed = Windows(WINDOW_S, KEYS_MAX)
        self._asking = Windows(WINDOW_S, KEYS_MAX)
        self._late = 0

    async def receive(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer to a handshake; None lets it go on."""
        assert isinstance(connection, StationConnection)
        signin.mend(request.headers)
        self.busy += 1
        try:
            name = signin.identity(request.path)
            if name is None:
                return connection.respond(HTTPStatus.NOT_FOUND, "Stations connect to /ocpp/{identity}.\n")
            shown = _shown(connection, request, name)
            why = await self._admit(connection, shown)
        finally:
            self.busy -= 1
        if why is not None:
            return await self._refuse(connection, shown, why)
        return None if _speaks(connection, request) else self._no_subprotocol(connection)

    def _no_subprotocol(self, connection: StationConnection) -> Response:
        """Offered none, and is not known for it. (Who offers others only gets the handshake, then 1002: 1.6 §3.1.2.)"""
        self._counts["subprotocols_refused"] += 1
        return connection.respond(HTTPStatus.BAD_REQUEST, f"Offer one of the subprotocols {', '.join(Version)}.\n")

    async def _admit(self, connection: StationConnection, shown: Shown) -> Why | None:
        """Why not, None where it is let in; then the connection carries what it is."""
        sound = signin.is_sound(shown.name) and (shown.basic is not None or shown.peer is not None)
        credential = await self._flows.credential(shown.name) if sound else None
        verdict = signin.judge(credential, shown, time.time())
        if isinstance(verdict, Admitted):
            if shown.peer is not None and await self._door.revoked(shown.peer.fingerprint):
                return Why.WRONG
            connection.credential, connection.entry = verdict.credential, verdict
            return None
        if verdict is Why.DOWNGRADE and credential is not None:
            self._counts["downgrades_refused"] += 1
            log.warning("downgrade_refused", station=str(credential.station_id), profile=shown.profile)
            await self._door.turned_away(credential.station_id, verdict, shown.profile)
        if verdict is Why.UNKNOWN and await self._may_wait(connection, shown):
            return None
        return verdict

    async def _may_wait(self, connection: StationConnection, shown: Shown) -> bool:
        """Somebody with a name that nobody knows and a key of its own may be held for approval."""
        if not signin.is_sound(shown.name) or shown.basic is None or shown.basic.name != shown.name.encode():
            return False
        digest = hashlib.sha256(shown.basic.key).digest()
        stranger = Stranger(shown.name, _address(connection), digest, shown.profile)
        too_many = self._asking.count(stranger.address, STRANGERS_OF_ADDRESS, time.monotonic()) > 0
        if too_many or not shown.basic.key or not await self._door.hold(stranger):
            return False
        connection.stranger = stranger
        return True

    async def _refuse(self, connection: StationConnection, shown: Shown, why: Why) -> Response:
        """401 with how to sign in; 429, late, for who has guessed too often. The same for who nobody added."""
        self._counts["sign_ins_refused"] += 1
        wait_s = self._wait_s(_address(connection), shown.name)
        if wait_s:
            self._counts["sign_ins_limited"] += 1
            await self._pause()
            refusal = connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "Too many sign-ins that failed.\n")
            refusal.headers["Retry-After"] = str(wait_s)
            return refusal
        if why is Why.DOWNGRADE:
            return connection.respond(HTTPStatus.FORBIDDEN, "This station has used a higher security profile before.\n")
        refusal = connection.respond(HTTPStatus.UNAUTHORIZED, "Sign in with the station's identity and key.\n")
        refusal.headers["WWW-Authenticate"] = signin.CHALLENGE
        return refusal

    def _wait_s(self, address: str, name: str) -> int:
        """Count a failure; whole seconds until another one is answered with 401 again, 0 where this one is."""
        now = time.monotonic()
        name = name[: signin.IDENTITY_MAX]
        waits = (
            self._failed.count((address, name), TRIES_AT_IDENTITY, now),
            self._failed.count(("", name), TRIES_AT_IDENTITY_BY_ALL, now),
            self._failed.count((address, ""), TRIES_OF_ADDRESS, now),
        )
        return max(waits)

    async def _pause(self) -> None:
        """Keep who guesses waiting, but not so many that they become a burden themselves."""
        if self._late >= WAITING_MAX:
            return
        self._late += 1
        try:
            await asyncio.sleep(LIMITED_WAIT_S)
        finally:
            self._late -= 1


def _speaks(connection: StationConnection, request: Request) -> bool:
    """Whether it offers a subprotocol, or is known to offer none and to mean 1.6."""
    if request.headers.get_all("Sec-WebSocket-Protocol"):
        return True
    return connection.credential is not None and of_station(connection.credential).no_subprotocol


def _shown(connection: ServerConnection, request: Request, name: str) -> Shown:
    tls_object = connection.transport.get_extra_info("ssl_object")
    said = signin.basic(request.headers.get_all("Authorization"))
    return Shown(name, said, tls.peer(tls_object), over_tls=tls_object is not None)


def _address(connection: ServerConnection) -> str:
    """Where it comes from; of IPv6 the /64, which is one household's."""
    found = connection.remote_address
    try:
        address = ipaddress.ip_address(str(found[0]).partition("%")[0]) if found else None
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address or "")
