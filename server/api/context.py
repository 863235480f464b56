"""What the API is handed: the database, the ports it acts through, and its settings."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from server.addresses import asked_host, at_host
from server.bus import Bus
from server.clock import Clock
from server.core.valley.problem import Answer, Problem
from server.flows.reservations import ReserveOrder
from server.storage.db import Database
from shared.operating import CommandForms, CommandOutcome, CommandStatus
from shared.problems import FieldError
from shared.sessions import CommandAnswer


class Solver(Protocol):
    """The executor port: solves problems off the event loop."""

    async def solve(self, problem: Problem) -> Answer:
        """The engine's answer."""


class Commands(Protocol):
    """What a driver may ask of a station. Never raises for what a station does."""

    async def start(self, station_id: UUID, connector_no: int, token_uid: str) -> CommandAnswer:
        """Ask a station to start a session."""

    async def stop(self, station_id: UUID, transaction_id: int, reference: str | None = None) -> CommandAnswer:
        """Ask a station to end a session."""

    async def reserve(self, order: ReserveOrder) -> CommandAnswer:
        """Ask a station to keep an EVSE free."""

    async def cancel_reservation(self, station_id: UUID, reservation_id: int) -> CommandAnswer:
        """Ask a station to keep it free no longer."""


@dataclass(frozen=True)
class Order:
    """A command to a station in JSON, and the account that gives it."""

    action: str
    body: dict[str, Any]
    by: UUID
    timeout_s: float = 30.0


class Hands(Protocol):
    """What an operator may ask of a station: any request of its version."""

    def forms(self, station_id: UUID, spoke: str = "") -> CommandForms:
        """What a station may be asked, in the version that it speaks; offline, the one that it spoke last."""

    def complaints(self, station_id: UUID, order: Order, spoke: str = "") -> list[FieldError] | None:
        """What the official schema finds wrong with a command, None where the version has no such action.

        `spoke`: the subprotocol of the station's last connection.
        """

    async def say(self, station_id: UUID, identity: str, order: Order) -> CommandOutcome:
        """Send a command; never raises for what a station does."""


class OutOfReach:
    """The hands of a process that holds no stations."""

    def forms(self, _station_id: UUID, _spoke: str = "") -> CommandForms:
        """Nothing."""
        return CommandForms("", [])

    def complaints(self, _station_id: UUID, _order: Order, _spoke: str = "") -> list[FieldError] | None:
        """No action is known."""
        return None

    async def say(self, _station_id: UUID, identity: str, order: Order) -> CommandOutcome:
        """Nobody hears it."""
        return CommandOutcome(identity, order.action, CommandStatus.OFFLINE, detail="no stations connect here")


def _installed() -> str:
    try:
        return version("dalstroom")
    except PackageNotFoundError:
        return "0"


@dataclass(frozen=True)
class ApiSettings:
    """`secret` signs access tokens (32 bytes); `ocpp_url` is what a station's identity is appended to.

    `upload_url`: where stations reach our uploads. `any_host`: nobody said by which name others reach us, so that
    whoever asks is told of the host that they asked, where others may know that too.
    """

    demo: bool
    secret: bytes = field(repr=False)
    access_token_s: int = 900
    refresh_token_s: int = 30 * 24 * 3600
    version: str = field(default_factory=_installed)
    ocpp_url: str = "ws://127.0.0.1:9000/ocpp"
    upload_url: str = "http://127.0.0.1:8000/api/uploads"
    any_host: bool = False

    def seen_at(self, host_header: str | None) -> "ApiSettings":
        """These, for whoever asked this host. A certificate names us, so that addresses over TLS stay."""
        host = asked_host(host_header) if self.any_host else ""
        if not host:
            return self
        ours = self.ocpp_url if self.ocpp_url.startswith("wss:") else at_host(self.ocpp_url, host)
        return replace(self, ocpp_url=ours, upload_url=at_host(self.upload_url, host))

    @property
    def refresh_lifetime(self) -> timedelta:
        """How long a refresh token may be used."""
        return timedelta(seconds=self.refresh_token_s)


@dataclass(frozen=True)
class ApiContext:
    """All that handlers reach; `set_speed` only where the clock has buttons, `stopping` ends open streams.

    `files`: where uploads of stations are kept, None where none are taken; `uploading`: those that are coming in.
    """

    db: Database
    clock: Clock
    bus: Bus
    solver: Solver
    commands: Commands
    settings: ApiSettings
    set_speed: Callable[[int], None] | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    hands: Hands = field(default_factory=OutOfReach)
    files: Path | None = None
    uploading: set[UUID] = field(default_factory=set)

    def now(self) -> datetime:
        """The charging side's present."""
        return self.clock.now()


def wall() -> datetime:
    """The wall clock, on which tokens live: in the demo it is not the charging side's."""
    return datetime.now(UTC)
