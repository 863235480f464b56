"""The people of the demo town and the businesses they deal with: who they are, what they drive, what they signed."""

from uuid import UUID

import msgspec

from server.simulator.car import CarSpec


class PartySpec(msgspec.Struct, frozen=True):
    """A business. `role`: provider, operator, supplier or fleet."""

    id: UUID
    code: str
    name: str
    role: str


class HomeTariffSpec(msgspec.Struct, frozen=True):
    """A home tariff in the words of the API (`HomeTariffInput`): micro-units per kWh including VAT and taxes."""

    id: UUID
    kind: str  # fixed | night | dynamic
    price_micro_per_kwh: int | None = None
    night_price_micro_per_kwh: int | None = None
    night_from: str = "23:00"
    night_to: str = "07:00"
    weekend_is_night: bool = True
    markup_micro_per_kwh: int | None = None
    supplier: str | None = None
    supplier_partner: bool = False


class ContractSpec(msgspec.Struct, frozen=True):
    """What a person signed: with a provider, at a place (None: anywhere public), and who funds the cashback.

    `kind` is a value of the server's contract kinds: public_fixed, home_dynamic, home_fixed, home_night, fleet.
    """

    id: UUID
    kind: str
    provider_id: UUID
    counterparty_id: UUID | None
    location_id: UUID | None
    partner: bool
    home_tariff: HomeTariffSpec | None = None


class HabitSpec(msgspec.Struct, frozen=True):
    """On this weekday (0 = Monday) the person usually leaves at this local time, HH:MM."""

    weekday: int
    leaves_at: str | None


class Person(msgspec.Struct, frozen=True):
    """Someone with an account. `role` is a role of the API; `story` a code that the app has a sentence for.

    `consent`: has agreed to delayed charging. `token_uid` is the card (at most 20 characters), None without a car.
    `tells`: entered the habits in the app; who did not lives by them all the same. `dial`: sure, balanced or cheap.
    """

    id: UUID
    name: str
    email: str
    role: str  # driver | fleet_manager | operator | supplier | administrator
    party_id: UUID
    language: str
    story: str
    consent: bool = True
    token_uid: str | None = None
    car: CarSpec | None = None
    habits: tuple[HabitSpec, ...] = ()
    contracts: tuple[ContractSpec, ...] = ()
    tells: bool = True
    dial: str = "sure"


class Model(msgspec.Struct, frozen=True):
    """A kind of car. `max_a`: current per phase of its on-board charger."""

    name: str
    capacity_wh: int
    phases: int
    max_a: int
    reports_soc: bool = False
    limit_pct: int = 80


class Role(msgspec.Struct, frozen=True):
    """A part in the town's play, before the seed gives it a name. `leaves`: usual local time on working days.

    `tells` and `dial` as a person has them.
    """

    key: str
    story: str
    model: Model
    leaves: str
    leaves_weekend: str
    consent: bool = True
    language: str = "nl"
    tells: bool = True
    dial: str = "sure"


MODEL_3 = Model("Tesla Model 3", 75_000, 3, 16, reports_soc=True)
ID_3 = Model("Volkswagen ID.3", 58_000, 3, 16, limit_pct=90)
ZOE = Model("Renault Zoe", 52_000, 3, 32, limit_pct=90)
LEAF = Model("Nissan Leaf", 39_000, 1, 28, limit_pct=100)
KONA = Model("Hyundai Kona", 64_000, 1, 32)
NIRO = Model("Kia Niro EV", 64_800, 3, 16, limit_pct=90)
SPRING = Model("Dacia Spring", 26_800, 1, 28, limit_pct=100)
POLESTAR = Model("Polestar 2", 75_000, 3, 16, reports_soc=True)
E_208 = Model("Peugeot e-208", 46_000, 1, 32, limit_pct=90)
I3 = Model("BMW i3", 37_900, 3, 16, limit_pct=100)
FIAT = Model("Fiat 500e", 37_300, 3, 16, limit_pct=90)
ENYAQ = Model("Skoda Enyaq", 77_000, 3, 16, reports_soc=True)
R5 = Model("Renault 5", 52_000, 3, 16, limit_pct=90)
SMART = Model("smart EQ", 16_700, 3, 32, limit_pct=100)
BUZZ = Model("Volkswagen ID. Buzz", 77_000, 3, 16)
I4 = Model("BMW i4", 80_000, 3, 16, reports_soc=True)
VITO = Model("Mercedes eVito", 60_000, 3, 16, limit_pct=90, reports_soc=True)
TRANSIT = Model("Ford E-Transit", 68_000, 3, 16, limit_pct=90)
KANGOO = Model("Renault Kangoo E-Tech", 44_000, 1, 32, limit_pct=90)

HOMES = (
    Role("dynamic", "home_dynamic", MODEL_3, "07:20", "10:10", language="en"),
    Role("fixed", "home_fixed", ID_3, "07:45", "10:30"),
    Role("night", "home_night", ZOE, "08:00", "10:00", language="de"),
)
STREET_NIGHT = (
    Role("night-1", "street_overnight", POLESTAR, "07:35", "09:10"),
    Role("night-2", "street_overnight", NIRO, "08:00", "09:20"),
    Role("night-3", "street_no_consent", E_208, "07:15", "08:50", consent=False),
    Role("night-4", "street_replug", FIAT, "08:10", "09:25", language="en"),
    Role("night-5", "street_overnight", KONA, "07:50", "09:15", language="de"),
)
STREET_EVENING = (
    Role("evening-early", "street_leaves_early", R5, "23:30", "23:30"),
    Role("evening-late", "street_unsaid", LEAF, "07:40", "08:45", tells=False, dial="cheap"),
)
STREET_DAY = (
    Role("day-1", "street_visitor", SMART, "16:30", "16:40"),
    Role("day-2", "street_visitor", ENYAQ, "16:50", "16:45", language="en"),
    Role("day-3", "street_visitor", I3, "15:45", "16:00"),
    Role("day-4", "street_no_consent", SPRING, "16:15", "16:20", consent=False),
    Role("day-5", "street_visitor", ID_3, "17:00", "16:50"),
    Role("morning", "street_visitor", FIAT, "11:30", "11:30", language="de"),
)
PARKING = (
    Role("parking-night", "parking_overnight", BUZZ, "08:20", "09:40"),
    Role("parking-day", "parking_day", I4, "22:40", "22:20", language="en"),
)
ON_CALL = Role("on-call", "home_unsaid", ENYAQ, "07:30", "10:00", language="en", tells=False)
"""A doctor who is called out on some nights, and never says when the car leaves."""
VANS = (VITO, VITO, TRANSIT, VITO, KANGOO, VITO, TRANSIT, VITO, KANGOO, TRANSIT, VITO, KANGOO)

FIRST_NAMES = (
    "Sanne", "Bram", "Yasmin", "Daan", "Fleur", "Joris", "Noor", "Ruben", "Emine", "Thijs", "Lotte", "Sven", "Amira",
    "Pieter", "Maud", "Omar", "Femke", "Jesse", "Iris", "Koen", "Zeynep", "Wouter", "Elin", "Hugo", "Marit", "Tygo",
    "Saskia", "Farid", "Nina", "Gijs", "Anouk", "Milan", "Roos", "Jelle", "Leila", "Stijn", "Vera", "Casper",
)  # fmt: skip
LAST_NAMES = (
    "de Wit", "Visser", "El Amrani", "van Dijk", "Bakker", "Janssen", "Smit", "Meijer", "Yilmaz", "Mulder", "Bos",
    "Peters", "Haddad", "Hendriks", "Dekker", "Brouwer", "Dijkstra", "Kok", "Vermeulen", "Schouten", "Aydin", "Jacobs",
    "van Leeuwen", "Kuipers", "Postma", "Willems", "Hoekstra", "Benali", "Koster", "Prins", "Blom", "Huisman",
    "Peeters", "Kuiper", "Veenstra", "Kramer", "van den Berg", "Evers",
)  # fmt: skip
