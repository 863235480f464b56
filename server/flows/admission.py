"""Whether a station may go to work: its operator may hold it (Pending), or turn it away (Rejected), at its boot."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.station import Station
from server.storage import outbox, stations

ASK_BOOT = "ask_boot"


async def set_to(tx: AsyncSession, station: Station, admission: str, now: datetime) -> None:
    """What its next boot is answered; one that is connected is asked to say that it boots."""
    if admission == station.admission:
        return
    await stations.update(tx, station.id, admission=admission)
    if station.online:
        await outbox.put_once(tx, ASK_BOOT, str(station.id), {}, now)
