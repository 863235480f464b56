"""Chance that depends on names only, never on when or in which order it is asked."""

import hashlib
import math

_BYTES = 8


def fraction(*names: object) -> float:
    """A number in [0, 1) that belongs to these names."""
    digest = hashlib.blake2b("|".join(map(str, names)).encode(), digest_size=_BYTES).digest()
    return int.from_bytes(digest) / (1 << 8 * _BYTES)


def between(low: int, high: int, *names: object) -> int:
    """A whole number from `low` to `high`, both included."""
    return low + int(fraction(*names) * (high - low + 1))


def waiting(mean: float, *names: object) -> float:
    """How long until something happens that happens every `mean` on average, whatever was before."""
    return -mean * math.log(1 - fraction(*names))
