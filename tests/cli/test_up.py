"""`dalstroom up`: it serves, stops within five seconds, goes on where it stopped, and says in a line what is wrong."""

import json
import os
import signal
import socket
import threading
import time
from datetime import datetime, timedelta

import command
import pytest
from up_process import Up, refused

from server.cli import demo_state
from server.settings import Settings

STOPS_WITHIN_S = 5.0


def until(up, what, within_s=30.0):
    """Ask again until the answer is not empty."""
    deadline = time.monotonic() + within_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s in vain"
        assert up.process.poll() is None
        time.sleep(0.1)
    return found


def refused_here(home, *words):
    """The one line of an `up` that ends with exit code 2 before it opens anything."""
    line = command.refused(home, "up", "--no-browser", *words)
    assert "hush" not in line
    return line


def stopped_well(up, by=signal.SIGINT):
    """Stop it: in time (in proportion where the machine is busy with other things), exit code 0, nothing failed."""
    allowed_s = STOPS_WITHIN_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    seconds, code, said = up.stop(by)
    assert code == 0
    assert seconds < allowed_s, said
    assert "Traceback" not in said
    assert "failed" not in said
    return said


def standing(up, people):
    """Energy by session of all who are plugged in."""
    found = [session for driver in people for session in up.ask("GET", "/api/sessions/current", headers=driver)]
    return {session["id"]: session["energy_wh"] for session in found if session["state"] == "open"}


def now_of(up, driver):
    return datetime.fromisoformat(up.ask("GET", "/api/clock", headers=driver)["now"])


class Listener(threading.Thread):
    """A live stream that someone has open: the kinds of its events, and whether the server has ended it."""

    def __init__(self, up, driver) -> None:
        super().__init__(daemon=True)
        self.up, self.driver, self.kinds, self.ended = up, driver, [], False

    def run(self) -> None:
        with self.up.http.stream("GET", "/api/live", headers=self.driver, timeout=60) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    self.kinds.append(json.loads(line.removeprefix("data:"))["type"])
        self.ended = True


def test_a_demo_lives_stops_at_once_and_goes_on_where_it_stopped(tmp_path):
    with Up(tmp_path, "--demo") as up:
        people = up.sign_in_all()
        until(up, lambda: sum(standing(up, people).values()))
        up.ask("PUT", "/api/clock", headers=people[0], json={"speed": 0})
        assert up.ask("GET", "/api/clock", headers=people[0])["speed"] == 0
        time.sleep(0.5)  # what was under way when the clock stopped
        stopped_at, there = now_of(up, people[0]), standing(up, people)
        listener = Listener(up, people[0])
        listener.start()
        until(up, lambda: listener.kinds)
        first = stopped_well(up)
        listener.join(5)
        assert listener.ended

    with Up(tmp_path, "--demo", "--speed", "0") as up:
        people = up.sign_in_all()
        assert abs(now_of(up, people[0]) - stopped_at) < timedelta(seconds=1)
        assert set(standing(up, people)) == set(there)
        up.ask("PUT", "/api/clock", headers=people[0], json={"speed": 600})
        until(up, lambda: sum(standing(up, people).values()) > sum(there.values()))
        assert now_of(up, people[0]) > stopped_at
        second = stopped_well(up)
        assert "goes on" in second
    # A machine may stand still once; what hangs, hangs twice.
    assert "let go of" not in first or "let go of" not in second
    assert (tmp_path / "demo.db").exists()
    assert not (tmp_path / "dalstroom.db").exists()


def test_a_killed_demo_has_kept_its_town(tmp_path):
    kept = tmp_path / "demo.json"
    with Up(tmp_path, "--demo", "--seed", "3") as up:
        until(up, lambda: kept.exists() and json.loads(kept.read_bytes())["memory"]["stays"])
        up.process.kill()
        up.process.wait()
    began = datetime.fromisoformat(json.loads(kept.read_bytes())["began"])
    with Up(tmp_path, "--demo", "--speed", "0") as up:
        people = up.sign_in_all()
        assert now_of(up, people[0]) > began + timedelta(minutes=10)
        assert standing(up, people)


def test_without_demo_nobody_signs_in_by_a_tap_and_sigterm_ends_it(tmp_path):
    with Up(tmp_path) as up:
        assert up.ask("GET", "/api/health")["status"] == "ok"
        assert b"<html" in up.http.get("/").content.lower()
        assert up.http.get("/api/demo/drivers").status_code == 404
        tap = up.http.post("/api/auth/demo", json={"account_id": "00000000-0000-4000-8000-000000000000"})
        assert tap.status_code == 404
        with socket.create_connection(("127.0.0.1", up.port)) as half:
            half.sendall(b"POST /api/auth/sign-in HTTP/1.1\r\nHost: here\r\nContent-Length: 99\r\n\r\n{")
            half.settimeout(5)
            said = stopped_well(up, signal.SIGTERM)
            assert half.recv(4096).startswith(b"HTTP/1.1 503")
        assert "Exception" not in said


@pytest.mark.parametrize("option", ["--port", "--ocpp-port"])
def test_a_port_in_use_is_one_line(tmp_path, option):
    other = {"--port": "--ocpp-port", "--ocpp-port": "--port"}[option]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(tmp_path, option, str(port), other, "0")
    assert f"port {port} is in use" in line
    assert option in line


def test_a_home_that_cannot_be_written_to_is_one_line(tmp_path):
    home = tmp_path / "a file"
    home.write_text("not a folder")
    line = refused_here(home)
    assert "cannot write there" in line
    assert "DALSTROOM_HOME" in line


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
        ("postgresql://me:hush@127.0.0.1:1/none?sslmode=require", "--database: no server answers there"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_line_without_its_password(tmp_path, url, complaint):
    line = refused(tmp_path, "--database", url, "--port", "0", "--ocpp-port", "0")
    assert complaint in line
    assert "hush" not in line


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--demo", "--host", "0.0.0.0"), "--demo listens on this machine only"),
        (("--demo", "--host", "192.0.2.1"), "--demo listens on this machine only"),
        (("--demo", "--host", "127.0.0.1.example"), "--demo listens on this machine only"),
        (("--demo", "--speed", "7"), "--speed must be one of 0, 1, 60, 600"),
        (("--port", "70000"), "--port must lie between 0 and 65535"),
        (("--database", "mysql://me:hush@somewhere/else"), "sqlite:///FILE or postgresql://"),
        (("--port", "9000"), "--port and --ocpp-port are both 9000"),
        (("--ocpps-port", "8000"), "--port and --ocpps-port are both 8000"),
        (("--database", "postgresql://me:hush@127.0.0.1:1/x?sslmod=require"), "did you mean sslmode?"),
        (("--database", "no url at all"), "sqlite:///FILE or postgresql://"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(tmp_path, words, complaint):
    assert complaint in refused_here(tmp_path, *words)


@pytest.mark.parametrize("host", ["localhost", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_a_demo_listens_at_any_address_that_only_its_machine_reaches(tmp_path, host):
    assert "--speed must be one of" in refused_here(tmp_path, "--demo", "--host", host, "--speed", "7")


def test_a_demo_that_was_kept_badly_says_what_to_delete(tmp_path):
    (tmp_path / "demo.json").write_text("{")
    assert "demo.json cannot be read: delete it" in refused_here(tmp_path, "--demo")


def test_a_demo_has_a_database_of_its_own(tmp_path):
    real, demo = Settings(home=tmp_path), Settings(home=tmp_path, demo=True)
    assert (real.database_url, demo.database_url) == (
        f"sqlite:///{tmp_path}/dalstroom.db",
        f"sqlite:///{tmp_path}/demo.db",
    )
    named = f"sqlite:///{tmp_path}/mine.db"
    assert Settings(home=tmp_path, demo=True, database=named).database_url == named


def test_another_seed_does_not_move_in(tmp_path):
    settings = Settings(home=tmp_path, demo=True)
    demo_state.keep(settings, demo_state.load(settings, 3))
    assert "holds the town of seed 3" in refused_here(tmp_path, "--demo", "--seed", "4")
    assert demo_state.load(settings, None).seed == 3


def test_a_demo_in_another_database_begins_anew(tmp_path):
    here, there = Settings(home=tmp_path), Settings(home=tmp_path, database=f"sqlite:///{tmp_path / 'other.db'}")
    began = demo_state.load(here, 3)
    demo_state.keep(here, began)
    assert demo_state.load(here, None) == began
    assert demo_state.load(there, None).seed == demo_state.FIRST_SEED
