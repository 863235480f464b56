"""Stations, for their operator."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from shared.vehicles import Name, Phases

_SEEN = "[^\\u0000-\\u0020:\\u007f-\\u00a0\\u2000-\\u200f\\u2028-\\u202f\\u2060-\\u206f\\ufeff]"
Identity = Annotated[str, msgspec.Meta(min_length=1, max_length=48, pattern=f"^{_SEEN}+( +{_SEEN}+)*$(?!\\n)")]
"""What can be seen, and spaces inside; no colon, which Basic auth cannot carry in a name (RFC 7617)."""
StationPowerW = Annotated[int, msgspec.Meta(ge=1_380, le=400_000)]


class StationEvse(msgspec.Struct, frozen=True):
    """A connector of a station as its operator sees it. `status`, `error_code`: OCPP's words, as last heard.

    `session_id` and what follows are of the session that runs there; `followed`: pending, followed, resent or
    not_followed, with the reason.
    """

    connector_no: int
    label: str
    status: str
    error_code: str
    status_at: datetime | None
    session_id: UUID | None = None
    started_at: datetime | None = None
    energy_wh: int = 0
    power_w: int = 0
    followed: str = ""
    not_followed_reason: str | None = None


class StationLimit(msgspec.Struct, frozen=True):
    """A limit that a station has from elsewhere (`source`: EMS, SO, CSO, Other), on a connector or on all of it (0).

    `limit_w`: what holds now, null where nothing does or it did not say; `critical`: the grid is in need.
    """

    source: str
    connector_no: int
    limit_w: int | None
    ends_at: datetime | None
    critical: bool


class StationView(msgspec.Struct, frozen=True):
    """A station of the signed-in operator. `version`: of OCPP, as of its last connection; "" where it had none yet."""

    id: UUID
    identity: str
    location_id: UUID
    location_name: str
    online: bool
    last_seen_at: datetime | None
    vendor: str
    model: str
    firmware: str
    connectors: list[str]
    open_sessions: int
    safe_share_w: int | None
    version: str = ""
    evses: list[StationEvse] = []
    limits: list[StationLimit] = []
    admission: str = "Accepted"


class DisputeKind(StrEnum):
    """What is wrong with a session."""

    NOT_FOLLOWED = "not_followed"
    ORPHAN = "orphan"


class Dispute(msgspec.Struct, frozen=True):
    """A session that a station does not run as planned, or its word about one that nobody knows (acknowledged, kept).

    `detail`: the reason why a plan is not followed, or what was said.
    """

    kind: DisputeKind
    station: str
    at: datetime
    detail: str
    session_id: UUID | None = None


class LocalListView(msgspec.Struct, frozen=True):
    """The list of tokens that a station keeps for when we are away.

    `state`: held, unknown (being sent), failed, not_supported, "" where it was never sent one; `tokens` where held.
    """

    station_id: UUID
    state: str
    version: int
    capacity: int | None
    synced_at: datetime | None
    tokens: list[str]


class Admission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a station's boot is answered: it may go to work, it waits, it is turned away."""

    status: Literal["Accepted", "Pending", "Rejected"]


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


class TokenPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a token that charges may charge nowhere else meanwhile."""

    one_session_a_token: bool
