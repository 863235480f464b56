"""Keeps SQLite's log short, off the way of who writes."""

import asyncio

from server.storage.db import Database
from server.workers.runner import attempt

EVERY_S = 1.0


async def make(db: Database) -> None:
    """Look at the log now and then, until cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        await attempt(db.checkpoint(), what="checkpoint")
