"""The places of the demo town: four homes, a public street, a depot, a car park, and the stations that stand there."""

from random import Random
from uuid import UUID

import msgspec

from server.simulator.people import PartySpec
from shared.ids import derive
from shared.units import VOLTS

ZONE = "Europe/Amsterdam"
STREET_STATIONS = 6
STREET_FEEDER_MA = (63_000, 63_000, 63_000)
STREET_PRICE_MICRO_PER_KWH = 420_000
DEPOT_STATIONS = 12
DEPOT_GRID_W = 36_000
PARKING_STATIONS = 2
PARKING_FEEDER_MA = (32_000, 32_000, 32_000)
PARKING_DAY_MICRO_PER_KWH = 450_000
MAX_11_KW = 11_040
MAX_22_KW = 22_080


class PriceWindow(msgspec.Struct, frozen=True):
    """Between these local times of day (HH:MM) a kWh costs this much instead."""

    from_local: str
    to_local: str
    energy_micro_per_kwh: int


class PublicTariffSpec(msgspec.Struct, frozen=True):
    """A public price: per kWh including VAT, no other component. `windows`: when it is another one."""

    id: UUID
    name: str
    energy_micro_per_kwh: int
    currency: str = "EUR"
    windows: tuple[PriceWindow, ...] = ()


class LoadWindow(msgspec.Struct, frozen=True):
    """From this local time of day (HH:MM) on the building takes this much."""

    from_local: str
    load_w: int


class Place(msgspec.Struct, frozen=True):
    """A location. `feeder_ma`: the shared limit per phase; `grid_w`: the grid contract, building included."""

    id: UUID
    key: str
    name: str
    address: str
    postal_code: str
    city: str
    latitude: float
    longitude: float
    party_id: UUID
    public: bool
    time_zone: str = ZONE
    feeder_id: UUID | None = None
    feeder_ma: tuple[int, int, int] | None = None
    grid_w: int | None = None
    base_load: tuple[LoadWindow, ...] = ()
    tariff: PublicTariffSpec | None = None


class StationSpec(msgspec.Struct, frozen=True):
    """A station with one EVSE. `rotation`: the feeder's phase that its first conductor is wired to (0, 1, 2).

    `unit` is what it takes in charging profiles (A or W), `register_unit` how it sends its register (Wh or kWh).
    """

    id: UUID
    evse_id: UUID
    identity: str
    key: str
    location_id: UUID
    label: str
    max_w: int
    phases: int
    unit: str
    rotation: int
    vendor: str
    model: str
    firmware: str
    register_unit: str
    register_wh: int

    @property
    def max_ma(self) -> int:
        """The highest current per phase."""
        return self.max_w * 1000 // (VOLTS * self.phases)


HOMES = (
    ("dynamic", "Van Speijkstraat 121", "1057 GN", 52.36946, 4.86532),
    ("fixed", "Linnaeusparkweg 64", "1098 EJ", 52.35217, 4.93294),
    ("night", "Hogeweg 38", "1098 CD", 52.35455, 4.92961),
    ("on-call", "Danie Theronstraat 17", "1091 XM", 52.35369, 4.91922),
)
HOME_NAMES = {
    "dynamic": "Van Speijkstraat",
    "fixed": "Linnaeusparkweg",
    "night": "Hogeweg",
    "on-call": "Danie Theronstraat",
}
PARKING_WINDOWS = (PriceWindow("23:00", "07:00", 420_000), PriceWindow("11:00", "16:00", 410_000))
MAKES = (
    ("Alfen", "Eve Single Pro-line", "6.6.0-4245"),
    ("Zaptec", "Go", "2.4.2.4"),
    ("Easee", "Charge Up", "331"),
    ("Kempower", "AC Street", "1.9.3"),
)


def places(seed: int, parties: dict[str, PartySpec]) -> dict[str, Place]:
    """All locations by key: `home-` with dynamic, fixed, night and on-call; `street`, `depot`, `parking`."""
    out = {
        f"home-{key}": Place(
            id=derive("town-location", seed, key),
            key=f"home-{key}",
            name=HOME_NAMES[key],
            address=address,
            postal_code=postal,
            city="Amsterdam",
            latitude=latitude,
            longitude=longitude,
            party_id=parties["provider-2" if key == "night" else "provider-1"].id,
            public=False,
        )
        for key, address, postal, latitude, longitude in HOMES
    }
    out["street"] = _street(seed, parties["operator"].id)
    out["depot"] = _depot(seed, parties["fleet"].id)
    out["parking"] = _parking(seed, parties["operator"].id)
    return out


def _street(seed: int, operator_id: UUID) -> Place:
    return Place(
        id=derive("town-location", seed, "street"),
        key="street",
        name="Lootsstraat",
        address="Lootsstraat 14-24",
        postal_code="1053 NV",
        city="Amsterdam",
        latitude=52.36790,
        longitude=4.86615,
        party_id=operator_id,
        public=True,
        feeder_id=derive("town-feeder", seed, "street"),
        feeder_ma=STREET_FEEDER_MA,
        tariff=PublicTariffSpec(derive("town-tariff", seed, "street"), "Lootsstraat", STREET_PRICE_MICRO_PER_KWH),
    )


def _depot(seed: int, fleet_id: UUID) -> Place:
    return Place(
        id=derive("town-location", seed, "depot"),
        key="depot",
        name="Transformatorweg",
        address="Transformatorweg 88",
        postal_code="1014 AK",
        city="Amsterdam",
        latitude=52.39263,
        longitude=4.85481,
        party_id=fleet_id,
        public=False,
        feeder_id=derive("town-feeder", seed, "depot"),
        grid_w=DEPOT_GRID_W,
        base_load=(LoadWindow("07:00", 20_000), LoadWindow("19:00", 10_000)),
    )


def _parking(seed: int, operator_id: UUID) -> Place:
    """A car park at the edge of the town, where a kWh costs less at night and around noon."""
    name = "P+R Zeeburg"
    tariff_id = derive("town-tariff", seed, "parking")
    return Place(
        id=derive("town-location", seed, "parking"),
        key="parking",
        name=name,
        address="Zuiderzeeweg 46",
        postal_code="1095 KJ",
        city="Amsterdam",
        latitude=52.37243,
        longitude=4.96195,
        party_id=operator_id,
        public=True,
        feeder_id=derive("town-feeder", seed, "parking"),
        feeder_ma=PARKING_FEEDER_MA,
        tariff=PublicTariffSpec(tariff_id, name, PARKING_DAY_MICRO_PER_KWH, windows=PARKING_WINDOWS),
    )


def stations(seed: int, where: dict[str, Place], rng: Random) -> tuple[StationSpec, ...]:
    """All stations, in a fixed order: three homes, street, depot, car park, the home of who is on call."""
    out = [
        _station(seed, f"HOME-{number}", where[f"home-{key}"], ("1", MAX_11_KW, "A" if number != 2 else "W", 0), rng)
        for number, key in enumerate(("dynamic", "fixed", "night"), start=1)
    ]
    for number in range(1, STREET_STATIONS + 1):
        wiring = (str(number), MAX_22_KW if number in {2, 5} else MAX_11_KW, "AW"[number % 3 == 0], (number - 1) % 3)
        # A slash in the identity is legal and travels percent-encoded: one more thing that has to work.
        out.append(_station(seed, f"LOOTS/{number}", where["street"], wiring, rng))
    for number in range(1, DEPOT_STATIONS + 1):
        wiring = (str(number), MAX_11_KW, "WA"[number % 4 == 0], (number - 1) % 3)
        out.append(_station(seed, f"DEPOT-{number:02d}", where["depot"], wiring, rng))
    later = Random(f"{seed}/parking")  # of its own: what stood in the town before the car park stays as it was
    for number in range(1, PARKING_STATIONS + 1):
        wiring = (str(number), MAX_11_KW, "A", number - 1)
        out.append(_station(seed, f"ZEEBURG-{number}", where["parking"], wiring, later))
    out.append(_station(seed, "HOME-4", where["home-on-call"], ("1", MAX_11_KW, "A", 0), Random(f"{seed}/on-call")))
    return tuple(out)


def _station(seed: int, identity: str, place: Place, wiring: tuple[str, int, str, int], rng: Random) -> StationSpec:
    label, max_w, unit, rotation = wiring
    vendor, model, firmware = rng.choice(MAKES)
    return StationSpec(
        id=derive("town-station", seed, identity),
        evse_id=derive("town-evse", seed, identity),
        identity=identity,
        key=derive("town-key", seed, identity).hex,
        location_id=place.id,
        label=label,
        max_w=max_w,
        phases=3,
        unit=unit,
        rotation=rotation,
        vendor=vendor,
        model=model,
        firmware=firmware,
        register_unit="kWh" if identity in {"LOOTS/4", "DEPOT-06"} else "Wh",
        register_wh=rng.randrange(20_000, 9_000_000),
    )
