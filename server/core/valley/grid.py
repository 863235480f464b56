"""What the grid connection gives to a plan, what that costs beside the building alone, and its peak.

Cost (contract, README.md here): what cars and battery add to the site's bill. Grid energy at its price and carbon,
solar energy at the feed-in price that it would have earned, the peak beyond the peak so far; the battery's own.
"""

import msgspec
import numpy as np

from server.core.valley.capacity import Ints, Limit, Model


class Store(msgspec.Struct, frozen=True, eq=False):
    """What a battery takes and gives by slot, Wh (t). It may give at most `sold` to the grid; `lent` is the building's
    own load, which it may cover.
    """

    charged: Ints
    given: Ints
    sold: Ints
    lent: Ints

    @property
    def taken(self) -> Ints:
        """What it takes, less what it gives."""
        return self.charged - self.given


def no_store(model: Model) -> Store:
    """A site without a battery."""
    nothing = np.zeros_like(model.grid)
    return Store(nothing, nothing, nothing, nothing)


def solar_used(model: Model, plan: Ints, store: Store) -> Ints:
    """Solar energy that cars and battery take, Wh (t); negative where the battery sells.

    All of it, unless selling it is worth more than the grid's energy: then only what the grid cannot give. A battery
    covers the building's load before it sells.
    """
    if model.site.battery is None and not model.solar.any():
        return np.zeros_like(model.solar)
    net = plan.sum(axis=0) + store.taken
    most = np.maximum(np.minimum(model.solar, net + store.lent), -store.sold)
    least = np.minimum(np.maximum(np.minimum(most, 0), net - model.grid), most)
    used: Ints = np.where(model.rebate >= 0, most, least)
    return used


def drawn(model: Model, plan: Ints, store: Store) -> Ints:
    """What the grid gives beside the building's load, Wh (t); negative where the battery covers some of that."""
    net: Ints = plan.sum(axis=0) + store.taken - solar_used(model, plan, store)
    return net


def peak_w(model: Model, plan: Ints, store: Store) -> int:
    """The highest power from the grid, W, rounded up, the building's included; never below 0."""
    power = model.base - (-drawn(model, plan, store) * 3600 // model.seconds)
    return max(0, int(power.max()))


def grid_wh(model: Model, plan: Ints, store: Store) -> Ints:
    """What the grid delivers by slot, the building's load included, Wh (t); 0 where the site sells."""
    delivered: Ints = np.maximum(model.base * model.seconds // 3600 + drawn(model, plan, store), 0)
    return delivered


def energy_nano(model: Model, plan: Ints, store: Store, price: Ints) -> int:
    """What a plan costs at `price` (n, t), without the peak. Summed by row: all together could pass 64 bits."""
    bought: int = sum((price * plan).sum(axis=1).tolist())
    taken = store.taken
    if taken.any():
        bought += sum(one * energy for one, energy in zip(model.grid_price.tolist(), taken.tolist(), strict=True))
    if not model.solar.any() and not store.sold.any():
        return bought
    used = solar_used(model, plan, store)
    saved: int = sum(one * energy for one, energy in zip(model.rebate.tolist(), used.tolist(), strict=True))
    return bought - saved


def peak_nano(model: Model, watts: int) -> int:
    """What a peak costs beyond the peak so far."""
    return model.site.peak_price_micro_per_kw * max(0, watts - model.site.peak_so_far_w)


def cost_nano(model: Model, plan: Ints, store: Store) -> int:
    """What a plan costs, in nano-units of the currency: energy, carbon and peak, less what solar energy saves."""
    return energy_nano(model, plan, store, model.price) + peak_nano(model, peak_w(model, plan, store))


def within(model: Model, watts: int) -> Model:
    """The site with its import held to a level, W. Below the building's load only a battery can hold it: `grid` < 0."""
    level = (watts - model.base) * model.seconds // 3600
    if model.site.battery is None:
        level = np.maximum(level, 0)
    return _supplied(model, np.minimum(model.grid, level), model.solar)


def counted(model: Model, held: Model, plan: Ints, store: Store) -> Model:
    """The site held to the peak that a plan really has, by which it is counted; `held` to the one it was made for."""
    if not model.site.peak_price_micro_per_kw:
        return model
    return within(model, max(model.site.peak_so_far_w, peak_w(held, plan, store)))


def beside(model: Model, store: Store) -> Model:
    """The site as its cars see it where the battery keeps to its plan: what is left of grid and solar energy."""
    alone = np.zeros((0, len(model.grid)), np.int64)
    free = np.maximum(model.grid + model.solar - store.taken, 0)
    # Below the building's load nothing flows back: what the battery gives beyond it, and cannot sell, waits for a car.
    by_grid = np.maximum(model.grid - np.maximum(drawn(model, alone, store), -store.lent), 0)
    left = np.minimum(free, by_grid)
    return _supplied(model, left, free - left)


def _supplied(model: Model, grid: Ints, solar: Ints) -> Model:
    limit: Limit = msgspec.structs.replace(model.limits[-1], limit=grid + solar)
    return msgspec.structs.replace(model, grid=grid, solar=solar, limits=[*model.limits[:-1], limit])
