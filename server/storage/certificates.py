"""Certificates of stations, from the request to the end."""

from datetime import datetime
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.certificate import Request, Signed, Subject
from server.storage.credentials import ORGANIZATION_MAX
from server.storage.db import to_struct
from server.storage.tables import Parties, StationCertificates, Stations

TABLE = StationCertificates.__table__  # type: ignore[attr-defined]
C = TABLE.c
S = Stations.__table__.c  # type: ignore[attr-defined]
P = Parties.__table__.c  # type: ignore[attr-defined]


class Certificate(msgspec.Struct, frozen=True):
    """`state`: asked, signed, installed, failed or revoked; `key_sha256` of its public key."""

    id: UUID
    party_id: UUID
    station_id: UUID
    identity: str
    kind: str
    state: str
    key_sha256: str
    request_pem: str
    chain_pem: str
    fingerprint: str | None
    serial: str
    asked_at: datetime
    not_before: datetime | None
    not_after: datetime | None
    sent: int
    noticed_days: int | None
    detail: str


async def ask(tx: AsyncSession, station_id: UUID, kind: str, request: Request, now: datetime) -> UUID:
    """Keep a request; one for the same key is the same request, and may be sent again."""
    party_id = (await tx.execute(sa.select(S.party_id).where(S.id == station_id))).scalar_one()
    same = (C.station_id == station_id, C.key_sha256 == request.key_sha256, C.kind == kind)
    known = (await tx.execute(sa.select(C.id).where(*same))).scalar()
    if known is not None:
        return UUID(str(known))
    new = {"id": uuid4(), "party_id": party_id, "station_id": station_id, "kind": kind, "state": "asked"}
    said = {"key_sha256": request.key_sha256, "request_pem": request.pem, "asked_at": now}
    await tx.execute(sa.insert(TABLE).values(**new, **said, chain_pem="", serial="", sent=0, detail=""))
    return UUID(str(new["id"]))


async def enter(tx: AsyncSession, station_id: UUID, request: Request, signed: Signed, now: datetime) -> None:
    """A certificate that reached its station by hand."""
    certificate_id = await ask(tx, station_id, "station", request, now)
    await keep_signed(tx, certificate_id, signed)
    await update(tx, certificate_id, state="installed", detail="")


async def waiting(tx: AsyncSession, station_id: UUID) -> int:
    """How many requests of a station nobody has signed yet."""
    rows = sa.select(sa.func.count()).where(C.station_id == station_id, C.state == "asked")
    return int((await tx.execute(rows)).scalar_one())


async def keep_signed(tx: AsyncSession, certificate_id: UUID, signed: Signed) -> None:
    """What was signed for a request."""
    values = msgspec.structs.asdict(signed)
    await tx.execute(sa.update(TABLE).where(C.id == certificate_id).values(state="signed", **values))


async def update(tx: AsyncSession, certificate_id: UUID, **values: object) -> None:
    """Write columns of a certificate."""
    await tx.execute(sa.update(TABLE).where(C.id == certificate_id).values(**values))


async def get(tx: AsyncSession, certificate_id: UUID, party_id: UUID | None = None) -> Certificate | None:
    """A certificate; with `party_id` only one of that party's."""
    mine = () if party_id is None else (C.party_id == party_id,)
    return next(iter(await _some(tx, C.id == certificate_id, *mine)), None)


async def of_party(tx: AsyncSession, party_id: UUID, limit: int = 500) -> list[Certificate]:
    """A party's, the newest first."""
    return (await _some(tx, C.party_id == party_id))[:limit]


async def everybodys(tx: AsyncSession) -> list[Certificate]:
    """All of this installation, the newest first."""
    return await _some(tx)


async def ending(tx: AsyncSession, until: datetime) -> list[Certificate]:
    """Installed ones that end before `until` and are the last of their station."""
    found = await _some(tx, C.state == "installed", C.kind != "v2g")
    last: dict[UUID, Certificate] = {}
    for one in found:
        best = last.get(one.station_id)
        if best is None or (one.not_after or one.asked_at) > (best.not_after or best.asked_at):
            last[one.station_id] = one
    return [one for one in last.values() if one.not_after is not None and one.not_after <= until]


async def has_installed(tx: AsyncSession, station_id: UUID, now: datetime) -> bool:
    """Does a station hold a certificate that is valid now?"""
    mine = (C.station_id == station_id, C.state == "installed", C.not_after > now)
    return (await tx.execute(sa.select(C.id).where(*mine))).first() is not None


async def of_serial(tx: AsyncSession, serial: str) -> Certificate | None:
    """By serial number, hex."""
    return next(iter(await _some(tx, C.serial == serial)), None)


async def subject_of(tx: AsyncSession, station: UUID | str) -> tuple[UUID, Subject] | None:
    """Whom a station's certificate names, by the station's id or identity."""
    mine = S.id == station if isinstance(station, UUID) else S.identity == station
    rows = sa.select(S.id, S.identity, P.name).join(Parties, P.id == S.party_id).where(mine)
    row = (await tx.execute(rows)).first()
    return None if row is None else (row.id, Subject(row.identity, row.name[:ORGANIZATION_MAX]))


async def is_revoked(tx: AsyncSession, fingerprint: str) -> bool:
    """Was this one (SHA-256, hex) revoked?"""
    rows = sa.select(C.id).where(C.fingerprint == fingerprint, C.state == "revoked")
    return (await tx.execute(rows)).first() is not None


async def _some(tx: AsyncSession, *what: sa.ColumnElement[bool]) -> list[Certificate]:
    rows = sa.select(TABLE, S.identity).join(Stations, S.id == C.station_id).where(*what)
    return [to_struct(row, Certificate) for row in await tx.execute(rows.order_by(C.asked_at.desc(), C.id))]
