"""Where: locations, the limits under them, stations and EVSEs."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.core.external_limit import ExternalLimit
from server.core.traits import Traits
from server.storage.columns import json_field, party_field, time_field


class Locations(SQLModel, table=True):
    __tablename__ = "locations"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id")
    tariff_id: UUID | None = Field(default=None, foreign_key="tariffs.id")
    name: str
    address: str
    latitude: float
    longitude: float
    time_zone: str = "Europe/Amsterdam"
    zone: str = "NL"
    public: bool = False
    planned_version: int = 0


class Feeders(SQLModel, table=True):
    __tablename__ = "feeders"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    location_id: UUID = Field(foreign_key="locations.id", index=True)
    parent_id: UUID | None = Field(default=None, foreign_key="feeders.id")
    name: str = ""
    limit_ma: Any = json_field(list[int], nullable=True)
    limit_w: int | None = None
    base_load: Any = json_field(list[tuple[str, str, int]])


class Stations(SQLModel, table=True):
    __tablename__ = "stations"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    location_id: UUID = Field(foreign_key="locations.id", index=True)
    feeder_id: UUID | None = Field(default=None, foreign_key="feeders.id")
    identity: str = Field(unique=True)
    key_sha256: str
    new_keys_sha256: str = ""  # told to the station and not used yet, hex, with spaces between
    security_profile: int = 1  # the highest that it ever connected with
    max_w: int
    phases: int
    unit: str | None = None  # A or W once the station has shown what it takes
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    online: bool = False
    connection_id: str | None = None
    last_seen_at: datetime | None = time_field(nullable=True)
    booted_at: datetime | None = time_field(nullable=True)
    connected_at: datetime | None = time_field(nullable=True)
    traits: Any = json_field(Traits, nullable=True)
    external_limits: Any = json_field(tuple[ExternalLimit, ...], nullable=True)  # from an energy manager, the grid
    follows: bool | None = None  # whether its meter showed what it was told, when that was last seen
    flash_day: date | None = None
    flash_writes: int = 0  # on that day
    status: str = ""  # what it said of itself as a whole (connector 0), "" where it never did
    safe_held_w: int | None = None  # the safe share that the station confirmed as its default profile
    ocpp: str = ""  # the subprotocol of its last connection
    admission: str = "Accepted"  # what its boot is answered
    starts_alone: bool = False  # it refused to stop taking cards while it is out of reach


class Evses(SQLModel, table=True):
    __tablename__ = "evses"
    __table_args__ = (sa.UniqueConstraint("station_id", "connector_no", name="uq_evses_station_connector"),)
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    location_id: UUID = Field(foreign_key="locations.id", index=True)
    connector_no: int
    label: str
    max_w: int
    phases: int
    status: str = "Unavailable"
    error_code: str = "NoError"
    status_at: datetime | None = time_field(nullable=True)
    sockets: Any = json_field(dict[int, str], nullable=True)  # 2.x: what each of its connectors said last
    clock_off_s: int = 0  # its station's clock less ours, as its last status showed


class ForecastRecords(SQLModel, table=True):
    """What became of the forecasts of departures from a location: how many speak, and their shares."""

    __tablename__ = "forecast_records"
    location_id: UUID = Field(primary_key=True, foreign_key="locations.id")
    party_id: UUID = party_field()
    fates: int
    share: Any = json_field(tuple[float, ...])
