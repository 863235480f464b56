"""Runs migrations on the connection that storage.schema hands over."""

from typing import Literal

import sqlalchemy as sa
from alembic import context
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from server.storage import tables
from server.storage.columns import Encoded, UtcDateTime

assert tables.Parties.__tablename__ == "parties"  # the import fills the metadata


def plain(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Our column types as what the database sees, so that a migration never depends on today's code."""
    if kind == "type" and isinstance(item, Encoded):
        return "sa.Text()"
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    return False


connection: sa.Connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.execute(sa.text("select pg_advisory_xact_lock(4711)"))
context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True, render_item=plain)
with context.begin_transaction():
    context.run_migrations()
