"""The bench's own world in a new database: homes and streets, a driver with a card and a car for each station."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from server.core.contract import Contract, ContractKind, ContractTerms
from server.core.tariff import EnergyWindow, PublicTariffTerms
from server.storage import schema
from server.storage import town as stored
from server.storage.db import Database
from shared.ids import derive
from shared.tariffs import HomeKind, HomeTariffInput

KEY = "0123456789abcdef0123456789abcdef01234567"
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
PROVIDER = derive("bench", "provider")
DYNAMIC = HomeTariffInput(kind=HomeKind.DYNAMIC, markup_micro_per_kwh=20_000, supplier="Bench Energie")
OURS = {"party_id": PROVIDER}
TARIFF = derive("bench", "tariff", "street")
TOGETHER = 10
FEEDER_MA = 100_000
"""Of ten stations that could draw 16 A each on every phase."""
KINDS = ("accounts", "tokens", "vehicles", "tariffs", "locations", "home_tariffs", "feeders", "stations", "evses")
POWERS = {"max_w": 11_040, "phases": 3}


def identity(number: int) -> str:
    """A station's name."""
    return f"BENCH-{number:05d}"


def card(number: int) -> str:
    """The card of the driver who lives at a station."""
    return f"CARD{number:05d}"


async def found(url: str, homes: int, street: int = 0) -> None:
    """Enter so many homes into an empty database, and then so many stations that stand on streets, TOGETHER each."""
    db = Database(url)
    await schema.migrate(db)
    async with db.begin() as tx:
        await stored.add(tx, "parties", id=PROVIDER, name="Bench", role="provider", created_at=LONG_AGO)
        rows = _rows(homes, street)
        for kind in KINDS:
            await stored.add_all(tx, kind, [row for of, row in rows if of == kind])
        for number in range(homes + street):
            await stored.add_contract(tx, _contract(number, at_home=number < homes))
    await db.close()


def _rows(homes: int, street: int) -> list[tuple[str, dict[str, Any]]]:
    rows = [row for number in range(homes + street) for row in _driver(number)]
    for number in range(homes):
        rows += [_location(number, derive("bench", "account", number)), _tariff(number)]
        rows += _station(number, number, None)
    terms = PublicTariffTerms(TARIFF, "EUR", (EnergyWindow("00:00", "24:00", 420_000),))
    rows.append(("tariffs", {"id": TARIFF, **OURS, "name": "Street", "terms": terms}))
    for first in range(homes, homes + street, TOGETHER):
        feeder = derive("bench", "feeder", first)
        limit = {"limit_ma": [FEEDER_MA] * 3, "limit_w": None, "base_load": []}
        place = derive("bench", "location", first)
        rows += [_location(first, None), ("feeders", {"id": feeder, **OURS, "location_id": place, **limit})]
        for number in range(first, min(first + TOGETHER, homes + street)):
            rows += _station(number, first, feeder)
    return rows


def _driver(number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    account = derive("bench", "account", number)
    person = {"role": "driver", "name": f"Driver {number}", "email": f"{number}@example.org", "habits": []}
    yield "accounts", {"id": account, **OURS, **person, "consent_at": LONG_AGO, "created_at": LONG_AGO}
    yield "tokens", {"uid": card(number), **OURS, "account_id": account, "kind": "rfid"}
    car = {"capacity_wh": 60_000, "max_ac_w": 11_040, "phases": 3, "target_pct": 80, "name": "Car"}
    yield "vehicles", {"id": derive("bench", "car", number), **OURS, "account_id": account, **car}


def _location(number: int, resident: UUID | None) -> tuple[str, dict[str, Any]]:
    where = {"name": f"Place {number}", "address": "", "latitude": 52.0, "longitude": 5.0}
    whose = {"account_id": resident, "public": resident is None, "tariff_id": TARIFF if resident is None else None}
    return "locations", {"id": derive("bench", "location", number), **OURS, **whose, **where}


def _tariff(number: int) -> tuple[str, dict[str, Any]]:
    terms = {"entered": DYNAMIC, "supplier_partner": True, "supplier_id": PROVIDER, "valid_from": LONG_AGO}
    account = derive("bench", "account", number)
    return "home_tariffs", {"id": derive("bench", "tariff", number), **OURS, "account_id": account, **terms}


def _station(number: int, place: int, feeder: UUID | None) -> Iterator[tuple[str, dict[str, Any]]]:
    station = derive("bench", "station", number)
    here = {**OURS, "location_id": derive("bench", "location", place), **POWERS}
    said = {"identity": identity(number), "key_sha256": hashlib.sha256(KEY.encode()).hexdigest(), "unit": "A"}
    yield "stations", {"id": station, **here, **said, "feeder_id": feeder}
    evse = {"id": derive("bench", "evse", number), "station_id": station, "connector_no": 1, "label": identity(number)}
    yield "evses", {**here, **evse, "status": "Available"}


def _contract(number: int, *, at_home: bool) -> Contract:
    terms = ContractTerms(ContractKind.HOME_DYNAMIC if at_home else ContractKind.PUBLIC_FIXED, partner=True)
    place = derive("bench", "location", number) if at_home else None
    ids = (derive("bench", kind, number) for kind in ("contract", "account"))
    contract_id, account_id = ids
    return Contract(contract_id, PROVIDER, account_id, terms, place, PROVIDER)
