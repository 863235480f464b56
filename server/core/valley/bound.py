"""Proven lower bounds on what it costs to serve each demand what a plan serves it; floors and least powers aside.

Weak duality: whatever limits, grid and battery are said to be worth, buying all at those prices costs no more than any
plan. In whole numbers, so that nothing rests on a solver's tolerance.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from server.core.valley.alone import cheapest_rows
from server.core.valley.capacity import Ints, Model
from server.core.valley.joint import PCT, Joint, Shares, lent_wh, sale_wh, store_wh

HOUR_S = 3600


class Worths(msgspec.Struct, frozen=True, eq=False):
    """What one Wh more is worth, whole micro per kWh: of each limit by slot, and (t) of grid, peak and battery.

    `net` is negative where it would pay to take less. `held` is a hundredth of a Wh, from one slot to the next.
    """

    limit: Sequence[Ints]
    net: Ints
    under: Ints
    power: Ints
    sale: Ints
    held: Ints


def proven(asked: Joint, shares: Shares, served: Ints) -> int:
    """The bound that a program's optimum proves, nano-units."""
    model, rows, duals = asked.model, asked.rows, shares.solution.duals

    def worth(numbers: Ints, scale: float = 1.0) -> Ints:
        out = np.zeros(len(model.grid), np.int64)
        out[: len(numbers)] = np.rint(-duals[numbers] * asked.dearest * scale)
        return out

    worths = Worths(
        limit=[np.maximum(worth(numbers), 0) for numbers in rows.limit],
        net=worth(rows.net),
        under=np.maximum(worth(rows.under), 0),
        power=np.maximum(worth(rows.power), 0),
        sale=np.maximum(worth(rows.sale), 0),
        held=worth(rows.held, 1 / PCT),
    )
    return _cars(asked, worths, served) + _supply(model, worths) + _battery(model, worths) + _peak(model, worths)


def _cars(asked: Joint, worths: Worths, served: Ints) -> int:
    """All energy of the demands at the prices said, less what the limits are worth."""
    model = asked.model
    price = model.price + (worths.net + worths.under)[None, :]
    given = 0
    for limit, worth in zip(asked.rows.limits, worths.limit, strict=True):
        price = price + limit.weight[:, None] * worth[None, :]
        given += _times(limit.limit, worth)
    bought = cheapest_rows(price, model.caps, served)
    spent: int = sum((price * bought).sum(axis=1).tolist())
    return spent - given


def _supply(model: Model, worths: Worths) -> int:
    """The least that grid and solar energy can cost at the prices said."""
    lowest = lent_wh(model) if model.site.battery is not None else np.zeros_like(model.grid)
    by_solar = np.minimum(-model.rebate - worths.net - worths.under, 0)
    by_grid = _times(np.maximum(worths.net, 0), model.grid) - _times(np.minimum(worths.net, 0), lowest)
    return _times(by_solar, model.solar) - by_grid


def _battery(model: Model, worths: Worths) -> int:
    """The least that the battery can cost at the prices said."""
    battery = model.site.battery
    if battery is None:
        return 0
    most, here = store_wh(model), worths.net + worths.under
    charged = model.grid_price + here + worths.power - battery.efficiency_pct * worths.held
    given = -model.grid_price - here + worths.power - worths.sale + PCT * worths.held
    sold = model.rebate + here + worths.sale
    held = worths.held - np.append(worths.held[1:], 0)
    lowest = np.zeros_like(most)
    lowest[-1] = PCT * battery.stored_wh
    full = np.full_like(most, PCT * battery.capacity_wh)
    return (
        _times(np.minimum(charged, 0) + np.minimum(given, 0) - worths.power, most)
        + _times(np.minimum(sold, 0), sale_wh(model))
        + _times(held, np.where(held < 0, full, lowest))
        - int(worths.held[0]) * PCT * battery.stored_wh
    )


def _peak(model: Model, worths: Worths) -> int:
    """The least that the peak can cost at the prices said, rounded down."""
    price = model.site.peak_price_micro_per_kw
    if not price:
        return 0
    seconds, under = model.seconds.tolist(), worths.under.tolist()
    slope = price * HOUR_S - sum(worth * length for worth, length in zip(under, seconds, strict=True))
    so_far = model.site.peak_so_far_w
    top = max(so_far, int(np.max(model.site.limit_w)), int(model.base.max()))
    building = sum(w * s * base for w, s, base in zip(under, seconds, model.base.tolist(), strict=True))
    cost: int = (slope * (so_far if slope >= 0 else top) - price * HOUR_S * so_far + building) // HOUR_S
    return cost


def _times(left: Ints, right: Ints) -> int:
    """The sum of products; in Python's numbers, for 64 bits may be too few at the edges of the contract's ranges."""
    return sum(one * other for one, other in zip(left.tolist(), right.tolist(), strict=True))
