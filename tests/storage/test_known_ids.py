"""Ids that were read before are looked up; what is written and read stays what it was."""

from uuid import uuid4

import sqlalchemy as sa

from server.storage import known_ids
from server.storage.tables.places import Stations

NOBODY = sa.literal(None, sa.Uuid()).label("nobody")


async def test_an_id_is_read_as_it_was_written_and_the_second_time_it_is_known(db):
    columns = sa.select(Stations.id, Stations.party_id, NOBODY)
    async with db.read() as tx:
        first = (await tx.execute(columns)).all()
        parsed = known_ids._parsed.cache_info().misses
        again = (await tx.execute(columns)).all()
    assert first == again
    assert {row.nobody for row in first} == {None}
    async with db.read() as tx:
        for row in first:
            assert (await tx.execute(sa.select(Stations.id).where(Stations.id == row.id))).scalar() == row.id
    if db.sqlite:
        assert first
        assert known_ids._parsed.cache_info().misses == parsed
        assert all(one.id is other.id for one, other in zip(first, again, strict=True))


def test_an_unknown_id_is_parsed():
    one = uuid4()
    assert known_ids._id(one.hex) == one
