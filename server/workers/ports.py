"""What workers need of the outside: stations that take profiles, and someone who solves."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from server.core.local_list import Update
from server.core.reports import TransactionStanding
from server.core.traits import STACK_LEVEL
from server.core.valley.problem import Answer, Problem

AT_ONCE = "at_once"
"""The detail of an accepted safe share that a new start may draw at once, because the station refused to wait."""


class Order(msgspec.Struct, frozen=True):
    """A plan as its station hears it: energy by slot from `start` on, then `final_w`.

    `unit` is A (per phase) or W; `elapsed_s` of the first slot are gone already; `periods_max`: what it holds.
    `reference` is what a 2.x station calls the transaction.
    """

    transaction_id: int
    connector_no: int
    start: datetime
    slot_seconds: int
    elapsed_s: int
    energy_wh: list[int]
    max_w: int
    final_w: int
    phases: int
    unit: str
    reference: str | None = None
    stack_level: int = STACK_LEVEL
    periods_max: int | None = None


class Heard(msgspec.Struct, frozen=True):
    """What a station said: `accepted`, `rejected`, `not_supported`, `offline`, `timed_out`, `error`."""

    status: str
    detail: str = ""

    @property
    def accepted(self) -> bool:
        """Whether it will do as told."""
        return self.status == "accepted"


class StationPort(Protocol):
    """Commands to stations, whatever version they speak. Never raises for what a station does."""

    async def set_plan(self, station_id: UUID, order: Order) -> Heard:
        """Send a transaction's profile."""

    async def set_safe_share(self, station_id: UUID, share_w: int, unit: str, phases: int) -> Heard:
        """Send the default profile that holds when nobody steers; a new start waits before it draws (or `AT_ONCE`)."""

    async def clear_share(self, station_id: UUID) -> Heard:
        """Take the default profile back."""

    async def set_option(self, station_id: UUID, key: str, value: str) -> Heard:
        """Change a configuration key."""

    async def transaction_standing(self, station_id: UUID, reference: str) -> TransactionStanding | None:
        """What a 2.x station says of a transaction of its own; None where it did not say."""

    async def get_options(self, station_id: UUID, keys: Sequence[str]) -> dict[str, str]:
        """What configuration keys say; those that the station does not know are left out."""

    async def trigger(self, station_id: UUID, message: str) -> Heard:
        """Ask a station to say something now: StatusNotification, MeterValues, Heartbeat, BootNotification."""

    async def clear_plans(self, station_id: UUID) -> Heard:
        """Take the profiles of running transactions back; its safe share stays."""

    async def tell_cost(self, station_id: UUID, reference: str, total_minor: int) -> Heard:
        """Tell a 2.x station what a transaction of its own costs so far, cents; `not_supported` where it shows none."""

    async def ask_limits(self, station_id: UUID) -> Heard:
        """Ask for the limits that a station has from elsewhere: told later. The detail `NoProfiles`: it has none."""

    async def reset(self, station_id: UUID, *, hard: bool) -> Heard:
        """Restart a station; what charges there ends."""


class SecurityPort(Protocol):
    """Keys and certificates, told to stations in the version that they speak. Never raises for what a station does."""

    async def set_key(self, station_id: UUID, key_hex: str) -> Heard:
        """A new key, in hexadecimal digits."""

    async def set_profile(self, station_id: UUID, profile: int) -> Heard:
        """A higher security profile, from the next connection on."""

    async def send_certificate(self, station_id: UUID, chain_pem: str, kind: str) -> Heard:
        """A signed chain, leaf first; `kind`: station, v2g or both."""

    async def ask_for_request(self, station_id: UUID) -> Heard:
        """Ask for a request for a new certificate."""

    def hang_up(self, station_id: UUID) -> bool:
        """Let go of a station's connection at once; False where it has none."""


class NoSecurity:
    """No station hears anything: for what runs without a gateway."""

    async def set_key(self, station_id: UUID, key_hex: str) -> Heard:
        """Not told."""
        del station_id, key_hex
        return Heard("offline")

    async def set_profile(self, station_id: UUID, profile: int) -> Heard:
        """Not told."""
        del station_id, profile
        return Heard("offline")

    async def send_certificate(self, station_id: UUID, chain_pem: str, kind: str) -> Heard:
        """Not sent."""
        del station_id, chain_pem, kind
        return Heard("offline")

    async def ask_for_request(self, station_id: UUID) -> Heard:
        """Not asked."""
        del station_id
        return Heard("offline")

    def hang_up(self, station_id: UUID) -> bool:
        """Nobody is there."""
        del station_id
        return False


class ListVersion(msgspec.Struct, frozen=True):
    """What a station says of its list of tokens: `accepted` with the version, or as in Heard why not."""

    status: str
    version: int | None = None


class ListPort(Protocol):
    """Lists of tokens, told to stations in the version that they speak. Never raises for what a station does."""

    async def version(self, station_id: UUID) -> ListVersion:
        """The version of a station's list; 0: it holds none."""
        ...

    async def send(self, station_id: UUID, update: Update) -> Heard:
        """Send a list, or what changes in it; the detail of a refusal is the station's word."""
        ...


class NoLists:
    """No station hears anything: for what runs without a gateway."""

    async def version(self, station_id: UUID) -> ListVersion:
        """Not asked."""
        del station_id
        return ListVersion("offline")

    async def send(self, station_id: UUID, update: Update) -> Heard:
        """Not sent."""
        del station_id, update
        return Heard("offline")


class Solver(Protocol):
    """Solves problems off the event loop."""

    async def solve(self, problem: Problem) -> Answer:
        """The engine's answer."""
