"""How far forecasts of departures are to be believed, learnt from what became of earlier ones (engine A3).

A forecast that mixes several voices (a driver's clock times and dwells, other drivers' stays) is broader than what it
mixes: even where each voice is right, the mixture says 90 % of what happens in 95 of 100 cases (Gneiting and Ranjan,
2013). So a chance is read as the share of past stays that lasted where as much was said of them. Without a past, or
with a faithful one, it stays what it is.
"""

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

STEPS = 20
"""Chances are told apart in twentieths; between them a reading is a straight line."""
EDGES = np.linspace(0.0, 1.0, STEPS + 1)
MEMORY = 200
"""How many fates speak, about: enough for the twentieths, and few enough to follow a place that changes."""
FAITHFUL = float(STEPS)
"""How many fates of a faithful forecaster stand before the first one: one for each twentieth."""
LEAST_WIDTH = 1e-9


class Record(msgspec.Struct, frozen=True):
    """What became of the forecasts for a place: how many `fates` speak, and the share of them in each twentieth."""

    fates: int = 0
    share: tuple[float, ...] = (1.0 / STEPS,) * STEPS


def after(record: Record, fate: tuple[float, float]) -> Record:
    """A record after one more stay has ended.

    Args:
        record: the record before, by the order in which stays end.
        fate: the chances in [0, 1] that the plain forecast at plug-in gave to a stay up to the start of the quarter
            hour in which the car left, and up to its end (never more). A faithful forecaster's are spread evenly.
    """
    fates = min(record.fates + 1, MEMORY)
    till = min(fate[1], 1.0 - LEAST_WIDTH)
    within = np.diff(np.clip((EDGES - till) / max(fate[0] - till, LEAST_WIDTH), 0.0, 1.0))
    share = np.array(record.share)
    share += (within - share) / fates
    return Record(fates, tuple(float(one) for one in share))


def trust(record: Record) -> Floats | None:
    """How chances are read: what each of `EDGES` is believed to be, from 0 to 1; None: as they are."""
    if not record.fates:
        return None
    share = (record.fates * np.array(record.share) + FAITHFUL / STEPS) / (record.fates + FAITHFUL)
    read: Floats = np.concatenate([[0.0], np.cumsum(share)])
    read /= read[-1]
    return read


def believed(chances: Floats, read: Floats) -> Floats:
    """Chances as they are to be believed, in the same order of size; 0 and 1 stay what they are.

    Args:
        chances: as a plain forecast says them at the plug-in, in [0, 1].
        read: of `trust`.
    """
    found: Floats = np.interp(chances, EDGES, read)
    return found
