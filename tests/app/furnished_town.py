"""What belongs to the stations of the fake town: reservations, shared limits, what they report of themselves."""

from datetime import timedelta

import httpx
import msgspec
from town_facts import NOW, an_id

from shared.feeders import FeederView, LoadWindow
from shared.operating import InventoryKind, InventoryLine
from shared.reservations import ReservationView
from shared.wire import Page

PLACE = an_id("place")
PAGE = 2


def reservation(number: int, *, confirmed: bool = True) -> ReservationView:
    until = NOW + timedelta(minutes=25)
    return ReservationView(number, an_id("evse"), "Lootsstraat", "LOOTS-1", NOW, until, confirmed)


def feeder(name: str, parent: str | None, stations: list[str], share_ma: int, **limit: object) -> FeederView:
    return FeederView(
        id=an_id("feeder", name),
        location_id=PLACE,
        name=name,
        parent_id=None if parent is None else an_id("feeder", parent),
        base_load=[LoadWindow("08:00", "18:00", 12_000)] if parent is None else [],
        stations=stations,
        sockets=max(1, 2 * len(stations)),
        safe_share_ma=share_ma,
        **{"limit_w": None, "limit_ma": None, **limit},  # type: ignore[arg-type]
    )


def variable(number: int, name: str, value: str) -> InventoryLine:
    said = {
        "variableAttribute": [{"value": value}, {"type": "Target", "value": "9"}],
        "variableCharacteristics": {"unit": "W"},
    }
    return InventoryLine(number, InventoryKind.VARIABLE, name, said, 1, NOW, None)


class Furnished:
    """Public fields are what it says next; `searches` is what was asked of the inventory, `cancelled` is let go."""

    def __init__(self) -> None:
        self.reservations = [reservation(7), reservation(8, confirmed=False)]
        self.feeders = [
            feeder("Connection", None, [], 0, limit_ma=[63_000] * 3, limit_w=40_000),
            feeder("Row A", "Connection", ["LOOTS/1", "LOOTS/2"], 7_500, limit_ma=[32_000, 32_000, 25_000]),
        ]
        monitor = {"variableMonitoring": [{"type": "UpperThreshold", "value": 80.0, "severity": 4}]}
        self.lines = [
            variable(1, "EVSE 1 Power", "11000"),
            InventoryLine(2, InventoryKind.MONITOR, "Controller Temperature", monitor, 2, NOW, None),
            InventoryLine(3, InventoryKind.REPORT, "variable 1", {}, None, NOW, complete=False),
        ]
        self.searches: list[dict[str, str]] = []
        self.cancelled: list[int] = []

    def get(self, path: str, query: dict[str, str]) -> object | None:
        """What a path of a station says, None for those of others."""
        if path.endswith("/reservations"):
            return self.reservations
        if not path.endswith("/inventory"):
            return None
        self.searches.append(query)
        begin = int(query.get("cursor", "0"))
        words = query.get("text", "").lower()
        found = [one for one in self.lines if words in one.name.lower() and query.get("kind") in {None, one.kind.value}]
        more = str(begin + PAGE) if len(found) > begin + PAGE else None
        return Page(found[begin : begin + PAGE], more)

    def cancel(self, path: str) -> httpx.Response:
        number = int(path.rsplit("/", 1)[1])
        self.cancelled.append(number)
        self.reservations = [one for one in self.reservations if one.id != number]
        return httpx.Response(204)

    def limits(self) -> httpx.Response:
        return httpx.Response(200, content=msgspec.json.encode(self.feeders))
