"""What every worker is handed."""

from dataclasses import dataclass, field

from server.clock import Clock
from server.feeds.null import NoSigner
from server.feeds.ports import Signer
from server.storage.db import Database
from server.workers.ports import NoSecurity, SecurityPort, Solver, StationPort


@dataclass(frozen=True)
class WorkContext:
    """Database, clock, stations and solver; and what security needs: a way to stations, and who signs."""

    db: Database
    clock: Clock
    stations: StationPort
    solver: Solver
    security: SecurityPort = field(default_factory=NoSecurity)
    signer: Signer = field(default_factory=NoSigner)
