"""Parties, accounts, roles, sign-in and the driver's own settings."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

Email = Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
RefreshTokenText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Weekday = Annotated[int, msgspec.Meta(ge=0, le=6)]
LocalTime = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)]
Language = Annotated[str, msgspec.Meta(pattern="^(en|nl|de)$", max_length=2)]
Theme = Annotated[str, msgspec.Meta(pattern="^(system|light|dark)$")]


class PartyRole(StrEnum):
    """What a business on this installation is."""

    PROVIDER = "provider"
    OPERATOR = "operator"
    SUPPLIER = "supplier"
    FLEET = "fleet"


class Role(StrEnum):
    """What an account may do, always within its own party."""

    DRIVER = "driver"
    FLEET_MANAGER = "fleet_manager"
    OPERATOR = "operator"
    SUPPLIER = "supplier"
    ADMINISTRATOR = "administrator"


class Dial(StrEnum):
    """The driver's choice between certainty and money, where nobody said when the car leaves."""

    SURE = "sure"
    BALANCED = "balanced"
    CHEAP = "cheap"


PROMISED_SHORT = {Dial.SURE: 1, Dial.BALANCED: 3, Dial.CHEAP: 8}
"""At most so many of 100 charges end more than 2 kWh short."""
TRAVEL_MAX_MINUTES = 240


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """E-mail and password."""

    email: Email
    password: Password


class DemoSignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tap, only on a server started with --demo."""

    account_id: UUID


class Refresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A refresh token; each works once and is replaced by the answer."""

    refresh_token: RefreshTokenText


class TokenPair(msgspec.Struct, frozen=True):
    """A short access token (Authorization: Bearer) and the refresh token that renews it."""

    access_token: str
    refresh_token: str
    expires_in_s: int


class DemoDriver(msgspec.Struct, frozen=True):
    """A person of the demo town to sign in as. `story` is a language-free code that the app has a sentence for."""

    account_id: UUID
    name: str
    role: Role
    story: str


class Habit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On this weekday (0 = Monday) the driver usually leaves home at this local time, HH:MM; None: no habit."""

    weekday: Weekday
    leaves_at: LocalTime | None


class RotaView(msgspec.Struct, frozen=True):
    """The driver's shifts of the coming fortnight. `leaves_at`: for the next one, None where there is none."""

    shifts: int
    travel_minutes: int
    leaves_at: datetime | None
    saved_at: datetime


class Me(msgspec.Struct, frozen=True):
    """The signed-in account. `consent_at`: when the driver agreed to delayed charging; None: charge at once."""

    account_id: UUID
    party_id: UUID
    party_name: str
    role: Role
    name: str
    email: str
    language: str
    theme: str
    time_zone: str
    currency: str
    consent_at: datetime | None
    habits: list[Habit]
    demo: bool
    dial: Dial = Dial.SURE
    rota: RotaView | None = None


class MeUpdate(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Change what is given, leave the rest. `consent` True records agreement now, False withdraws it.

    `travel_minutes`: the way to the shifts that are known; without any it says nothing.
    """

    language: Language | msgspec.UnsetType = msgspec.UNSET
    theme: Theme | msgspec.UnsetType = msgspec.UNSET
    consent: bool | msgspec.UnsetType = msgspec.UNSET
    habits: Annotated[list[Habit], msgspec.Meta(max_length=14)] | msgspec.UnsetType = msgspec.UNSET
    dial: Dial | msgspec.UnsetType = msgspec.UNSET
    travel_minutes: Annotated[int, msgspec.Meta(ge=0, le=TRAVEL_MAX_MINUTES)] | msgspec.UnsetType = msgspec.UNSET


class ClockView(msgspec.Struct, frozen=True):
    """The server's time. `speed` is 1 in real life; in the demo 0, 1, 60 or 600."""

    now: datetime
    speed: int
    demo: bool


class ClockSpeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Demo only: 0 pauses; 1, 60 and 600 are the speeds."""

    speed: int
