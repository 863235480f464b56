"""npm's ocpp-rpc, in strict mode, in security profiles 2 and 3: in with what is right, out with what is not."""

import sys
from pathlib import Path

import pytest
from gateway_town import KEY, station_of

sys.path.insert(0, str(Path(__file__).parents[1] / "gateway"))
from tls_town import OWNER, tls_town

from server.core.certificate import Subject
from server.gateway.door import Entry

pytestmark = pytest.mark.node
IDENTITY = "RDAM|1/23"
STATION = station_of(IDENTITY)


@pytest.fixture
async def town(tmp_path):
    async with tls_town(tmp_path) as made:
        made.flows.keys = {IDENTITY: KEY}
        yield made


def url(town) -> str:
    return town.url(IDENTITY).replace("ws:", "wss:").replace(str(town.gateway.port), str(town.gateway.tls_port))


def files(town, subject=None):
    words = ["--ca", str(town.ca.root_path), "--wait-ms", "0"]
    if subject is None:
        return words
    cert, key = town.paper(subject)
    return [*words, "--cert", str(cert), "--key", str(key)]


async def test_it_charges_a_session_in_profile_2_tc_086_tc_a_04(town, ocpp_rpc_station):
    heard = await ocpp_rpc_station(url(town), IDENTITY, KEY.decode(), *files(town))
    assert heard["error"] is None
    assert heard["answers"]["StopTransaction"] == {"idTagInfo": {"status": "Accepted"}}
    assert town.door.entries == [(STATION, Entry(2))]


async def test_it_charges_a_session_in_profile_3_without_a_password_tc_087_tc_a_07(town, ocpp_rpc_station):
    heard = await ocpp_rpc_station(url(town), IDENTITY, "", *files(town, Subject(IDENTITY, OWNER)))
    assert heard["error"] is None
    assert heard["answers"]["StopTransaction"] == {"idTagInfo": {"status": "Accepted"}}
    assert town.door.entries == [(STATION, Entry(3))]


async def test_another_stations_certificate_a_wrong_key_and_a_lower_profile_keep_it_out_tc_a_03_tc_a_08(
    town, ocpp_rpc_station
):
    wrong = await ocpp_rpc_station(url(town), IDENTITY, KEY.decode(), *files(town, Subject("CP2", OWNER)))
    guess = await ocpp_rpc_station(url(town), IDENTITY, "guess", *files(town))
    town.flows.profiles[IDENTITY] = 3
    lower = await ocpp_rpc_station(url(town), IDENTITY, KEY.decode(), *files(town))
    assert ["Unauthorized" in heard["error"] for heard in (wrong, guess)] == [True, True]
    assert "Forbidden" in lower["error"]
    assert town.flows.heard == []


async def test_it_does_not_trust_a_server_whose_authority_it_does_not_know(town, ocpp_rpc_station):
    heard = await ocpp_rpc_station(url(town), IDENTITY, KEY.decode(), "--wait-ms", "0")
    assert heard["error"] is not None
    assert town.flows.heard == []
