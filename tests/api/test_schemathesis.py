"""The API does what its own description says, for requests that Schemathesis makes up from it.

Ids of what is there: every second generated id, in a path or a body, is replaced by the id of something of Anna's
(`known`), so that routes are tried both with objects that exist and with ids of nothing. Anna is signed in; station
routes are tried by their operator. GET /api/live and /api/messages/live are left out: they answer without end (see
test_live.py and test_message_log.py).
"""

import asyncio
import shutil
import threading
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from uuid import UUID

import pytest
import requests
import schemathesis
import small_town
from api_edge import SETTINGS, FakeStations, InlineSolver, access_token, serving
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.python._constants.orchestrator import make_constants_value_source
from small_town import ANNA, ANNAS_CAR, BERT, NOW, OLGA, OPERATOR, STREET, STREET_EVSE_1, Database

from server.api.app import ApiContext
from server.api.app import schema as described
from server.bus import LocalBus
from server.clock import SteppedClock
from server.core.certificate import Request
from server.flows import certificates, entering
from server.storage import certificates as stored_certificates

EXAMPLES = 8
"""Made up at random for each operation, beside some thirty that are derived; fifteen draw one answer more, of 393."""
REFUSED = ("400", "401", "403", "404", "405", "406", "409", "415", "422", "428", "429", "5xx")
"""What Schemathesis expects where a request does not fit the schema."""
CONFIG = SchemathesisConfig.from_dict(
    # a tariff of EUR 40 per kWh fits the schema and is refused with 422 all the same
    {
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422", "429"]},
            "negative_data_rejection": {"expected-statuses": [*REFUSED, "413"]},
        }
    }
)
schema = schemathesis.openapi.from_dict(described(), config=CONFIG).exclude(path=["/api/live", "/api/messages/live"])
OPERATIONS = [found.ok() for found in schema.get_all_operations()]
known = {"vehicle_id": ANNAS_CAR, "location_id": STREET, "evse_id": STREET_EVSE_1, "account_id": BERT}

OPERATED = ("/api/stations", "/api/forwardings", "/api/messages", "/api/bulk-commands", "/api/disputes")
TARIFF = {"price_micro_per_kwh": 300_000, "night_price_micro_per_kwh": 200_000, "markup_micro_per_kwh": 20_000}


load_all_checks()


@schema.hook
def map_path_parameters(context, path_parameters):
    """Every second id is one of something that is there; a receipt is asked of the session that is settled."""
    settled = "settled_session_id" if "receipt" in context.operation.path else "session_id"
    names = {name: settled if name == "session_id" else name for name in path_parameters or {}}
    return {name: _real(names[name], value) for name, value in (path_parameters or {}).items()} | _station(
        path_parameters
    )


def _station(path_parameters):
    """Every second identity is that of a station that is there."""
    said = str((path_parameters or {}).get("identity", ""))
    return {"identity": "LOOTS/1"} if len(said) % 2 else {}


@schema.hook
def map_body(_context, body):
    """Ids as in paths; entered prices are folded into what a tariff may cost, or every one would be refused."""
    if not isinstance(body, dict):
        return body
    blanks = TARIFF if body.get("kind") in ("fixed", "night", "dynamic") else {}
    said = {name: _real(name, value) if name in known else value for name, value in body.items()}
    return {**said, **{name: _plausible(said.get(name), blank) for name, blank in blanks.items()}}


def _plausible(value, blank):
    if value is None:
        return blank
    return 20_000 + abs(value) % 180_000 if type(value) is int else value


def _real(name, value):
    if name not in known:
        return value
    try:
        odd = UUID(str(value)).int % 2
    except ValueError:
        return value
    return str(known[name]) if odd else value


class ServerThread:
    """The API in a loop of its own: Schemathesis asks synchronously."""

    def __init__(self, path):
        self.path, self.url = path, ""
        self._stop, self._up = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self):
        db = Database(f"sqlite:///{self.path}")
        known.update(await _lives(db))
        edges = (InlineSolver(), FakeStations())
        async with serving(ApiContext(db, SteppedClock(NOW), LocalBus(), *edges, SETTINGS, lambda _speed: None)) as url:
            self.url = url
            self._up.set()
            await asyncio.to_thread(self._stop.wait)
        await db.close()

    def __enter__(self):
        self._thread.start()
        assert self._up.wait(60)
        return self.url

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)


async def _lives(db):
    past = await small_town.plug_in(db, NOW - timedelta(days=1))
    await small_town.unplug(db, past, NOW - timedelta(hours=12), 20_000)
    session = await small_town.plug_in(db, NOW)
    await small_town.make_plan(db, small_town.HOME, NOW)
    return {"session_id": session, "settled_session_id": past, **await _secured(db)}


async def _secured(db):
    """A stranger that waits, a notice and a request for a certificate, all for Olga's party."""
    station = small_town.STREET_STATION_1
    async with db.begin() as tx:
        await entering.hold(tx, entering.Arrival("NEW-1", "10.0.0.1", b"k" * 32, 1), "Lootspaal", NOW)
        await entering.turned_away(tx, station, NOW)
        await stored_certificates.ask(tx, station, "station", Request("PEM", "00" * 32), NOW)
        (waiting,), (notice,) = await entering.waiting(tx, OPERATOR, NOW), await entering.noticed(tx, OPERATOR)
        (asked,) = await certificates.of_party(tx, OPERATOR)
    return {"station_id": station, "pending_id": waiting.id, "notice_id": notice.id, "certificate_id": asked.id}


@pytest.fixture(scope="module")
def base_url(founded, tmp_path_factory):
    path = tmp_path_factory.mktemp("schemathesis") / "town.db"
    shutil.copy(founded, path)
    with ServerThread(path) as url:
        yield url


@pytest.fixture(scope="module")
def session():
    """A connection that stays, without cookies and the machine's proxies; Schemathesis would make one a request."""
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        yield session


@schema.auth(refresh_interval=None)
class SignedIn:
    """Anna's access token, or for stations that of their operator."""

    def get(self, case, _context):
        return access_token(OLGA if case.path.startswith(OPERATED) else ANNA)

    def set(self, case, data, _context):
        case.headers["Authorization"] = f"Bearer {data}"


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def answers_as_described(case, base_url, session):
    case.call_and_validate(base_url=base_url, session=session)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_the_api_does_what_its_description_says(operation, base_url, session):
    """Its cases are made here: `schema.parametrize()` makes those of all operations, wherever tests are collected."""
    feedback = FeedbackSources(constants_value_source=make_constants_value_source(schema))
    test = build_operation_test(
        config=schema.config,
        operation=operation,
        test_func=answers_as_described,
        given_kwargs={},
        feedback=feedback,
    )
    test(base_url=base_url, session=session)
