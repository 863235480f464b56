"""Which visits can be replayed, and on which slots: from plug-in to plug-out, to the second."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from server.core import replay_planner
from server.core.localtime import DAY_S, Ints
from server.core.replay_lessons import Visit
from server.core.replay_prices import PriceRaster
from shared.units import SLOT_SECONDS

ROUNDING_WH = 10
"""Meters and clocks round: this much more than fits into a stay is no contradiction."""
WEEK_S = 7 * DAY_S


class Skip(StrEnum):
    """Why a session is not replayed."""

    DUPLICATE = "duplicate"
    NO_TIMES = "no_times"
    NO_ENERGY = "no_energy"
    NO_POWER = "no_power"
    TOO_SHORT = "too_short"
    NO_PRICES = "no_prices"


class Case(msgspec.Struct, frozen=True, eq=False):
    """A visit that can be replayed: its slots from plug-in to plug-out."""

    row: int
    session_id: str
    arrived_s: int
    left_s: int
    power_w: int
    energy_wh: int
    room_wh: Ints
    prices: Ints

    @property
    def first_s(self) -> int:
        """The start of the first slot, on the raster."""
        return self.arrived_s // SLOT_SECONDS * SLOT_SECONDS


def shifted(visit: Visit, weeks: int) -> Visit:
    """The same visit whole weeks later."""
    if visit.started_s is None or visit.ended_s is None:
        return visit
    start, end = visit.started_s + weeks * WEEK_S, visit.ended_s + weeks * WEEK_S
    return msgspec.structs.replace(visit, started_s=start, ended_s=end)


def refusals(visits: Sequence[Visit]) -> list[Skip | None]:
    """What is wrong with each visit by itself."""
    seen: set[str] = set()
    out: list[Skip | None] = []
    for one in visits:
        skip = None
        if one.session_id and one.session_id in seen:
            skip = Skip.DUPLICATE
        elif one.started_s is None or one.ended_s is None or one.ended_s <= one.started_s:
            skip = Skip.NO_TIMES
        elif one.energy_wh is None or one.energy_wh <= 0:
            skip = Skip.NO_ENERGY
        seen.add(one.session_id)
        out.append(skip)
    return out


def case(visit: Visit, row: int, prices: PriceRaster, most_w: int | None) -> Case | Skip:
    """A visit that nothing is wrong with by itself, on its slots; `most_w`: the power at which energy flows at most."""
    assert visit.started_s is not None
    assert visit.ended_s is not None
    assert visit.energy_wh is not None
    power_w = min((limit for limit in (most_w, visit.max_power_w) if limit), default=0)
    if not power_w:
        return Skip.NO_POWER
    first_s = visit.started_s // SLOT_SECONDS * SLOT_SECONDS
    slots = -(-visit.ended_s // SLOT_SECONDS) - first_s // SLOT_SECONDS
    fits_wh = power_w * (visit.ended_s - visit.started_s) // 3_600
    if visit.energy_wh > fits_wh + ROUNDING_WH:
        return Skip.TOO_SHORT
    if prices.known(first_s, slots) < slots:
        return Skip.NO_PRICES
    return Case(
        row=row,
        session_id=visit.session_id,
        arrived_s=visit.started_s,
        left_s=visit.ended_s,
        power_w=power_w,
        energy_wh=min(visit.energy_wh, fits_wh),
        room_wh=replay_planner.rooms(power_w, visit.started_s, visit.ended_s),
        prices=prices.window(first_s, slots),
    )
