"""In which sessions the driver is asked for the departure: those where the answer is worth most (chance_plan)."""

from collections.abc import Sequence

NEWEST = 500
"""Values are compared with so many of the newest, for seasons and prices change."""
CATCH_UP = 100
"""A backlog of questions is worked off within so many sessions."""


def worth_it(value_eur: float, past_values_eur: Sequence[float], asked: int, share: float) -> bool:
    """Whether to ask now, so that in the long run `share` of the sessions is asked, and never more at any time.

    Args:
        value_eur: what the answer is worth in this session.
        past_values_eur: the same of the sessions before, asked or not, oldest first.
        asked: in how many of them the driver was asked.
        share: in which share of sessions drivers may be asked, 0 to 1.
    """
    if value_eur <= 0 or asked + 1 > share * (len(past_values_eur) + 1):
        return False
    newest = past_values_eur[-NEWEST:]
    dearer = sum(1 for value in newest if value >= value_eur)
    backlog = share * len(past_values_eur) - asked
    return dearer <= (share + backlog / CATCH_UP) * len(newest)
