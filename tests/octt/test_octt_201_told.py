"""OCTT 2.0.1 G05, N07, B12, N01, N09, O02: what a station tells of its parts is acted on, and its reports are kept."""

from datetime import timedelta

import pytest
from small_town import HOME_STATION, PROVIDER

from server.flows import inventory, watching
from server.storage import inventory as stored
from server.storage import station_events, stations, watch
from shared.health import Rule, Severity
from shared.operating import InventoryKind

LOCK = {"name": "ConnectorPlugRetentionLock", "evse": {"id": 1, "connectorId": 1}}
CONNECTOR = {"name": "Connector", "evse": {"id": 1, "connectorId": 1}}


async def tell(station, component, variable, value, **more):
    data = {"eventId": 1, "timestamp": station.now(), "trigger": "Alerting", "actualValue": value}
    data |= {"component": component, "variable": {"name": variable}, "eventNotificationType": "HardWiredNotification"}
    answer = await station.tell("NotifyEvent", generatedAt=station.now(), seqNo=0, eventData=[data | more])
    assert answer == {}


async def looks(case):
    """One look of the watch; the findings of this provider's stations that are open."""
    now = case.clock.now() + timedelta(minutes=2)
    case.clock.advance_to(now)
    async with case.db.read() as tx:
        seen = await watching.look(tx, None, await watching.lately(tx, now), now)
    async with case.db.begin() as tx:
        await watching.note(tx, seen, now)
    async with case.db.read() as tx:
        found = await watch.of_party(tx, PROVIDER, now)
    return [one for group in found.values() for one in group if one.resolved_at is None]


async def evse(case):
    async with case.db.read() as tx:
        return await stations.evse_at(tx, HOME_STATION, 1)


async def lines(case, kind=None):
    async with case.db.read() as tx:
        return (await inventory.page(tx, stored.Wanted(HOME_STATION, kind and kind.value), None, 100)).items


async def test_tc_g_20_a_plug_lock_that_fails_is_found_with_the_stations_words_until_it_holds_again(case):
    async with case.station() as station:
        await tell(station, LOCK, "Problem", "true", techInfo="motor stalled")
        (finding,) = await looks(case)
        assert (finding.rule, finding.station_id) == (Rule.PROBLEM, HOME_STATION)
        assert finding.detail == "ConnectorPlugRetentionLock 1/1 Problem=true: motor stalled"
        await tell(station, LOCK, "Problem", "true")  # again, which changes nothing
        assert [one.detail for one in await looks(case)] == [finding.detail]
        assert [one.said["text"] for one in await lines(case, InventoryKind.PROBLEM)] == [finding.detail]
        await tell(station, LOCK, "Problem", "false", trigger="Delta")
        assert await looks(case) == []
    async with case.db.read() as tx:
        kept = await station_events.of_station(tx, HOME_STATION, None, 10)
    assert [(one.kind, one.status) for one in kept] == [("event", "Delta"), ("event", "Alerting")]


async def test_a_problem_is_as_grave_as_its_monitor_and_is_over_when_it_is_cleared_or_the_station_boots(case):
    monitor = {"component": {"name": "Fan"}, "variable": {"name": "Speed"}}
    watches = {"id": 7, "transaction": False, "value": 1000, "type": "LowerThreshold", "severity": 2}
    async with case.station() as station:
        report = {"requestId": 1, "generatedAt": station.now(), "seqNo": 0}
        await station.tell("NotifyMonitoringReport", **report, monitor=[monitor | {"variableMonitoring": [watches]}])
        slow = {"component": {"name": "Fan"}, "variable": "Speed", "value": "90", "variableMonitoringId": 7}
        await tell(station, **slow)
        (finding,) = await looks(case)
        assert (finding.severity, finding.detail) == (Severity.CRITICAL, "Fan Speed=90")
        await tell(station, **slow | {"value": "1100"}, cleared=True)
        assert await looks(case) == []
        await tell(station, **slow)
        assert len(await looks(case)) == 1
        await station.tell("BootNotification", reason="PowerUp", chargingStation={"model": "M", "vendorName": "V"})
        assert await looks(case) == []


@pytest.mark.parametrize("more", [{"trigger": "Periodic"}, {"trigger": "Delta"}])
async def test_what_is_only_measured_is_no_problem(case, more):
    async with case.station() as station:
        await tell(station, {"name": "Fan"}, "Speed", "1200", **more)
        assert await looks(case) == []
        assert await lines(case) == []


async def test_tc_n_21_a_station_that_reports_by_events_has_a_status(case):
    """G05: AvailabilityState says what a StatusNotification would."""
    async with case.station() as station:
        for value in ("Occupied", "Faulted", "Available"):
            await tell(station, CONNECTOR, "AvailabilityState", value, techCode="E42")
            known = await evse(case)
            expected = {"Occupied": "Preparing"}.get(value, value)
            assert (known.status, known.error_code) == (expected, "E42" if value == "Faulted" else "NoError")
            assert [one.rule for one in await looks(case)] == ([Rule.FAULTED] if value == "Faulted" else [])


def variable(name, value, component="OCPPCommCtrlr"):
    attribute = {"type": "Actual", "value": value}
    return {"component": {"name": component}, "variable": {"name": name}, "variableAttribute": [attribute]}


async def test_tc_b_12_a_report_is_whole_when_its_last_part_and_all_before_it_came(case):
    async with case.station() as station:
        head = {"requestId": 9, "generatedAt": station.now()}
        await station.tell("NotifyReport", **head, seqNo=2, tbc=False, reportData=[variable("C", "3")])
        await station.tell("NotifyReport", **head, seqNo=0, tbc=True, reportData=[variable("A", "1")])
        (report,) = await lines(case, InventoryKind.REPORT)
        assert (report.name, report.complete, report.request_no) == ("variable 9", False, 9)
        part = [variable("B", "2"), variable("BasicAuthPassword", "secret", "SecurityCtrlr")]
        await station.tell("NotifyReport", **head, seqNo=1, tbc=True, reportData=part)
        assert [one.complete for one in await lines(case, InventoryKind.REPORT)] == [True]
        again = {"requestId": 10, "generatedAt": station.now(), "seqNo": 0}
        await station.tell("NotifyReport", **again, reportData=[variable("A", "other")])
    found = {one.name: one for one in await lines(case, InventoryKind.VARIABLE)}
    assert sorted(found) == [*(f"OCPPCommCtrlr {name}" for name in "ABC"), "SecurityCtrlr BasicAuthPassword"]
    assert found["OCPPCommCtrlr A"].said == variable("A", "other")
    assert found["OCPPCommCtrlr A"].request_no == 10
    assert found["SecurityCtrlr BasicAuthPassword"].said == "***"


async def test_what_a_display_shows_and_what_is_stored_of_a_customer_is_kept_and_customers_data_forgotten(case):
    shown = {"id": 3, "priority": "AlwaysFront", "message": {"format": "UTF8", "content": "Hello"}}
    async with case.station() as station:
        await station.tell("NotifyDisplayMessages", requestId=4, tbc=False, messageInfo=[shown])
        said = {"data": "a customer", "seqNo": 0, "generatedAt": station.now(), "requestId": 5}
        await station.tell("NotifyCustomerInformation", **said)
    kept = [(one.kind, one.name, one.said) for one in await lines(case) if one.kind is not InventoryKind.REPORT]
    customer = (InventoryKind.CUSTOMER, "5 0", {"data": "a customer"})
    assert kept == [(InventoryKind.MESSAGE, "3", shown), customer]
    async with case.db.begin() as tx:
        assert await stored.forget(tx, case.clock.now().replace(year=2030)) == 3
    assert [one.kind for one in await lines(case)] == [InventoryKind.MESSAGE]
