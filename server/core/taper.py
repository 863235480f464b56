"""Near full a car takes less than it could: how much longer that makes its charge is learnt from its own sessions."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

import msgspec

from server.core.meter import Reading

DRAWS_W = 500
WHOLE_PCT = 90
"""A power of at least this share of the car's highest is no taper, nor is less than that where no more was allowed."""
TAIL_MAX_S = 2_700
LEARNS_PCT = 50


class _Pace(msgspec.Struct, frozen=True):
    """What flowed between two readings, and what was allowed then."""

    seconds: int
    energy_wh: int
    power_w: int
    allowed_w: int


def tail_s(readings: Sequence[Reading], allowed_w: Callable[[datetime], int]) -> int:
    """How much longer the last part of a charge that ended full took than it would have at full power, s; 0 to 45 min.

    Args:
        readings: the registers of one session, oldest first.
        allowed_w: the power that the plan in force allowed at a moment, W.
    """
    paces = [
        _Pace(seconds, energy, energy * 3600 // seconds, allowed_w(before.at))
        for before, after in pairwise(readings)
        if (seconds := int((after.at - before.at).total_seconds())) > 0
        and (energy := after.register_wh - before.register_wh) >= 0
    ]
    top = max((pace.power_w for pace in paces), default=0)
    whole = top * WHOLE_PCT // 100
    tail: list[_Pace] = []
    for pace in reversed(paces):
        if pace.power_w >= whole or pace.allowed_w < whole:
            break
        tail.append(pace)
    drawn = [pace for pace in tail if pace.power_w >= DRAWS_W]
    extra = sum(pace.seconds - pace.energy_wh * 3600 // top for pace in drawn) if top else 0
    return max(0, min(extra, TAIL_MAX_S))


def learnt(known_s: int | None, seen_s: int) -> int:
    """What to expect after one more session, s: half of what was known, half of what was seen."""
    return seen_s if known_s is None else (known_s * (100 - LEARNS_PCT) + seen_s * LEARNS_PCT) // 100
