"""May this token charge here, now, and on whose account."""

from datetime import datetime
from uuid import UUID

import msgspec

from shared.ids import derive

MASTER = "master"
"""The kind of a token that ends any session at its party's stations, and begins none (OCPP 2.0.1 C16)."""


def master_group(party_id: UUID) -> str:
    """What a party's stations know its master tokens by, at most 20 characters."""
    return derive("master-pass", party_id).hex[:20]


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
    if place.public:
        return "Accepted"
    # A home is its owner's alone, even where the owner's provider has other customers.
    belongs = token.account_id == place.account_id if place.account_id else token.party_id == place.party_id
    return "Accepted" if belongs else "Invalid"
