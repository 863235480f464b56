"""The whole server as a user starts it, and a station that we did not write: from a key to a settled session."""

import asyncio
import re
import sys
from pathlib import Path

import pytest
from command import dalstroom

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from up_process import Up, free_port

from server.storage import plans, sessions, wallets
from server.storage.db import Database

pytestmark = pytest.mark.node
MAIL = "you@example.org"
CARD = "04A1B2C3D4E5F6"
IDENTITY = "HOME/1"


async def until_settled(home):
    """The session, its receipt and its last plan, once it is settled."""
    db = Database(f"sqlite:///{home / 'dalstroom.db'}")
    try:
        async with asyncio.timeout(20):
            while True:
                async with db.read() as tx:
                    for session in await sessions.in_order(tx):
                        receipt = await wallets.receipt(tx, session.id)
                        if receipt is not None:
                            return session, receipt, await plans.get(tx, session.plan_id)
                await asyncio.sleep(0.1)
    finally:
        await db.close()


async def test_a_2_0_1_station_gets_its_profile_and_its_session_is_settled(tmp_path, ocpp_rpc_station):
    home, ocpp_port = tmp_path / "home", free_port()
    dalstroom(home, "account", "add", MAIL, "--name", "You")
    added = dalstroom(home, "station", "add", IDENTITY, "--owner", MAIL, "--ocpp-port", str(ocpp_port))
    dalstroom(home, "token", "add", CARD, "--account", MAIL)
    url, key = re.search(r"ws://\S+", added)[0], re.search(r"\b[0-9a-f]{40}\b", added)[0]
    with Up(home, "--ocpp-port", str(ocpp_port)):
        words = ("--token", CARD, "--wait-ms", "10000", "--protocol", "ocpp2.0.1")
        heard = await ocpp_rpc_station(url, IDENTITY, key, *words)
        assert heard["error"] is None
        assert (heard["protocol"], heard["profileInTime"]) == ("ocpp2.0.1", True)
        assert heard["answers"]["Started"]["idTokenInfo"]["status"] == "Accepted"
        session, receipt, plan = await until_settled(home)
    assert session.transaction_ref == heard["transactionId"]
    assert (receipt.energy_wh, plan.outcome) == (8_000, "accepted")


async def test_a_key_from_station_add_leads_to_a_profile_and_a_settled_session(tmp_path, ocpp_rpc_station):
    home, ocpp_port = tmp_path / "home", free_port()
    dalstroom(home, "account", "add", MAIL, "--name", "You")
    added = dalstroom(home, "station", "add", IDENTITY, "--owner", MAIL, "--ocpp-port", str(ocpp_port))
    dalstroom(home, "token", "add", CARD, "--account", MAIL)
    url = re.search(r"ws://\S+", added)[0]
    key = re.search(r"\b[0-9a-f]{40}\b", added)[0]
    assert url == f"ws://127.0.0.1:{ocpp_port}/ocpp/HOME%2F1"
    with Up(home, "--ocpp-port", str(ocpp_port)):
        heard = await ocpp_rpc_station(url, IDENTITY, key, "--token", CARD, "--wait-ms", "10000")
        assert heard["error"] is None
        assert heard["profileInTime"]
        assert heard["answers"]["StartTransaction"]["idTagInfo"]["status"] == "Accepted"
        wrong = await ocpp_rpc_station(url, IDENTITY, key[::-1], "--token", CARD)
        assert "Unauthorized" in wrong["error"]
        session, receipt, plan = await until_settled(home)
    assert session.transaction_id == heard["answers"]["StartTransaction"]["transactionId"]
    assert receipt.energy_wh == 8_000
    assert plan.outcome == "accepted"
    assert receipt.reasons  # nobody agreed to a delay, so nothing is shared, and the receipt says so
