"""A session from plug-in to settlement: its state and the steps it may take."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from server.core.car_needs import CarNeeds
from shared.sessions import Delay, SessionState

AWAITED = timedelta(minutes=15)
"""How long the end of a session is waited for that a station seems to have forgotten."""


class Followed(StrEnum):
    """What the meter says of the plan."""

    PENDING = "pending"
    FOLLOWED = "followed"
    RESENT = "resent"
    NOT_FOLLOWED = "not_followed"


class Session(msgspec.Struct, frozen=True):
    """A vehicle's stay that draws energy (OCPP 1.6: transaction). Registers in Wh, times UTC."""

    id: UUID
    party_id: UUID
    station_id: UUID
    evse_id: UUID
    location_id: UUID
    connector_no: int
    transaction_id: int
    token_uid: str
    started_at: datetime  # the station's word
    received_at: datetime  # ours
    meter_start_wh: int
    state: SessionState = SessionState.OPEN
    account_id: UUID | None = None
    contract_id: UUID | None = None
    vehicle_id: UUID | None = None
    ended_at: datetime | None = None
    meter_stop_wh: int | None = None
    stop_reason: str | None = None
    register_wh: int = 0  # latest register reading
    read_at: datetime | None = None
    power_w: int = 0
    soc_pct: int | None = None
    stated_ready_by: datetime | None = None
    stated_energy_wh: int | None = None  # still to come when stated
    stated_at_wh: int = 0  # register minus start when stated
    target_pct: int | None = None
    override_since: datetime | None = None
    one_block: bool = False  # the driver wants it charged in one piece
    answer_worth_minor: int | None = None  # what it was worth to know the departure when it was first forecast
    asked: bool = False  # the driver is asked for the departure
    question_closed: bool = False  # and has answered, or does not want to
    delay: Delay = Delay.MANAGED
    reference_power_w: int = 0
    reference_power_source: str = ""
    plan_id: UUID | None = None
    plan_version: int = 0
    held_back: bool = False  # a plan that delays this car was in force: its driver had agreed then
    plan_accepted: bool = False  # at least one profile was accepted by the station
    followed: Followed = Followed.PENDING
    not_followed_reason: str | None = None
    idle_since: datetime | None = None  # allowed to draw, but does not, since
    full: bool = False
    wakes: int = 0  # how often the car was woken
    car_needs: CarNeeds | None = None  # what the car itself said (ISO 15118)
    transaction_ref: str | None = None  # the name that a 2.x station gave to the transaction

    @property
    def asleep(self) -> bool:
        """Whether it was taken for full only because nothing woke it, and it never took anything."""
        return self.full and self.wakes > 0 and self.energy_wh == 0

    @property
    def energy_wh(self) -> int:
        """Energy so far, never negative."""
        return max(
            0, (self.meter_stop_wh if self.meter_stop_wh is not None else self.register_wh) - self.meter_start_wh
        )


class Refused(msgspec.Struct, frozen=True):
    """An expected refusal: a stable code and a sentence that says what to do next."""

    code: str
    hint: str
