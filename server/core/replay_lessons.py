"""What earlier stays teach about a plug-in, walk-forward: only stays that had ended by then may speak (engine A2)."""

from collections.abc import Hashable, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from server.core import appetite, departure
from server.core.appetite import Appetite, Meals
from server.core.departure import Departures, StayTable
from server.core.localtime import DAY_S, EPOCH_WEEKDAY, Ints, LocalClock, local_clock

Key = TypeVar("Key", bound=Hashable)


class Visit(msgspec.Struct, frozen=True):
    """One row of a sessions file. Times in UTC seconds; None where the file says nothing; zone is an IANA name."""

    session_id: str
    user_id: str | None
    started_s: int | None
    ended_s: int | None
    energy_wh: int | None
    max_power_w: int | None
    location_type: str
    zone: str


class Lessons(msgspec.Struct, frozen=True, eq=False):
    """All stays as columns, by row of the visits; `of_user` and `of_place` hold rows in the order of their end."""

    table: StayTable
    energy_wh: Ints
    user: Ints  # -1: unknown, nobody's own
    clocks: dict[str, LocalClock]
    zones: list[str]
    places: list[str]
    of_user: dict[tuple[int, str], Ints]
    of_place: dict[str, Ints]


def lessons(visits: Sequence[Visit], taught: Sequence[bool]) -> Lessons:
    """What the visits can teach; rows that are not `taught` (broken times, repeats) teach nothing."""
    started, ended = (
        np.array([value or 0 for value in column], dtype=np.int64)
        for column in ([one.started_s for one in visits], [one.ended_s for one in visits])
    )
    zones = [one.zone for one in visits]
    valid = np.array(taught, dtype=np.bool_)
    first, last = (int(started[valid].min()), int(ended[valid].max())) if valid.any() else (0, 0)
    clocks = {zone: local_clock(zone, first, last) for zone in dict.fromkeys(zones)}
    users = {name: code for code, name in enumerate(dict.fromkeys(one.user_id for one in visits if one.user_id))}
    codes = np.array([users.get(one.user_id or "", -1) for one in visits], dtype=np.int64)
    places = [one.location_type for one in visits]
    order = [int(row) for row in np.argsort(ended, kind="stable") if valid[row]]
    return Lessons(
        table=_table(started, ended, zones, clocks),
        energy_wh=np.array([one.energy_wh or 0 for one in visits], dtype=np.int64),
        user=codes,
        clocks=clocks,
        zones=zones,
        places=places,
        of_user=_grouped(order, [(int(code), place) for code, place in zip(codes, places, strict=True)]),
        of_place=_grouped(order, places),
    )


def leaving(known: Lessons, row: int) -> Departures:
    """When the car of a visit may leave, as far as its plug-in knew."""
    arrived_s = int(known.table.started_s[row])
    own = _own(known, row)[-departure.OWN_LIMIT :]
    others = _others(known, row)
    clock = known.clocks[known.zones[row]]
    return departure.departures(_rows(known.table, own), _rows(known.table, others), arrived_s, clock)


def wanted(known: Lessons, row: int) -> Appetite:
    """What the car of a visit may want, as far as its plug-in knew."""
    own, others = _meals(known, _own(known, row)), _meals(known, _others(known, row))
    return appetite.appetite(own, others, int(known.table.started_s[row]))


def past_stays_s(known: Lessons, row: int) -> Ints:
    """How long the driver's ended stays at places of this kind were, seconds."""
    rows = _own(known, row)
    return known.table.ended_s[rows] - known.table.started_s[rows]


def past_energies(known: Lessons, row: int, limit: int) -> tuple[int, ...]:
    """What the driver's last ended sessions took at places of this kind, Wh, oldest first."""
    energies = known.energy_wh[_own(known, row)]
    return tuple(int(value) for value in energies[energies > 0][-limit:])


def _own(known: Lessons, row: int) -> Ints:
    user = int(known.user[row])
    rows = known.of_user.get((user, known.places[row])) if user >= 0 else None
    return _before(known, rows, int(known.table.started_s[row]))


def _others(known: Lessons, row: int) -> Ints:
    """Newest ended stays of other drivers at places of this kind."""
    place, user = known.of_place.get(known.places[row]), known.user[row]
    rows = _before(known, place, int(known.table.started_s[row]))[-departure.PRIOR_LIMIT :]
    others: Ints = rows[(known.user[rows] != user) | (user < 0)]
    return others


def _meals(known: Lessons, rows: Ints) -> Meals:
    rows = rows[known.energy_wh[rows] > 0]
    ended_s = known.table.ended_s[rows]
    return Meals(known.energy_wh[rows], ended_s, ended_s - known.table.started_s[rows])


def _before(known: Lessons, rows: Ints | None, arrived_s: int) -> Ints:
    """The rows whose stay had ended at a moment."""
    if rows is None:
        return np.empty(0, dtype=np.int64)
    return rows[: int(np.searchsorted(known.table.ended_s[rows], arrived_s, side="right"))]


def _rows(table: StayTable, rows: Ints) -> StayTable:
    return StayTable(
        started_s=table.started_s[rows],
        ended_s=table.ended_s[rows],
        clock_s=table.clock_s[rows],
        day=table.day[rows],
        weekend=table.weekend[rows],
        left_s=table.left_s[rows],
    )


def _table(started: Ints, ended: Ints, zones: Sequence[str], clocks: dict[str, LocalClock]) -> StayTable:
    """As `departure.tabulate`, each row on the clock of its own zone."""
    names = list(clocks)
    zone = np.array([names.index(name) for name in zones], dtype=np.int64)
    local_start, local_end = started.copy(), ended.copy()
    for code, name in enumerate(names):
        here = zone == code
        local_start[here] = clocks[name].local(started[here])
        local_end[here] = clocks[name].local(ended[here])
    day = local_start // DAY_S
    weekend = (day + EPOCH_WEEKDAY) % 7 >= 5
    return StayTable(started, ended, local_start % DAY_S, day, weekend, local_end - day * DAY_S)


def _grouped(order: Sequence[int], keys: Sequence[Key]) -> dict[Key, Ints]:
    groups: dict[Key, list[int]] = {}
    for row in order:
        groups.setdefault(keys[row], []).append(row)
    return {key: np.array(rows, dtype=np.int64) for key, rows in groups.items()}
