"""Every cashback of a demo run, recomputed from the OCPP message log, a price curve and a description of the town.

Written from domain.md (0, 1.2, 1.3) and nothing else; imports nothing of the server. Integers and fractions only:
energy Wh, price micro-units per kWh, cost nano-units, money cents.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

SLOT = timedelta(minutes=15)
NANO_PER_CENT = 10_000_000
LEAST_PAID_CENTS = 20
MOST_PAID_CENTS = 1_000
DRIVER_SHARE = Fraction(1, 2)
LEAST_ENERGY_WH = 2_000
HOLE = timedelta(minutes=30)
VOLTS = 230
SOCKET_A = 32

Key = tuple[str, int]
"""A session: the station's identity and the transaction's number."""


# --- what the town says ----------------------------------------------------------


@dataclass(frozen=True)
class Driver:
    """Who holds a card. `contracts`: place (None: anywhere public) to terms."""

    account: str
    consent: bool
    car_max_w: int
    car_phases: int
    contracts: Mapping[str | None, "Terms"]


@dataclass(frozen=True)
class Terms:
    """`kind` as the contract says; `night`: (day price, night price, from, to, weekend is night), micro per kWh."""

    kind: str
    partner: bool
    night: tuple[int, int, str, str, bool] | None = None


@dataclass(frozen=True)
class Socket:
    """A station: where it stands, what it gives. `grid_w`: the contract, building included; `feeder_ma`: a phase.

    `price`: where a public price varies, EUR-micro per kWh outside its windows, and the windows (from, to, price).
    """

    place: str
    max_w: int
    phases: int
    time_zone: str
    grid_w: int | None = None
    feeder_ma: int | None = None
    base_load: tuple[tuple[str, int], ...] = ()
    price: tuple[int, tuple[tuple[str, str, int], ...]] | None = None


@dataclass(frozen=True)
class Description:
    """A town: stations by identity, drivers by card."""

    sockets: Mapping[str, Socket]
    drivers: Mapping[str, Driver]


def describe(town) -> Description:
    """The description of a simulated town (read by attribute, so that nothing has to be imported)."""
    places = {place.id: place for place in town.places}
    sockets = {}
    for station in town.stations:
        place = places[station.location_id]
        sockets[station.identity] = Socket(
            str(place.id),
            station.max_w,
            station.phases,
            place.time_zone,
            place.grid_w,
            min(place.feeder_ma) if place.feeder_ma else None,
            tuple((window.from_local, window.load_w) for window in place.base_load),
            _timed(place),
        )
    drivers = {}
    for person in town.people:
        if person.car is not None:
            contracts = {
                str(contract.location_id) if contract.location_id else None: Terms(
                    contract.kind, contract.partner, _night(contract.home_tariff)
                )
                for contract in person.contracts
            }
            drivers[person.token_uid] = Driver(
                str(person.id), person.consent, person.car.max_ac_w, person.car.phases, contracts
            )
    return Description(sockets, drivers)


def _timed(place) -> tuple[int, tuple[tuple[str, str, int], ...]] | None:
    """The public price of a place, where it varies."""
    if not place.public or place.tariff is None or not place.tariff.windows:
        return None
    windows = tuple((one.from_local, one.to_local, one.energy_micro_per_kwh) for one in place.tariff.windows)
    return place.tariff.energy_micro_per_kwh, windows


def _night(tariff) -> tuple[int, int, str, str, bool] | None:
    if tariff is None or tariff.kind != "night":
        return None
    return (
        tariff.price_micro_per_kwh,
        tariff.night_price_micro_per_kwh,
        tariff.night_from,
        tariff.night_to,
        tariff.weekend_is_night,
    )


# --- what the prices say ---------------------------------------------------------


def read_prices(path: Path) -> dict[datetime, int]:
    """Micro per kWh by quarter hour, from a CSV with `ts_utc, price_eur_mwh`; an hourly price holds for four."""
    with path.open(newline="") as file:
        rows = sorted((_moment(row["ts_utc"]), _micro(row["price_eur_mwh"])) for row in csv.DictReader(file))
    starts = [moment for moment, _ in rows]
    out = {}
    for index, (moment, micro) in enumerate(rows):
        hourly = index + 1 < len(rows) and starts[index + 1] - moment == timedelta(hours=1)
        hourly = hourly or (index + 1 == len(rows) and index > 0 and moment - starts[index - 1] == timedelta(hours=1))
        for quarter in range(4 if hourly else 1):
            out[moment + quarter * SLOT] = micro
    return out


def _micro(text: str) -> int:
    return int((Decimal(text) * 1000).quantize(Decimal(1), ROUND_HALF_UP))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


# --- what the log says -----------------------------------------------------------


@dataclass
class Heard:
    """A session as it went over the wire."""

    station: str
    card: str
    begun: datetime
    meter_start: int
    ended: datetime | None = None
    meter_stop: int = 0
    stop_seen: int = 0
    start_seen: int = 0
    cars_there: int = 1
    plan_accepted: bool = False
    readings: dict[datetime, int] = field(default_factory=dict)


def listen(lines: Iterable[str]) -> dict[Key, Heard]:
    """The sessions of a log (JSON lines: at, station, dir, frame), by station and transaction."""
    calls: dict[tuple[str, str, str], list] = {}
    out: dict[Key, Heard] = {}
    for number, text in enumerate(lines):
        line = json.loads(text)
        station, way, frame = line["station"], line["dir"], json.loads(line["frame"])
        if frame[0] == 2:
            calls[station, way, frame[1]] = frame
            _take_call(out, station, frame, number)
        elif frame[0] == 3:
            asked = calls.pop((station, "down" if way == "up" else "up", frame[1]), None)
            if asked is not None:
                _take_answer(out, station, asked, frame[2], number)
    return out


def _count_cars(heard: Iterable[Heard], town: Description) -> None:
    """How many cars stood behind the same limit when each plugged in, that one included."""
    everyone = list(heard)
    for one in everyone:
        place = town.sockets[one.station].place
        one.cars_there += sum(
            town.sockets[other.station].place == place
            and other.start_seen < one.start_seen
            and (other.ended is None or other.stop_seen > one.start_seen)
            for other in everyone
            if other is not one
        )


def _take_call(out: dict[Key, Heard], station: str, frame: list, number: int) -> None:
    action, payload = frame[2], frame[3]
    if action == "MeterValues" and (station, payload.get("transactionId")) in out:
        _take_readings(out[station, payload["transactionId"]], payload["meterValue"])
    elif action == "StopTransaction" and (station, payload["transactionId"]) in out:
        heard = out[station, payload["transactionId"]]
        if heard.ended is None:
            heard.ended, heard.meter_stop, heard.stop_seen = _moment(payload["timestamp"]), payload["meterStop"], number
        _take_readings(heard, payload.get("transactionData") or [])


def _take_answer(out: dict[Key, Heard], station: str, asked: list, answer: dict, number: int) -> None:
    action, payload = asked[2], asked[3]
    if action == "StartTransaction" and answer["idTagInfo"]["status"] == "Accepted":
        begun = _moment(payload["timestamp"])
        heard = Heard(station, payload["idTag"], begun, payload["meterStart"], start_seen=number)
        out.setdefault((station, answer["transactionId"]), heard)
    elif action == "SetChargingProfile" and answer["status"] == "Accepted":
        profile = payload["csChargingProfiles"]
        key = station, profile.get("transactionId")
        if profile["chargingProfilePurpose"] == "TxProfile" and key in out:
            out[key].plan_accepted = True


def _take_readings(heard: Heard, values: list[dict]) -> None:
    for value in values:
        for sample in value["sampledValue"]:
            if sample.get("measurand", "Energy.Active.Import.Register") == "Energy.Active.Import.Register":
                scale = 1000 if sample.get("unit") == "kWh" else 1
                heard.readings[_moment(value["timestamp"])] = int(Decimal(sample["value"]) * scale)


# --- the formula -----------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """The part of a slot that lies in the stay."""

    slot: datetime
    seconds: int
    metered_wh: int
    baseline_wh: int


@dataclass(frozen=True)
class Cashback:
    """What a session brings its driver, cents: credited in all, of which paid with it, and what then is pending."""

    account: str
    credited: int
    paid: int
    pending_after: int
    pool_nano: int
    energy_wh: int
    public_saved_nano: int | None = None  # where a public price varies


def half_up(value: Fraction) -> int:
    """The nearest integer, halves upwards."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def parts(heard: Heard, power_w: int) -> list[Part]:
    """Metered energy and baseline in each slot of the stay; both sum to what the meter counted."""
    assert heard.ended is not None
    track = _track(heard)
    total = heard.meter_stop - heard.meter_start
    slot = heard.begun - (heard.begun - datetime(1970, 1, 1, tzinfo=UTC)) % SLOT
    stay = (heard.ended - heard.begun).total_seconds()
    power = max(Fraction(power_w), Fraction(-(-total * 3600 // max(1, int(stay)))))
    out, metered, planned, elapsed = [], 0, 0, 0
    while slot < heard.ended:
        end = min(slot + SLOT, heard.ended)
        seconds = int((end - max(slot, heard.begun)).total_seconds())
        elapsed += seconds
        metered_to = half_up(_interpolate(track, end))
        planned_to = min(total, half_up(power * elapsed / 3600))
        out.append(Part(slot, seconds, metered_to - metered, planned_to - planned))
        metered, planned, slot = metered_to, planned_to, slot + SLOT
    assert metered == planned == total, "both sides hold the same energy"
    return out


def _track(heard: Heard) -> list[tuple[datetime, int]]:
    assert heard.ended is not None
    inner = [
        (at, register - heard.meter_start)
        for at, register in sorted(heard.readings.items())
        if heard.begun < at < heard.ended
    ]
    return [(heard.begun, 0), *inner, (heard.ended, heard.meter_stop - heard.meter_start)]


def _interpolate(track: list[tuple[datetime, int]], moment: datetime) -> Fraction:
    for (start, low), (end, high) in pairwise(track):
        if moment <= end:
            microsecond = timedelta(microseconds=1)
            return low + Fraction((high - low) * ((moment - start) // microsecond), (end - start) // microsecond)
    return Fraction(track[-1][1])


def reference_power(heard: Heard, socket: Socket, driver: Driver) -> int:
    """What the car could have drawn here, W: socket, phases, car, and its share of what the site has left
    for the cars that are there at plug-in."""
    phases = min(driver.car_phases, socket.phases)
    bounds = [socket.max_w * phases // socket.phases, SOCKET_A * VOLTS * phases, driver.car_max_w]
    if socket.feeder_ma is not None:
        bounds.append(3 * VOLTS * socket.feeder_ma // 1000 // heard.cars_there)
    if socket.grid_w is not None:
        local = heard.begun.astimezone(ZoneInfo(socket.time_zone)).strftime("%H:%M")
        loads = sorted(socket.base_load)
        load = next((load for at, load in reversed(loads) if at <= local), loads[-1][1] if loads else 0)
        bounds.append((socket.grid_w - load) // heard.cars_there)
    return min(bounds)


def pool_nano(heard: Heard, socket: Socket, driver: Driver, prices: Mapping[datetime, int]) -> int:
    """The net value that is shared: 0 in cases B, D and F, and where the session is not eligible."""
    terms = driver.contracts.get(socket.place) or driver.contracts[None]
    energy = heard.meter_stop - heard.meter_start
    shares = terms.partner and terms.kind in {"public_fixed", "home_fixed", "home_night"}
    if not (shares and driver.consent and heard.plan_accepted and energy >= LEAST_ENERGY_WH):
        return 0
    if 10 * _unseen_wh(heard) > energy:
        return 0
    stay = parts(heard, reference_power(heard, socket, driver))
    moved = [(part, part.baseline_wh - part.metered_wh) for part in stay]
    value = sum(prices[part.slot] * wh for part, wh in moved)
    return value - sum(_own_price(terms, socket, part.slot) * wh for part, wh in moved)


def _unseen_wh(heard: Heard) -> int:
    track = _track(heard)
    return sum(high - low for (start, low), (end, high) in pairwise(track) if end - start > HOLE)


def _own_price(terms: Terms, socket: Socket, slot: datetime) -> int:
    """What the driver's own price adds: only one that varies by time leaves something after both sums are taken.

    At home a night tariff (case E), in public the price of the place (case G).
    """
    local = slot.astimezone(ZoneInfo(socket.time_zone))
    clock = local.strftime("%H:%M")
    if terms.kind == "public_fixed":
        price, windows = socket.price or (0, ())
        return next((cheaper for start, end, cheaper in windows if _inside(clock, start, end)), price)
    if terms.night is None:
        return 0
    day, night, start, end, weekend = terms.night
    return night if _inside(clock, start, end) or (weekend and local.weekday() >= 5) else day


def _inside(clock: str, start: str, end: str) -> bool:
    return start <= clock < end if start <= end else clock >= start or clock < end


def saved_nano(heard: Heard, socket: Socket, driver: Driver) -> int:
    """Case G: what the public price itself saved the driver, by charging when it was low; nothing else pays that."""
    terms = driver.contracts.get(socket.place) or driver.contracts[None]
    stay = parts(heard, reference_power(heard, socket, driver))
    return sum(_own_price(terms, socket, part.slot) * (part.baseline_wh - part.metered_wh) for part in stay)


def cashbacks(lines: Iterable[str], prices: Mapping[datetime, int], town: Description) -> dict[Key, Cashback]:
    """Every ended session's cashback, in the order in which the stops came in (policy ACCUMULATE)."""
    pending: dict[str, int] = defaultdict(int)
    heard = listen(lines)
    _count_cars(heard.values(), town)
    ended = sorted((session.stop_seen, key) for key, session in heard.items() if session.ended is not None)
    assert all(count < 3 for count in _stays(heard).values()), "a third stay would teach the baseline the car's power"
    out = {}
    for _, key in ended:
        session = heard[key]
        driver = town.drivers[session.card]
        pool = pool_nano(session, town.sockets[session.station], driver, prices)
        credited = min(half_up(DRIVER_SHARE * max(0, pool) / NANO_PER_CENT), MOST_PAID_CENTS)
        due = pending[driver.account] + credited
        paid = min(due, MOST_PAID_CENTS) if due >= LEAST_PAID_CENTS else 0
        pending[driver.account] = due - paid
        energy, socket = session.meter_stop - session.meter_start, town.sockets[session.station]
        saved = saved_nano(session, socket, driver) if socket.price is not None else None
        out[key] = Cashback(driver.account, credited, paid, due - paid, pool, energy, saved)
    return out


def _stays(heard: Mapping[Key, Heard]) -> dict[str, int]:
    out: dict[str, int] = defaultdict(int)
    for session in heard.values():
        out[session.card] += 1
    return out
