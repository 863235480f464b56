"""Who is there: sign-in, refresh, sign-out, and what a person says of himself.

Tokens live on the wall clock (`wall`), consent on the charging side's (`now`): in the demo they differ.
"""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import argon2
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.rota import FORTNIGHT, coming, next_departure, shifts
from server.core.session import Refused
from server.flows.announcements import SessionMoved
from server.storage import accounts, outbox, rotas, sessions
from server.storage.accounts import Account, RefreshToken
from server.storage.db import announce
from server.storage.rotas import RotaRow
from shared.accounts import DemoDriver, Habit, Me, MeUpdate, Role, RotaView
from shared.problems import FieldError
from shared.sessions import SessionState


def _plain64(length: int) -> str:
    """Random bytes in the base64 of password hashes, which has no padding."""
    return base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")


HASHER = argon2.PasswordHasher()
_COSTS = f"m={HASHER.memory_cost},t={HASHER.time_cost},p={HASHER.parallelism}"
NOBODY = f"$argon2id$v=19${_COSTS}${_plain64(HASHER.salt_len)}${_plain64(HASHER.hash_len)}"
"""What a password is held against where no account has that e-mail address: it fits none and costs the same time."""
LANGUAGES = ("en", "nl", "de")
THEMES = ("system", "light", "dark")

WRONG = Refused("wrong_credentials", "Check the e-mail address and the password.")
SIGN_IN_AGAIN = Refused("sign_in_again", "Sign in again.")


class Grant(msgspec.Struct, frozen=True):
    """A sign-in that holds: whose it is, and the refresh token's text, which is told once and never kept."""

    account_id: UUID
    party_id: UUID
    role: Role
    refresh_token: str


def hash_password(password: str) -> str:
    """An Argon2id hash; takes tens of milliseconds of one core, so never call it in the event loop."""
    return HASHER.hash(password)


def password_fits(password_hash: str | None, password: str) -> bool:
    """Whether a password is the one behind a hash; takes the same time where there is none."""
    try:
        fits = HASHER.verify(password_hash or NOBODY, password)
    except argon2.exceptions.VerifyMismatchError:
        return False
    return fits and password_hash is not None


def normal_email(email: str) -> str:
    """An e-mail address as it is kept and looked for."""
    return email.strip().lower()


async def find(tx: AsyncSession, email: str) -> Account | None:
    """The open account behind an e-mail address."""
    found = await accounts.by_email(tx, normal_email(email))
    return found if found is not None and found.closed_at is None else None


async def sign_in(tx: AsyncSession, account: Account, wall: datetime, lifetime: timedelta) -> Grant:
    """Begin a family of refresh tokens for an account whose password was right."""
    await accounts.drop_expired(tx, account.id, wall)
    return await _grant(tx, account, uuid4(), wall + lifetime)


async def sign_in_demo(tx: AsyncSession, account_id: UUID, wall: datetime, lifetime: timedelta) -> Grant | Refused:
    """One tap signs in as a person of the demo town, and as nobody else."""
    account = await accounts.get(tx, account_id)
    if account is None or account.story is None or account.closed_at is not None:
        return Refused("not_a_demo_person", "Choose one of the people that GET /api/demo/drivers lists.")
    return await sign_in(tx, account, wall, lifetime)


async def _grant(tx: AsyncSession, account: Account, family: UUID, expires_at: datetime) -> Grant:
    text = secrets.token_urlsafe(32)
    token = RefreshToken(_sha256(text), account.party_id, account.id, family, expires_at)
    await accounts.add_refresh_token(tx, token)
    return Grant(account.id, account.party_id, account.role, text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def refresh(
    tx: AsyncSession, text: str, wall: datetime, lifetime: timedelta, *, demo: bool = False
) -> Grant | Refused:
    """A refresh token's one use: it is replaced. Used a second time it was stolen, so its whole family ends.

    OAuth 2.0 Security Best Current Practice (RFC 9700), 4.14.2. The refusal is a value, so that the end is committed.
    `demo`: whether the server is one; elsewhere what one tap granted is worth nothing.
    """
    token = await accounts.refresh_token(tx, _sha256(text))
    if token is None or token.revoked_at is not None or token.expires_at <= wall:
        return SIGN_IN_AGAIN
    if not await accounts.use_refresh_token(tx, token.token_sha256, wall):
        await accounts.revoke_family(tx, token.family, wall)
        return SIGN_IN_AGAIN
    account = await accounts.get(tx, token.account_id)
    if account is None or account.closed_at is not None or (account.story is not None and not demo):
        return SIGN_IN_AGAIN
    return await _grant(tx, account, token.family, wall + lifetime)


async def sign_out(tx: AsyncSession, text: str, wall: datetime) -> None:
    """End all that came of one sign-in; an unknown token is signed out already."""
    token = await accounts.refresh_token(tx, _sha256(text))
    if token is not None:
        await accounts.revoke_family(tx, token.family, wall)


async def demo_drivers(tx: AsyncSession) -> list[DemoDriver]:
    """The drivers of the demo town, by name, and who operates its stations."""
    found = [one for role in (Role.DRIVER, Role.OPERATOR) for one in await accounts.demo_people(tx, role)]
    return [DemoDriver(one.id, one.name, one.role, one.story or "") for one in found]


async def me(tx: AsyncSession, account_id: UUID, now: datetime, *, demo: bool) -> Me | None:
    """The signed-in account, None where it is gone or closed."""
    account = await accounts.get(tx, account_id)
    if account is None or account.closed_at is not None:
        return None
    party = await accounts.party(tx, account.party_id)
    assert party is not None
    return Me(
        account_id=account.id,
        party_id=account.party_id,
        party_name=party.name,
        role=account.role,
        name=account.name,
        email=account.email,
        language=account.language,
        theme=account.theme,
        time_zone=account.time_zone,
        currency=account.currency,
        consent_at=account.consent_at,
        habits=account.habits,
        demo=demo,
        dial=account.dial,
        rota=_rota_view(account, await rotas.get(tx, account_id), now),
    )


def _rota_view(account: Account, row: RotaRow | None, now: datetime) -> RotaView | None:
    if row is None:
        return None
    ahead = coming(row.calendar, account.time_zone, now.date())
    leaves_at = next_departure(ahead, now, timedelta(minutes=row.travel_minutes))
    left = sum(1 for shift in ahead if now < shift.starts_at <= now + FORTNIGHT)
    return RotaView(left, row.travel_minutes, leaves_at, row.saved_at)


async def update_me(tx: AsyncSession, account_id: UUID, update: MeUpdate, now: datetime) -> Refused | None:
    """Change what is given. Consent, habits and dial move the plans of what is plugged in, so these are made anew."""
    before = await accounts.get(tx, account_id)
    if before is None or before.closed_at is not None:
        return SIGN_IN_AGAIN
    after = _changed(before, update, now)
    if isinstance(after, Refused):
        return after
    await accounts.update(tx, before, after)
    if after.consent_at != before.consent_at:
        await accounts.add_consent(tx, before, now, given=after.consent_at is not None)
    if (after.consent_at, after.habits, after.dial) != (before.consent_at, before.habits, before.dial):
        await _replan(tx, account_id, "habits_or_consent", now)
    if update.travel_minutes is not msgspec.UNSET and await rotas.set_travel(tx, account_id, update.travel_minutes):
        await _replan(tx, account_id, "rota", now)
    return None


async def save_rota(
    tx: AsyncSession, account_id: UUID, calendar: str, travel_minutes: int, now: datetime
) -> FieldError | Refused | None:
    """Keep the shifts of a calendar in place of those before; what is plugged in is planned anew."""
    account = await accounts.get(tx, account_id)
    if account is None or account.closed_at is not None:
        return SIGN_IN_AGAIN
    found = shifts(calendar, account.time_zone, now, now + FORTNIGHT)
    if isinstance(found, FieldError):
        return found
    await rotas.keep(tx, RotaRow(account.id, account.party_id, calendar, travel_minutes, now))
    await _replan(tx, account_id, "rota", now)
    return None


async def forget_rota(tx: AsyncSession, account_id: UUID, now: datetime) -> None:
    """No shifts any more: habits hold again."""
    if await rotas.drop(tx, account_id):
        await _replan(tx, account_id, "rota", now)


def _changed(account: Account, update: MeUpdate, now: datetime) -> Account | Refused:
    """The account as it is to be. Consent given twice keeps its first time."""
    language = account.language if update.language is msgspec.UNSET else update.language
    theme = account.theme if update.theme is msgspec.UNSET else update.theme
    if language not in LANGUAGES:
        return Refused("unknown_language", f"Choose one of {', '.join(LANGUAGES)}.")
    if theme not in THEMES:
        return Refused("unknown_theme", f"Choose one of {', '.join(THEMES)}.")
    consent_at = account.consent_at
    if update.consent is not msgspec.UNSET:
        consent_at = (account.consent_at or now) if update.consent else None
    habits = account.habits if update.habits is msgspec.UNSET else _one_a_weekday(update.habits)
    dial = account.dial if update.dial is msgspec.UNSET else update.dial
    return msgspec.structs.replace(
        account, language=language, theme=theme, consent_at=consent_at, habits=habits, dial=dial
    )


def _one_a_weekday(habits: list[Habit]) -> list[Habit]:
    """Habits by weekday; said twice, the later holds."""
    said = {habit.weekday: habit for habit in habits}
    return [said[weekday] for weekday in sorted(said)]


async def _replan(tx: AsyncSession, account_id: UUID, why: str, now: datetime) -> None:
    for session in await sessions.current_of(tx, account_id):
        if session.state is SessionState.OPEN:
            await outbox.put_once(tx, "replan", str(session.location_id), {"why": why}, now)
            announce(tx, SessionMoved(account_id, session.id))
