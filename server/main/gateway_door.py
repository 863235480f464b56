"""The gateway's doorkeeper over the flows: one call, one transaction."""

from uuid import UUID

import structlog

from server.clock import Clock
from server.core.reports import BootInfo
from server.flows import entering
from server.flows.entering import Arrival
from server.gateway.door import Entry, Stranger, StrangerAnswer
from server.storage.db import Database

ASK_AGAIN_S = 60
log = structlog.get_logger("gateway")


class GatewayDoor:
    """`strangers_of`: the name of the party that may take in stations that nobody added, "" where all are refused."""

    def __init__(self, db: Database, clock: Clock, strangers_of: str) -> None:
        """Database and clock belong to the server."""
        self._db, self._clock, self._strangers_of = db, clock, strangers_of

    async def admitted(self, station_id: UUID, entry: Entry) -> None:
        """A station connected in a way that changes what we know of it."""
        async with self._db.begin() as tx:
            await entering.admitted(tx, station_id, entry.profile, entry.new_key_sha256, self._clock.now())
        log.info(
            "station_secured", station=str(station_id), profile=entry.profile, key=entry.new_key_sha256 is not None
        )

    async def turned_away(self, station_id: UUID, why: str, profile: int) -> None:
        """A station with the right key or certificate is refused: its operator should know."""
        del why, profile  # so far a downgrade alone
        async with self._db.begin() as tx:
            await entering.turned_away(tx, station_id, self._clock.now())

    async def revoked(self, fingerprint: str) -> bool:
        """Was this certificate revoked?"""
        async with self._db.read() as tx:
            return await entering.revoked(tx, fingerprint)

    async def hold(self, stranger: Stranger) -> bool:
        """May a stranger stay and wait for approval?"""
        if not self._strangers_of:
            return False
        async with self._db.begin() as tx:
            return await entering.hold(tx, _arrival(stranger), self._strangers_of, self._clock.now())

    async def stranger_boots(self, stranger: Stranger, info: BootInfo) -> StrangerAnswer:
        """A held stranger says what it is."""
        now = self._clock.now()
        async with self._db.begin() as tx:
            known = await entering.stranger_boots(tx, _arrival(stranger), info, now)
        return StrangerAnswer(known, ASK_AGAIN_S, now)


def _arrival(stranger: Stranger) -> Arrival:
    return Arrival(stranger.identity, stranger.address, stranger.key_sha256, stranger.profile)
