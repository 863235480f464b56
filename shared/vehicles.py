"""The driver's cars."""

from typing import Annotated
from uuid import UUID

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern="^[^\x00-\x1f]+$")]
CapacityWh = Annotated[int, msgspec.Meta(ge=1_000, le=250_000)]
AcPowerW = Annotated[int, msgspec.Meta(ge=1_380, le=43_000)]
Phases = Annotated[int, msgspec.Meta(ge=1, le=3)]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


class VehicleUpdate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a driver says about a car. `target_pct` is where charging normally stops."""

    name: Name
    capacity_wh: CapacityWh
    max_ac_w: AcPowerW
    phases: Phases
    target_pct: Percent = 80


class Vehicle(msgspec.Struct, frozen=True):
    """A car of the signed-in driver."""

    id: UUID
    name: str
    capacity_wh: int
    max_ac_w: int
    phases: int
    target_pct: int
