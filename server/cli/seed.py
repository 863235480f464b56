"""Puts the demo town into the database: its parties, people, places and contracts, once."""

import hashlib
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.contract import Contract, ContractKind, ContractTerms
from server.core.tariff import EnergyWindow, PublicTariffTerms
from server.simulator.people import ContractSpec, HomeTariffSpec, Person
from server.simulator.places import LoadWindow, Place, PublicTariffSpec, StationSpec
from server.simulator.town import Town
from server.storage import town as stored
from server.storage.db import Database
from server.storage.town import PastStay
from shared.accounts import Habit
from shared.ids import derive
from shared.tariffs import HomeKind, HomeTariffInput


async def seed(db: Database, town: Town, now: datetime) -> bool:
    """Write a town that is not there yet; returns whether it was new."""
    async with db.begin() as tx:
        if await stored.is_there(tx, town.parties[0].id):
            return False
        for party in town.parties:
            await stored.add(tx, "parties", id=party.id, name=party.name, role=party.role, created_at=now)
        for person in town.people:
            await _person(tx, person, now)
        for place in town.places:
            await _place(tx, place, town)
        for station in town.stations:
            await _station(tx, station, town)
        for person in town.people:
            for contract in person.contracts:
                await _contract(tx, person, contract, now)
        await stored.add_past(tx, _past(town))
    return True


def _past(town: Town) -> list[PastStay]:
    """The stays of the weeks before, from which habits and energies are learned; they were settled long ago."""
    stations = {station.identity: station for station in town.stations}
    places = {place.id: place for place in town.places}
    people = {person.id: person for person in town.people}
    return [
        PastStay(
            id=derive("town-stay", town.seed, number),
            party_id=places[stations[stay.station].location_id].party_id,
            station_id=stations[stay.station].id,
            evse_id=stations[stay.station].evse_id,
            location_id=stations[stay.station].location_id,
            account_id=stay.person_id,
            token_uid=people[stay.person_id].token_uid or "",
            started_at=stay.plugged_at,
            ended_at=stay.unplugged_at,
            energy_wh=stay.energy_wh,
            answer_worth_minor=stay.answer_worth_minor,
        )
        for number, stay in enumerate(town.history)
    ]


async def _person(tx: AsyncSession, person: Person, now: datetime) -> None:
    await stored.add(
        tx,
        "accounts",
        id=person.id,
        party_id=person.party_id,
        role=person.role,
        name=person.name,
        email=person.email,
        language=person.language,
        consent_at=now if person.consent and person.car else None,
        habits=[Habit(habit.weekday, habit.leaves_at) for habit in person.habits if person.tells],
        dial=person.dial,
        story=person.story,
        created_at=now,
    )
    if person.token_uid is not None:
        token = {"uid": person.token_uid, "party_id": person.party_id, "account_id": person.id, "kind": "rfid"}
        await stored.add(tx, "tokens", **token)
    if person.car is not None:
        car = person.car
        await stored.add(
            tx,
            "vehicles",
            id=car.id,
            party_id=person.party_id,
            account_id=person.id,
            name=car.name,
            capacity_wh=car.capacity_wh,
            max_ac_w=car.max_ac_w,
            phases=car.phases,
            target_pct=car.limit_pct,
            reference_ac_w=car.max_ac_w,
            reference_phases=car.phases,
        )


async def _place(tx: AsyncSession, place: Place, town: Town) -> None:
    if place.tariff is not None:
        await _public_tariff(tx, place, place.tariff)
    await stored.add(
        tx,
        "locations",
        id=place.id,
        party_id=place.party_id,
        account_id=_resident(place, town),
        tariff_id=place.tariff.id if place.tariff else None,
        name=place.name,
        address=f"{place.address}, {place.postal_code} {place.city}",
        latitude=place.latitude,
        longitude=place.longitude,
        time_zone=place.time_zone,
        zone=town.price_zone,
        public=place.public,
    )
    if place.feeder_id is not None:
        await stored.add(
            tx,
            "feeders",
            id=place.feeder_id,
            party_id=place.party_id,
            location_id=place.id,
            limit_ma=list(place.feeder_ma) if place.feeder_ma else None,
            limit_w=place.grid_w,
            base_load=_windows(place.base_load),
        )


async def _public_tariff(tx: AsyncSession, place: Place, tariff: PublicTariffSpec) -> None:
    """The first window that holds a time prices it: those of the tariff, then the rest of the day."""
    timed = [EnergyWindow(one.from_local, one.to_local, one.energy_micro_per_kwh) for one in tariff.windows]
    rest = EnergyWindow("00:00", "24:00", tariff.energy_micro_per_kwh)
    terms = PublicTariffTerms(tariff.id, tariff.currency, (*timed, rest), time_zone=place.time_zone)
    await stored.add(tx, "tariffs", id=tariff.id, party_id=place.party_id, name=tariff.name, terms=terms)


def _resident(place: Place, town: Town) -> Any:  # noqa: ANN401 -- a UUID or None
    homes = (ContractKind.HOME_DYNAMIC, ContractKind.HOME_FIXED, ContractKind.HOME_NIGHT)
    for person in town.people:
        if any(one.location_id == place.id and one.kind in homes for one in person.contracts):
            return person.id
    return None


def _windows(base_load: tuple[LoadWindow, ...]) -> list[tuple[str, str, int]]:
    """From-to windows round the clock, of loads that each hold until the next begins."""
    if not base_load:
        return []
    turns = [*base_load, base_load[0]]
    return [(now.from_local, then.from_local, now.load_w) for now, then in pairwise(turns)]


async def _station(tx: AsyncSession, station: StationSpec, town: Town) -> None:
    place = next(place for place in town.places if place.id == station.location_id)
    await stored.add(
        tx,
        "stations",
        id=station.id,
        party_id=place.party_id,
        location_id=place.id,
        feeder_id=place.feeder_id,
        identity=station.identity,
        key_sha256=hashlib.sha256(station.key.encode()).hexdigest(),
        max_w=station.max_w,
        phases=station.phases,
        unit=station.unit,
    )
    await stored.add(
        tx,
        "evses",
        id=station.evse_id,
        party_id=place.party_id,
        station_id=station.id,
        location_id=place.id,
        connector_no=1,
        label=f"{place.name} {station.label}" if place.feeder_id else place.name,
        max_w=station.max_w,
        phases=station.phases,
    )


async def _contract(tx: AsyncSession, person: Person, spec: ContractSpec, now: datetime) -> None:
    terms = ContractTerms(kind=ContractKind(spec.kind), partner=spec.partner)
    await stored.add_contract(
        tx, Contract(spec.id, spec.provider_id, person.id, terms, spec.location_id, spec.counterparty_id)
    )
    if spec.home_tariff is not None:
        await _home_tariff(tx, person, spec.home_tariff, now)


async def _home_tariff(tx: AsyncSession, person: Person, spec: HomeTariffSpec, now: datetime) -> None:
    entered = HomeTariffInput(
        kind=HomeKind(spec.kind),
        price_micro_per_kwh=spec.price_micro_per_kwh,
        night_price_micro_per_kwh=spec.night_price_micro_per_kwh,
        night_from=spec.night_from,
        night_to=spec.night_to,
        weekend_is_night=spec.weekend_is_night,
        markup_micro_per_kwh=spec.markup_micro_per_kwh,
        supplier=spec.supplier,
    )
    await stored.add(
        tx,
        "home_tariffs",
        id=spec.id,
        party_id=person.party_id,
        account_id=person.id,
        entered=entered,
        supplier_partner=spec.supplier_partner,
        valid_from=now,
    )
