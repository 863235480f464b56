"""How much energy a car will still want: a distribution, not a number, learnt from stays that have ended.

A past session weighs by its age; the sessions of other drivers are a prior that is worth one and a half, so that the
first session has a forecast too. A stay that was cut short tells little of what the car would have taken, and says
how fast it draws: nobody can leave more energy behind than the car would have drawn by then.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec
import numpy as np

from server.core.departure import Floats
from server.core.localtime import DAY_S, Ints

STEP_WH = 250
MOST_WH = 100_000
"""Energies are rounded up to steps of 250 Wh, up to what the largest car batteries hold."""
EDGES_WH = np.arange(0, MOST_WH + 1, STEP_WH, dtype=np.int64)
HALF_LIFE_S = 60 * DAY_S
PRIOR_SESSIONS = 1.5
GUESS_MEAN_WH = 12_000
"""What nobody's sessions say: 12 kWh in the mean, falling steadily."""
CUT_SHORT = 0.85
CUT_SHORT_WEIGHT = 0.5
"""A session that drew at 85 % of the car's rate all its stay was ended by the driver, not by a full battery."""
SLOWEST_W = 3_600
UNKNOWN_RATE_W = 7_400
RATE_SESSIONS = 3
"""So few sessions may all have been slow ones: then the car is taken to draw 7.4 kW (32 A on one phase) at least."""
OWN_LIMIT = 400
PRIOR_LIMIT = 1_000
LEAST_CHANCE = 0.003
"""Energy that is wanted less often than this is not planned: a car that goes on drawing is simply not stopped."""


class Meals(msgspec.Struct, frozen=True, eq=False):
    """Ended sessions as columns: what was taken (Wh), when the stay ended (UTC seconds), how long it was (s)."""

    energy_wh: Ints
    ended_s: Ints
    stay_s: Ints


class Appetite(msgspec.Struct, frozen=True, eq=False):
    """What a car still wants. `chance[k]`: that it wants more than `k` steps of 250 Wh; from 1 down, never rising.

    `rate_w`: the fastest that it draws on the mean of a stay (None: as fast as it is let). `behind_wh`: what it could
    have drawn at that rate before now, but has not.
    """

    chance: Floats
    rate_w: int | None = None
    behind_wh: int = 0

    def wants_more_than(self, energy_wh: Floats) -> Floats:
        """The chance that more than these amounts (Wh) are wanted."""
        at = np.clip(energy_wh // STEP_WH, 0, len(self.chance) - 1).astype(np.int64)
        chance: Floats = self.chance[at]
        return chance

    def taken_wh(self, offered_wh: Floats) -> Floats:
        """What a car takes in the mean of these amounts (Wh)."""
        taken: Floats = np.interp(offered_wh, EDGES_WH, np.append(0.0, STEP_WH * np.cumsum(self.chance[:-1])))
        return taken

    def could_take_wh(self, after_s: Floats) -> Floats:
        """The most that can be missed by who leaves so many seconds from now."""
        if self.rate_w is None:
            return np.full(len(after_s), float(MOST_WH))
        return self.behind_wh + self.rate_w * after_s / 3_600

    @property
    def most_wh(self) -> int:
        """What is hardly ever exceeded."""
        return int(EDGES_WH[np.flatnonzero(self.chance > LEAST_CHANCE)[-1]]) + STEP_WH


def appetite(own: Meals, prior: Meals, arrived_s: int) -> Appetite:
    """What the car that arrives now will want, by its driver's ended sessions and those of others.

    Args:
        own: the driver's sessions at places of this kind that ended before the arrival, oldest first.
        prior: other drivers' sessions there that ended before the arrival, oldest first.
        arrived_s: plug-in, UTC seconds.
    """
    own, prior = _newest(own, OWN_LIMIT), _newest(prior, PRIOR_LIMIT)
    rate_w = _rate_w(own)
    weight = 0.5 ** ((arrived_s - own.ended_s) / HALF_LIFE_S)
    weight = weight * np.where(own.energy_wh * 3_600 > CUT_SHORT * rate_w * own.stay_s, CUT_SHORT_WEIGHT, 1.0)
    pooled = _shares(prior.energy_wh, np.ones(len(prior.energy_wh)))
    if not len(prior.energy_wh):
        pooled = np.exp(-EDGES_WH / GUESS_MEAN_WH)
    chance = PRIOR_SESSIONS * pooled + _shares(own.energy_wh, weight) * weight.sum()
    return Appetite(np.clip(chance / (PRIOR_SESSIONS + weight.sum()), 0.0, 1.0), rate_w)


def meals(taken: Iterable[tuple[int, datetime, datetime]]) -> Meals:
    """Ended sessions as columns, in the order of their end: energy (Wh), plug-in and unplug (aware) of each."""
    rows = sorted((int(end.timestamp()), int((end - start).total_seconds()), wh) for wh, start, end in taken)
    ended_s, stay_s, energy_wh = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Meals(energy_wh, ended_s, stay_s)


def certain(energy_wh: int) -> Appetite:
    """The same where somebody says it: exactly that much."""
    return Appetite(np.where(energy_wh > EDGES_WH, 1.0, 0.0))


def at_most(wanted: Appetite, energy_wh: int) -> Appetite:
    """The same for a car whose battery holds no more than that (at the meter)."""
    return msgspec.structs.replace(wanted, chance=np.where(max(1, energy_wh) > EDGES_WH, wanted.chance, 0.0))


def after(wanted: Appetite, delivered_wh: int, elapsed_s: int) -> Appetite:
    """What a car still wants that has taken so much in so long since plug-in, and is not full.

    Beyond anything seen before (`delivered_wh` above all past sessions) the shape of a newcomer's wish begins anew.
    """
    gone = min(delivered_wh // STEP_WH, len(EDGES_WH) - 1)
    left = np.concatenate([wanted.chance[gone:], np.zeros(gone)])
    chance = left / left[0] if left[0] > LEAST_CHANCE else np.exp(-EDGES_WH / GUESS_MEAN_WH)
    behind = 0 if wanted.rate_w is None else max(0, wanted.rate_w * elapsed_s // 3_600 - delivered_wh)
    return Appetite(chance, wanted.rate_w, behind)


def _rate_w(own: Meals) -> int:
    seen = int((own.energy_wh * 3_600 / np.maximum(own.stay_s, 1)).max()) if len(own.energy_wh) else 0
    return max(seen, UNKNOWN_RATE_W if len(own.energy_wh) < RATE_SESSIONS else SLOWEST_W)


def _shares(energy_wh: Ints, weight: Floats) -> Floats:
    """The weighted share of sessions that took more than each step."""
    if not len(energy_wh) or not weight.sum():
        return np.zeros(len(EDGES_WH))
    step = np.clip(-(-energy_wh // STEP_WH), 0, len(EDGES_WH) - 1)
    held = np.bincount(step, weight, minlength=len(EDGES_WH))
    shares: Floats = np.clip(1.0 - np.cumsum(held) / weight.sum(), 0.0, 1.0)
    return shares


def _newest(meals: Meals, limit: int) -> Meals:
    return Meals(meals.energy_wh[-limit:], meals.ended_s[-limit:], meals.stay_s[-limit:])
