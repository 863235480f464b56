"""Stations whose words go to another central system too: an operator's own, or an employer's billing."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from shared.stations import Identity
from shared.vehicles import Name

StationKey = Annotated[str, msgspec.Meta(min_length=8, max_length=64, pattern="^[!-~]+$")]
"""What a station signs in with: printable ASCII without spaces."""
SystemUrl = Annotated[str, msgspec.Meta(min_length=8, max_length=500, pattern="^wss?://[!-~]+$")]
"""Where stations connect to the other system, less their identity."""
Commands = Annotated[list[str], msgspec.Meta(max_length=100)]


class ForwardingAdd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list of stations and the other system that is to hear them. The same name again changes and adds.

    `stations`: CSV with the columns identity, key, location, and max_w and phases where they are not 11040 and 3; the
    key is what the station signs in with, with us as with the other system.
    `allowed`: commands of the other system that may reach the stations; none, unless named here.
    `their_cards`: a card that we do not know may charge until the other system has said that it may not.
    `public`: places that are made with it are open to everybody with a contract; else to your own cards alone.
    """

    name: Name
    url: SystemUrl
    stations: Annotated[str, msgspec.Meta(max_length=60_000)]
    allowed: Commands = []
    their_cards: bool = True
    public: bool = True


class HomeForwardingAdd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Your own station at home and the system that is to hear it, your employer's billing say.

    `key`: what the other system gave you for the station. It may read; commands only where `allowed` names them.
    """

    identity: Identity
    url: SystemUrl
    key: StationKey
    name: Name = "Billing"
    allowed: Commands = []


class ForwardingChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change; what is left out stays. `on` false: nothing more is forwarded, at once."""

    on: bool | None = None
    url: SystemUrl | None = None
    allowed: Commands | None = None
    their_cards: bool | None = None


class ForwardedStationChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether one station of a list is forwarded."""

    on: bool


class ForwardingUndo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End a forwarding. `write_back`: stations of OCPP 2.x that are online are told the way back themselves."""

    write_back: bool = False


class ForwardingUndone(msgspec.Struct, frozen=True):
    """Where each station connects from now on, and how it learns of it.

    `outcomes`, by identity: told (it restarts and goes), by_hand (enter its URL in it: 1.6 has no standard word for it,
    or it was not asked), offline, or refused, with what it said.
    """

    back_urls: dict[str, str]
    outcomes: dict[str, str]


class ForwardedStation(msgspec.Struct, frozen=True):
    """A station of a list. `url`: where it connects to us; `back_url`: to the other system, as before: the way back.

    `state`: off, waiting (the station is away, or the other system is: `error` says why), refused (it does not take the
    version that the station speaks: `error` says which it takes), pending (it has not accepted the station) or
    connected. `untold`: sessions that it will never hear of, because they were said in such a version. `waiting`:
    messages of transactions that it has yet to answer; `delivered`: those that it has; `dropped`: those that it would
    not take, or that are of transactions it never heard begin. `note`: what was refused last: a command of the other
    system, or a message by it.
    """

    id: UUID
    identity: str
    on: bool
    url: str
    back_url: str
    state: str
    state_at: datetime | None
    error: str
    note: str
    waiting: int
    delivered: int
    dropped: int
    untold: int


class ForwardingView(msgspec.Struct, frozen=True):
    """A list of forwarded stations."""

    id: UUID
    name: str
    url: str
    on: bool
    allowed: list[str]
    their_cards: bool
    stations: list[ForwardedStation]


class ForwardingAnswer(msgspec.Struct, frozen=True):
    """The list as it is now, and what became of each station that was sent: added, joined, changed or unchanged."""

    forwarding: ForwardingView
    outcomes: dict[str, str]
