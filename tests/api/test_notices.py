"""What stations tell of firmware, diagnostics, logs and security, seen by their operator."""

import pytest
from api_edge import bearer
from operators_desk import OPERATOR, opened
from small_town import ANNA, OTTO

EVENTS = "/api/stations/LOOTS%2F1/events"


@pytest.fixture
async def desk(context):
    async with opened(context) as desk:
        yield desk


async def test_every_notice_is_answered_and_kept(desk):
    async with desk.station() as box:
        said = [
            ("DiagnosticsStatusNotification", {"status": "Uploading"}),
            ("FirmwareStatusNotification", {"status": "Downloaded"}),
            ("LogStatusNotification", {"status": "UploadFailure", "requestId": 7}),
            ("SignedFirmwareStatusNotification", {"status": "InvalidSignature", "requestId": 8}),
            ("SecurityEventNotification", {"type": "TamperDetection", "timestamp": "2025-01-15T17:00:00Z"}),
            ("SecurityEventNotification", {"type": "Own.Word", "techInfo": "lid\u0000 open " + "x" * 400}),
        ]
        for number, (action, payload) in enumerate(said):
            assert await box.ask(action, payload, str(number)) == [3, str(number), {}]
    events = (await desk.api.get(EVENTS, headers=OPERATOR)).json()["items"]
    assert [(one["kind"], one["status"], one["request_no"]) for one in reversed(events)] == [
        ("diagnostics", "Uploading", None),
        ("firmware", "Downloaded", None),
        ("log", "UploadFailure", 7),
        ("firmware", "InvalidSignature", 8),
        ("security", "TamperDetection", None),
        ("security", "Own.Word", None),
    ]
    assert events[1]["said_at"] == "2025-01-15T17:00:00Z"
    assert len(events[0]["detail"]) == 255


async def test_a_security_event_is_taken_before_any_boot(desk):
    async with desk.station() as box:
        answer = await box.ask("SecurityEventNotification", {"type": "StartupOfTheDevice", "timestamp": "0"})
    assert answer == [3, "1", {}]


async def test_a_request_for_a_certificate_is_rejected_and_seen(desk):
    async with desk.station() as box:
        assert await box.ask("SignCertificate", {"csr": "-----BEGIN"}) == [3, "1", {"status": "Rejected"}]
    (event,) = (await desk.api.get(EVENTS, headers=OPERATOR)).json()["items"]
    assert (event["kind"], event["status"]) == ("certificate", "Rejected")


async def test_what_lacks_its_status_is_refused(desk):
    async with desk.station() as box:
        answer = await box.ask("FirmwareStatusNotification", {})
    assert answer[:3] == [4, "1", "OccurenceConstraintViolation"]


async def test_events_are_paged_and_strangers_see_none(desk):
    async with desk.station() as box:
        for number in range(5):
            await box.ask("FirmwareStatusNotification", {"status": f"Step{number}"}, str(number))
    first = (await desk.api.get(EVENTS, headers=OPERATOR, params={"limit": 3})).json()
    rest = await desk.api.get(EVENTS, headers=OPERATOR, params={"limit": 3, "cursor": first["next_cursor"]})
    told = [one["status"] for one in first["items"] + rest.json()["items"]]
    assert told == ["Step4", "Step3", "Step2", "Step1", "Step0"]
    assert rest.json()["next_cursor"] is None
    assert (await desk.api.get(EVENTS, headers=bearer(OTTO))).status_code == 404
    assert (await desk.api.get(EVENTS, headers=bearer(ANNA))).status_code == 403
