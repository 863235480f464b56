"""Units and the one rounding of money (see design: energy Wh, power W, current mA, price micro per kWh, cost nano)."""

VOLTS = 230
SLOT_SECONDS = 900
NANO_PER_MINOR = 10_000_000
"""Nano-units in one minor unit (cent): 1 EUR = 1e9 nano = 100 cents."""


def cost_nano(price_micro_per_kwh: int, energy_wh: int) -> int:
    """Cost of energy, exact, in nano-units of the currency: micro/kWh x Wh = 1e-9."""
    return price_micro_per_kwh * energy_wh


def minor_half_up(nano: int) -> int:
    """Nano-units as whole minor units (cents), half up (towards plus infinity): the one rounding of money."""
    return (2 * nano + NANO_PER_MINOR) // (2 * NANO_PER_MINOR)


def power_w(current_ma: int, phases: int) -> int:
    """Power at nominal voltage of a current per phase, in whole W (rounded down)."""
    return current_ma * VOLTS * phases // 1000


def current_ma(power: int, phases: int) -> int:
    """Current per phase at nominal voltage of a power in W, in whole mA (rounded down)."""
    return power * 1000 // (VOLTS * phases)
