"""Times as stations write them, and as they can read them."""

from datetime import UTC, datetime, tzinfo

EARLIEST_YEAR, LATEST_YEAR = 2010, 2200
"""A clock outside of these was never set (1970, 2000) or is broken."""


def read(text: str | None, clock: tzinfo | None = None) -> datetime | None:
    """The moment in `text`, aware UTC, or None where there is none or its clock was never set.

    Reads any ISO 8601 form, offsets without minutes too. `clock` is the zone of a station that writes local time
    without an offset or marks it Z; an offset other than Z is believed before it. Without both, UTC.
    """
    if text is None or "-" not in text[:8]:
        return None
    try:
        moment = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        return None
    if not EARLIEST_YEAR <= moment.year < LATEST_YEAR:
        return None
    if moment.tzinfo is UTC and clock is None:  # most write Z
        return moment
    if not moment.utcoffset():
        moment = moment.replace(tzinfo=clock or UTC)
    return moment.astimezone(UTC)


def write(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ`: some stations refuse micro-seconds, and `+00:00` (lbbrhzn/ocpp#512)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
