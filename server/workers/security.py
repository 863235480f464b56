"""Certificates, keys and security profiles, told to stations after commit; and the daily look at what ends."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.flows import certificates, keys
from server.storage import outbox
from server.storage.outbox import Task
from server.workers.context import WorkContext
from server.workers.tidy import EVERY

WATCH = "watch_certificates"


class _Of(msgspec.Struct, frozen=True):
    certificate_id: UUID


class _For(msgspec.Struct, frozen=True):
    station_id: UUID
    profile: int = 0


async def sign(context: WorkContext, task: Task) -> str:
    """Have a station's request signed: by our own authority at once, by another one when an operator brings it."""
    certificate_id = msgspec.json.decode(task.payload, type=_Of).certificate_id
    async with context.db.read() as tx:
        asked = await certificates.question(tx, certificate_id)
    if asked is None:
        return "signed_already"
    now = context.clock.now()
    answer = await context.signer.sign(asked.request_pem, asked.subject, now) if asked.ours else None
    async with context.db.begin() as tx:
        await certificates.signed(tx, certificate_id, answer, context.clock.now())
    return "held" if answer is None else "signed"


async def deliver(context: WorkContext, task: Task) -> str:
    """Send a station its certificate; again later where nobody knows whether it arrived."""
    certificate_id = msgspec.json.decode(task.payload, type=_Of).certificate_id
    async with context.db.begin() as tx:
        chain = await certificates.delivery(tx, certificate_id)
    if chain is None:
        return "revoked"
    heard = await context.security.send_certificate(chain.station_id, chain.chain_pem, chain.kind)
    async with context.db.begin() as tx:
        return await certificates.delivered(tx, certificate_id, heard.status, context.clock.now())


async def hang_up(context: WorkContext, task: Task) -> str:
    """Let go of a station whose certificate was revoked while it was connected."""
    station_id = msgspec.json.decode(task.payload, type=_For).station_id
    return "hung_up" if context.security.hang_up(station_id) else "offline"


async def renew_key(context: WorkContext, task: Task) -> str:
    """Tell a station a new key. It is in force once the station has connected with it; the old one works until then."""
    station_id = msgspec.json.decode(task.payload, type=_For).station_id
    async with context.db.begin() as tx:
        key = await keys.offer_key(tx, station_id)
    if key is None:
        return "unresolved"
    heard = await context.security.set_key(station_id, key.text)
    async with context.db.begin() as tx:
        await keys.key_answered(tx, station_id, key, heard.status, context.clock.now())
    return heard.status


async def raise_profile(context: WorkContext, task: Task) -> str:
    """Ask a station to connect with a higher security profile from now on."""
    wanted = msgspec.json.decode(task.payload, type=_For)
    heard = await context.security.set_profile(wanted.station_id, wanted.profile)
    async with context.db.begin() as tx:
        now = context.clock.now()
        await keys.profile_answered(tx, wanted.station_id, wanted.profile, heard.status, now)
    return heard.status


async def begin(tx: AsyncSession, now: datetime) -> None:
    """Look as the server starts, and daily from then on: one task, however often it was started."""
    await outbox.withdraw(tx, WATCH, WATCH, now)
    await outbox.put_once(tx, WATCH, WATCH, {}, now)


async def watch(context: WorkContext, task: Task) -> str:
    """Tell of certificates that end, and queue the next look."""
    now = context.clock.now()
    async with context.db.begin() as tx:
        told = await certificates.watch(tx, now)
        await outbox.put_once(tx, WATCH, task.key, {}, now + EVERY)
    return f"told:{told}"


HANDLERS = {
    certificates.SIGN: sign,
    certificates.DELIVER: deliver,
    certificates.HANG_UP: hang_up,
    keys.RENEW_KEY: renew_key,
    keys.RAISE_PROFILE: raise_profile,
    WATCH: watch,
}
