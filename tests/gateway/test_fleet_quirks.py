"""Each quirk of `dalstroom simulate` by name: the station that has it shows it, and one that has not does not."""

import asyncio
import base64
import json
import re
from datetime import UTC, datetime
from urllib.parse import unquote

import msgspec
import pytest
from fleet_town import Fleet, FleetFlows, asked, fleet_gateway, profile, url_of
from gateway_town import station_of, until

from server.cli import simulate_command
from server.gateway.listener import Gateway
from server.simulator.fleet import plan as planned
from server.simulator.fleet import quirks
from server.simulator.fleet.plan import FleetPlan
from server.simulator.fleet.spoiled import spoil

V16, V201 = "1.6", "2.0.1"
EACH = [(name, version) for version in quirks.BOTH for name in quirks.dealt_to(version)]
HEX = "0123456789abcdef"
READINGS = 4
"""So many more are waited for after all questions: a register that drops out does so in every third."""
NOBODYS = {0, -1, 2**63 - 1}


class Seen:
    """What one station said and how it answered."""

    def __init__(self, flows, plan, answers):
        self.flows, self.plan, self.answers = flows, plan, answers
        self.version = plan.version

    def calls(self, action):
        return self.flows.calls(self.plan.identity, action)

    def ids(self, kind="call", action=None):
        return [message_id for message_id, _ in self.flows.heard_from(self.plan.identity, kind, action)]

    def readings(self):
        return self.calls("MeterValues" if self.version == V16 else "TransactionEvent")

    def samples(self, measurand="Energy.Active.Import.Register"):
        moments = [one for said in self.readings() for one in said.get("meterValue", ())]
        found = [one for moment in moments for one in moment["sampledValue"]]
        return [one for one in found if one.get("measurand") == measurand]

    def times(self):
        return [
            said["timestamp"] for said in (*self.calls("StatusNotification"), *self.readings()) if "timestamp" in said
        ]


def a_local_hour_ahead(seen):
    said = datetime.fromisoformat(seen.times()[0])
    return said.tzinfo is None and abs((said - datetime.now(UTC).replace(tzinfo=None)).total_seconds()) > 3_500


def local_marked_utc(seen):
    said = seen.times()[0]
    ahead = datetime.fromisoformat(said) - datetime.now(UTC)
    return said.endswith("Z") and ahead.total_seconds() > 3_500


def spoilt(seen):
    cards = [said["idTag"] for said in seen.calls("StartTransaction")]
    cards += [said["idToken"]["idToken"] for said in seen.calls("TransactionEvent") if "idToken" in said]
    return any(card.endswith("\x01\x02") for card in cards)


def units(seen):
    return {(one.get("unit") or (one.get("unitOfMeasure") or {}).get("unit") or "Wh") for one in seen.samples()}


def stops(seen):
    begun = {said["meterStart"] for said in seen.calls("StartTransaction")}
    return bool(begun) and {said["meterStop"] + 1 for said in seen.calls("StopTransaction")} == begun


def ids_of_transactions(seen):
    return {said.get("transactionId") for said in seen.calls("MeterValues")}


def goes_on_talking(seen):
    order = [one.action for one in seen.flows.spoken_by(seen.plan.identity) if one.kind == "call"]
    return "MeterValues" in order[order.index("StopTransaction") :]


def draws_though_told_not_to(seen):
    return float(seen.samples("Power.Active.Import")[-1]["value"]) > 0


def among_periodic(seen):
    said = [{one["context"] for one in moment["sampledValue"]} for x in seen.readings() for moment in x["meterValue"]]
    return {"Transaction.Begin", "Sample.Periodic"} in said


def empty_ones(seen):
    return any(not moment["sampledValue"] for said in seen.readings() for moment in said.get("meterValue", ()))


def first_register(seen):
    begun = [said["meterStart"] for said in seen.calls("StartTransaction")]
    return (begun or [seen.samples()[0]["value"]])[0]


SHOWS = {
    "no_subprotocol": lambda seen: seen.flows.chosen[seen.plan.identity] is None,
    "compressed_frames": lambda seen: seen.flows.compressed[seen.plan.identity],
    "second_socket": lambda seen: len([one for one in seen.flows.sockets if one == seen.plan.identity]) == 2,
    "never_boots": lambda seen: not seen.calls("BootNotification"),
    "odd_identity": lambda seen: "|ß/" in seen.plan.identity and bool(seen.calls("BootNotification")),
    "key_as_bytes": lambda seen: seen.flows.shown[seen.plan.identity] == bytes.fromhex(HEX),
    "local_time": a_local_hour_ahead,
    "local_as_utc": local_marked_utc,
    "short_offset": lambda seen: bool(re.search(r"\d\+\d\d$", seen.times()[0])),
    "deaf": lambda seen: seen.answers["trigger"][0] == "timed_out",
    "odd_words": lambda seen: bool(seen.samples("Request.Energy")),
    "long_strings": lambda seen: "S" * 26 in json.dumps(seen.calls("BootNotification")),
    "empty_values": empty_ones,
    "other_result_ids": lambda seen: not set(seen.ids("result")) & seen.flows.asked_ids(seen.plan.identity),
    "odd_transaction_ids": lambda seen: bool(ids_of_transactions(seen) & NOBODYS),
    "talks_after_end": goes_on_talking,
    "everything_twice": lambda seen: len(seen.ids()) > len(set(seen.ids())) > len(set(seen.ids())) / 2,
    "stop_of_nobody": lambda seen: 987_654_321 in {said["transactionId"] for said in seen.calls("StopTransaction")},
    "spoilt_card": spoilt,
    "hex_cards": lambda seen: seen.answers["cards"][1] == {"status": "Failed"},
    "kwh_as_wh": lambda seen: units(seen) == {"Wh"} and "." in str(seen.samples()[0]["value"]),
    "in_kwh": lambda seen: units(seen) == {"kWh"},
    "per_phase": lambda seen: {one.get("phase") for one in seen.samples()} == {"L1", "L2", "L3"},
    "register_per_session": lambda seen: float(first_register(seen)) == 0,
    "begin_among_periodic": among_periodic,
    "zero_dropouts": lambda seen: 0 in {float(one["value"]) for one in seen.samples()},
    "stop_below_start": stops,
    "ignores_profiles": draws_though_told_not_to,
    "only_watts": lambda seen: seen.answers["amperes"][1] == {"status": "Rejected"} and seen.plan.unit == "W",
    "no_top_level": lambda seen: seen.answers["top"][1] == {"status": "Rejected"},
    "no_station_profile": lambda seen: seen.answers["whole"][1].get("status") in {"Rejected", "NotSupported"},
    "long_message_ids": lambda seen: {len(one) for one in seen.ids()} == {44},
    "early_security_event": lambda seen: seen.flows.order(seen.plan.identity)[0] == "SecurityEventNotification",
    "unknown_options": lambda seen: "Accepted" not in json.dumps(seen.answers["option"][1]),
    "no_triggers": lambda seen: seen.answers["trigger"][1] == {"status": "NotImplemented"},
    "no_station_trigger": lambda seen: seen.answers["trigger 0"][1] == {"status": "Rejected"},
    "no_card": lambda seen: "NoAuthorization" in json.dumps(seen.calls("TransactionEvent")),
    "no_connector": lambda seen: {"id": 1} in [said.get("evse") for said in seen.calls("TransactionEvent")],
    "wrong_result_field": lambda seen: seen.answers["list"][1] == {"listVersion": 0},
}
ALONE = {
    "odd_stop_ids",
    "odd_connection",
    "gone_after_close",
    "boots_again",
    "strict_time",
    "no_pong",
    "offline_as_live",
}
"""What a server has to provoke, or cannot see: below."""


class WatchedFlows(FleetFlows):
    """Notes how each station came in too."""

    def __init__(self, plan):
        super().__init__(plan)
        self.keys = _Keys()
        self.chosen, self.shown, self.compressed, self.sockets = {}, {}, {}, []

    def spoken_by(self, identity):
        return [one for one in self.spoken[station_of(identity)] if one.direction == "in"]

    def readings_of(self, one):
        return self.calls(one.identity, "MeterValues" if one.version == V16 else "TransactionEvent")

    def order(self, identity):
        return [one.action for one in self.spoken_by(identity) if one.kind == "call"]

    def asked_ids(self, identity):
        said = [one for one in self.spoken[station_of(identity)] if one.direction == "out"]
        return {one.message_id for one in said if one.kind == "call"}

    def note(self, connection):
        identity = unquote(connection.request.path.rpartition("/")[2])
        secret = base64.b64decode(connection.request.headers["Authorization"].split()[1])
        self.sockets.append(identity)
        self.chosen[identity] = connection.subprotocol
        self.shown[identity] = secret[len(identity.encode()) + 1 :]
        self.compressed[identity] = bool(connection.protocol.extensions)


class _Keys(dict):
    def get(self, key, default=None):
        return HEX.encode()


async def questions(gateway, one):
    """What the gateway asks a station: answers by a name."""
    version, identity = one.version, one.identity
    variable = {"component": {"name": "AuthCtrlr"}, "variable": {"name": "LocalAuthorizeOffline"}}
    option = {
        V16: ("ChangeConfiguration", {"key": "LocalAuthorizeOffline", "value": "true"}),
        V201: ("SetVariables", {"setVariableData": [variable | {"attributeValue": "true"}]}),
    }[version]
    whole = {V16: "ChargePointMaxProfile", V201: "ChargingStationMaxProfile"}[version]
    top = profile(version, one.unit, 16.0 if one.unit == "A" else 11_000.0, stack_level=9, purpose="TxDefaultProfile")
    asks = {
        "trigger": ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
        "option": option,
        "top": ("SetChargingProfile", top),
        "whole": ("SetChargingProfile", profile(version, one.unit, 40_000.0, stack_level=2, purpose=whole)),
        "amperes": ("SetChargingProfile", profile(version, "A", 0.0)),
        "watts": ("SetChargingProfile", profile(version, "W", 0.0)),
        "list": ("GetLocalListVersion", {}),
    }
    if version == V16:
        card = {"idTag": "NOT-HEX", "idTagInfo": {"status": "Accepted"}}
        cards = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [card]}
        asks["cards"] = ("SendLocalList", cards)
        asks["trigger 0"] = ("TriggerMessage", {"requestedMessage": "Heartbeat", "connectorId": 0})
    timeout_s = 0.2 if "deaf" in one.quirks else 5.0
    return {name: await asked(gateway, identity, action, said, timeout_s) for name, (action, said) in asks.items()}


async def fleet_of_all(monkeypatch):
    """Every quirk of both versions once against one gateway."""
    count = 2 * max(len(quirks.dealt_to(version)) for version in quirks.BOTH)
    usual = {"seconds": 60, "reading_s": 0.2, "charging": 1.0, "version": "mixed", "sleepy": 0.0}
    plan = FleetPlan(count, "", HEX, quirks=("each",), **usual)
    flows = WatchedFlows(plan)
    _watch(monkeypatch, flows)
    stations = [planned.station(plan, number) for number in range(1, count + 1)]
    async with fleet_gateway(flows) as gateway:
        running = Fleet(msgspec.structs.replace(plan, url=url_of(gateway)))
        await until(lambda: all(flows.heard_from(one.identity, "call", "StatusNotification")[1:] for one in stations))
        found = await asyncio.gather(*(questions(gateway, one) for one in stations))
        enough = [len(flows.readings_of(one)) + READINGS for one in stations]
        await until(
            lambda: all(len(flows.readings_of(one)) >= most for one, most in zip(stations, enough, strict=True))
        )
        report = await running.ends()
    pairs = zip(stations, found, strict=True)
    return {(name, one.version): Seen(flows, one, answers) for one, answers in pairs for name in one.quirks}, report


def _watch(monkeypatch, flows):
    usual = Gateway._note

    async def note(self, connection):
        flows.note(connection)
        await usual(self, connection)

    monkeypatch.setattr(Gateway, "_note", note)


@pytest.fixture(scope="module")
def fleet():
    patch = pytest.MonkeyPatch()
    try:
        yield asyncio.run(fleet_of_all(patch))
    finally:
        patch.undo()


def test_every_quirk_has_a_test():
    assert set(SHOWS) | ALONE == set(quirks.BY_NAME)


@pytest.mark.parametrize(("name", "version"), [one for one in EACH if one[0] in SHOWS])
def test_a_quirk_shows_and_only_where_it_is(fleet, name, version):
    seen, _ = fleet
    assert SHOWS[name](seen[name, version])
    assert not SHOWS[name](seen["odd_connection", version]), "this one's quirk is in its handshake only"


def test_a_stop_of_no_transaction_is_dealt_to_nobody_and_said_by_who_is_told_to():
    has = quirks.of_station(("odd_stop_ids",), 0, V16)
    said = [spoil(V16, has, "StopTransaction", {"transactionId": 7}, count)["transactionId"] for count in range(3)]
    assert set(said) == NOBODYS
    assert spoil(V16, has, "MeterValues", {"transactionId": 7}, 1) == {"transactionId": 7}
    assert "odd_stop_ids" not in quirks.dealt_to(V16)


def test_what_is_dealt_to_nobody_is_said_where_each_is():
    undealt = set(quirks.BY_NAME) - {name for version in quirks.BOTH for name in quirks.dealt_to(version)}
    named = {name for name in quirks.BY_NAME if name in simulate_command.QUIRK}
    assert named == undealt == {"odd_stop_ids"}


def test_with_all_their_quirks_the_stations_get_through(fleet):
    _, report = fleet
    assert (report.figures.refused, report.figures.errors, report.figures.untold) == (0, 0, 0)
    assert report.figures.started == report.figures.ended > 60
