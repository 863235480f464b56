"""Drivers through the API: what they send, to which session, and that a refusal is kept."""

import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from csms_edge import NOON, CentralSystem, HandClock
from test_runner_stepped import has, only

from server.simulator import driver
from server.simulator.driver import Drivers
from server.simulator.faults import FaultKind
from server.simulator.runner import Ends, run_stepped
from server.simulator.town import build
from shared.accounts import DemoSignIn
from shared.sessions import SessionUpdate


class Api(BaseHTTPRequestHandler):
    """The far end of the drivers' phones: keeps what was asked, answers as the server would."""

    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, json.loads(body) if body else None))
        status, answer = self.server.answer(self)
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815  (the names that http.server looks for)

    def log_message(self, *_) -> None:
        pass


@contextmanager
def api(sessions, refuse=()):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.asked, server.issued = [], 0

    def answer(request):
        if request.path == "/api/auth/demo":
            server.issued += 1
            return 201, {"access_token": f"t{server.issued}", "refresh_token": "r", "expires_in_s": 900}
        if request.headers.get("Authorization") != f"Bearer t{server.issued}":
            return 401, {}
        if (request.command, request.path) in refuse:
            return 409, {"title": "no"}
        return 200, sessions if request.path.endswith("/current") else {}

    server.answer = answer
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def view(number, station, label=None, plugged="2024-03-12T18:00:00Z", state="open"):
    return {
        "id": f"00000000-0000-0000-0000-{number:012d}",
        "location_id": str(station.location_id),
        "evse_label": label or station.label,
        "plugged_at": plugged,
        "state": state,
    }


def part(kind, identity):
    town = only(build(1, NOON), identity, keep=has(kind))
    person = next(person for person in town.people if person.id == town.visits[0].person_id)
    return town, person, town.stations[0]


async def test_a_driver_states_departure_and_energy_in_words_that_the_api_knows():
    town, person, station = part(FaultKind.SLEEPER, "HOME-3")
    with api([view(1, station)]) as (server, url):
        drivers = Drivers(url)
        await drivers.state(person, town.visits[0], station)
        await drivers.close()
    (_, _, signed), (method, path, body) = server.asked[0], server.asked[-1]
    assert msgspec.convert(signed, DemoSignIn).account_id == person.id
    assert (method, path) == ("PATCH", "/api/sessions/00000000-0000-0000-0000-000000000001")
    update = msgspec.convert(body, SessionUpdate)
    assert update.ready_by == town.visits[0].ready_by
    assert update.energy_wh == town.visits[0].need_wh


async def test_the_session_meant_is_the_newest_open_one_at_this_station():
    _, person, station = part(FaultKind.OVERRIDES, "LOOTS/1")
    views = [
        view(1, station, plugged="2024-03-12T10:00:00Z"),
        view(2, station, plugged="2024-03-12T17:00:00Z"),
        view(3, station, label="5", plugged="2024-03-12T18:00:00Z"),
        view(4, station, plugged="2024-03-12T19:00:00Z", state="ended"),
    ]
    with api(views) as (server, url):
        drivers = Drivers(url)
        await drivers.override(person, station)
        await drivers.undo(person, station)
        await drivers.close()
    path = "/api/sessions/00000000-0000-0000-0000-000000000002/override"
    assert [(method, path) for method, path, _ in server.asked if method == "DELETE"] == [("DELETE", path)]
    assert ("POST", path, None) in server.asked


async def test_an_expired_token_is_replaced_once():
    _, person, station = part(FaultKind.OVERRIDES, "LOOTS/1")
    with api([view(1, station)]) as (server, url):
        drivers = Drivers(url)
        await drivers.override(person, station)
        server.issued += 1
        await drivers.undo(person, station)
        await drivers.close()
    assert drivers.refusals == []
    assert sum(path == "/api/auth/demo" for _, path, _ in server.asked) == 2


async def test_a_refusal_is_kept_and_a_missing_session_too():
    _, person, station = part(FaultKind.OVERRIDES, "LOOTS/1")
    path = "/api/sessions/00000000-0000-0000-0000-000000000001/override"
    with api([view(1, station)], refuse={("POST", path)}) as (server, url):
        drivers = Drivers(url)
        await drivers.override(person, station)
        server.answer = lambda request: (200, [])
        await drivers.undo(person, station)
        await drivers.close()
    assert [(refusal.action, refusal.status) for refusal in drivers.refusals] == [
        (f"POST {path}", 409),
        ("DELETE session/override", 0),
    ]


async def test_on_a_fast_clock_a_driver_looks_again_until_the_server_has_heard_of_the_session(monkeypatch):
    monkeypatch.setattr(driver, "LOOK_AGAIN_WALL_S", 0.01)
    _, person, station = part(FaultKind.OVERRIDES, "LOOTS/1")
    views = []
    with api(views) as (server, url):
        answered = server.answer

        def later(request):
            answer = answered(request)
            if len(server.asked) == 4:
                views.append(view(1, station))
            return answer

        server.answer = later
        drivers = Drivers(url, looks=10)
        await drivers.override(person, station)
        await drivers.close()
    assert drivers.refusals == []
    assert server.asked[-1][:2] == ("POST", "/api/sessions/00000000-0000-0000-0000-000000000001/override")


async def test_in_a_run_drivers_act_after_plug_in_and_at_their_fault():
    town, _, station = part(FaultKind.OVERRIDES_UNDONE, "HOME-2")
    (fault,) = town.visits[0].faults
    clock = HandClock(NOON)
    times = []
    with api([view(1, station)]) as (server, url):
        answered = server.answer

        def note(request):
            if request.path.endswith("/override"):
                times.append((request.command, clock.now()))
            return answered(request)

        server.answer = note
        async with CentralSystem(clock.now) as system:
            report = await run_stepped(town, clock, system.settle, Ends(system.url, url))
    assert times == [("POST", fault.at), ("DELETE", fault.until)]
    assert fault.until - fault.at < timedelta(minutes=30)
    assert report.refusals == ()


async def test_an_api_that_is_gone_is_a_refusal_not_a_crash():
    _, person, station = part(FaultKind.OVERRIDES, "LOOTS/1")
    with api([]) as (_, url):
        pass
    drivers = Drivers(url)
    await drivers.override(person, station)
    await drivers.close()
    assert [refusal.status for refusal in drivers.refusals] == [0]
