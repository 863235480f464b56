"""What the API is handed: the database, the ports it acts through, and its settings."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol
from uuid import UUID

from server.bus import Bus
from server.clock import Clock
from server.core.valley.problem import Answer, Problem
from server.storage.db import Database
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


def _installed() -> str:
    try:
        return version("dalstroom")
    except PackageNotFoundError:
        return "0"


@dataclass(frozen=True)
class ApiSettings:
    """`secret` signs access tokens (32 bytes); `ocpp_url` is what a station's identity is appended to."""

    demo: bool
    secret: bytes = field(repr=False)
    access_token_s: int = 900
    refresh_token_s: int = 30 * 24 * 3600
    version: str = field(default_factory=_installed)
    ocpp_url: str = "ws://127.0.0.1:9000/ocpp"

    @property
    def refresh_lifetime(self) -> timedelta:
        """How long a refresh token may be used."""
        return timedelta(seconds=self.refresh_token_s)


@dataclass(frozen=True)
class ApiContext:
    """All that handlers reach; `set_speed` only where the clock has buttons, `stopping` ends open streams."""

    db: Database
    clock: Clock
    bus: Bus
    solver: Solver
    commands: Commands
    settings: ApiSettings
    set_speed: Callable[[int], None] | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        """The charging side's present."""
        return self.clock.now()


def wall() -> datetime:
    """The wall clock, on which tokens live: in the demo it is not the charging side's."""
    return datetime.now(UTC)
