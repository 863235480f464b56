"""When will this car leave: a distribution, not a guess, learnt from stays that have ended.

Kernel of engine A3: a past stay weighs by how alike its arrival was (time of day, weekday, kind of day, age) and
speaks twice, mostly as the clock time of its departure and partly as its dwell, each spread over 0, 15 and 30 minutes
either way. The stays of other drivers are a prior that is worth three stays, so that the first session has a forecast.
What forecasts for a place have been worth so far says how far the next one is believed (`calibration`).
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
import numpy as np
import numpy.typing as npt

from server.core.calibration import believed
from server.core.localtime import DAY_S, EPOCH_WEEKDAY, Ints, LocalClock, local_clock
from server.core.timegrid import Grid
from shared.units import SLOT_SECONDS

Floats = npt.NDArray[np.float64]

ARRIVAL_SPREAD_S = 5_400
PRIOR_ARRIVAL_SPREAD_S = 10_800
OTHER_KIND_OF_DAY = 0.25
OTHER_WEEKDAY = 0.7
CLOCK_SHARE = 0.7
"""How much of a stay speaks as the clock time of its departure; the rest speaks as its dwell."""
HALF_LIFE_S = 90 * DAY_S
PRIOR_STAYS = 3.0
SPREAD_S = np.array([0, -900, 900, -1_800, 1_800], dtype=np.int64)
GUESS_STAYS = 0.05
GUESS_MEAN_S = 8 * 3_600
"""What nobody's stays say: gone after 8 h in the mean, at a steady rate. No forecast is ever empty or certain."""
GUESS_LEAST = 1e-9
GONE = 0.001
"""The chance of "nearly 0" after a stated departure: the order of the slots after it still has a meaning."""
ANSWER_SPREAD_S = 1_800
"""A driver who is asked is right to half an hour either way."""
OWN_LIMIT = 400
PRIOR_LIMIT = 1_000
"""Newest stays that are looked at: with a half-life of 90 days older ones change nothing that a driver would see."""


class Stay(msgspec.Struct, frozen=True):
    """A plug-in and its unplug: [started_at, ended_at), aware."""

    started_at: datetime
    ended_at: datetime


class PluggedIn(msgspec.Struct, frozen=True):
    """A car that is there: since when, what time it is now, and the IANA zone whose wall clock its driver lives by."""

    arrived_at: datetime
    now: datetime
    zone: str


class Basis(StrEnum):
    """On whose word a departure is expected; the app has a sentence for each."""

    STATED = "stated"  # "You said that you leave at ..."
    OWN_STAYS = "own_stays"  # "You usually stay until about ... when you arrive at this time"
    OTHER_STAYS = "other_stays"  # "We do not know your habits yet; others who arrive at this time stay until about ..."
    NO_STAYS = "no_stays"  # "We do not know yet how long you stay"


class Outlook(msgspec.Struct, frozen=True):
    """What is expected of a departure.

    `survival`: for each slot of the grid the chance that the car is there at its end, given that it is there now.
    `stays`: how many of the driver's own stays were looked at. `likely_until`: 9 of 10 times it is still there then
    (None: it may leave at any moment).
    """

    survival: list[float]
    basis: Basis
    stays: int
    likely_until: datetime | None


class StayTable(msgspec.Struct, frozen=True, eq=False):
    """Stays as columns, one row a stay: UTC seconds, and what the kernel asks of the local clock."""

    started_s: Ints
    ended_s: Ints
    clock_s: Ints  # time of day of the arrival
    day: Ints  # local days since 1970
    weekend: npt.NDArray[np.bool_]
    left_s: Ints  # the departure on the local clock, seconds since midnight of the day of arrival


class Departures(msgspec.Struct, frozen=True, eq=False):
    """Possible departures of a car that came at `arrived_s`, with weights in stays (UTC seconds, any order)."""

    arrived_s: int
    at_s: Ints
    weight: Floats
    own_weight: float


def tabulate(started_s: Ints, ended_s: Ints, clock: LocalClock) -> StayTable:
    """Stays as columns on a local clock."""
    start, end = clock.local(started_s), clock.local(ended_s)
    day = start // DAY_S
    return StayTable(started_s, ended_s, start % DAY_S, day, (day + EPOCH_WEEKDAY) % 7 >= 5, end - day * DAY_S)


def departures(own: StayTable, prior: StayTable, arrived_s: int, clock: LocalClock) -> Departures:
    """When the car that arrives now may leave, by its driver's stays and by those of others (engine A3).

    Args:
        own: the driver's stays that ended before the arrival.
        prior: other drivers' stays that ended before the arrival, of the same kind of place.
        arrived_s: plug-in, UTC seconds.
        clock: the place's local clock.
    """
    mine = _weights(own, arrived_s, clock, ARRIVAL_SPREAD_S)
    others = _weights(prior, arrived_s, clock, PRIOR_ARRIVAL_SPREAD_S)
    total = float(others.sum())
    if total > 0:
        others = others * (min(PRIOR_STAYS, len(others)) / total)
    at_s = np.concatenate([_departures(own, arrived_s, clock), _departures(prior, arrived_s, clock)])
    dwell = 1.0 - CLOCK_SHARE
    weight = np.concatenate([mine * dwell, mine * CLOCK_SHARE, others * dwell, others * CLOCK_SHARE])
    return Departures(arrived_s, at_s, weight, float(mine.sum()))


def chances(  # noqa: PLR0913, PLR0917 - a moment, a grid of slots and what is known
    leaving: Departures, now_s: int, start_s: int, slots: int, slot_seconds: int, trust: Floats | None = None
) -> Floats:
    """The chance that the car is still there at the end of each slot, given that it is there at `now_s`.

    Args:
        leaving: possible departures.
        now_s: the moment at which the car is known to be there, UTC seconds, not before the arrival.
        start_s: start of the first slot.
        slots: how many slots.
        slot_seconds: their length.
        trust: what earlier forecasts have earned (`calibration.trust`); it reads the chances of the arrival.

    Returns:
        One number in [0, 1] a slot, never rising; 1 for slots that are over.
    """
    at_s = (leaving.at_s[:, None] + SPREAD_S).ravel()
    weight = np.repeat(leaving.weight / len(SPREAD_S), len(SPREAD_S))
    still = at_s > now_s
    slot = np.clip((at_s[still] - start_s) // slot_seconds, 0, slots)
    gone = np.bincount(slot, weight[still], minlength=slots + 1)
    there = np.cumsum(gone[::-1])[::-1]
    ends = start_s + slot_seconds * np.arange(1, slots + 1, dtype=np.int64)
    guess = max(GUESS_STAYS * float(np.exp((leaving.arrived_s - now_s) / GUESS_MEAN_S)), GUESS_LEAST)
    later = guess * np.exp(-np.maximum(ends - now_s, 0) / GUESS_MEAN_S)
    survival: Floats = np.clip((there[1:] + later) / (there[0] + guess), 0.0, 1.0)
    if trust is not None:
        whole = float(weight[at_s > leaving.arrived_s].sum()) + GUESS_STAYS
        read = believed(np.append(there[1:] + later, there[0] + guess) / whole, trust)
        survival = np.minimum(read[:-1] / read[-1], 1.0)
    survival[ends <= now_s] = 1.0
    return survival


def fate(leaving: Departures, left_s: int) -> tuple[float, float]:
    """What a plain forecast at plug-in gave to what then happened: see `calibration.after`.

    Args:
        leaving: possible departures, as that forecast saw them.
        left_s: when the car left, UTC seconds.
    """
    start_s = left_s // SLOT_SECONDS * SLOT_SECONDS - SLOT_SECONDS
    before, after = chances(leaving, leaving.arrived_s, start_s, 2, SLOT_SECONDS)
    return float(before), float(after)


def survival(  # noqa: PLR0913, PLR0917 - as rooms agreed; `outlook` is the same with the driver's word and the reason
    history: Sequence[Stay], prior: Sequence[Stay], arrived_at: datetime, now: datetime, grid: Grid, zone: str
) -> list[float]:
    """The chance, by slot of `grid`, that the car is still there at the slot's end, given that it is there now.

    Stays that had not ended when the car arrived are left out: who is still there teaches nothing (engine, trap 3).
    Works from the first session on: without any stay it is a steady chance of leaving.

    Args:
        history: the driver's stays at places of this kind.
        prior: other drivers' stays there.
        arrived_at: plug-in, aware.
        now: the moment at which the car is known to be there, aware.
        grid: the slots to answer for.
        zone: IANA name of the wall clock that the driver lives by.
    """
    return _listed(_forecast(history, prior, PluggedIn(arrived_at, now, zone), grid)[1])


def stated(ready_by: datetime, grid: Grid) -> list[float]:
    """The same by the driver's word: certainly there until then, nearly certainly gone after."""
    return [1.0 if grid.at(slot + 1) <= ready_by else GONE for slot in range(grid.slots)]


def answered(at_s: int, now_s: int, start_s: int, slots: int, slot_seconds: int) -> Floats:
    """The same after a driver was asked and named a time: gone at some moment from half an hour before to half after.

    Args:
        at_s: the answer, UTC seconds.
        now_s: the moment at which the car is known to be there.
        start_s: start of the first slot.
        slots: how many slots.
        slot_seconds: their length.
    """
    ends = start_s + slot_seconds * np.arange(1, slots + 1, dtype=np.int64)
    there = np.clip((at_s + ANSWER_SPREAD_S - np.append(ends, now_s)) / (2 * ANSWER_SPREAD_S), GONE, 1.0)
    survival: Floats = np.minimum(there[:-1] / there[-1], 1.0)
    return survival


def quantile_departure(chance: Sequence[float], grid: Grid, share: float = 0.9) -> datetime | None:
    """The latest slot end at which the car is still there in `share` of all cases; None where not even the first."""
    held = sum(1 for value in chance if value >= share)
    return grid.at(held) if held else None


def outlook(  # noqa: PLR0913, PLR0917 - as rooms agreed, and what was learnt from it
    history: Sequence[Stay],
    prior: Sequence[Stay],
    plugged: PluggedIn,
    grid: Grid,
    ready_by: datetime | None = None,
    trust: Floats | None = None,
) -> Outlook:
    """What to expect of a departure and why. The driver's word wins until it has passed, then the stays speak again.

    Args:
        history: the driver's stays at places of this kind.
        prior: other drivers' stays there.
        plugged: the car that is there.
        grid: the slots to answer for.
        ready_by: what the driver (or the driver's weekly habit) says, aware.
        trust: what earlier forecasts for this place have earned (`calibration.trust`).
    """
    leaving, chance = _forecast(history, prior, plugged, grid, trust)
    ended = sum(1 for stay in history if stay.ended_at <= plugged.arrived_at)
    if ready_by is not None and ready_by > plugged.now:
        return Outlook(stated(ready_by, grid), Basis.STATED, ended, ready_by)
    values = _listed(chance)
    return Outlook(values, _basis(leaving), ended, quantile_departure(values, grid))


def _basis(leaving: Departures) -> Basis:
    """Own stays speak loudest once they weigh more than the prior."""
    if leaving.own_weight >= PRIOR_STAYS:
        return Basis.OWN_STAYS
    return Basis.OTHER_STAYS if len(leaving.at_s) else Basis.NO_STAYS


def _listed(chance: Floats) -> list[float]:
    return [float(value) for value in chance]


def fate_of(history: Sequence[Stay], prior: Sequence[Stay], stay: Stay, zone: str) -> tuple[float, float]:
    """What the plain forecast at a stay's plug-in gave to what then happened (`calibration.after`).

    Args:
        history: the driver's stays at this place; those that had not ended at the plug-in are left out.
        prior: other drivers' stays there; likewise.
        stay: the stay that has ended.
        zone: IANA name of the wall clock that the driver lives by.
    """
    return fate(_leaving(history, prior, stay.started_at, zone), int(stay.ended_at.timestamp()))


def _forecast(
    history: Sequence[Stay], prior: Sequence[Stay], plugged: PluggedIn, grid: Grid, trust: Floats | None = None
) -> tuple[Departures, Floats]:
    now, start = (int(at.timestamp()) for at in (plugged.now, grid.start))
    leaving = _leaving(history, prior, plugged.arrived_at, plugged.zone)
    return leaving, chances(leaving, max(now, leaving.arrived_s), start, grid.slots, grid.slot_seconds, trust)


def _leaving(history: Sequence[Stay], prior: Sequence[Stay], arrived_at: datetime, zone: str) -> Departures:
    arrived = int(arrived_at.timestamp())
    own, others = (_newest(stays, arrived_at, limit) for stays, limit in ((history, OWN_LIMIT), (prior, PRIOR_LIMIT)))
    first = min([arrived, *(int(stay.started_at.timestamp()) for stay in (*own, *others))])
    longest = max([0, *(int((stay.ended_at - stay.started_at).total_seconds()) for stay in (*own, *others))])
    clock = local_clock(zone, first, arrived + longest)
    return departures(_table(own, clock), _table(others, clock), arrived, clock)


def _newest(stays: Sequence[Stay], arrived_at: datetime, limit: int) -> list[Stay]:
    ended = [stay for stay in stays if stay.started_at < stay.ended_at <= arrived_at]
    return sorted(ended, key=lambda stay: stay.ended_at)[-limit:]


def _table(stays: Sequence[Stay], clock: LocalClock) -> StayTable:
    started = np.array([int(stay.started_at.timestamp()) for stay in stays], dtype=np.int64)
    ended = np.array([int(stay.ended_at.timestamp()) for stay in stays], dtype=np.int64)
    return tabulate(started, ended, clock)


def _weights(stays: StayTable, arrived_s: int, clock: LocalClock, spread_s: int) -> Floats:
    local = int(clock.local(np.array([arrived_s], dtype=np.int64))[0])
    apart = np.abs(stays.clock_s - local % DAY_S)
    apart = np.minimum(apart, DAY_S - apart)
    weekday = (local // DAY_S + EPOCH_WEEKDAY) % 7
    same_day = np.where((stays.day + EPOCH_WEEKDAY) % 7 == weekday, 1.0, OTHER_WEEKDAY)
    weight: Floats = np.exp(-0.5 * (apart / spread_s) ** 2)
    weight *= np.where(stays.weekend == (weekday >= 5), same_day, OTHER_KIND_OF_DAY)
    weight *= 0.5 ** ((arrived_s - stays.ended_s) / HALF_LIFE_S)
    return weight


def _departures(stays: StayTable, arrived_s: int, clock: LocalClock) -> Ints:
    """Each stay's dwell from now, then each stay's clock time of departure as many days after the arrival."""
    day = int(clock.local(np.array([arrived_s], dtype=np.int64))[0]) // DAY_S
    by_clock = clock.utc(day * DAY_S + stays.left_s)
    return np.concatenate([arrived_s + stays.ended_s - stays.started_s, by_clock])
