"""Which stations and cars there are, from a seed: the same seed makes the same fleet.

Left to the clock: times on the wire, the names of 2.0.1 transactions (which hold their start), and how much is drawn.
"""

from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from server.simulator.car import CarSpec
from server.simulator.fleet import quirks
from server.simulator.fleet.chance import between, fraction
from server.simulator.fleet.chaos import LEVELS, Chaos

NOBODY = UUID(int=0)
MIXED = "mixed"
CARS = (
    CarSpec(NOBODY, "Small", 24_000, 3_680, 1, 100),
    CarSpec(NOBODY, "Compact", 52_000, 7_360, 1, 90),
    CarSpec(NOBODY, "Saloon", 60_000, 11_040, 3, 80, reports_soc=True),
    CarSpec(NOBODY, "Estate", 77_000, 11_040, 3, 90),
    CarSpec(NOBODY, "Van", 70_000, 22_080, 3, 100, reports_soc=True),
)
POWERS = ((11_040, 3), (22_080, 3), (7_360, 1))
"""What a station gives at most, W, and on how many phases."""
PAUSE_BETWEEN_S = 2.0
"""So long a socket stays free between two cars."""


class FleetPlan(msgspec.Struct, frozen=True):
    """What to simulate. `identity` and `key` may hold `{n}`, the station's number from 1 (also `{n:05d}`).

    A `charging` share of the stations serves cars with `card`, each for `stay_s` (0: until the end), and reports
    every `reading_s`; a `sleepy` share of the cars falls asleep in a pause of `sleeps_after_s` or more. Stations come
    one after the other within `ramp_s`. `security` is the profile; with 2 and 3 `ca` is who signed the server's
    certificate, with 3 `certificates` is the folder with each station's own. `version` is 1.6, 2.0.1 or mixed.
    Who lost its line without chaos comes back after `back_s` (twice as long each time that it fails); in the end
    what is queued may be told for `drain_s`.
    """

    stations: int
    url: str
    key: str = ""
    identity: str = "SIM-{n:05d}"
    card: str = "SIMULATOR"
    charging: float = 0.5
    seconds: float = 60.0
    reading_s: float = 15.0
    stay_s: float = 0.0
    ramp_s: float = 0.0
    sleepy: float = 0.1
    sleeps_after_s: float = 3_600.0
    version: str = "1.6"
    security: int = 1
    ca: Path | None = None
    certificates: Path | None = None
    quirks: tuple[str, ...] = ()
    chaos: str = ""
    seed: int = 1
    back_s: float = 1.0
    drain_s: float = 20.0


class StationPlan(msgspec.Struct, frozen=True):
    """One station. `unit` is what it takes in profiles, `register_wh` where its meter stands as it begins."""

    number: int
    identity: str
    key: str
    version: str
    unit: str
    max_w: int
    phases: int
    register_wh: int
    arrives_s: float
    charges: bool
    quirks: frozenset[str]


class CarPlan(msgspec.Struct, frozen=True):
    """One car that comes, and how full it is."""

    spec: CarSpec
    soc_permille: int
    sleepy: bool


def wrong_url(url: str, security: int = 1) -> str | None:
    """What is wrong with a URL for a security profile, in one line; None where nothing is."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"{url}: {error}"
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or port == 0:
        return f"{url}: expected ws://host:port/path or wss://host:port/path"
    if (parts.scheme == "wss") != (security >= 2):
        return f"{url}: security profile {security} wants {'wss' if security >= 2 else 'ws'}://"
    return None


def versions(plan: FleetPlan) -> tuple[str, ...]:
    """The versions that a fleet speaks."""
    return quirks.BOTH if plan.version == MIXED else (plan.version,)


def station(plan: FleetPlan, number: int) -> StationPlan:
    """The n-th station, from 1."""
    spoken = versions(plan)
    version = spoken[(number - 1) % len(spoken)]
    has = quirks.of_station(plan.quirks, (number - 1) // len(spoken), version)
    identity = plan.identity.format(n=number)
    if "odd_identity" in has:
        identity = f"{identity}|ß/{number}"
    who = (plan.seed, identity)
    max_w, phases = POWERS[between(0, len(POWERS) - 1, *who, "power")]
    return StationPlan(
        number=number,
        identity=identity,
        key=plan.key.format(n=number),
        version=version,
        unit="W" if "only_watts" in has or fraction(*who, "unit") < 0.2 else "A",
        max_w=max_w,
        phases=phases,
        register_wh=0 if "register_per_session" in has else between(1_000, 30_000_000, *who, "register"),
        arrives_s=plan.ramp_s * (number - 1) / plan.stations,
        charges=number <= plan.stations * plan.charging,
        quirks=has,
    )


def car(plan: FleetPlan, identity: str, visit: int) -> CarPlan:
    """The car of a station's n-th visit, from 0."""
    who = (plan.seed, identity, "car", visit)
    spec = CARS[between(0, len(CARS) - 1, *who)]
    top = spec.limit_pct * 10 - 20
    return CarPlan(spec, between(100, top, *who, "soc"), fraction(*who, "sleepy") < plan.sleepy)


def chaos(plan: FleetPlan, identity: str) -> Chaos | None:
    """What disturbs a station, None: nothing."""
    return Chaos(LEVELS[plan.chaos], plan.seed, identity) if plan.chaos else None
