"""What a replay is run with."""

from enum import StrEnum

import msgspec

from server.core.dial import Dial
from server.core.replay_planner import Rule


class Policy(StrEnum):
    """Who plans: nobody, one who knows the future, or the forecast."""

    PERFECT = "perfect"
    FORECAST = "forecast"
    UNCONTROLLED = "uncontrolled"


class EnergyKnowledge(StrEnum):
    """Whether the planner is told a stay's energy (it leaks the departure: engine, trap 1) or estimates it."""

    KNOWN = "known"
    ESTIMATED = "estimated"


class Settings(msgspec.Struct, frozen=True):
    """What a replay is run with.

    `risk`: the dial's number itself, EUR per session left more than `short_wh` short (rules best and gap) or EUR per
    kWh (slots); None: the dial's promise, kept by what became of the sessions that ended. `ask`: the share of sessions
    in which the driver is asked. `first_risk`: what the dial begins with instead of its own number.
    """

    policy: Policy = Policy.FORECAST
    energy: EnergyKnowledge = EnergyKnowledge.ESTIMATED
    rule: Rule = Rule.BEST
    dial: Dial = Dial.SURE
    risk: float | None = None
    short_wh: int = 1_000
    ask: float | None = None
    first_risk: float | None = None
    floor_wh: int = 5_000
    power_w: int | None = None
    shift_weeks: int = 0
