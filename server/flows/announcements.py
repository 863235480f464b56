"""What flows announce after commit: small facts, from which who listens builds a view."""

from uuid import UUID

import msgspec


class SessionMoved(msgspec.Struct, frozen=True):
    """A session changed; `account_id` is who sees it."""

    account_id: UUID | None
    session_id: UUID


class WalletMoved(msgspec.Struct, frozen=True):
    """An entry was posted that touches an account's wallet."""

    account_id: UUID
    entry_id: UUID


class LocationMoved(msgspec.Struct, frozen=True):
    """An EVSE of a location changed."""

    location_id: UUID


class PricesMoved(msgspec.Struct, frozen=True):
    """New prices of a zone were stored."""

    zone: str


class StationMoved(msgspec.Struct, frozen=True):
    """Something is wrong with a station of a party, or no longer."""

    party_id: UUID
    station_id: UUID


class ForwardingMoved(msgspec.Struct, frozen=True):
    """A list of forwarded stations changed: for the server itself, nobody else is told."""

    party_id: UUID


Announcement = SessionMoved | WalletMoved | LocationMoved | PricesMoved | StationMoved | ForwardingMoved
