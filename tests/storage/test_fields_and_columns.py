"""What is written whole has a column for each of its fields: a name that is none would be left out, and nobody told."""

from uuid import uuid4

import pytest

from server.core.calibration import Record
from server.core.session import Session
from server.storage import stations, tables
from server.storage.plans import Plan
from server.storage.sessions import SessionEvent

WHOLE = [
    (Session, tables.Sessions),
    (Plan, tables.Plans),
    (Record, tables.ForecastRecords),
    (SessionEvent, tables.SessionEvents),
]


@pytest.mark.parametrize(("kind", "table"), WHOLE, ids=lambda one: one.__name__)
def test_every_field_has_a_column(kind, table):
    assert set(kind.__struct_fields__) <= set(table.__table__.c.keys())


async def test_what_is_no_column_of_a_station_is_not_left_out_unsaid(db):
    async with db.read() as tx:
        with pytest.raises(AssertionError, match="vendr"):
            await stations.update(tx, uuid4(), vendr="V", model="M")
