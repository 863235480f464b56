"""What is remembered of a station: what it takes, and how it is to be treated."""

from collections.abc import Mapping, Sequence

import msgspec

WRITES_A_DAY = 200
"""A new plan every quarter of an hour is 96; twice that is left for changes. Makers say little about their flash."""
STACK_LEVEL = 1
"""Of a transaction's profile: above the default one."""
PERIODS_LEAST = 2


class Traits(msgspec.Struct, frozen=True, omit_defaults=True):
    """A station's, as it is kept. None: it has not said."""

    quirks: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    periods_max: int | None = None
    stack_max: int | None = None
    auto_configure: bool = True
    local_list: bool = True
    flash_writes_a_day: int = WRITES_A_DAY


KEYS = ("ChargingScheduleAllowedChargingRateUnit", "ChargeProfileMaxStackLevel", "ChargingScheduleMaxPeriods")
"""What a station is asked of itself (OCPP 1.6 §9.4)."""


def unit_of(said: Mapping[str, str]) -> str:
    """A or W: one that does not say takes A; one that takes both is told A."""
    units = said.get(KEYS[0], "").lower()
    return "W" if "power" in units and "current" not in units else "A"


def probed(traits: Traits, said: Mapping[str, str]) -> Traits:
    """The traits with what a station says of itself."""
    stack, periods = _number(said.get(KEYS[1])), _number(said.get(KEYS[2]))
    return msgspec.structs.replace(traits, stack_max=stack, periods_max=periods)


def heard(traits: Traits, purpose: str, *, accepted: bool) -> Traits:
    """The traits after a profile of a purpose was taken or refused: the last word counts."""
    taken, refused = set(traits.purposes) - {purpose}, set(traits.refused) - {purpose}
    (taken if accepted else refused).add(purpose)
    return msgspec.structs.replace(traits, purposes=tuple(sorted(taken)), refused=tuple(sorted(refused)))


def stack_level(traits: Traits) -> int:
    """Where a plan stands: some refuse the highest level that they name (ABB, lbbrhzn/ocpp#1737)."""
    return STACK_LEVEL if traits.stack_max is None or traits.stack_max > STACK_LEVEL else 0


def within_periods(steps: Sequence[tuple[int, float]], most: int | None) -> list[tuple[int, float]]:
    """A schedule in no more periods than a station holds: what does not fit is one period at its lowest limit.

    So it never allows more than the plan; the plan is told again before that last period begins.
    """
    found = list(steps)
    if most is None or len(found) <= max(most, PERIODS_LEAST):
        return found
    kept = max(most, PERIODS_LEAST) - 1
    return [*found[:kept], (found[kept][0], min(limit for _, limit in found[kept:]))]


def _number(text: str | None) -> int | None:
    value = (text or "").strip()
    return int(value) if value.isdecimal() and len(value) < 6 and int(value) > 0 else None
