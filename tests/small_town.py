"""A town of three parties, five people and three places, small enough to know by heart, in a real SQLite file.

Anna lives at Home (an 11 kW station, dynamic tariff) and may charge at Street (two EVSEs, EUR 0.42 per kWh). Bert is
the stranger: another driver with a home of his own. Olga operates Street for Lootspaal; Otto operates nothing, for
another party. The clock stands at Wednesday 2025-01-15, 18:00 UTC, and prices are the typical curve.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import sqlalchemy as sa

from server.core.contract import Contract, ContractKind, ContractTerms
from server.core.reports import ConnectorStatus, ReadingsInfo, SampledReading, StartInfo, StopInfo
from server.core.tariff import EnergyWindow, PublicTariffTerms
from server.core.valley import plan as engine
from server.flows import accounts, plans, readings, sessions, settlements, stations
from server.storage import schema, tables
from server.storage import sessions as stored_sessions
from server.storage import town as stored
from server.storage.db import Database
from shared.accounts import Habit
from shared.ids import derive
from shared.tariffs import HomeKind, HomeTariffInput

NOW = datetime(2025, 1, 15, 18, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=300)
PASSWORD = "correct horse battery"
STATION_KEY = "0123456789abcdef0123456789abcdef01234567"


def an_id(name: str) -> UUID:
    return derive("small-town", name)


PROVIDER, OPERATOR, SUPPLIER, RIVAL = (an_id(name) for name in ("provider", "operator", "supplier", "rival"))
ANNA, BERT, OLGA, OTTO, SUE = (an_id(name) for name in ("anna", "bert", "olga", "otto", "sue"))
HOME, STREET, BERTS_HOME = an_id("home"), an_id("street"), an_id("berts-home")
HOME_STATION, STREET_STATION_1, STREET_STATION_2 = (an_id(f"station-{name}") for name in ("home", "1", "2"))
BERTS_STATION = an_id("station-bert")
HOME_EVSE, STREET_EVSE_1, STREET_EVSE_2 = (an_id(f"evse-{name}") for name in ("home", "1", "2"))
BERTS_EVSE = an_id("evse-bert")
ANNAS_CAR, BERTS_CAR = an_id("annas-car"), an_id("berts-car")
ANNAS_HOME_CONTRACT = an_id("annas-home-contract")
PEOPLE = ((ANNA, "driver"), (BERT, "driver"), (OLGA, "operator"), (OTTO, "operator"), (SUE, "supplier"))
DYNAMIC = HomeTariffInput(kind=HomeKind.DYNAMIC, markup_micro_per_kwh=20_000, supplier="Wiekenpolder Energie")


def email(account_id: UUID) -> str:
    names = {ANNA: "anna", BERT: "bert", OLGA: "olga", OTTO: "otto", SUE: "sue"}
    return f"{names[account_id]}@example.org"


async def found(where: Path | str) -> None:
    """Write the town into a new database: a file, or whatever a URL names."""
    db = Database(where if isinstance(where, str) else f"sqlite:///{where}")
    await schema.migrate(db)
    async with db.begin() as tx:
        await _parties_and_people(tx)
        await _places(tx)
        await _contracts(tx)
    await db.close()


async def _parties_and_people(tx):
    for party, name, role in (
        (PROVIDER, "Dalstroom Mobiliteit", "provider"),
        (OPERATOR, "Lootspaal", "operator"),
        (SUPPLIER, "Wiekenpolder Energie", "supplier"),
        (RIVAL, "Andere Palen", "operator"),
    ):
        await stored.add(tx, "parties", id=party, name=name, role=role, created_at=LONG_AGO)
    password_hash = accounts.hash_password(PASSWORD)
    belongs = {OLGA: OPERATOR, OTTO: RIVAL, SUE: SUPPLIER}
    for person, role in PEOPLE:
        await stored.add(
            tx,
            "accounts",
            id=person,
            party_id=belongs.get(person, PROVIDER),
            role=role,
            name=email(person).partition("@")[0].title(),
            email=email(person),
            password_hash=password_hash if person == ANNA else None,
            consent_at=LONG_AGO if role == "driver" else None,
            habits=[Habit(weekday, "07:00") for weekday in range(5)] if person == ANNA else [],
            story="early_leaver" if person in (BERT, OLGA) else None,
            created_at=LONG_AGO,
        )
    for person, car, token in ((ANNA, ANNAS_CAR, "ANNA-CARD"), (BERT, BERTS_CAR, "BERT-CARD")):
        await stored.add(tx, "tokens", uid=token, party_id=PROVIDER, account_id=person, kind="rfid")
        powers = {"capacity_wh": 60_000, "max_ac_w": 11_040, "phases": 3, "target_pct": 80}
        await stored.add(tx, "vehicles", id=car, party_id=PROVIDER, account_id=person, name="Kleine blauwe", **powers)


async def _places(tx):
    terms = PublicTariffTerms(an_id("tariff"), "EUR", (EnergyWindow("00:00", "24:00", 420_000),))
    await stored.add(tx, "tariffs", id=terms.id, party_id=OPERATOR, name="Street", terms=terms)
    for place, party, resident, name in (
        (HOME, PROVIDER, ANNA, "Anna's home"),
        (BERTS_HOME, PROVIDER, BERT, "Bert's home"),
        (STREET, OPERATOR, None, "Lootsstraat"),
    ):
        public = place == STREET
        await stored.add(
            tx,
            "locations",
            id=place,
            party_id=party,
            account_id=resident,
            tariff_id=terms.id if public else None,
            name=name,
            address="Lootsstraat 1, Amsterdam",
            latitude=52.37,
            longitude=4.86,
            public=public,
        )
    feeder = an_id("feeder")
    await stored.add(
        tx,
        "feeders",
        id=feeder,
        party_id=OPERATOR,
        location_id=STREET,
        limit_ma=[25_000] * 3,
        limit_w=None,
        base_load=[],
    )
    await _stations(tx, feeder)


async def _stations(tx, feeder):
    for station, evse, place, identity in (
        (HOME_STATION, HOME_EVSE, HOME, "HOME-1"),
        (BERTS_STATION, BERTS_EVSE, BERTS_HOME, "HOME-2"),
        (STREET_STATION_1, STREET_EVSE_1, STREET, "LOOTS/1"),
        (STREET_STATION_2, STREET_EVSE_2, STREET, "LOOTS/2"),
    ):
        party = OPERATOR if place == STREET else PROVIDER
        powers = {"max_w": 11_040, "phases": 3}
        await stored.add(
            tx,
            "stations",
            id=station,
            party_id=party,
            location_id=place,
            feeder_id=feeder if place == STREET else None,
            identity=identity,
            key_sha256=hashlib.sha256(STATION_KEY.encode()).hexdigest(),
            online=station != STREET_STATION_2,
            unit="A",
            safe_held_w=12_500 * 690 // 1000 if place == STREET else None,
            **powers,
        )
        where = {"party_id": party, "station_id": station, "location_id": place, "label": identity}
        await stored.add(tx, "evses", id=evse, connector_no=1, status="Available", **where, **powers)


async def _contracts(tx):
    dynamic = ContractTerms(ContractKind.HOME_DYNAMIC, partner=True)
    public = ContractTerms(ContractKind.PUBLIC_FIXED)
    for person, home in ((ANNA, HOME), (BERT, BERTS_HOME)):
        contract_id = ANNAS_HOME_CONTRACT if person == ANNA else an_id("berts-home-contract")
        await stored.add_contract(tx, Contract(contract_id, PROVIDER, person, dynamic, home, SUPPLIER))
        street = an_id(f"{person}-street-contract")
        await stored.add_contract(tx, Contract(street, PROVIDER, person, public, None, OPERATOR))
    await stored.add(
        tx,
        "home_tariffs",
        id=an_id("annas-tariff"),
        party_id=PROVIDER,
        account_id=ANNA,
        entered=DYNAMIC,
        supplier_partner=True,
        supplier_id=SUPPLIER,
        valid_from=LONG_AGO,
    )


# --- what happens in it -------------------------------------------------------


async def plug_in(db: Database, at: datetime, station: UUID = HOME_STATION, token: str = "ANNA-CARD") -> UUID:
    """A car plugs in at a station's connector; the session's id."""
    meter = int(at.timestamp()) % 1_000_000
    async with db.begin() as tx:
        await stations.status(tx, station, ConnectorStatus(1, "Charging", "NoError"), at)
        answer = await sessions.open_session(tx, station, StartInfo(1, token, meter, at), at)
        session = await stored_sessions.by_transaction(tx, station, answer.transaction_id)
    assert session is not None
    return session.id


async def read_meter(db: Database, session_id: UUID, at: datetime, energy_wh: int, power_w: int = 11_040) -> None:
    """A reading comes in: what was taken so far."""
    async with db.begin() as tx:
        session = await stored_sessions.get(tx, session_id)
        sample = SampledReading(at, register_wh=session.meter_start_wh + energy_wh, power_w=power_w)
        info = ReadingsInfo(session.connector_no, session.transaction_id, (sample,))
        await readings.take(tx, session.station_id, info, at)


async def unplug(db: Database, session_id: UUID, at: datetime, energy_wh: int) -> None:
    """The car leaves, and the session is settled."""
    async with db.begin() as tx:
        session = await stored_sessions.get(tx, session_id)
        info = StopInfo(session.transaction_id, session.meter_start_wh + energy_wh, at, reason="EVDisconnected")
        await sessions.close_session(tx, session.station_id, info, at)
    async with db.begin() as tx:
        await settlements.settle_session(tx, session_id, at)


async def make_plan(db: Database, location_id: UUID, now: datetime) -> None:
    """Plan a place, as the replan worker does."""
    async with db.read() as tx:
        question = await plans.prepare(tx, location_id, now)
    answer = engine.solve(question.problem)
    async with db.begin() as tx:
        assert await plans.save(tx, question, answer, now)


async def a_night(db: Database, at: datetime, station: UUID = STREET_STATION_1) -> UUID:
    """Twelve hours at a station from `at` on, charged as planned: nothing for six hours, then 30 kWh in three."""
    session_id = await plug_in(db, at, station)
    await make_plan(db, STREET if station != HOME_STATION else HOME, at)
    async with db.begin() as tx:
        before = await stored_sessions.get(tx, session_id)
        await stored_sessions.save(tx, before, msgspec.structs.replace(before, plan_accepted=True))
    for quarter in range(1, 48):
        energy = min(30_000, max(0, quarter - 24) * 2_500)
        power = 10_000 if 24 < quarter <= 36 else 0
        await read_meter(db, session_id, at + timedelta(minutes=15 * quarter), energy, power)
    await unplug(db, session_id, at + timedelta(hours=12), 30_000)
    return session_id


async def rows(db: Database, table: str) -> int:
    """How many rows a table has."""
    async with db.read() as tx:
        counted = sa.select(sa.func.count()).select_from(tables.SQLModel.metadata.tables[table])
        return int((await tx.execute(counted)).scalar_one())
