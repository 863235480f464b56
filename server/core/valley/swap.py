"""Two demands trade energy between two slots, so that a slot below the least of a car is used enough or not at all.

What one gives in a slot the other takes, and the reverse in another slot: the limits see no change, and at a common
price it costs nothing. That is why the least power costs so little (engine B4.3).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

import msgspec
import numpy as np

from server.core.valley.capacity import Ints, Model

PASSES = 2
NEVER = np.iinfo(np.int64).max
FREE = 0
AT_ANY_COST = NEVER - 1


_Place = tuple[int, int, int, int]
"""What is in a slot of a demand, its least and its most, Wh; then which slot, or which demand, it is."""


class _Way(msgspec.Struct, frozen=True):
    """What moves to a slot, Wh, from one of some other slots; one of some other demands moves it the other way."""

    moved: int
    others: Sequence[int]
    slots: Sequence[int]


class _Trade(msgspec.Struct, frozen=True, order=True):
    """What is added to the cost; the other demand, the slot elsewhere, and what moves from there, Wh."""

    cost: int
    other: int
    elsewhere: int
    moved: int


def _way(moved: int, others: Iterable[_Place], slots: Iterable[_Place]) -> _Way:
    """The way with those that can spare what moves, or all that they have."""
    givers, emptied = (
        [at for energy, least, most, at in places if energy == moved or least <= energy - moved <= most]
        for places in (others, slots)
    )
    return _Way(moved, givers, emptied)


def swapped(model: Model, plan: Ints, rows: Sequence[int], dearest: int) -> Ints:
    """A plan with as few slots below the least in some rows as trades can make it, serving the same.

    `dearest`: what one trade may add to the cost, in the cost's unit x Wh.
    """
    table = _Table(model, plan)
    for _ in range(PASSES):
        done = [table.settle(row, slot, dearest) for row in rows for slot in table.below_least(row)]
        if not any(done):
            break
    return np.array(table.plan, np.int64)


class _Table:
    """A plan and what bounds it, as lists: so few trades fit that to look at whole arrays takes three times as long."""

    def __init__(self, model: Model, plan: Ints) -> None:
        self.plan: list[list[int]] = plan.tolist()
        self._least, self._caps = np.maximum(model.least, 1).tolist(), model.caps.tolist()
        self._cost: list[list[int]] = model.cost.tolist()
        self._rooms = [(one.weight.tolist(), (one.limit - one.load(plan)).tolist()) for one in model.limits]

    def below_least(self, row: int) -> list[int]:
        """The slots that a demand has something in, but less than its least."""
        each = enumerate(zip(self.plan[row], self._least[row], strict=True))
        return [slot for slot, (energy, least) in each if 0 < energy < least]

    def settle(self, row: int, slot: int, dearest: int) -> bool:
        """Trade one slot of one demand away or up to its least, as cheaply as can be; whether that was done."""
        if not 0 < self.plan[row][slot] < self._least[row][slot]:
            return False
        best: _Trade | None = None
        for ways in self._ways(row, slot):
            trade = min((trade for way in ways for trade in self._trades(row, slot, way)), default=None)
            if trade is not None and trade.cost <= dearest and (best is None or trade.cost < best.cost):
                best = trade
                if trade.cost <= FREE:  # a flow's plan has no better one
                    break
        if best is not None:
            self._move(row, slot, best)
        return best is not None

    def _ways(self, row: int, slot: int) -> Iterator[Iterable[_Way]]:
        """Ways to change a slot: up to the least, by all of another slot or of another demand, or down to nothing.

        What they leave in the row and in the column of the slot is allowed there.
        """
        tables = (self.plan, self._least, self._caps)
        have, least, cap = (table[row][slot] for table in tables)
        slots = [place for place in zip(*(table[row] for table in tables), count(), strict=False) if place[3] != slot]
        demands = zip(*([of[slot] for of in table] for table in tables), count(), strict=False)
        others = [place for place in demands if place[3] != row]
        full, laden = ([place for place in places if place[0]] for places in (slots, others))  # few can give anything
        if least <= cap:
            yield [_way(least - have, laden, full)]
        yield [_way(place[0], laden, [place]) for place in full if least <= have + place[0] <= cap]
        yield [_way(place[0], [place], full) for place in laden if least <= have + place[0] <= cap]
        yield [_way(-have, others, slots)]

    def _trades(self, row: int, slot: int, way: _Way) -> Iterator[_Trade]:
        """Those that the other slot of the other demand and the limits have room for, with what they cost."""
        moved, mine = way.moved, self._cost[row]
        for other in way.others:
            heavier = self._heavier(row, other, moved)
            if any(more > room[slot] for more, room in heavier):
                continue
            have, least, caps, theirs = self.plan[other], self._least[other], self._caps[other], self._cost[other]
            for elsewhere in way.slots:
                energy = have[elsewhere] + moved
                if energy and not least[elsewhere] <= energy <= caps[elsewhere]:
                    continue
                if any(-more > room[elsewhere] for more, room in heavier):
                    continue
                dearer = mine[slot] - mine[elsewhere] + theirs[elsewhere] - theirs[slot]
                yield _Trade(dearer * moved, other, elsewhere, moved)

    def _move(self, row: int, slot: int, trade: _Trade) -> None:
        moved, other, elsewhere = trade.moved, trade.other, trade.elsewhere
        for demand, given in ((row, moved), (other, -moved)):
            self.plan[demand][slot] += given
            self.plan[demand][elsewhere] -= given
        for more, room in self._heavier(row, other, moved):
            room[slot] -= more
            room[elsewhere] += more

    def _heavier(self, row: int, other: int, moved: int) -> list[tuple[int, list[int]]]:
        """What more each limit that feels it bears where one demand has what another had, with its room by slot."""
        return [(more, room) for weight, room in self._rooms if (more := (weight[row] - weight[other]) * moved)]
