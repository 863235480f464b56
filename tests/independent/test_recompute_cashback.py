"""The recomputation against the worked numbers of the domain brief (V1, V4, V5, V7, V8), typed in by hand."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from recompute_cashback import (
    Cashback,
    Description,
    Driver,
    Socket,
    Terms,
    cashbacks,
    describe,
    listen,
    read_prices,
)

BEGIN = datetime(2024, 3, 12, 18, tzinfo=UTC)
SLOT = timedelta(minutes=15)


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def town(kind="public_fixed", *, partner=True, consent=True, power=11_000, night=None, price=None):
    driver = Driver("acc", consent, power, 3, {None: Terms(kind, partner, night)})
    return Description({"S": Socket("p", power, 3, "Europe/Amsterdam", price=price)}, {"CARD": driver})


class Tape:
    """Writes a log as the simulator does."""

    def __init__(self) -> None:
        self.lines, self.number, self.register, self.transaction = [], 0, 1_000, 0

    def say(self, action, payload, answer, way="up"):
        self.number += 1
        back = "down" if way == "up" else "up"
        for direction, frame in ((way, [2, str(self.number), action, payload]), (back, [3, str(self.number), answer])):
            self.lines.append(json.dumps({"at": "", "station": "S", "dir": direction, "frame": json.dumps(frame)}))

    def session(self, energies, begin=BEGIN, *, accepted=True, twice=False, unit="Wh"):
        """A session whose slots hold these Wh, from `begin`, a reading at each slot's end."""
        self.transaction += 1
        payload = {"connectorId": 1, "idTag": "CARD", "meterStart": self.register, "timestamp": stamp(begin)}
        ok = {"idTagInfo": {"status": "Accepted"}}
        for _ in range(2 if twice else 1):
            self.say("StartTransaction", payload, ok | {"transactionId": self.transaction})
        profile = {"transactionId": self.transaction, "chargingProfilePurpose": "TxProfile"}
        answer = {"status": "Accepted" if accepted else "Rejected"}
        self.say("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}, answer, way="down")
        for number, energy in enumerate(energies, start=1):
            self.register += energy
            sample = {"value": str(self.register), "unit": "Wh"}
            if unit == "kWh":
                sample = {"value": f"{self.register / 1000:.3f}", "unit": "kWh"}
            value = {"timestamp": stamp(begin + number * SLOT), "sampledValue": [sample]}
            self.say("MeterValues", {"transactionId": self.transaction, "meterValue": [value]}, {})
        stop = {"transactionId": self.transaction, "meterStop": self.register}
        stop["timestamp"] = stamp(begin + len(energies) * SLOT)
        for _ in range(2 if twice else 1):
            self.say("StopTransaction", stop, {})
        return self.lines


def prices(blocks, begin=BEGIN, per_hour=4):
    out, at = {}, begin
    for count, eur_mwh in blocks:
        for _ in range(count * per_hour):
            out[at] = round(eur_mwh * 1000)
            at += SLOT
    return out


NIGHT = prices([(3, 160), (2, 110), (3, 80), (4, 40), (1, 120)])
VALLEY = [0] * 32 + [2750] * 7 + [750] + [0] * 12


def only(found) -> Cashback:
    (one,) = found.values()
    return one


def test_v1_moved_into_the_valley():
    found = only(cashbacks(Tape().session(VALLEY), NIGHT, town()))
    assert (found.pool_nano, found.credited, found.paid) == (2_400_000_000, 120, 120)


def test_v4_is_too_small_to_pay_and_accumulates_to_twenty_cents():
    curve = prices([(8, 90), (16, 80)], per_hour=1) | prices(
        [(8, 90), (16, 80)], begin=BEGIN + timedelta(days=1), per_hour=1
    )
    tape = Tape()
    for day in range(2):
        tape.session([0] * 8 + [2750] * 7 + [750] + [0] * 8, BEGIN + timedelta(days=day))
    one, two = cashbacks(tape.lines, curve, town()).values()
    assert (one.credited, one.paid, one.pending_after) == (10, 0, 10)
    assert (two.credited, two.paid, two.pending_after) == (10, 20, 0)


def test_v5_is_capped():
    curve = prices([(16, 600), (24, 20)], per_hour=1)
    energies = [0] * 16 + [5500] * 12 + [4000] + [0] * 11
    found = only(cashbacks(Tape().session(energies), curve, town(power=22_000)))
    assert (found.pool_nano, found.credited) == (40_600_000_000, 1_000)


def test_v7_override_at_one_o_clock():
    found = only(cashbacks(Tape().session([0] * 28 + [2750] * 7 + [750] + [0] * 16), NIGHT, town()))
    assert (found.pool_nano, found.credited) == (1_960_000_000, 98)


def test_v8_left_early():
    found = only(cashbacks(Tape().session([0] * 18 + [2750] * 2), NIGHT, town()))
    assert (found.pool_nano, found.credited, found.paid) == (275_000_000, 14, 0)


@pytest.mark.parametrize(
    ("there", "accepted"),
    [
        (town(consent=False), True),
        (town(partner=False), True),
        (town("home_dynamic"), True),
        (town("fleet", partner=False), True),
        (town(), False),
    ],
    ids=["no consent", "no partner", "own bill", "employer", "plan not accepted"],
)
def test_where_nothing_is_payable(there, accepted):
    assert only(cashbacks(Tape().session(VALLEY, accepted=accepted), NIGHT, there)).credited == 0


def test_a_night_tariff_leaves_only_the_suppliers_part():
    # 19:00 to 08:00 local: baseline by day until 21:00 and the valley by night; 20 kWh x EUR 0.02 is the driver's own.
    night = (300_000, 280_000, "23:00", "07:00", False)
    found = only(cashbacks(Tape().session(VALLEY), NIGHT, town("home_night", night=night)))
    assert found.pool_nano == 2_400_000_000 - 400_000_000
    assert found.credited == 100


def test_a_public_price_that_varies_saves_first_and_leaves_the_operators_part():
    # 19:00 local: baseline at EUR 0.50 until it is done at 20:49, the valley at 03:00 at EUR 0.46; 20 kWh x EUR 0.04.
    timed = (500_000, (("23:00", "07:00", 460_000), ("11:00", "16:00", 400_000)))
    found = only(cashbacks(Tape().session(VALLEY), NIGHT, town(price=timed)))
    assert found.public_saved_nano == 800_000_000
    assert (found.pool_nano, found.credited) == (2_400_000_000 - 800_000_000, 80)


def test_a_public_price_that_falls_more_than_the_market_leaves_nothing_to_share():
    steep = (900_000, (("23:00", "07:00", 500_000),))
    found = only(cashbacks(Tape().session(VALLEY), NIGHT, town(price=steep)))
    assert (found.public_saved_nano, found.pool_nano, found.credited) == (8_000_000_000, -5_600_000_000, 0)


def test_what_comes_twice_counts_once_and_kilowatt_hours_are_kilowatt_hours():
    one, two = Tape().session(VALLEY), Tape().session(VALLEY, twice=True, unit="kWh")
    assert cashbacks(one, NIGHT, town()) == cashbacks(two, NIGHT, town())
    assert len(listen(two)) == 1


def test_a_charge_at_once_is_worth_nothing():
    found = only(cashbacks(Tape().session([2750] * 7 + [750]), NIGHT, town()))
    assert (found.pool_nano, found.credited) == (0, 0)


def test_prices_by_the_hour_hold_for_four_quarters(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("ts_utc,price_eur_mwh\n2024-03-12 18:00:00+00:00,83.07000000000001\n2024-03-12 19:00:00,-5.5\n")
    found = read_prices(path)
    assert len(found) == 8
    assert (found[BEGIN + SLOT], found[BEGIN + timedelta(hours=1, minutes=45)]) == (83_070, -5_500)


def test_the_simulated_town_can_be_described():
    from server.simulator.town import build

    found = describe(build(1, BEGIN))
    assert len(found.sockets) == 24
    assert {name for name, socket in found.sockets.items() if socket.price} == {"ZEEBURG-1", "ZEEBURG-2"}
    assert sum(not driver.consent for driver in found.drivers.values()) == 2
    kinds = {terms.kind for driver in found.drivers.values() for terms in driver.contracts.values()}
    assert kinds == {"public_fixed", "home_dynamic", "home_fixed", "home_night", "fleet"}
