"""What stations sign in with: keys as SHA-256, and the security profile that they may not go below."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.reports import Credential
from server.storage.db import padded
from server.storage.tables import Parties, Stations

STATIONS = Stations.__table__  # type: ignore[attr-defined]
S = STATIONS.c
P = Parties.__table__.c  # type: ignore[attr-defined]
ORGANIZATION_MAX = 64
"""A certificate's organization (X.520) has so many characters at most."""


SIGNED = (S.identity, S.id, S.key_sha256, S.new_keys_sha256, S.security_profile, S.traits, S.admission)
WANTED = (*SIGNED, S.vendor, S.model, P.name)
SOME = sa.select(*WANTED).join(Parties, P.id == S.party_id)
SOME = SOME.where(S.identity.in_(sa.bindparam("identities", expanding=True)))


async def of(tx: AsyncSession, identities: Sequence[str]) -> dict[str, Credential]:
    """The stations behind identities and what they sign in with, their make and their quirks, in one trip."""
    return {found.identity: _credential(found) for found in await tx.execute(SOME, {"identities": padded(identities)})}


def _credential(found: sa.Row[*tuple[Any, ...]]) -> Credential:
    return Credential(
        station_id=found.id,
        key_sha256=bytes.fromhex(found.key_sha256),
        new_keys=tuple(map(bytes.fromhex, found.new_keys_sha256.split())),
        security_profile=found.security_profile,
        organization=found.name[:ORGANIZATION_MAX],
        quirks=() if found.traits is None else found.traits.quirks,
        vendor=found.vendor,
        model=found.model,
        admission=found.admission,
    )


async def raise_profile(tx: AsyncSession, station_id: UUID, profile: int) -> bool:
    """A station may not go below this profile any more; False where it was there or above already."""
    higher = sa.update(STATIONS).where(S.id == station_id, S.security_profile < profile)
    return bool((await tx.execute(higher.values(security_profile=profile))).rowcount)  # type: ignore[attr-defined]


async def has_profile(tx: AsyncSession, station_id: UUID, profile: int) -> bool:
    """Whether a station has connected with this profile, or one above."""
    reached = sa.select(S.id).where(S.id == station_id, S.security_profile >= profile).with_for_update()
    return (await tx.execute(reached)).first() is not None


async def new_keys(tx: AsyncSession, station_id: UUID) -> list[str]:
    """The SHA-256, in hex, of keys that a station was told and has not used."""
    found = (await tx.execute(sa.select(S.new_keys_sha256).where(S.id == station_id).with_for_update())).scalar_one()
    return str(found).split()


async def set_new_keys(tx: AsyncSession, station_id: UUID, digests: Iterable[str]) -> None:
    """What the station may sign in with from now on, beside its key."""
    await tx.execute(sa.update(STATIONS).where(S.id == station_id).values(new_keys_sha256=" ".join(digests)))


async def settle_key(tx: AsyncSession, station_id: UUID, digest: str) -> None:
    """A new key was used: it is the only one."""
    await tx.execute(sa.update(STATIONS).where(S.id == station_id).values(key_sha256=digest, new_keys_sha256=""))
