"""Security of an operator's stations: strangers that wait, notices, certificates, new keys and higher profiles."""

import time
from http import HTTPStatus
from typing import Any
from uuid import UUID

from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from server.api.attempts import Attempts
from server.api.context import ApiContext
from server.api.errors import Failed, documented, not_found, problem, refused
from server.api.guards import Caller, requires
from server.core.session import Refused
from server.flows import certificates, entering, keys
from shared.accounts import Role
from shared.stations import (
    Approval,
    Pairing,
    PendingStation,
    ProfileWanted,
    SignedChain,
    StationAdd,
    StationCertificate,
    StationNotice,
    TakenIn,
)

OPERATORS = (requires(Role.OPERATOR, Role.ADMINISTRATOR),)
LIST = "List yours with GET /api/stations."


class PendingController(Controller):
    """Stations that connected and that nobody has added."""

    path = "/stations/pending"
    tags = ("stations",)
    guards = OPERATORS

    @get(responses=documented())
    async def list_pending(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> list[PendingStation]:
        """Who waits for your approval. A pairing code is for the driver at whose home the station hangs."""
        async with context.db.read() as tx:
            return await entering.waiting(tx, caller.party_id, context.now())

    @post("/{pending_id:uuid}/approve", status_code=HTTPStatus.CREATED, responses=documented(404, 409))
    async def approve_pending(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        pending_id: FromPath[UUID],
        data: JSONBody[Approval],
    ) -> TakenIn:
        """Take a station in, at a place of yours; it connects within a minute with the key that it has."""
        async with context.db.begin() as tx:
            taken = await entering.approve(tx, caller.party_id, pending_id, data, context.now())
        return _taken(taken)

    @delete("/{pending_id:uuid}", status_code=HTTPStatus.NO_CONTENT, responses=documented(404))
    async def turn_away_pending(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], pending_id: FromPath[UUID]
    ) -> None:
        """Let a station wait no more; it may come again."""
        async with context.db.begin() as tx:
            gone = await entering.turn_away(tx, caller.party_id, pending_id)
        if not gone:
            raise not_found("waiting station")


class PairingController(Controller):
    """A driver's own station at home."""

    path = "/pairing"
    tags = ("stations",)
    guards = (requires(Role.DRIVER),)

    @post(status_code=HTTPStatus.CREATED, responses=documented(404, 409, 429))
    async def pair(
        self,
        request: Request[Any, Any, Any],
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        attempts: NamedDependency[Attempts],
        data: JSONBody[Pairing],
    ) -> TakenIn:
        """Take a waiting station home, by its identity and the code that your installer or operator tells you."""
        address = request.client.host if request.client is not None else ""
        wait_s = attempts.wait_s(address, f"pairing {caller.account_id}", time.monotonic())
        if wait_s:
            found = problem(HTTPStatus.TOO_MANY_REQUESTS, "Too many codes.", hint=f"Wait {wait_s} seconds.")
            raise Failed(found, {"Retry-After": str(wait_s)})
        said = StationAdd(data.identity, data.location_name, data.max_w, data.phases)
        async with context.db.begin() as tx:
            taken = await entering.redeem(tx, caller.account_id, said, data.code, context.now())
        answer = _taken(taken)
        attempts.forget(address, f"pairing {caller.account_id}")
        return answer


class NoticeController(Controller):
    """What an operator should know of its stations."""

    path = "/stations/notices"
    tags = ("stations",)
    guards = OPERATORS

    @get(responses=documented())
    async def list_notices(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> list[StationNotice]:
        """What goes on, the newest first."""
        async with context.db.read() as tx:
            return await entering.noticed(tx, caller.party_id)

    @delete("/{notice_id:uuid}", status_code=HTTPStatus.NO_CONTENT, responses=documented(404))
    async def clear_notice(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], notice_id: FromPath[UUID]
    ) -> None:
        """You have seen to it; if it happens again, it is told again."""
        async with context.db.begin() as tx:
            cleared = await entering.seen(tx, caller.party_id, notice_id, context.now())
        if not cleared:
            raise not_found("notice")


class CertificateController(Controller):
    """Certificates of an operator's stations."""

    path = "/stations/certificates"
    tags = ("stations",)
    guards = OPERATORS

    @get(responses=documented())
    async def list_certificates(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> list[StationCertificate]:
        """From request to end, the newest first; `asked` ones wait for the chain that another authority signs."""
        async with context.db.read() as tx:
            return await certificates.of_party(tx, caller.party_id)

    @post("/{certificate_id:uuid}/chain", status_code=HTTPStatus.ACCEPTED, responses=documented(404, 409))
    async def paste_chain(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        certificate_id: FromPath[UUID],
        data: JSONBody[SignedChain],
    ) -> None:
        """What another authority signed for a request; it is sent to the station."""
        async with context.db.begin() as tx:
            refusal = await certificates.paste(tx, caller.party_id, certificate_id, data.chain_pem, context.now())
        if refusal is certificates.NOT_YOURS:
            raise not_found("certificate")
        if refusal is not None:
            raise refused(refusal)

    @post("/{certificate_id:uuid}/revoke", status_code=HTTPStatus.NO_CONTENT, responses=documented(404))
    async def revoke_certificate(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], certificate_id: FromPath[UUID]
    ) -> None:
        """Refuse a certificate from now on; its station is hung up."""
        async with context.db.begin() as tx:
            gone = await certificates.revoke(tx, certificate_id, caller.party_id, context.now())
        if not gone:
            raise not_found("certificate")


class StationSecurityController(Controller):
    """What a station signs in with."""

    path = "/stations/{station_id:uuid}"
    tags = ("stations",)
    guards = OPERATORS

    @post("/key", status_code=HTTPStatus.ACCEPTED, responses=documented(404, 409))
    async def renew_key(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], station_id: FromPath[UUID]
    ) -> None:
        """Tell the station a new key. It is in force once the station has used it; the old one works until then."""
        async with context.db.begin() as tx:
            refusal = await keys.wish_key(tx, station_id, caller.party_id, context.now())
        _accepted(refusal)

    @post("/security-profile", status_code=HTTPStatus.ACCEPTED, responses=documented(404, 409))
    async def raise_profile(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        station_id: FromPath[UUID],
        data: JSONBody[ProfileWanted],
    ) -> None:
        """Ask the station to use a higher security profile: there is no way back."""
        async with context.db.begin() as tx:
            refusal = await keys.wish_profile(tx, station_id, caller.party_id, data.profile, context.now())
        _accepted(refusal)


CONTROLLERS = (
    PendingController,
    PairingController,
    NoticeController,
    CertificateController,
    StationSecurityController,
)


def _accepted(refusal: Refused | None) -> None:
    if refusal is keys.NOT_YOURS:
        raise not_found("station", LIST)
    if refusal is not None:
        raise refused(refusal)


def _taken(taken: StationAdd | Refused) -> TakenIn:
    if isinstance(taken, Refused):
        raise refused(taken, HTTPStatus.NOT_FOUND if taken is entering.GONE else HTTPStatus.CONFLICT)
    return TakenIn(taken.identity, taken.location_name)
