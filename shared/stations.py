"""Stations, for their operator."""

from datetime import datetime
from uuid import UUID

import msgspec


class StationView(msgspec.Struct, frozen=True):
    """A station of the signed-in operator."""

    id: UUID
    identity: str
    location_name: str
    online: bool
    last_seen_at: datetime | None
    vendor: str
    model: str
    firmware: str
    connectors: list[str]
    open_sessions: int
    safe_share_w: int | None


class StationAdd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new station: its identity, where it stands and what it can do."""

    identity: str
    location_name: str
    max_w: int = 11_040
    phases: int = 3


class StationCredentials(msgspec.Struct, frozen=True):
    """Shown once: where the station connects and the key it signs in with."""

    identity: str
    url: str
    key: str
