"""The rows of `dalstroom bench engine`: what is measured, and what a measured row says."""

import msgspec

from server.cli.bench.family import Kind

MILLION = 1_000_000
QUICK_CARS, QUICK_MANY, QUICK_SEEDS = 200, 10_000, 3


class Row(msgspec.Struct, frozen=True):
    """What is measured: `seeds` problems of a kind by `solve`, the first `judged` by HiGHS too; or one from arrays
    (`many`), or a file of real stays.

    `processes` > 1: over so many, beside one. Without `limited` the sites have no limit (arrays only).
    """

    name: str
    kind: Kind
    seeds: int = 1
    judged: int = 5
    many: bool = False
    limited: bool = True
    processes: int = 1
    real: str = ""

    def quick(self) -> "Row":
        """The same with few cars and few problems: does it run, not how fast."""
        cars = min(self.kind.cars, QUICK_MANY if self.many else QUICK_CARS)
        least, most = (min(size, cars) for size in self.kind.per_site)
        kind = msgspec.structs.replace(self.kind, cars=cars, per_site=(least, most))
        return msgspec.structs.replace(self, kind=kind, seeds=min(self.seeds, QUICK_SEEDS))


class Measured(msgspec.Struct, frozen=True):
    """A measured row. Times are medians over rounds, then over problems; `p99` and `worst` over all problems.

    `gap`, costs and energies are those of all problems together. The yardstick solved `highs_share` of the cars or
    problems; where that is a part of a million cars, its time is scaled up. `ratio`: CPU of HiGHS by our CPU. `off`:
    our cost less that of HiGHS, by the energy's gross value. `peak_mib` is ours, without HiGHS; `base_mib` of
    it are Python, its libraries and the problem itself. `speedup`: one process by several, in wall time;
    `speedup_cpu`: the same in CPU time, by this process and the busiest of the several, which other load does not move.
    `off_median`, `off_worst`: our cost by that of HiGHS, of each problem that it solved; energy that only we left
    unserved at the dearest price. `over`: problems with a limit passed.
    `over_wh`: the most by which a limit is passed in a slot; `between`: slots of something less than the least.
    """

    name: str
    cars: int = 0
    sites: int = 0
    seeds: int = 0
    rounds: int = 0
    solver: str = ""
    wall_ms: float = 0.0
    cpu_ms: float = 0.0
    wall_p99_ms: float = 0.0
    cpu_p99_ms: float = 0.0
    wall_worst_ms: float = 0.0
    peak_mib: float = 0.0
    base_mib: float = 0.0
    cost_eur: float = 0.0
    bound_eur: float = 0.0
    gap: float = 0.0
    gap_median: float = 0.0
    gap_worst: float = 0.0
    unserved_wh: int = 0
    highs_wall_ms: float = 0.0
    highs_cpu_ms: float = 0.0
    highs_eur: float = 0.0
    highs_unserved_wh: float = 0.0
    highs_share: float = 1.0
    off: float = 0.0
    off_median: float = 0.0
    off_worst: float = 0.0
    over: int = 0
    over_wh: float = 0.0
    between: int = 0
    ratio: float = 0.0
    processes: int = 1
    speedup: float | None = None
    speedup_cpu: float | None = None
    load: float | None = None
    skipped: str | None = None


def _one(cars: int, **said: bool) -> Kind:
    return Kind(cars, (cars, cars), **said)


ROWS = (
    Row("1", Kind(1, (1, 1), share=1.0)),
    Row("10", _one(10)),
    Row("100", Kind(100)),
    Row("1000", Kind(1_000)),
    Row("10000", Kind(10_000)),
    Row("100-tight", Kind(100, tight=True)),
    Row("1000-tight", Kind(1_000, tight=True)),
    Row("10000-tight", Kind(10_000, tight=True)),
    Row("500-one", _one(500)),
    Row("500-one-tight", _one(500, tight=True)),
    Row("5000-one", _one(5_000)),
    Row("5000-one-tight", _one(5_000, tight=True)),
    Row("40-depot", _one(40, depot=True)),
    Row("500-depot", _one(500, depot=True)),
    Row("5000-depot", _one(5_000, depot=True)),
    Row("1000-6a", Kind(1_000, least=True)),
    Row("1000-mixed", Kind(1_000, mixed=True)),
    Row("40-mixed", _one(40, mixed=True), seeds=40),
    Row("1000-nested", _one(25, mixed=True, nested=True), seeds=1000, judged=1000),
    Row("40-6a", _one(40, least=True), seeds=20),
    Row("40-tight-6a", _one(40, least=True, tight=True), seeds=20),
    Row("40-depot-6a", _one(40, depot=True, least=True), seeds=20),
    Row("40-switches", _one(40, least=True, switches=True), seeds=5),
    Row("40-depot-switches", _one(40, depot=True, least=True, switches=True), seeds=5),
    Row("event-40-depot", _one(40, depot=True), seeds=200),
    Row("event-40-depot-6a", _one(40, depot=True, least=True), seeds=100),
    Row("event-500-tight", _one(500, tight=True), seeds=40),
    Row("real-homes", Kind(5_000), real="trondheim_no_2018_2020"),
    Row("real-work", Kind(5_000), real="asensio_us_work_2014_2015"),
    Row("real-public", Kind(5_000), real="boulder_us_2018_2021"),
    Row("million-home", Kind(MILLION, (1, 1), share=1.0), many=True, limited=False),
    Row("million-sites", Kind(MILLION), many=True),
    Row("million-sites-2", Kind(MILLION), many=True, processes=2),
)
