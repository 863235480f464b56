"""What a station can do and how it is to be treated: probed, learnt from what it did, or written by its operator."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

WritesADay = Annotated[int, msgspec.Meta(ge=10, le=10_000)]


class StationTraits(msgspec.Struct, frozen=True):
    """A station's traits. None: nobody knows yet.

    `unit`: A or W, what its profiles are said in. `purposes`, `refused`: profiles that it has taken, and has not.
    `follows`: whether its meter shows what it was told. `quirks`: by name, of its row; `of_its_make`: by its make.
    `known_of_make`: what its make is known for, in words; most of it needs no switch.
    `auto_configure`: whether it is asked and set up by us after it boots. `local_list`: whether it is kept a list of
    tokens for when we are away. `writes_today` of `flash_writes_a_day`: what it was sent that it keeps in flash.
    """

    station_id: UUID
    vendor: str
    model: str
    unit: str | None
    purposes: list[str]
    refused: list[str]
    periods_max: int | None
    stack_max: int | None
    follows: bool | None
    quirks: list[str]
    of_its_make: list[str]
    auto_configure: bool
    flash_writes_a_day: int
    writes_today: int
    local_list: bool = True
    known_of_make: list[str] = []


class TraitsUpdate(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an operator says of a station; `unit` None: find out again."""

    unit: Literal["A", "W"] | msgspec.UnsetType | None = msgspec.UNSET
    quirks: list[str] | msgspec.UnsetType = msgspec.UNSET
    auto_configure: bool | msgspec.UnsetType = msgspec.UNSET
    local_list: bool | msgspec.UnsetType = msgspec.UNSET
    flash_writes_a_day: WritesADay | msgspec.UnsetType = msgspec.UNSET
