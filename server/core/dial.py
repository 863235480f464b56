"""The dial "sure, balanced, cheap": what each stop promises, and the price of a session left short that keeps it.

The price is corrected by what became of the sessions that ended: whenever more of them than promised were left short
it rises, and else it falls slowly. So a promise holds on homes that nobody has seen before.
"""

import math
from collections.abc import Iterable
from enum import StrEnum
from functools import reduce

SHORT_WH = 2_000
"""A session that left with more than this missing counts against the promise."""
AIM = 0.8
"""The share of the promise that is aimed at: the rest is for chance."""
GAIN = 0.2
"""Each session left short beyond the aim raises the price by a fifth."""
LEAST, MOST = -8.0, 15.0
"""How far a balance goes: what went well for years does not excuse many sessions, and no plan is asked for miracles."""


class Dial(StrEnum):
    """The driver's choice between money and certainty."""

    SURE = "sure"
    BALANCED = "balanced"
    CHEAP = "cheap"


PROMISE = {Dial.SURE: 0.01, Dial.BALANCED: 0.03, Dial.CHEAP: 0.08}
"""At most this share of sessions leaves more than 2 kWh short."""
CAREFUL = 1.5
"""Before anything is known of an installation a session left short costs this much more than was tuned elsewhere."""
FIRST_RISK_EUR = {Dial.SURE: 6.0 * CAREFUL, Dial.BALANCED: 2.0 * CAREFUL, Dial.CHEAP: 0.6 * CAREFUL}
"""What a session left short costs before any has ended, EUR."""


def risk_eur(dial: Dial, balance: float, first_eur: float | None = None) -> float:
    """What a session that leaves more than 2 kWh short costs in a plan, EUR.

    Args:
        dial: the driver's stop.
        balance: what became of the sessions at that stop that ended so far (`after`), 0 before any has.
        first_eur: what it costs before any has ended; None: as tuned.
    """
    return (FIRST_RISK_EUR[dial] if first_eur is None else first_eur) * math.exp(GAIN * balance)


def after(dial: Dial, balance: float, missing_wh: int) -> float:
    """The balance of a stop after one more session has ended: sessions left short beyond the aim.

    Args:
        dial: the stop at which the session was planned.
        balance: the balance before, by the order in which sessions end.
        missing_wh: what the car left without, of what it wanted.
    """
    return min(MOST, max(LEAST, balance + (missing_wh > SHORT_WH) - AIM * PROMISE[dial]))


def balance(dial: Dial, missing_wh: Iterable[int]) -> float:
    """The balance of a stop after all its sessions, in the order in which they ended."""
    return reduce(lambda so_far, missing: after(dial, so_far, missing), missing_wh, 0.0)
