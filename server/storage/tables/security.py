"""Who may connect as what: certificates of stations, stations that nobody has added yet, and notices to operators."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.storage.columns import party_field, time_field


class StationCertificates(SQLModel, table=True):
    """From a station's request to its certificate's end; `state`: asked, signed, installed, failed, revoked."""

    __tablename__ = "station_certificates"
    __table_args__ = (
        sa.CheckConstraint("state IN ('asked', 'signed', 'installed', 'failed', 'revoked')", name="state"),
        sa.UniqueConstraint("station_id", "key_sha256", "kind", name="uq_station_certificates_request"),
    )
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    kind: str = "station"  # or v2g, or both
    state: str
    key_sha256: str  # of the public key: a request sent again is the same request
    request_pem: str = Field(default="", sa_type=sa.Text)
    chain_pem: str = Field(default="", sa_type=sa.Text)
    fingerprint: str | None = Field(default=None, unique=True)
    serial: str = ""
    asked_at: datetime = time_field()
    not_before: datetime | None = time_field(nullable=True)
    not_after: datetime | None = time_field(nullable=True, index=True)
    sent: int = 0  # how often the station was sent it
    noticed_days: int | None = None  # the notice that was given last
    detail: str = ""


class PendingStations(SQLModel, table=True):
    """A stranger by identity and by the key that it showed; `party_id`: who may take it in."""

    __tablename__ = "pending_stations"
    __table_args__ = (sa.UniqueConstraint("identity", "key_sha256", name="uq_pending_stations_identity_key"),)
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    identity: str
    key_sha256: str
    address: str = Field(index=True)
    security_profile: int
    pairing_code: str
    first_seen_at: datetime = time_field()
    last_seen_at: datetime = time_field()
    expires_at: datetime = time_field(index=True)
    vendor: str = ""
    model: str = ""


class StationNotices(SQLModel, table=True):
    """What an operator should know; one row a station and kind, `times` grows while it goes on."""

    __tablename__ = "station_notices"
    __table_args__ = (sa.UniqueConstraint("station_id", "kind", name="uq_station_notices_station_kind"),)
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    kind: str
    severity: str
    detail: str = ""
    first_at: datetime = time_field()
    last_at: datetime = time_field()
    times: int = 1
    cleared_at: datetime | None = time_field(nullable=True)
