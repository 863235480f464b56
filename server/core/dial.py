"""The dial "sure, balanced, cheap": what each stop promises, and the price of a session left short that keeps it.

The price is corrected by what became of the sessions that ended: whenever more of them than promised were left short
it rises, and else it falls slowly. So a promise holds on homes that nobody has seen before.
"""

import math
from collections.abc import Iterable
from enum import StrEnum

import msgspec

SHORT_WH = 2_000
"""A session that left with more than this missing counts against the promise."""
AIM = 0.85
"""The share of the promise that is aimed at: the rest is for chance."""
GAIN = 0.2
"""Each session left short beyond the aim raises the price by a fifth."""
STEEPEST = 3.0
WINDOW = 1_000
"""So many of the newest ended sessions are counted."""


class Dial(StrEnum):
    """The driver's choice between money and certainty."""

    SURE = "sure"
    BALANCED = "balanced"
    CHEAP = "cheap"


PROMISE = {Dial.SURE: 0.01, Dial.BALANCED: 0.03, Dial.CHEAP: 0.08}
"""At most this share of sessions leaves more than 2 kWh short."""
FIRST_RISK_EUR = {Dial.SURE: 6.0, Dial.BALANCED: 2.0, Dial.CHEAP: 0.6}
"""What a session left short costs before any has ended, EUR."""


class Record(msgspec.Struct, frozen=True):
    """What became of the newest ended sessions at one stop of the dial: how many there were, how many left short."""

    ended: int = 0
    short: int = 0


def risk_eur(dial: Dial, record: Record, first_eur: float | None = None) -> float:
    """What a session that leaves more than 2 kWh short costs in a plan, EUR, by the sessions that ended so far.

    Args:
        dial: the driver's stop.
        record: what became of the sessions at that stop.
        first_eur: what it costs before any has ended; None: as tuned.
    """
    return (FIRST_RISK_EUR[dial] if first_eur is None else first_eur) * correction(dial, record)


def correction(dial: Dial, record: Record) -> float:
    """By how much the record raises (above 1) or lowers that price."""
    beyond = record.short - AIM * PROMISE[dial] * record.ended
    return math.exp(min(STEEPEST, max(-STEEPEST, GAIN * beyond)))


def record(missing_wh: Iterable[int]) -> Record:
    """The record of ended sessions (what each left missing, Wh; newest last)."""
    newest = list(missing_wh)[-WINDOW:]
    return Record(len(newest), sum(1 for wh in newest if wh > SHORT_WH))
