"""The demo town: `build` derives everything in it from a seed. Pure: no clock, no socket, no global randomness.

Four homes (dynamic, fixed with a partner supplier, night tariff, and the dynamic one of a doctor on call who never says
when the car leaves), a public street of six stations behind one 3 x 63 A
feeder, a depot of twelve on a 36 kW grid contract whose building takes 20 kW by day and 10 kW by night, and a car park
with two stations where a kWh costs less at night and around noon.
"""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import msgspec

from server.simulator import people as cast
from server.simulator import places as map_of_town
from server.simulator import visits as diary
from server.simulator.car import CarSpec
from server.simulator.people import ContractSpec, HabitSpec, HomeTariffSpec, Model, PartySpec, Person, Role
from server.simulator.places import Place, StationSpec
from server.simulator.visits import Stand, Stay, Visit
from shared.ids import derive
from shared.units import VOLTS

PARTIES = (
    ("provider-1", "DAL", "Dalstroom Mobiliteit", "provider"),
    ("provider-2", "GRT", "Gracht Laadpas", "provider"),
    ("operator", "LTS", "Lootspaal", "operator"),
    ("supplier", "WPL", "Wiekenpolder Energie", "supplier"),
    ("fleet", "AMB", "Amstelbode Pakketten", "fleet"),
)


class Town(msgspec.Struct, frozen=True):
    """All there is, and all that will happen between `start` and `end` unless someone interferes.

    `history`: stays of the four weeks before, for a server that wants to learn habits.
    """

    seed: int
    start: datetime
    end: datetime
    price_zone: str
    parties: tuple[PartySpec, ...]
    places: tuple[Place, ...]
    stations: tuple[StationSpec, ...]
    people: tuple[Person, ...]
    visits: tuple[Visit, ...]
    history: tuple[Stay, ...]


def build(seed: int, start: datetime, days: int = 1) -> Town:
    """The town of a seed from `start` (aware) for `days` days: noon to noon where `start` is a local noon.

    The same arguments give the same town on every machine. A stay under way at `start` plugs in within its first
    minutes; where `start` is a noon every stay has ended by `end`.
    """
    assert start.tzinfo is not None, "naive start"
    start = start.astimezone(UTC)
    rng = Random(seed)
    parties = {key: PartySpec(derive("town-party", seed, key), code, name, role) for key, code, name, role in PARTIES}
    places = map_of_town.places(seed, parties)
    stations = map_of_town.stations(seed, places, rng)
    players = _people(seed, parties, places, rng)
    stand = Stand(
        seed=seed,
        start=start,
        end=start + timedelta(days=days),
        players=players,
        stations={station.identity: station for station in stations},
        places={place.id: place for place in places.values()},
    )
    return Town(
        seed=seed,
        start=start,
        end=stand.end,
        price_zone="NL",
        parties=tuple(parties.values()),
        places=tuple(places.values()),
        stations=stations,
        people=tuple(players.values()),
        visits=diary.plan(stand),
        history=diary.past(stand),
    )


class _Casting:
    """Hands out names, each once, in an order that the seed decides; holds what people's contracts refer to."""

    def __init__(self, seed: int, parties: dict[str, PartySpec], places: dict[str, Place], rng: Random) -> None:
        self.seed, self.parties, self.places = seed, parties, places
        self._first, self._last = list(cast.FIRST_NAMES), list(cast.LAST_NAMES)
        rng.shuffle(self._first)
        rng.shuffle(self._last)

    def name(self) -> str:
        return f"{self._first.pop()} {self._last.pop()}"

    def id(self, kind: str, key: str) -> UUID:
        return derive(kind, self.seed, key)


def _people(seed: int, parties: dict[str, PartySpec], places: dict[str, Place], rng: Random) -> dict[str, Person]:
    casting = _Casting(seed, parties, places, rng)
    out = {role.key: _home_driver(casting, role) for role in cast.HOMES}
    street = (*cast.STREET_DAY, *cast.STREET_NIGHT, *cast.STREET_EVENING)
    for number, role in enumerate(street):
        provider = parties["provider-1" if number % 2 == 0 else "provider-2"]
        out[role.key] = _driver(casting, role, provider, (_public(casting, role.key, provider),))
    for number, model in enumerate(cast.VANS, start=1):
        leaves = f"{6 + (30 + 7 * number) // 60:02d}:{(30 + 7 * number) % 60:02d}"
        role = Role(f"van-{number}", "depot_driver", model, leaves, leaves)
        out[role.key] = _driver(casting, role, parties["fleet"], (_fleet(casting, role.key),))
    offices = (
        ("manager", "fleet_manager", "fleet"),
        ("operator", "operator", "operator"),
        ("supplier", "supplier", "supplier"),
        ("administrator", "administrator", "provider-1"),
    )
    for key, role_name, party in offices:
        out[key] = _office(casting, key, role_name, parties[party])
    for role in cast.PARKING:  # the last to be cast: everybody else keeps the name of before
        provider = parties["provider-1"]
        out[role.key] = _driver(casting, role, provider, (_public(casting, role.key, provider),))
    out[cast.ON_CALL.key] = _home_driver(casting, cast.ON_CALL)
    return out


def _office(casting: _Casting, key: str, role: str, party: PartySpec) -> Person:
    name = casting.name()
    return Person(
        id=casting.id("town-account", key),
        name=name,
        email=_email(name),
        role=role,
        party_id=party.id,
        language="en",
        story=role,
    )


def _home_driver(casting: _Casting, role: Role) -> Person:
    provider = casting.parties["provider-2" if role.key == "night" else "provider-1"]
    supplier = casting.parties["supplier"]
    tariff_id = casting.id("town-home-tariff", role.key)
    kind = "dynamic" if role is cast.ON_CALL else role.key
    tariff = {
        "dynamic": HomeTariffSpec(tariff_id, "dynamic", markup_micro_per_kwh=18_150, supplier="Noordlicht Stroom"),
        "fixed": HomeTariffSpec(
            tariff_id, "fixed", price_micro_per_kwh=284_000, supplier=supplier.name, supplier_partner=True
        ),
        "night": HomeTariffSpec(
            tariff_id,
            "night",
            price_micro_per_kwh=298_000,
            night_price_micro_per_kwh=262_000,
            supplier=supplier.name,
            supplier_partner=True,
        ),
    }[kind]
    home = ContractSpec(
        id=casting.id("town-contract", f"home-{role.key}"),
        kind=f"home_{kind}",
        provider_id=provider.id,
        counterparty_id=supplier.id if tariff.supplier_partner else None,
        location_id=casting.places[f"home-{role.key}"].id,
        partner=tariff.supplier_partner,
        home_tariff=tariff,
    )
    return _driver(casting, role, provider, (home, _public(casting, role.key, provider)))


def _public(casting: _Casting, key: str, provider: PartySpec) -> ContractSpec:
    return ContractSpec(
        id=casting.id("town-contract", f"public-{key}"),
        kind="public_fixed",
        provider_id=provider.id,
        counterparty_id=casting.parties["operator"].id,
        location_id=None,
        partner=True,
    )


def _fleet(casting: _Casting, key: str) -> ContractSpec:
    return ContractSpec(
        id=casting.id("town-contract", f"fleet-{key}"),
        kind="fleet",
        provider_id=casting.parties["provider-1"].id,
        counterparty_id=casting.parties["fleet"].id,
        location_id=casting.places["depot"].id,
        partner=False,
    )


def _driver(casting: _Casting, role: Role, party: PartySpec, contracts: tuple[ContractSpec, ...]) -> Person:
    name = casting.name()
    return Person(
        id=casting.id("town-account", role.key),
        name=name,
        email=_email(name),
        role="driver",
        party_id=party.id,
        language=role.language,
        story=role.story,
        consent=role.consent,
        token_uid=casting.id("town-token", role.key).hex[:14].upper(),
        car=_car(casting, role.key, role.model),
        habits=tuple(HabitSpec(day, role.leaves if day < 5 else role.leaves_weekend) for day in range(7)),
        contracts=contracts,
        tells=role.tells,
        dial=role.dial,
    )


def _car(casting: _Casting, key: str, model: Model) -> CarSpec:
    return CarSpec(
        id=casting.id("town-vehicle", key),
        name=model.name,
        capacity_wh=model.capacity_wh,
        max_ac_w=model.max_a * VOLTS * model.phases,
        phases=model.phases,
        limit_pct=model.limit_pct,
        reports_soc=model.reports_soc,
    )


def _email(name: str) -> str:
    return name.lower().replace(" ", ".") + "@demo.example"
