"""Limits as charging profiles of every version say them: one decimal, never more than was meant."""

import math

from server.core.valley.charging_profile import Unit
from shared.units import VOLTS


def limit_of(power_w: int, unit: Unit, phases: int) -> float:
    """A power as a profile says it: W, or A on each of `phases` at nominal voltage; one decimal, never more than it."""
    tenths = power_w * 10 if unit == "W" else power_w * 10 // (VOLTS * phases)
    return tenths / 10


def one_decimal(limit: float) -> float:
    """Downwards; what is a tenth but for the float's last bits stays that tenth."""
    return math.floor(limit * 10 + 1e-6) / 10
