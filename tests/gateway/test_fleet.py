"""The simulator's fleet at a real gateway: each version and security profile, and what it says by the schemas."""

import asyncio
import json

import msgspec
import ocpp.messages
import pytest
from fleet_town import Fleet, FleetFlows, asked, fleet_gateway, profile, url_of
from gateway_town import KEY, station_of, until
from tls_town import OWNER, tls_town

from server.core.certificate import Subject
from server.simulator.fleet.plan import FleetPlan
from server.simulator.fleet.run import simulate

VERSIONS = ("1.6", "2.0.1")
STARTS = {"1.6": "StartTransaction", "2.0.1": "TransactionEvent"}


def plan(url, **more) -> FleetPlan:
    usual = {"stations": 2, "back_s": 0.2, "key": KEY.decode(), "seconds": 60, "reading_s": 0.2, "charging": 1.0}
    return FleetPlan(url=url, **{**usual, **more})


def judge(version, said):
    """Raises where the official schema refuses what a station said."""
    frame = json.loads(said.raw)
    if said.kind == "call":
        ocpp.messages._validate_payload(ocpp.messages.Call(*frame[1:]), version)
    elif said.kind == "result":
        ocpp.messages._validate_payload(ocpp.messages.CallResult(frame[1], frame[2], said.action), version)


QUESTIONS = {
    "1.6": [
        ("GetConfiguration", {}),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}),
        ("GetCompositeSchedule", {"connectorId": 1, "duration": 3600}),
        ("TriggerMessage", {"requestedMessage": "MeterValues"}),
        ("TriggerMessage", {"requestedMessage": "BootNotification"}),
        ("ClearChargingProfile", {"chargingProfilePurpose": "TxProfile"}),
        ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}),
        ("DataTransfer", {"vendorId": "x"}),
        ("GetLocalListVersion", {}),
        ("RemoteStartTransaction", {"idTag": "X"}),
        ("RemoteStopTransaction", {"transactionId": 4711}),
        ("UnlockConnector", {"connectorId": 2}),
        ("UpdateFirmware", {}),
        ("Nonsense", {}),
    ],
    "2.0.1": [
        (
            "GetVariables",
            {"getVariableData": [{"component": {"name": "SmartChargingCtrlr"}, "variable": {"name": "RateUnit"}}]},
        ),
        (
            "SetVariables",
            {
                "setVariableData": [
                    {
                        "component": {"name": "OCPPCommCtrlr"},
                        "variable": {"name": "HeartbeatInterval"},
                        "attributeValue": "60",
                    }
                ]
            },
        ),
        ("GetCompositeSchedule", {"evseId": 1, "duration": 3600}),
        ("TriggerMessage", {"requestedMessage": "TransactionEvent"}),
        ("TriggerMessage", {"requestedMessage": "BootNotification"}),
        ("ClearChargingProfile", {"chargingProfileCriteria": {"chargingProfilePurpose": "TxProfile"}}),
        ("ChangeAvailability", {"operationalStatus": "Operative"}),
        ("DataTransfer", {"vendorId": "x"}),
        ("GetLocalListVersion", {}),
        ("GetTransactionStatus", {}),
        ("RequestStartTransaction", {"idToken": {"idToken": "X", "type": "Central"}, "remoteStartId": 1}),
        ("RequestStopTransaction", {"transactionId": "none"}),
        ("UnlockConnector", {"evseId": 1, "connectorId": 1}),
        ("GetChargingProfiles", {"requestId": 1, "chargingProfile": {}}),
        ("Nonsense", {}),
    ],
}


@pytest.mark.parametrize("version", VERSIONS)
async def test_all_that_a_station_says_and_answers_is_by_the_official_schemas(version):
    flows = FleetFlows()
    async with fleet_gateway(flows) as gateway:
        running = Fleet(plan(url_of(gateway), stations=1, version=version))
        await until(lambda: flows.calls("SIM-00001", STARTS[version]))
        answers = [await asked(gateway, "SIM-00001", action, said) for action, said in QUESTIONS[version]]
        await until(lambda: len(flows.calls("SIM-00001", "BootNotification")) == 2)
        report = await running.ends()
    said = [one for one in flows.spoken[station_of("SIM-00001")] if one.direction == "in"]
    for one in said:
        judge(version, one)
    assert [status for status, _ in answers][-1] == "error"
    assert sum(status == "answered" for status, _ in answers) >= len(answers) - 2
    assert report.figures.errors == report.figures.untold == 0
    assert sum(one.action == "BootNotification" for one in said) == 2  # one was triggered
    (told,) = report.sessions
    assert told.stop_wh >= told.start_wh


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_profile_of_the_server_is_what_the_car_draws(version):
    flows = FleetFlows()
    async with fleet_gateway(flows) as gateway:
        running = Fleet(plan(url_of(gateway), version=version))
        starts = [f"SIM-0000{number}" for number in (1, 2)]
        await until(lambda: all(flows.calls(one, "StatusNotification")[1:] for one in starts))
        await until(lambda: all(max(_powers(flows, one, version), default=0) > 1_000 for one in starts))
        for one in starts:
            for unit in ("A", "W"):
                await asked(gateway, one, "SetChargingProfile", profile(version, unit, 0.0))
        await until(lambda: all(_powers(flows, one, version)[-1] == 0 for one in starts))
        report = await running.ends()
    assert report.figures.ended == 2


def _powers(flows, identity, version):
    action = "MeterValues" if version == "1.6" else "TransactionEvent"
    samples = [
        one
        for payload in flows.calls(identity, action)
        for moment in payload.get("meterValue", ())
        for one in moment["sampledValue"]
    ]
    return [int(one["value"]) for one in samples if one["measurand"] == "Power.Active.Import"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_happens_without_a_line_is_told_out_of_the_queue(version):
    flows = FleetFlows()
    async with fleet_gateway(flows) as gateway:
        running = Fleet(plan(url_of(gateway), stations=1, version=version))
        await until(lambda: _powers(flows, "SIM-00001", version))
        told = len(_powers(flows, "SIM-00001", version))
        port = gateway.port
        await gateway.stop()
        await asyncio.sleep(0.5)
        async with fleet_gateway(flows, port=port):
            await until(lambda: len(_powers(flows, "SIM-00001", version)) >= told + 3)
            report = await running.ends()
    assert (report.figures.dropped, report.figures.untold) == (1, 0)
    assert len(flows.calls("SIM-00001", "BootNotification")) == 1
    if version == "1.6":
        return
    events = flows.calls("SIM-00001", "TransactionEvent")
    numbers = [event["seqNo"] for event in events]
    assert sorted(set(numbers)) == list(range(max(numbers) + 1))
    offline = [event for event in events if event.get("offline")]
    assert len(offline) >= 2
    assert not events[-1].get("offline")


@pytest.mark.parametrize("version", VERSIONS)
async def test_profiles_2_and_3_over_tls(tmp_path, version):
    async with tls_town(tmp_path) as town:
        papers = tmp_path / "papers"
        papers.mkdir()
        for number in (1, 2):
            identity = f"SIM-0000{number}"
            town.flows.keys[identity] = KEY
            made, key = town.paper(Subject(identity, OWNER))
            made.rename(papers / f"{identity}.pem")
            key.rename(papers / f"{identity}.key")
        usual = plan(f"wss://127.0.0.1:{town.gateway.tls_port}/ocpp", version=version, ca=town.ca.root_path)
        for security in (2, 3):
            one = msgspec.structs.replace(usual, security=security, certificates=papers)
            running, before = Fleet(one), len(town.flows.told("authorize"))
            await until(lambda before=before: len(town.flows.told("authorize")) == before + 2)
            report = await running.ends()
            assert (report.figures.most_connected, report.figures.errors, report.figures.untold) == (2, 0, 0)
        assert sorted(entry.profile for _, entry in town.door.entries) == [2, 2, 3, 3]
        assert set(town.flows.versions.values()) == {f"ocpp{version}"}
        distrusting = await simulate(msgspec.structs.replace(usual, security=2, ca=None, seconds=0.1))
        assert distrusting.figures.most_connected == 0
        assert "certificate" in distrusting.figures.last_trouble.lower()


@pytest.mark.parametrize("security", [0, 1])
async def test_profiles_0_and_1_show_no_key_or_a_key(security):
    flows = FleetFlows()
    async with fleet_gateway(flows) as gateway:
        report = await simulate(plan(url_of(gateway), security=security, seconds=0.5))
    assert report.figures.most_connected == (2 if security else 0)
    assert report.figures.refused == (0 if security else 2)  # who is refused does not knock again


@pytest.mark.parametrize(("version", "kind"), [("1.6", "Hard"), ("2.0.1", "Immediate")])
async def test_a_reset_is_answered_then_done_and_ends_the_session(version, kind):
    flows = FleetFlows()
    async with fleet_gateway(flows) as gateway:
        running = Fleet(plan(url_of(gateway), stations=1, version=version))
        await until(lambda: _powers(flows, "SIM-00001", version))
        assert await asked(gateway, "SIM-00001", "Reset", {"type": kind}) == ("answered", {"status": "Accepted"})
        await until(lambda: len(flows.calls("SIM-00001", "BootNotification")) == 2)
        report = await running.ends()
    assert (report.figures.ended, report.figures.dropped, report.figures.untold) == (1, 0, 0)
    ends = [said.get("reason") for said in flows.calls("SIM-00001", "StopTransaction")]
    events = [said["transactionInfo"].get("stoppedReason") for said in flows.calls("SIM-00001", "TransactionEvent")]
    assert {*ends, *events} & {"HardReset", "ImmediateReset"}


async def test_a_server_that_is_not_there_is_said_with_its_reason():
    async with fleet_gateway(FleetFlows()) as gateway:
        url = url_of(gateway)
    report = await simulate(plan(url, seconds=0.2))
    assert (report.figures.refused, report.figures.most_connected) == (2, 0)
    assert "connect" in report.figures.last_trouble.lower()


async def test_cards_that_are_not_accepted_are_counted_and_charge_nothing():
    flows = FleetFlows()
    async with fleet_gateway(flows) as gateway:
        running = Fleet(plan(url_of(gateway), version="mixed", card="STRANGER"))
        await until(lambda: len(flows.told("authorize")) == 2)
        report = await running.ends()
    assert (report.figures.denied, report.figures.started, report.figures.energy_wh) == (2, 0, 0)
