"""The measured rows for people: a table on the terminal, and the page that `make bench` writes."""

from collections.abc import Sequence

from rich.table import Table

from server.cli.bench.rows import Measured

COLUMNS = ("row", "cars", "sites", "solver", "CPU", "wall", "p99", "MiB", "base", "EUR", "gap", "worst", "unserved")
YARDSTICK = ("HiGHS", "ratio", "off", "by two")

MANY = 100
"""A row of so many problems that HiGHS has all solved has a sentence of its own."""

INTRODUCTION = """# The engine, measured

Written by `make bench` (`dalstroom bench engine`). {machine}

Each row runs in two new processes; ours and SciPy's HiGHS solve the same problem in turns, and both build their numbers
from it inside the measured time. Times are medians in milliseconds; *p99* is our wall time over the problems of a row.
*MiB*: the most memory our process had, with Python, libraries and the problem (*base*). *gap*: cost less
proven bound, by the bound; *worst*: of one problem. *HiGHS* and *ratio* (theirs by ours) are CPU time. *off*: our cost
less HiGHS's, by the energy's gross value; HiGHS knows no least power, so on `6a` and `switches` rows it only
bounds. For a million cars HiGHS plans the first 10 000, and its time is scaled up.

| rows | what |
|---|---|
| `1` to `10000` | sites of 20 to 50 cars with a third of their chargers' power |
| `tight` | 1.1 times the least limit that serves everybody |
| `one` | all cars behind one limit |
| `depot` | all come between 17 and 19 h and leave between 6 and 8 h |
| `6a` | nothing or 6 A in each slot |
| `switches` | the same, and a start costs 0.01 EUR, runs and rests last half an hour |
| `mixed` | one- and three-phase cars, a limit for each phase |
| `1000-nested` | 1 000 random sites of 4 to 25 such cars, behind feeders inside feeders with a limit for each phase |
| `40-...` | 20 to 40 sites of 40 cars, one after the other |
| `event-...` | one plug-in: the whole site planned anew, each time another one |
| `real-...` | real stays laid on one day, 40 a site with a third of their power, on prices of NL 2024 |
| `million-...` | from arrays (`bulk.py`); `home`: no site limits; `-2`: two processes, CPU and ratio are those of one |

*by two*: how much faster two processes are than one, by CPU time of the parent and the busier child; in brackets by
wall time in the same turns, which says the same only where nothing else runs.
"""


def table(rows: Sequence[Measured]) -> Table:
    """The rows for a terminal."""
    shown = Table(*COLUMNS, *YARDSTICK)
    for index, column in enumerate(shown.columns):
        column.justify = "left" if index in (0, 3) else "right"
        column.no_wrap = True
    for row in rows:
        shown.add_row(*cells(row))
    return shown


def page(rows: Sequence[Measured], machine: str) -> str:
    """The rows as a Markdown page."""
    heads = (*COLUMNS, *YARDSTICK)
    lines = [heads, ["---" if index in (0, 3) else "---:" for index in range(len(heads))], *map(cells, rows)]
    shown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n".join(
        (INTRODUCTION.format(machine=machine), shown, *(judged(row) for row in rows if _all_judged(row)), "")
    )


def judged(row: Measured) -> str:
    """What HiGHS and the judge say of a row whose problems they all saw."""
    return (
        f"\n`{row.name}`: {row.seeds} problems, each solved by HiGHS too. With a limit passed: {row.over} (the most: "
        f"{row.over_wh:g} Wh). Cost above the bound of the linear program: {row.off_median:.4%} in the median, "
        f"{row.off_worst:.4%} at worst."
    )


def _all_judged(row: Measured) -> bool:
    return row.seeds >= MANY and row.highs_share == 1


def cells(row: Measured) -> list[str]:
    """A row's figures as text."""
    if row.skipped is not None:
        return [row.name, f"skipped: {row.skipped}", *[""] * (len(COLUMNS) + len(YARDSTICK) - 2)]
    return [
        row.name,
        f"{row.cars:,}".replace(",", " "),
        str(row.sites),
        row.solver,
        _ms(row.cpu_ms),
        _ms(row.wall_ms),
        _ms(row.wall_p99_ms) if row.seeds > 1 else "",
        f"{row.peak_mib:.0f}",
        f"{row.base_mib:.0f}",
        f"{row.cost_eur:.5f}",
        _share(row.gap),
        _share(row.gap_worst) if row.seeds > 1 else "",
        str(row.unserved_wh),
        _ms(row.highs_cpu_ms),
        f"{row.ratio:.1f}",
        f"{row.off:.1e}",
        "" if row.speedup is None else f"{row.speedup_cpu:.2f} ({row.speedup:.2f})",
    ]


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _share(value: float) -> str:
    return "0" if value == 0 else f"{value:.4%}"
