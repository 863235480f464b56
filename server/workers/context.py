"""What every worker is handed."""

from dataclasses import dataclass, field
from datetime import timedelta

from server.clock import Clock
from server.feeds.null import NoSigner
from server.feeds.ports import Signer
from server.storage.db import Database
from server.workers.ports import ListPort, NoLists, NoSecurity, SecurityPort, Solver, StationPort


@dataclass(frozen=True)
class WorkContext:
    """Database, clock, stations and solver; ways to stations for security and for lists, and who signs.

    `messages_kept`: how long the message log is.
    """

    db: Database
    clock: Clock
    stations: StationPort
    solver: Solver
    security: SecurityPort = field(default_factory=NoSecurity)
    signer: Signer = field(default_factory=NoSigner)
    messages_kept: timedelta = timedelta(days=14)
    lists: ListPort = field(default_factory=NoLists)
