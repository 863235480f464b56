"""May this token charge here, now, and on whose account."""

from datetime import datetime
from uuid import UUID

import msgspec


class TokenFacts(msgspec.Struct, frozen=True):
    """What is known of a token."""

    account_id: UUID
    party_id: UUID
    valid: bool
    expires_at: datetime | None = None


class Place(msgspec.Struct, frozen=True):
    """Who may charge at a place: anyone with a contract (`public`), one account's home, or one party's people."""

    party_id: UUID
    public: bool
    account_id: UUID | None = None


def decide(token: TokenFacts | None, place: Place, now: datetime) -> str:
    """OCPP's AuthorizationStatus: Accepted, Invalid (unknown, or not at this place), Blocked, Expired."""
    if token is None:
        return "Invalid"
    if not token.valid:
        return "Blocked"
    if token.expires_at is not None and token.expires_at <= now:
        return "Expired"
    at_home = place.account_id == token.account_id
    return "Accepted" if place.public or at_home or place.party_id == token.party_id else "Invalid"
