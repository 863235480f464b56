"""What every worker is handed."""

from dataclasses import dataclass
from datetime import timedelta

from server.clock import Clock
from server.storage.db import Database
from server.workers.ports import Solver, StationPort


@dataclass(frozen=True)
class WorkContext:
    """Database, clock, stations and solver; how long the message log is kept."""

    db: Database
    clock: Clock
    stations: StationPort
    solver: Solver
    messages_kept: timedelta = timedelta(days=14)
