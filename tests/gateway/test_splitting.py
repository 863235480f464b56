"""OCTT 2.0.1 TC_B_08, TC_B_11, TC_N_18: no message holds more than its station takes, and the answers are one."""

import asyncio
import json

import pytest
from gateway_town import station_of

from server.gateway.link import CallStatus, Question
from server.gateway.splitting import BYTES, ITEMS, Limits
from server.main.station_port import GatewayStations
from server.workers.ports import Heard

CP1 = station_of("CP1")
MEASURANDS = "Energy.Active.Import.Register"
KEYS = ("ChargingScheduleAllowedChargingRateUnit", "ChargeProfileMaxStackLevel", "ChargingScheduleMaxPeriods")


class Narrow:
    """A 2.0.1 station that takes so many items a message, and says so where it is asked (`shy`: it does not)."""

    def __init__(self, socket, most, *, shy=False):
        self.socket, self.most, self.shy = socket, most, shy
        self.heard, self.refused, self.reports = [], 0, []

    async def work(self):
        async for raw in self.socket:
            _, message_id, action, payload = json.loads(raw)
            name = next(key for key in payload if isinstance(payload[key], list) and key != "monitoringCriteria")
            if len(payload[name]) > self.most:
                self.refused += 1
                frame = [4, message_id, "OccurrenceConstraintViolation", "too many", {}]
            elif action in {"GetReport", "GetMonitoringReport"}:
                names = [one["variable"]["name"] for one in payload[name]]
                self.heard.append((payload["requestId"], names))
                self.rest = {key: value for key, value in payload.items() if key not in {name, "requestId"}}
                frame = [3, message_id, {"status": self.reports.pop(0)}]
            else:
                answered = {"getVariableData": "getVariableResult", "setVariableData": "setVariableResult"}
                rows = [self.say(action, one) for one in payload[name]]
                frame = [3, message_id, {answered.get(name, "clearMonitoringResult"): rows}]
            await self.socket.send(json.dumps(frame))

    def say(self, action, one):
        if action == "ClearVariableMonitoring":
            self.heard.append(one)
            return {"id": one, "status": "Accepted"}
        said = {"component": one["component"], "variable": one["variable"], "attributeStatus": "Accepted"}
        if one["variable"]["name"] in (ITEMS, BYTES):
            limit = str(self.most) if one["variable"]["name"] == ITEMS else "4000"
            return said | ({"attributeStatus": "UnknownVariable"} if self.shy else {"attributeValue": limit})
        self.heard.append(one["variable"]["name"])
        return said | {"attributeValue": "5"}


class Plugged:
    def __init__(self, town, most, **more):
        self.town, self.most, self.more = town, most, more

    async def __aenter__(self):
        self.line = self.town.station("CP1", ["ocpp2.0.1"])
        self.station = Narrow(await self.line.__aenter__(), self.most, **self.more)
        self.task = asyncio.create_task(self.station.work())
        return self.station

    async def __aexit__(self, *error):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.line.__aexit__(*error)


@pytest.mark.parametrize(("most", "shy"), [(1, False), (1, True), (2, False)])
async def test_tc_b_08_a_station_that_takes_few_variables_is_asked_and_configured_all_the_same(town, most, shy):
    async with Plugged(town, most, shy=shy) as station:
        stations = GatewayStations(town.gateway)
        assert await stations.get_options(CP1, KEYS) == dict.fromkeys(KEYS, "5")
        assert station.heard == ["RateUnit", "ProfileStackLevel", "PeriodsPerSchedule"]
        assert await stations.set_option(CP1, "MeterValuesSampledData", MEASURANDS) == Heard("accepted")
        assert station.heard[3:] == ["TxStartedMeasurands", "TxUpdatedMeasurands", "TxEndedMeasurands"]
        assert station.refused <= (2 if shy else 0)  # one that names no limit shows it


async def test_tc_n_18_an_operators_long_list_goes_in_parts_and_comes_back_whole(town):
    async with Plugged(town, 2) as station:
        question = Question("ClearVariableMonitoring", {"id": [1, 2, 3, 4, 5]})
        for refused in (1, 1):  # the second time its limits are known
            reply = await town.gateway.ask(CP1, question)
            assert reply.status is CallStatus.ANSWERED
            said = json.loads(bytes(reply.payload))["clearMonitoringResult"]
            assert said == [{"id": number, "status": "Accepted"} for number in range(1, 6)]
            assert station.refused == refused
        assert station.heard == [1, 2, 3, 4, 5] * 2


EMPTY, YES, NO = "EmptyResultSet", "Accepted", "Rejected"


@pytest.mark.parametrize(
    ("reports", "whole", "asked"),
    [([EMPTY, YES, EMPTY], YES, 3), ([EMPTY] * 3, EMPTY, 3), ([YES, NO], NO, 2)],
)
async def test_a_report_on_many_variables_is_asked_for_in_parts_that_have_one_number(town, reports, whole, asked):
    wanted = [{"component": {"name": "EVSE"}, "variable": {"name": name}} for name in "ABCDE"]
    async with Plugged(town, 2) as station:
        station.reports = reports
        reply = await town.gateway.ask(CP1, Question("GetReport", {"requestId": 7, "componentVariable": wanted}))
        assert json.loads(bytes(reply.payload)) == {"status": whole}
        assert station.heard == [(7, list("AB")), (7, list("CD")), (7, ["E"])][:asked]
        assert station.refused == 1


@pytest.mark.parametrize("shy", [False, True])
async def test_a_report_on_monitors_is_held_to_the_limits_of_reports(town, shy):
    """2.0.1 N02: ItemsPerMessage and BytesPerMessage have no instance of its own."""
    wanted = [{"component": {"name": "EVSE"}, "variable": {"name": name}} for name in "ABC"]
    asked = {"requestId": 8, "monitoringCriteria": ["DeltaMonitoring"], "componentVariable": wanted}
    async with Plugged(town, 2, shy=shy) as station:
        station.reports = [YES] * 3
        reply = await town.gateway.ask(CP1, Question("GetMonitoringReport", asked))
        assert json.loads(bytes(reply.payload)) == {"status": YES}
        parts = [["A"], ["B"], ["C"]] if shy else [["A", "B"], ["C"]]
        assert station.heard == [(8, part) for part in parts]
        assert station.rest == {"monitoringCriteria": ["DeltaMonitoring"]}


async def test_what_a_station_does_not_know_at_all_is_asked_once(town):
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        asking = asyncio.create_task(town.gateway.ask(CP1, Question("ClearVariableMonitoring", {"id": [1, 2]})))
        _, message_id, action, payload = json.loads(await socket.recv())
        assert (action, payload) == ("ClearVariableMonitoring", {"id": [1, 2]})
        await socket.send(json.dumps([4, message_id, "NotSupported", "", {}]))
        reply = await asking
        assert (reply.status, reply.error_code) == (CallStatus.ERROR, "NotSupported")


def test_bytes_bound_a_message_as_items_do():
    body = {"setVariableData": [{"attributeValue": "x" * 100} for _ in range(5)], "customData": {"vendorId": "V"}}
    limits = Limits({(BYTES, "SetVariables"): 500})
    parts = limits.chunks("SetVariables", body)
    assert [len(part["setVariableData"]) for part in parts] == [2, 2, 1]
    assert all(part["customData"] == {"vendorId": "V"} for part in parts)
    assert all(len(json.dumps(part, separators=(",", ":"))) + 100 <= 500 for part in parts)
    assert Limits({(BYTES, "SetVariables"): 5}).chunks("SetVariables", body) == [
        {**body, "setVariableData": [one]} for one in body["setVariableData"]
    ]
