"""What the gateway asks about who comes in, beside the credential: what changes by it, what becomes of strangers."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from server.core.reports import BootInfo


class Entry(msgspec.Struct, frozen=True):
    """How a station came in: security profile, and the SHA-256 of the new key that it used, where it was one."""

    profile: int
    new_key_sha256: bytes | None = None


class Stranger(msgspec.Struct, frozen=True):
    """A station that nobody added, with the SHA-256 of the key that it showed."""

    identity: str
    address: str
    key_sha256: bytes
    profile: int


class StrangerAnswer(msgspec.Struct, frozen=True):
    """What a stranger's boot hears: Pending with the time and when to ask again, or `known`: somebody took it in."""

    known: bool
    interval_s: int
    now: datetime


class Doorkeeper(Protocol):
    """Each call is one transaction."""

    async def admitted(self, station_id: UUID, entry: Entry) -> None:
        """A station connected in a way that changes what we know of it: a higher profile, a new key."""

    async def turned_away(self, station_id: UUID, why: str, profile: int) -> None:
        """A station showed the right key or certificate and is refused all the same: a `downgrade`."""

    async def revoked(self, fingerprint: str) -> bool:
        """Was this certificate (SHA-256, hex) revoked?"""

    async def hold(self, stranger: Stranger) -> bool:
        """May a stranger stay and wait for approval?"""

    async def stranger_boots(self, stranger: Stranger, info: BootInfo) -> StrangerAnswer:
        """A held stranger says what it is."""


class NoDoorkeeper:
    """Nobody waits, nothing is revoked, nothing is noted."""

    async def admitted(self, station_id: UUID, entry: Entry) -> None:
        """Not noted."""

    async def turned_away(self, station_id: UUID, why: str, profile: int) -> None:
        """Not noted."""

    async def revoked(self, fingerprint: str) -> bool:
        """Never."""
        del fingerprint
        return False

    async def hold(self, stranger: Stranger) -> bool:
        """Never."""
        del stranger
        return False

    async def stranger_boots(self, stranger: Stranger, info: BootInfo) -> StrangerAnswer:
        """Nobody is held, so nobody boots."""
        raise AssertionError(f"{type(stranger).__name__} {type(info).__name__}: nobody is held here")
