"""What each measure must show, and whether it did."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

IDLE_KIB, IDLE_TLS_KIB = 40.0, 120.0
SQLITE_PER_CPU_S, POSTGRES_PER_CPU_S = 5_000.0, 3_000.0
PLUG_IN_P50_MS, PLUG_IN_P99_MS = 100.0, 500.0
BLOCK_MS = 250.0
FLAT_MIB = 8.0
SLOWER, SLOWER_MS = 1.25, 2.0
"""A latency is unchanged where it is not more than so many times, and so many ms above, what it was."""
HELD_W = 0.0
IS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    "=": operator.eq,
}


class Goal(msgspec.Struct, frozen=True):
    """`figure`, a field of the row's figures, is to be `sign` (<=, <, >=, =) `bound`; `met`: it was."""

    figure: str
    sign: str
    bound: float
    seen: float
    met: bool


def of_row(name: str, figures: Mapping[str, Any]) -> list[Goal]:
    """The goals of a measure, each beside what was seen."""
    wanted = [
        (figure, sign, float(figures.get(bound, 0.0)) if isinstance(bound, str) else bound)
        for figure, sign, bound in GOALS.get(name, ())
    ]
    if name == "fuzz":
        wanted += [
            (f"{one}_ms", "<=", round(figures[f"before_{one}_ms"] * SLOWER + SLOWER_MS, 2)) for one in ("p50", "p99")
        ]
    return [_judged(figure, sign, bound, float(figures[figure])) for figure, sign, bound in wanted]


def _judged(figure: str, sign: str, bound: float, seen: float) -> Goal:
    return Goal(figure, sign, bound, seen, IS[sign](seen, bound))


GOALS: dict[str, tuple[tuple[str, str, float | str], ...]] = {
    "idle": (("kib_each", "<=", IDLE_KIB),),
    "idle-tls": (("kib_each", "<=", IDLE_TLS_KIB),),
    "reports": (("per_cpu_s", ">=", SQLITE_PER_CPU_S),),
    "postgres": (("per_cpu_s", ">=", POSTGRES_PER_CPU_S),),
    "plug-in": (("p50_ms", "<", PLUG_IN_P50_MS), ("p99_ms", "<", PLUG_IN_P99_MS)),
    "storm": (
        ("back", "=", "stations"),
        ("settled", "=", "queued"),
        ("sessions", "=", "queued"),
        ("doubled", "=", 0.0),
        ("block_ms", "<=", BLOCK_MS),
    ),
    "kill": (
        ("lost", "=", 0.0),
        ("doubled", "=", 0.0),
        ("sessions", "=", "stations"),
        ("plans_again", "=", "stations"),
        ("over_w", "<=", HELD_W),
    ),
    "fuzz": (
        ("lost", "=", 0.0),
        ("handler_failures", "=", 0.0),
        ("grown_mib", "<=", FLAT_MIB),
    ),
}
"""By row: figure, sign, and the bound or the figure that is it."""
