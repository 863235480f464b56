"""The baseline: the same metered energy, charged at full power from plug-in (domain 1.2)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

import msgspec

METERED_MEAN = "metered_mean"


class Baseline(msgspec.Struct, frozen=True):
    """Energy of the baseline by slot, Wh, at a power that is stated with its source; it holds all metered energy."""

    energy_wh: tuple[int, ...]
    power_w: int
    source: str


def baseline(seconds: Sequence[int], energy_wh: int, power_w: int, source: str) -> Baseline:
    """The baseline of a stay whose slots hold `seconds` each: differences of min(energy, power x time), half up to Wh.

    It knows nothing of the plan or of when the meter ran. Where the meter shows more energy than the power allows in
    the whole stay, the power was set too low: then it is the mean that the meter proves, so that both sides of the
    comparison hold the same energy and what is constant in the price cancels.
    """
    stay = sum(seconds)
    if not stay:
        return Baseline((*([0] * (len(seconds) - 1)), energy_wh), power_w, source)
    proven_w = -(-energy_wh * 3600 // stay)
    if proven_w > power_w:
        power_w, source = proven_w, METERED_MEAN
    cumulative = [min(energy_wh, (2 * power_w * elapsed + 3600) // 7200) for elapsed in accumulate(seconds)]
    return Baseline(tuple(after - before for before, after in pairwise([0, *cumulative])), power_w, source)


def before(moment: datetime, starts: Sequence[datetime], seconds: Sequence[int], energy_wh: Sequence[int]) -> list[int]:
    """What of each slot's energy flowed before a moment, Wh, evenly within the slot and rounded down."""
    return [
        energy_wh[slot] * _part(moment, start, seconds[slot]) // max(1, seconds[slot])
        for slot, start in enumerate(starts)
    ]


def _part(moment: datetime, start: datetime, seconds: int) -> int:
    return min(seconds, max(0, (moment - start) // timedelta(seconds=1)))
