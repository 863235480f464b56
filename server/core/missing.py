"""What a session left short when it ended, and why: what only life can do, then what the plan had said."""

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec

from shared.plans import Shortfall

LEAST_WH = 1_000
"""Less is the taper near full and the rounding of a profile (engine A2 counts a session short from 1 kWh on)."""
EARLY = timedelta(minutes=5)
NOT_PLANNED = ("car_not_drawing", "station_offline", "not_followed")
"""Reasons that say nothing of how well it was planned."""


class Ending(msgspec.Struct, frozen=True):
    """How a stay ended. `wanted_wh`: what the last plan meant to have delivered in all; `events`: what happened.

    `forecast`: nobody had said when the car leaves; `to_come`: that plan had energy still to come.
    """

    energy_wh: int
    wanted_wh: int
    ended_at: datetime
    depart_at: datetime | None
    full: bool
    asleep: bool
    planned_reason: str | None
    events: Collection[str]
    forecast: bool = False
    to_come: bool = False
    stopped: bool = False  # by an app, an operator or a fault, not by pulling the plug


def shortfall(ending: Ending) -> Shortfall | None:
    """The energy that was missing at unplug with its reason, None where the car had what it needed or was full."""
    missing_wh = ending.wanted_wh - ending.energy_wh
    if missing_wh < LEAST_WH or (ending.full and not ending.asleep):
        return None
    return Shortfall(missing_wh, _reason(ending))


def _reason(ending: Ending) -> str:
    if ending.depart_at is None or ending.ended_at < ending.depart_at - EARLY:
        if ending.stopped:
            return "stopped"
        return "left_sooner" if ending.forecast else "left_early"
    if ending.asleep:
        return "car_not_drawing"
    if "offline" in ending.events:
        return "station_offline"
    if ending.forecast and ending.to_come:
        return "left_sooner"  # the plan took the risk that its driver's dial allows
    if ending.planned_reason is not None:
        return ending.planned_reason
    return "not_followed" if "not_followed" in ending.events else "energy_misjudged"
