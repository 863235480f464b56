"""The `ocpp` package's stations of 2.0.1 and 2.1, which nobody here wrote, from boot to the end of a session."""

from types import ModuleType

import ocpp.v21
import ocpp.v201
import pytest
from v2_station import SAID, plugged


@pytest.mark.parametrize(
    ("version", "package"), [("ocpp2.0.1", ocpp.v201), ("ocpp2.1", ocpp.v21)], ids=["2.0.1", "2.1"]
)
async def test_a_session_from_boot_to_end(town, version, package: ModuleType):
    """TC_B_01, TC_E_03, TC_J_09, TC_E_20: the package checks each answer by the official schema."""
    call = package.call
    card = {"id_token": "TAG", "type": "ISO14443"}
    async with plugged(town, version) as station:
        boot = await station.call(
            call.BootNotification(charging_station={"model": "M", "vendor_name": "V"}, reason="PowerUp")
        )
        assert (boot.status, boot.interval) == ("Accepted", 900)
        assert (await station.call(call.Heartbeat())).current_time == "2026-11-21T04:05:06Z"
        status = call.StatusNotification(timestamp=SAID, connector_status="Occupied", evse_id=1, connector_id=1)
        await station.call(status)
        assert (await station.call(call.Authorize(id_token=card))).id_token_info == {"status": "Accepted"}
        for seq_no, kind in enumerate(("Started", "Updated", "Ended")):
            value = {"value": 1.5 + seq_no, "unit_of_measure": {"unit": "kWh"}}
            answer = await station.call(
                call.TransactionEvent(
                    event_type=kind,
                    timestamp=SAID,
                    trigger_reason="ChargingStateChanged",
                    seq_no=seq_no,
                    transaction_info={"transaction_id": "T-1", "charging_state": "Charging"},
                    evse={"id": 1, "connector_id": 1},
                    id_token=card if kind == "Started" else None,
                    meter_value=[{"timestamp": SAID, "sampled_value": [value]}],
                )
            )
            assert answer.id_token_info == ({"status": "Accepted"} if kind == "Started" else None)
        assert (await station.call(call.DataTransfer(vendor_id="V", data="x"))).status == "UnknownVendorId"
    told = town.flows.told("transaction")
    assert [(one.kind, one.seq_no, one.readings[0].register_wh) for one in told] == [
        ("Started", 0, 1_500),
        ("Updated", 1, 2_500),
        ("Ended", 2, 3_500),
    ]
    assert [(one.state, one.connector_no) for one in told] == [("Charging", 1), ("Charging", 1), ("Ended", 1)]
