"""Stations, for their operator."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from shared.vehicles import Name, Phases

Identity = Annotated[str, msgspec.Meta(min_length=1, max_length=48, pattern="^[!-9;-~]+$")]
"""Printable ASCII without spaces; no colon, which Basic auth cannot carry in a name (RFC 7617)."""
StationPowerW = Annotated[int, msgspec.Meta(ge=1_380, le=400_000)]


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

    identity: Identity
    location_name: Name
    max_w: StationPowerW = 11_040
    phases: Phases = 3


class StationCredentials(msgspec.Struct, frozen=True):
    """Shown once: where the station connects and the key it signs in with."""

    identity: str
    url: str
    key: str
