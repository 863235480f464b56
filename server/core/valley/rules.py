"""Rules of running: a price on every start of charging, least lengths of run and rest, one block.

A slot is on where it gets energy, at least 1 Wh. A run that lasts to the end of the stay may be shorter than
`Rules.run`, for only the departure cuts it; rests before the first run and after the last may be short too. A car that
charges as slot 0 begins pays no start there and may stop at once; where it may have one block only, that goes on
(`runs.planned` allows a new one where that serves more).
"""

import msgspec
import numpy as np
from numpy.typing import NDArray


class Rules(msgspec.Struct, frozen=True):
    """What a demand's plan keeps to. `switch_nano`: a start of charging; `run`: least slots on, and off between runs.

    `charging`: it charges as slot 0 of the stay begins.
    """

    switch_nano: int = 0
    run: int = 1
    block: bool = False
    charging: bool = False

    @property
    def free(self) -> bool:
        """Whether there is nothing to keep to."""
        return not self.switch_nano and self.run == 1 and not self.block


FREE = Rules()


def spans(on: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The runs of a pattern, shape (t), as (first slot, slot after the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], on, [False])).astype(np.int8))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def starts(plan: NDArray[np.int64], rules: Rules) -> int:
    """How often the plan of a stay, shape (t), starts to charge."""
    on = plan > 0
    return int(on[0] and not rules.charging) + int(np.count_nonzero(on[1:] & ~on[:-1]))


def kept(on: NDArray[np.bool_], rules: Rules) -> bool:
    """Whether on and off by slot of a stay, shape (t), keep to the rules."""
    if rules.free:
        return True
    runs = spans(on)
    goes_on = rules.charging and bool(on[0])
    if rules.block and (len(runs) > 1 or (runs and rules.charging and not goes_on)):
        return False
    ends = [0] if rules.charging and not goes_on else []
    for index, (first, end) in enumerate(runs):
        if ends and first - ends[-1] < rules.run:
            return False
        if end - first < rules.run and end < len(on) and not (index == 0 and goes_on):
            return False
        ends.append(end)
    return True
