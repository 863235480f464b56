"""Reservations of a driver."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

Minutes = Annotated[int, msgspec.Meta(ge=5, le=120)]


class ReservationAsk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep an EVSE free for the signed-in driver for so many minutes."""

    evse_id: UUID
    minutes: Minutes = 30


class ReservationView(msgspec.Struct, frozen=True):
    """An EVSE that is kept free until `expires_at`. `confirmed`: the station said so; else nobody knows yet."""

    id: int
    evse_id: UUID
    location_name: str
    evse_label: str
    made_at: datetime
    expires_at: datetime
    confirmed: bool
