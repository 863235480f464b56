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


PairingCode = Annotated[str, msgspec.Meta(min_length=8, max_length=20)]
Pem = Annotated[str, msgspec.Meta(min_length=1, max_length=20_000)]
CertificateState = Annotated[str, msgspec.Meta(pattern="^(asked|signed|installed|failed|revoked)$")]


class PendingStation(msgspec.Struct, frozen=True):
    """A station that connected and that nobody has added: it waits for approval until `expires_at`.

    `pairing_code`: with it the driver at whose home it hangs takes it in; tell it to nobody else. The same identity
    twice means two keys: look at the addresses before you approve one.
    """

    id: UUID
    identity: str
    address: str
    security_profile: int
    pairing_code: str
    first_seen_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    vendor: str
    model: str


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a waiting station belongs, and what it can do."""

    location_name: Name
    max_w: StationPowerW = 11_040
    phases: Phases = 3


class Pairing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A waiting station that hangs at your home, with the code that you were told."""

    identity: Identity
    code: PairingCode
    location_name: Name = "Home"
    max_w: StationPowerW = 11_040
    phases: Phases = 3


class TakenIn(msgspec.Struct, frozen=True):
    """A station that waited and belongs somewhere now; it connects with the key that it has."""

    identity: str
    location_name: str


class StationNotice(msgspec.Struct, frozen=True):
    """Something about a station that its operator should know. `kind` is stable; severity info, warning or critical."""

    id: UUID
    station_id: UUID
    identity: str
    kind: str
    severity: str
    detail: str
    first_at: datetime
    last_at: datetime
    times: int


class StationCertificate(msgspec.Struct, frozen=True):
    """A station's certificate, from its request (`request_pem`, to be signed) to its end."""

    id: UUID
    station_id: UUID
    identity: str
    kind: str
    state: CertificateState
    request_pem: str
    fingerprint: str | None
    serial: str
    asked_at: datetime
    not_after: datetime | None
    detail: str


class SignedChain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The station's certificate in PEM and those that signed it, in order."""

    chain_pem: Pem


class ProfileWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The security profile that a station is to use: 2 (TLS) or 3 (TLS and its certificate)."""

    profile: Annotated[int, msgspec.Meta(ge=2, le=3)]
