"""Every route is either public, or refuses who is not signed in and keeps strangers away from what is Anna's.

`STRANGERS` says for each route how: a status for Bert (another driver), for Sue (a supplier's role) or for Otto
(another operator), or None where the answer is the caller's own and must hold no trace of Anna or of Olga's stations.
A route that is missing here fails the test.
"""

import re
from datetime import timedelta
from uuid import UUID

import pytest
import small_town
from api_edge import bearer
from litestar.routes import HTTPRoute
from small_town import ANNA, BERT, BERTS_HOME, HOME, HOME_EVSE, NOW, OTTO, SUE

from server.api.app import create

PUBLIC = {
    ("GET", "/api/health"),
    ("GET", "/api/demo/drivers"),
    ("POST", "/api/auth/demo"),
    ("POST", "/api/auth/sign-in"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/sign-out"),
    ("PUT", "/api/uploads/{token}"),  # the token is the right: see test_files_api.py
    ("POST", "/api/uploads/{token}"),
    ("PUT", "/api/uploads/{token}/{name}"),
    ("POST", "/api/uploads/{token}/{name}"),
    ("GET", "/schema"),
    ("GET", "/schema/openapi.json"),
    ("GET", "/schema/{path}"),  # not found, said by the library
}
CAR = {"name": "Mine now", "capacity_wh": 50_000, "max_ac_w": 7_400, "phases": 1}
FIXED = {"kind": "fixed", "price_micro_per_kwh": 300_000}
STATION = {"identity": "NEW-1", "location_name": "Yard"}
BULK = {"action": "ClearCache", "body": {}}
COMMANDS = "/api/stations/{identity:str}/commands"
FILES = "/api/stations/{identity:str}/files"
KEPT = "/api/stations/{station_id:uuid}/reservations"
JOB = "/api/bulk-commands/{job_id:uuid}"
FORWARDINGS, FORWARDING = "/api/forwardings", "/api/forwardings/{forwarding_id:uuid}"
FORWARDED = {"name": "Ours", "url": "wss://x/y", "stations": "identity,key,location"}
FEEDERS = "/api/locations/{location_id:uuid}/feeders"
SESSION = "/api/sessions/{session_id:uuid}"
STRANGERS = {
    ("GET", "/api/me"): (BERT, None, None),
    ("PATCH", "/api/me"): (BERT, {"language": "nl"}, None),
    ("PUT", "/api/me/rota"): (SUE, None, 403),
    ("DELETE", "/api/me/rota"): (BERT, None, None),
    ("GET", "/api/vehicles"): (BERT, None, None),
    ("PUT", "/api/vehicles/{vehicle_id:uuid}"): (BERT, CAR, 404),
    ("GET", "/api/tariffs/home"): (BERT, None, 404),  # Bert has none
    ("PUT", "/api/tariffs/home"): (SUE, FIXED, 403),
    ("POST", "/api/tariffs/preview"): (SUE, FIXED, 403),
    ("GET", "/api/sessions"): (BERT, None, None),
    ("POST", "/api/sessions"): (BERT, {"evse_id": str(HOME_EVSE)}, 404),
    ("GET", "/api/sessions/current"): (BERT, None, None),
    ("GET", SESSION): (BERT, None, 404),
    ("PATCH", SESSION): (BERT, {"target_pct": 100}, 404),
    ("GET", SESSION + "/explanation"): (BERT, None, 404),
    ("GET", SESSION + "/override"): (BERT, None, 404),
    ("POST", SESSION + "/override"): (BERT, None, 404),
    ("DELETE", SESSION + "/override"): (BERT, None, 404),
    ("GET", SESSION + "/receipt"): (BERT, None, 404),
    ("POST", SESSION + "/stop"): (BERT, None, 404),
    ("GET", "/api/reservations"): (BERT, None, None),
    ("POST", "/api/reservations"): (BERT, {"evse_id": str(HOME_EVSE)}, 404),
    ("DELETE", "/api/reservations/{reservation_id:int}"): (BERT, None, 404),
    ("GET", "/api/locations"): (BERT, None, None),
    ("GET", "/api/locations/{location_id:uuid}"): (BERT, None, 404),
    ("GET", "/api/locations/{location_id:uuid}/worth"): (BERT, None, 404),
    ("GET", FEEDERS): (BERT, None, 404),
    ("POST", FEEDERS): (BERT, {"name": "Main", "limit_w": 11_000}, 404),
    ("PATCH", FEEDERS + "/{feeder_id:uuid}"): (BERT, {"name": "Mine"}, 404),
    ("DELETE", FEEDERS + "/{feeder_id:uuid}"): (BERT, None, 404),
    ("GET", "/api/locations/evses/{evse_id:uuid}/estimate"): (BERT, None, 404),
    ("GET", "/api/locations/home/estimate"): (BERT, None, 404),
    ("GET", "/api/wallet"): (BERT, None, None),
    ("GET", "/api/wallet/entries"): (BERT, None, None),
    ("GET", "/api/prices"): (BERT, None, None),
    ("GET", "/api/stations"): (OTTO, None, None),
    ("GET", "/api/stations/health"): (OTTO, None, None),
    ("GET", "/api/stations/{station_id:uuid}/traits"): (OTTO, None, 404),
    ("PATCH", "/api/stations/{station_id:uuid}/traits"): (OTTO, {"auto_configure": False}, 404),
    ("GET", KEPT): (OTTO, None, 404),
    ("DELETE", KEPT + "/{reservation_id:int}"): (OTTO, None, 404),
    ("GET", "/api/stations/{station_id:uuid}/local-list"): (OTTO, None, 404),
    ("POST", "/api/stations/{station_id:uuid}/local-list/again"): (OTTO, None, 404),
    ("PUT", "/api/stations/{station_id:uuid}/admission"): (OTTO, {"status": "Pending"}, 404),
    ("POST", "/api/stations"): (BERT, STATION, 403),
    ("GET", "/api/stations/pending"): (OTTO, None, None),
    ("POST", "/api/stations/pending/{pending_id:uuid}/approve"): (OTTO, {"location_name": "Yard"}, 404),
    ("DELETE", "/api/stations/pending/{pending_id:uuid}"): (OTTO, None, 404),
    ("POST", "/api/pairing"): (BERT, {"identity": "HOME/2", "code": "ABCDEFGHJK"}, 404),
    ("GET", "/api/stations/notices"): (OTTO, None, None),
    ("DELETE", "/api/stations/notices/{notice_id:uuid}"): (OTTO, None, 404),
    ("GET", "/api/stations/certificates"): (OTTO, None, None),
    ("POST", "/api/stations/certificates/{certificate_id:uuid}/chain"): (OTTO, {"chain_pem": "x"}, 404),
    ("POST", "/api/stations/certificates/{certificate_id:uuid}/revoke"): (OTTO, None, 404),
    ("POST", "/api/stations/{station_id:uuid}/key"): (OTTO, None, 404),
    ("POST", "/api/stations/{station_id:uuid}/security-profile"): (OTTO, {"profile": 2}, 404),
    ("GET", COMMANDS): (OTTO, None, 404),
    ("POST", COMMANDS + "/{action:str}"): (OTTO, {}, 404),
    ("GET", "/api/stations/{identity:str}/events"): (OTTO, None, 404),
    ("GET", "/api/token-policy"): (OTTO, None, None),
    ("PUT", "/api/token-policy"): (SUE, {"one_session_a_token": True}, 403),
    ("GET", "/api/stations/{identity:str}/inventory"): (OTTO, None, 404),
    ("GET", "/api/disputes"): (OTTO, None, None),
    ("GET", FILES): (OTTO, None, 404),
    ("POST", FILES): (OTTO, {"kind": "Diagnostics"}, 404),
    ("GET", FILES + "/{file_id:uuid}"): (OTTO, None, 404),
    ("POST", "/api/bulk-commands"): (BERT, BULK, 403),
    ("GET", JOB): (OTTO, None, 404),
    ("DELETE", JOB): (OTTO, None, 404),
    ("GET", JOB + "/live"): (OTTO, None, 404),
    ("GET", FORWARDINGS): (OTTO, None, None),
    ("POST", FORWARDINGS): (BERT, FORWARDED, 403),
    ("POST", FORWARDINGS + "/home"): (BERT, {"identity": "HOME-1", "url": "wss://x/y", "key": "12345678"}, 404),
    ("GET", FORWARDING): (OTTO, None, 404),
    ("PATCH", FORWARDING): (OTTO, {"on": False}, 404),
    ("DELETE", FORWARDING): (OTTO, None, 404),
    ("POST", FORWARDING + "/undo"): (OTTO, {}, 404),
    ("PATCH", FORWARDING + "/stations/{station_id:uuid}"): (OTTO, {"on": False}, 404),
    ("GET", "/api/messages"): (OTTO, None, None),
    ("GET", "/api/messages/trace"): (OTTO, None, None),
    ("GET", "/api/messages/live"): (OTTO, None, "stream"),  # test_message_log.py: a stranger's stream is its own
    ("GET", "/api/clock"): (BERT, None, None),
    ("PUT", "/api/clock"): (BERT, {"speed": 60}, None),  # the demo's clock is everybody's
    ("GET", "/api/live"): (BERT, None, "stream"),  # test_live.py: a stranger's stream says nothing of Anna
}
REAL = {
    "vehicle_id": small_town.ANNAS_CAR,
    "location_id": HOME,
    "evse_id": HOME_EVSE,
    "station_id": small_town.STREET_STATION_1,
    "pending_id": ANNA,
    "notice_id": ANNA,
    "certificate_id": ANNA,
    "identity": "LOOTS%2F1",
    "action": "ClearCache",
    "job_id": ANNA,
    "file_id": ANNA,
    "forwarding_id": ANNA,  # the routes of lists that exist: test_forwardings_api.py
    "reservation_id": 1,
    "feeder_id": small_town.an_id("feeder"),
}
EVEN_ANNA = (  # what is refused to Anna too, as things stand: she charges there, nobody pays there, it is not settled
    "/api/sessions",
    "/api/sessions/{session_id}/receipt",
    "/api/locations/{location_id}/feeders",  # test_feeders_api.py
    "/api/locations/{location_id}/feeders/{feeder_id}",
    "/api/pairing",  # nobody waits
    "/api/reservations",  # test_reservations_api.py, which has some
    "/api/reservations/{reservation_id}",
    "/api/stations/{station_id}/reservations",
    "/api/stations/{station_id}/reservations/{reservation_id}",
    "/api/stations/{station_id}/local-list",  # Olga's: test_stations_api.py
    "/api/stations/{station_id}/local-list/again",
    "/api/stations/{station_id}/admission",
    "/api/stations/{station_id}/traits",  # Olga's: test_stations_api.py
    "/api/stations/{identity}/commands",  # Olga's: see test_commands_api.py
    "/api/stations/{identity}/commands/{action}",
    "/api/stations/{identity}/events",
    "/api/stations/{identity}/inventory",  # test_inventory_api.py
    "/api/stations/{identity}/files",
    "/api/stations/{identity}/files/{file_id}",
    "/api/bulk-commands/{job_id}",
    "/api/bulk-commands/{job_id}/live",
    "/api/forwardings/home",  # test_forwardings_api.py
    "/api/forwardings/{forwarding_id}",
    "/api/forwardings/{forwarding_id}/undo",
    "/api/forwardings/{forwarding_id}/stations/{station_id}",
)
OPERATED = "/api/stations"
DRIVERS_ONLY = (
    "/api/me/rota",
    "/api/vehicles",
    "/api/tariffs",
    "/api/sessions",
    "/api/wallet",
    "/api/locations/evses",
    "/api/locations/home",
)


def routes(context) -> set[tuple[str, str]]:
    found = set()
    for route in create(context).routes:
        assert isinstance(route, HTTPRoute)
        found |= {(method, route.path_format) for method in route.methods if method != "OPTIONS"}
    return found


def by_format(table):
    """Routes by path without parameter types, as a route's `path_format` has them."""
    return {
        (method, path.replace(":uuid", "").replace(":str", "").replace(":int", "")): case
        for (method, path), case in table.items()
    }


CASES = by_format(STRANGERS)


def test_every_route_is_public_or_has_its_stranger(context):
    assert routes(context) == PUBLIC | CASES.keys()


def filled(path: str, session_id: UUID = ANNA) -> str:
    """A path with the id of something of Anna's."""
    return re.sub(r"{(\w+)}", lambda found: str({**REAL, "session_id": session_id}[found[1]]), path)


@pytest.fixture
async def annas_session(context) -> UUID:
    past = await small_town.plug_in(context.db, NOW - timedelta(days=1))
    await small_town.unplug(context.db, past, NOW - timedelta(hours=12), 20_000)
    session = await small_town.plug_in(context.db, NOW)
    await small_town.make_plan(context.db, HOME, NOW)
    return session


async def test_who_is_not_signed_in_is_asked_to_everywhere(api):
    for (method, path), (_, body, _) in CASES.items():
        answer = await api.request(method, filled(path), json=body)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "not_signed_in"


async def test_a_stranger_gets_nothing_of_annas_anywhere(api, annas_session):
    traces = (ANNA, annas_session, HOME, HOME_EVSE, small_town.ANNAS_CAR, small_town.STREET_STATION_1, "Anna")
    for (method, path), (stranger, body, expected) in CASES.items():
        if expected == "stream":
            continue
        answer = await api.request(method, filled(path, annas_session), json=body, headers=bearer(stranger))
        assert answer.status_code == (expected or 200), (method, path, answer.text)
        if expected is None:
            assert not [trace for trace in traces if str(trace) in answer.text], (method, path)


async def test_a_drivers_routes_are_for_drivers(api, annas_session, sue):
    driven = [key for key in CASES if key[1].startswith(DRIVERS_ONLY)]
    assert len(driven) > 15
    for method, path in driven:
        answer = await api.request(method, filled(path, annas_session), json=CASES[method, path][1], headers=sue)
        assert answer.status_code == 403, (method, path)
        assert answer.json()["code"] == "wrong_role"


async def test_a_strangers_own_things_are_there(api, bert):
    places = (await api.get("/api/locations", headers=bert)).json()
    assert {place["id"] for place in places} == {str(BERTS_HOME), str(small_town.STREET)}
    assert len((await api.get("/api/vehicles", headers=bert)).json()) == 1


async def test_anna_herself_is_let_in_where_the_stranger_is_not(api, anna, annas_session):
    for (method, path), (_, body, expected) in CASES.items():
        if expected != 404 or path in EVEN_ANNA or path.startswith(OPERATED):
            continue
        answer = await api.request(method, filled(path, annas_session), json=body, headers=anna)
        assert answer.status_code == 200, (method, path, answer.text)
