"""`demo --once`: noon to noon in the demo town, stepped, over real sockets; one JSON object at the end."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.cli.seed import seed
from server.clock import SteppedClock
from server.core.remedy import Finding
from server.feeds.ports import PriceFeed
from server.feeds.prices.recorded import PriceFile, RecordedPrices, read_prices
from server.main.server import Parts, Server
from server.settings import BadSetting, Settings
from server.simulator.log import MessageLog
from server.simulator.report import Report
from server.simulator.runner import Ends, run_stepped
from server.simulator.town import Town, build
from server.storage import plans, sessions, wallets, watch
from server.storage.db import Database
from server.workers.ports import Solver
from server.workers.solve import Inline
from shared.cdrs import Receipt
from shared.units import NANO_PER_MINOR

LOCAL = ZoneInfo("Europe/Amsterdam")
PUBLISHED_AT = time(12, 55)
TYPICAL_YEAR = 2026
MEASURED_YEAR = (date(2024, 1, 1), date(2024, 12, 31))


class Short(msgspec.Struct, frozen=True):
    """Energy that a session lacked, and why."""

    session: UUID
    wh: int
    reason: str


class Missed(msgspec.Struct, frozen=True):
    """A stated departure that was not met; `cause` is the injected fault, null where there is none."""

    session: UUID
    cause: str | None


class Summary(msgspec.Struct, frozen=True):
    """What `demo --once --json` prints. Violations are counted on the simulated meters, per phase."""

    sessions: int
    settled: int
    energy_kwh: float
    baseline_eur: float
    actual_eur: float
    saving: float
    cashback_eur: float
    cashback_sessions: int
    pending_eur: float
    shortfalls: list[Short]
    missed_departures: list[Missed]
    limit_violations: int
    ledger_sum_minor: int
    duplicates_settled: int
    price_source: str
    seed: int
    start: datetime


class Expected(msgspec.Struct, frozen=True):
    """How a session's last plan knew when the car would leave, and what the driver's answer was worth.

    `source`: stated, rota, habit, forecast or none, with the code of a forecast's sentence and on how many own stays it
    stands; `worth_minor`: cents, None where nothing was forecast; `asked`: whether the driver was asked.
    """

    source: str
    reason: str
    stays: int
    worth_minor: int | None
    asked: bool


@dataclass(frozen=True)
class Outcome:
    """A finished run: the summary, and what a test holds it against.

    `receipts` in the order in which the sessions began; `sessions`: their ids by station and OCPP transaction;
    `expected`: by session, of those that had a plan; `findings`: what the watch found, by the station's identity.
    """

    summary: Summary
    town: Town
    report: Report
    receipts: list[Receipt]
    sessions: dict[tuple[str, int], UUID]
    expected: dict[UUID, Expected]
    findings: dict[str, list[Finding]]


def start_of(seed_no: int, prices: PriceFile | None) -> datetime:
    """The local noon at which a seed's day begins: of 2026 on the typical curve, else of a recorded day.

    A file of several years is asked for 2024 first, the year that the figures of this project are measured on.
    """
    rng = Random(seed_no)
    if prices is None:
        first, days = date(TYPICAL_YEAR, 1, 1), 364
    else:
        first, days = _recorded_days(prices)
    day = first + timedelta(days=rng.randrange(days))
    return datetime.combine(day, time(12), LOCAL).astimezone(UTC)


def _recorded_days(prices: PriceFile) -> tuple[date, int]:
    """The first day that can begin a run, and how many there are: its prices and the next day's must be there."""
    begin = datetime.fromtimestamp(prices.starts[0], LOCAL).date()
    end = datetime.fromtimestamp(prices.starts[-1], LOCAL).date()
    first, last = max(begin, MEASURED_YEAR[0]), min(end, MEASURED_YEAR[1])
    if first >= last:
        first, last = begin, end
    if first >= last:
        raise BadSetting("the price file must hold two whole days at least")
    return first, (last - first).days


async def run_once(
    seed_no: int,
    prices_path: Path | None = None,
    log: MessageLog | None = None,
    progress: Callable[[float], None] | None = None,
    *,
    solver: Solver | None = None,
) -> Outcome:
    """Run a day and return all of it. Ids, times and order derive from the seed alone. `solver` None: in place."""
    prices = None if prices_path is None else read_prices(prices_path)
    start = start_of(seed_no, prices)
    town, clock = build(seed_no, start), SteppedClock(start)
    feeds: list[PriceFeed] = [] if prices is None else [RecordedPrices(prices, clock.now, published_at=PUBLISHED_AT)]
    with tempfile.TemporaryDirectory(prefix="dalstroom-demo-") as home:
        settings = Settings(home=Path(home), port=0, ocpp_port=0, demo=True)
        server = Server(settings, Parts(clock=clock, solver=solver or Inline(), feeds=feeds, abreast=1))
        async with server.running(pages=False):
            await seed(server.db, town, start)

            async def settle() -> None:
                if progress is not None:
                    progress((clock.now() - start) / (town.end - start))
                await server.settle()

            report = await run_stepped(town, clock, settle, Ends(server.ws_url, server.api_url, log))
            await server.settle()
            return await _outcome(server.db, town, report, seed_no)


async def _outcome(db: Database, town: Town, report: Report, seed_no: int) -> Outcome:
    async with db.read() as tx:
        found = await sessions.in_order(tx)
        receipts = await wallets.receipts(tx, [session.id for session in found])
        ledger_sum = await wallets.total(tx)
        pending = await wallets.total_of(tx, "pending:")
        duplicates = await wallets.posted_twice(tx)
        found_wrong = [await watch.of_party(tx, party.id, town.start) for party in town.parties]
        last = {session.id: await plans.last_of(tx, session.id, town.end) for session in found}
    ids = {(session.station_id, session.transaction_id): session.id for session in found}
    ordered = [receipts[session.id] for session in found if session.id in receipts]
    missed = [Missed(ids[one.station_id, one.transaction_id or 0], one.explained_by) for one in report.missed]
    summary = _summary(ordered, len(found), missed)
    summary = msgspec.structs.replace(
        summary,
        pending_eur=pending / 100,
        limit_violations=len(report.violations),
        ledger_sum_minor=ledger_sum,
        duplicates_settled=duplicates,
        seed=seed_no,
        start=town.start,
    )
    identities = {station.id: station.identity for station in town.stations}
    named = {(identities[station], transaction): session for (station, transaction), session in ids.items()}
    expected = {
        one.id: Expected(plan.depart_source, plan.depart_reason, plan.depart_stays, one.answer_worth_minor, one.asked)
        for one in found
        if (plan := last[one.id]) is not None
    }
    findings = {identities[key]: group for of_party in found_wrong for key, group in of_party.items()}
    return Outcome(summary, town, report, ordered, named, expected, findings)


def _summary(receipts: Sequence[Receipt], count: int, missed: list[Missed]) -> Summary:
    baseline = sum(receipt.baseline_nano for receipt in receipts)
    actual = sum(receipt.actual_nano for receipt in receipts)
    cashback = sum(receipt.split.driver_minor for receipt in receipts)
    return Summary(
        sessions=count,
        settled=len(receipts),
        energy_kwh=sum(receipt.energy_wh for receipt in receipts) / 1000,
        baseline_eur=_eur(baseline),
        actual_eur=_eur(actual),
        saving=round((baseline - actual) / baseline, 4) if baseline > 0 else 0.0,
        cashback_eur=cashback / 100,
        cashback_sessions=sum(receipt.split.driver_minor > 0 for receipt in receipts),
        pending_eur=0.0,
        shortfalls=[
            Short(receipt.session_id, receipt.shortfall.energy_wh, receipt.shortfall.reason)
            for receipt in receipts
            if receipt.shortfall is not None
        ],
        missed_departures=missed,
        limit_violations=0,
        ledger_sum_minor=0,
        duplicates_settled=0,
        price_source="+".join(sorted({source for one in receipts for source in one.price_source.split("+")})),
        seed=0,
        start=datetime.min.replace(tzinfo=UTC),
    )


def _eur(nano: int) -> float:
    return round(nano / NANO_PER_MINOR / 100, 4)
