"""Certificates of stations: asked for, signed, delivered, renewed in time, revoked."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.certificate import NOTICE_DAYS, Request, Signed, Subject, check_chain, check_request, notice_due
from server.core.session import Refused
from server.storage import certificates, notices, outbox
from server.storage.certificates import Certificate
from server.storage.notices import Said
from shared.stations import StationCertificate

SIGN, DELIVER = "sign_certificate", "deliver_certificate"
WAITING_MAX = 3
"""Requests of one station that nobody signed yet; a station that makes keys without end fills no table."""
SENT_MAX = 5
OURS = ("station", "both")
AGAIN = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""How long after each failed delivery the next one is tried."""
TOO_MANY = Refused("too_many_requests", "Sign or revoke the station's earlier requests first.")
NOT_YOURS = Refused("not_found", "List yours with GET /api/stations/certificates.")
NOT_ASKED = Refused("not_asked", "This request is not waiting for a certificate; load the list anew.")
HANG_UP = "hang_up"
ENDS, WAITS, UNSENT = "certificate_ends", "certificate_waits", "certificate_not_installed"


class Delivery(msgspec.Struct, frozen=True):
    """A chain to be sent to its station."""

    station_id: UUID
    chain_pem: str
    kind: str


class Question(msgspec.Struct, frozen=True):
    """A request and whom its certificate names; not `ours`: cars trust other authorities (ISO 15118)."""

    request_pem: str
    subject: Subject
    ours: bool


async def subject_of(tx: AsyncSession, identity: str) -> tuple[UUID, Subject] | None:
    """A station by identity, and whom its certificate names."""
    return await certificates.subject_of(tx, identity)


async def everybodys(tx: AsyncSession) -> list[Certificate]:
    """All of this installation, the newest first."""
    return await certificates.everybodys(tx)


async def of_party(tx: AsyncSession, party_id: UUID) -> list[StationCertificate]:
    """A party's, the newest first."""
    found = await certificates.of_party(tx, party_id)
    return [msgspec.convert(one, StationCertificate, from_attributes=True) for one in found]


async def enter(tx: AsyncSession, station_id: UUID, signed: Signed, now: datetime) -> None:
    """A certificate that reaches its station by hand."""
    await certificates.enter(tx, station_id, Request("", signed.key_sha256), signed, now)


async def request(tx: AsyncSession, station_id: UUID, pem: str, kind: str, now: datetime) -> Refused | None:
    """A station asks for a certificate (SignCertificate): checked, kept, and signed after this transaction.

    The request for a key that was asked for before is that one again: its certificate is sent once more.
    """
    found = await certificates.subject_of(tx, station_id)
    assert found is not None, "who is connected exists"
    asked = check_request(pem, found[1])
    if isinstance(asked, Refused):
        return asked
    if await certificates.waiting(tx, station_id) >= WAITING_MAX:
        return TOO_MANY
    certificate_id = await certificates.ask(tx, station_id, kind, asked, now)
    known = await certificates.get(tx, certificate_id)
    assert known is not None
    if known.state == "revoked":
        return Refused("key_revoked", "Make a new key: the certificate of this one was revoked.")
    await certificates.update(tx, certificate_id, sent=0)
    step = SIGN if known.state == "asked" else DELIVER
    await outbox.put_once(tx, step, str(station_id), {"certificate_id": certificate_id}, now)
    return None


async def question(tx: AsyncSession, certificate_id: UUID) -> Question | None:
    """What is to be signed and for whom, None where it was signed already."""
    one = await certificates.get(tx, certificate_id)
    if one is None or one.state != "asked":
        return None
    found = await certificates.subject_of(tx, one.station_id)
    assert found is not None
    return Question(one.request_pem, found[1], ours=one.kind in OURS)


async def signed(tx: AsyncSession, certificate_id: UUID, answer: Signed | None, now: datetime) -> None:
    """It was signed and goes to its station; with None somebody must sign it by hand, and is told so."""
    one = await certificates.get(tx, certificate_id)
    assert one is not None
    if answer is None:
        detail = "Its request for a certificate waits to be signed: paste the signed chain."
        await notices.raise_one(tx, one.station_id, Said(WAITS, "warning", detail), now)
        return
    await certificates.keep_signed(tx, certificate_id, answer)
    await notices.clear(tx, one.station_id, WAITS, now)
    await outbox.put(tx, DELIVER, str(one.station_id), {"certificate_id": certificate_id}, now)


async def paste(
    tx: AsyncSession, party_id: UUID, certificate_id: UUID, chain_pem: str, now: datetime
) -> Refused | None:
    """An operator brings what another authority signed."""
    one = await certificates.get(tx, certificate_id, party_id)
    if one is None:
        return NOT_YOURS
    if one.state != "asked":
        return NOT_ASKED
    found = await certificates.subject_of(tx, one.station_id)
    assert found is not None
    answer = check_chain(chain_pem, one.request_pem, found[1], now)
    if isinstance(answer, Refused):
        return answer
    await signed(tx, certificate_id, answer, now)
    return None


async def delivery(tx: AsyncSession, certificate_id: UUID) -> Delivery | None:
    """What is to be sent, None where it was revoked meanwhile."""
    one = await certificates.get(tx, certificate_id)
    if one is None or one.state not in ("signed", "installed", "failed"):
        return None
    await certificates.update(tx, certificate_id, sent=one.sent + 1)
    return Delivery(one.station_id, one.chain_pem, one.kind)


async def delivered(tx: AsyncSession, certificate_id: UUID, status: str, now: datetime) -> str:
    """What the station said to its certificate: installed, tried again later, or a notice that it did not work."""
    one = await certificates.get(tx, certificate_id)
    assert one is not None
    if one.state == "revoked":
        return "revoked"
    if status == "accepted":
        await certificates.update(tx, certificate_id, state="installed", detail="", noticed_days=None)
        for kind in (UNSENT, ENDS):
            await notices.clear(tx, one.station_id, kind, now)
        return "installed"
    if one.sent < SENT_MAX and status in ("offline", "timed_out", "error"):
        due = now + AGAIN[min(one.sent, len(AGAIN)) - 1]
        await outbox.put(tx, DELIVER, str(one.station_id), {"certificate_id": certificate_id}, due)
        return f"again:{status}"
    await certificates.update(tx, certificate_id, state="failed", detail=status)
    await notices.raise_one(
        tx, one.station_id, Said(UNSENT, "warning", f"Its certificate was not installed: {status}"), now
    )
    return f"failed:{status}"


async def revoke(tx: AsyncSession, certificate_id: UUID, party_id: UUID, now: datetime) -> bool:
    """Refuse a certificate of a party's from now on; False where it is not the party's."""
    one = await certificates.get(tx, certificate_id, party_id)
    if one is not None:
        await _revoke(tx, one, now)
    return one is not None


async def revoke_serial(tx: AsyncSession, serial: str, now: datetime) -> str | None:
    """Refuse a certificate by its serial (hex) from now on; the identity of its station, None where there is none."""
    one = await certificates.of_serial(tx, serial.strip().lower().lstrip("0"))
    if one is None:
        return None
    await _revoke(tx, one, now)
    return one.identity


async def _revoke(tx: AsyncSession, one: Certificate, now: datetime) -> None:
    """A connection that stands may be by this certificate: it is hung up, and the next one is judged anew."""
    await certificates.update(tx, one.id, state="revoked")
    await outbox.put_once(tx, HANG_UP, str(one.station_id), {"station_id": one.station_id}, now)


async def watch(tx: AsyncSession, now: datetime) -> int:
    """Certificates that end within 30 and 7 days: a notice each time. Stations are asked for requests by the watch."""
    told = 0
    for one in await certificates.ending(tx, now + timedelta(days=max(NOTICE_DAYS))):
        assert one.not_after is not None
        due = notice_due(one.not_after, one.noticed_days, now)
        if due is None:
            continue
        severity = "critical" if due == min(NOTICE_DAYS) else "warning"
        detail = f"Its certificate ends on {one.not_after:%Y-%m-%d}."
        await notices.raise_one(tx, one.station_id, Said(ENDS, severity, detail), now)
        await certificates.update(tx, one.id, noticed_days=due)
        told += 1
    return told
