"""What every worker is handed."""

from dataclasses import dataclass

from server.clock import Clock
from server.storage.db import Database
from server.workers.ports import Solver, StationPort


@dataclass(frozen=True)
class WorkContext:
    """Database, clock, stations and solver."""

    db: Database
    clock: Clock
    stations: StationPort
    solver: Solver
