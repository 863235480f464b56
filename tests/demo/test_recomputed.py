"""Every cashback of a demo day, recomputed from the message log and a price file by code that knows no server.

The server's receipts must agree to the cent, session by session, whatever prices were used.
"""

import ast
import csv
import sys
from datetime import datetime, timedelta
from pathlib import Path

from demo_day import Day
from recompute_cashback import cashbacks, describe, read_prices

from server.core.pricecurve import typical
from server.core.timegrid import Grid
from server.simulator.town import build

MICRO_PER_EUR_MWH = 1000


def write_typical(path: Path, start: datetime) -> Path:
    """The typical curve of a day and its next as a price file, in quarter hours."""
    slots = typical(Grid(start - timedelta(hours=1), 4 * 30), "Europe/Amsterdam")
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ts_utc", "price_eur_mwh"])
        for slot in slots:
            rows.writerow([slot.start.isoformat(), f"{slot.price_micro_per_kwh / MICRO_PER_EUR_MWH:.3f}"])
    return path


def agrees(day: Day, prices: Path) -> None:
    town = build(day.seed, datetime.fromisoformat(day.summary["start"]))
    recomputed = cashbacks(day.frames, read_prices(prices), describe(town))
    receipts = day.receipts
    assert set(recomputed) == set(receipts)
    assert len(receipts) == day.summary["sessions"]
    ours = {key: (one.credited, one.energy_wh) for key, one in recomputed.items()}
    assert ours == {key: (receipt.split.driver_minor, receipt.energy_wh) for key, receipt in receipts.items()}
    paid = {key: (one.paid, one.pending_after) for key, one in recomputed.items() if one.credited}
    assert paid == {
        key: (receipt.split.paid_minor, receipt.split.pending_after_minor)
        for key, receipt in receipts.items()
        if receipt.split.driver_minor
    }
    saved = {key: one.public_saved_nano for key, one in recomputed.items() if one.public_saved_nano is not None}
    assert saved == {key: receipt.savings_nano for key, receipt in receipts.items() if receipt.case == "G"}
    assert len(saved) == 2
    assert sum(one.credited for one in recomputed.values()) == round(day.summary["cashback_eur"] * 100) > 0


def test_on_the_typical_curve(typical_day, tmp_path):
    agrees(typical_day, write_typical(tmp_path / "typical.csv", datetime.fromisoformat(typical_day.summary["start"])))


def test_on_recorded_prices(recorded_day, recorded_prices):
    agrees(recorded_day, recorded_prices)


def test_what_recomputes_imports_nothing_of_the_server():
    tree = ast.parse((Path(__file__).parents[1] / "independent" / "recompute_cashback.py").read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
