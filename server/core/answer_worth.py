"""What it is worth to know when a car leaves, in money: the plan by forecast beside the best plan for each departure.

Said to the driver, so it counts what is paid and nothing of the dial's price of a car left short: energy that is
missing is paid later at the price of charging at once.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from server.core.ask import Wish
from server.core.contract import ContractKind, ContractTerms
from server.core.departure import Floats
from server.core.objective import BPS, at_once_micro

ASK_FROM_MINOR = 10
"""Nobody is asked for less than this."""
ASK_SHARE = 0.2
"""In at most so many of the sessions whose departure is forecast the driver is asked."""
NANO_PER_MINOR = 10_000_000
OWN_BILL = (ContractKind.HOME_DYNAMIC, ContractKind.HOME_NIGHT, ContractKind.PUBLIC_TIMED)
"""Where planning prices are the driver's own benefit already; else the driver has a share of the market's value."""


class Stake(msgspec.Struct, frozen=True):
    """A session planned by forecast, by slot.

    `survival`: the chance that the car is there at the slot's end. `planned_wh`: the plan. `room_wh`: what fits in.
    `floor_wh` of `energy_wh` comes first, whatever is known. `missing_micro`: what missing energy costs later.
    """

    prices: Sequence[int]
    survival: Sequence[float]
    planned_wh: Sequence[int]
    room_wh: Sequence[int]
    energy_wh: int
    floor_wh: int
    missing_micro: int


def stake(wish: Wish, planned_wh: Sequence[int], seconds: Sequence[int]) -> Stake:
    """What is at stake in a session that was asked for by forecast; `seconds`: what is to come of each slot."""
    assert wish.survival is not None, "planned by forecast"
    room = [wish.max_w * rest // 3600 for rest in seconds]
    needed = -(-wish.need.energy_wh // max(1, *room))
    return Stake(
        prices=wish.prices,
        survival=wish.survival,
        planned_wh=planned_wh,
        room_wh=room,
        energy_wh=wish.need.energy_wh,
        floor_wh=wish.need.floor_wh,
        missing_micro=at_once_micro(wish.prices, needed),
    )


def drivers_minor(stake: Stake, terms: ContractTerms) -> int:
    """What the answer brings the driver in the mean, minor units, never negative."""
    share = BPS if terms.kind in OWN_BILL else terms.share_driver_bps
    return max(0, round(answer_worth_nano(stake) * share / BPS / NANO_PER_MINOR))


def answer_worth_nano(stake: Stake) -> float:
    """The mean cost of the plan by forecast less the mean cost of the best plans, nano-units.

    The mean is over the slot in which the car leaves; who leaves in a slot has charged in the slots before it.
    """
    there = np.minimum.accumulate(np.asarray(stake.survival, dtype=np.float64))
    prices = np.asarray(stake.prices, dtype=np.float64) - stake.missing_micro
    planned = float((np.asarray(stake.planned_wh) * there * prices).sum())
    leaves = -np.diff(np.append(there, 0.0), prepend=1.0)
    return planned - float(leaves @ _best(stake, prices))


def _best(stake: Stake, prices: Floats) -> Floats:
    """The least cost (against charging nothing) for each slot in which the car may leave, the end of the grid last."""
    slots = len(prices)
    room = np.asarray(stake.room_wh, dtype=np.float64)
    first = _filled(room[None, :], stake.floor_wh)[0]
    before = np.arange(slots)[None, :] < np.arange(slots + 1)[:, None]
    order = np.argsort(prices, kind="stable")
    free = ((room - first) * before)[:, order]
    rest = _filled(free, stake.energy_wh - stake.floor_wh)
    best: Floats = (first * before) @ prices + rest @ prices[order]
    return best


def _filled(room: Floats, energy_wh: int) -> Floats:
    """Each row filled from the left until the energy is in."""
    total = np.minimum(np.cumsum(room, axis=1), max(0, energy_wh))
    filled: Floats = np.diff(total, axis=1, prepend=0.0)
    return filled
