"""What a station says that it will allow."""

from typing import Any

from server.simulator.fleet.evse import Evse

PERIODS_MAX = 96
SECOND_US = 1_000_000


def periods(evse: Evse, start_us: int, duration_s: int) -> list[dict[str, Any]]:
    """The limits of the next seconds in the station's unit, one decimal, as periods of either version."""
    out: list[dict[str, Any]] = []
    now_us, end_us = start_us, start_us + duration_s * SECOND_US
    while now_us < end_us and len(out) < PERIODS_MAX:
        milli, until_us = evse.limit_at(now_us)
        limit = milli // 100 / 10
        if not out or out[-1]["limit"] != limit:
            out.append({"startPeriod": (now_us - start_us) // SECOND_US, "limit": limit})
        now_us = until_us
    return out
