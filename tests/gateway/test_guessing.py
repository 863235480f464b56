"""Who guesses keys is slowed down; who has the right one never notices."""

import asyncio
import time

import pytest
from gateway_town import basic
from hypothesis import given
from hypothesis import strategies as st
from test_signin import refused
from tls_town import tls_town
from websockets.asyncio.client import connect

from server.core.reports import Credential
from server.core.windows import Windows
from server.gateway import reception, signin
from server.gateway.signin import Admitted, Basic, Shown, Why
from server.gateway.tls import Peer
from shared.ids import derive


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(reception, "LIMITED_WAIT_S", 0.05)


async def guess(town, times, identity="CP1"):
    return [(await refused(town.url(identity), basic(identity, b"guess"))).status_code for _ in range(times)]


async def test_after_ten_wrong_keys_wrong_ones_are_late_and_429_and_the_right_one_is_let_in_tc_085(town):
    assert await guess(town, reception.TRIES_AT_IDENTITY) == [401] * reception.TRIES_AT_IDENTITY
    began = time.monotonic()
    late = await refused(town.url("CP1"), basic("CP1", b"guess"))
    assert time.monotonic() - began > 0.05
    assert late.status_code == 429
    assert 0 < int(late.headers["Retry-After"]) <= reception.WINDOW_S
    guessing = asyncio.create_task(guess(town, 5))
    async with town.station("CP1"):
        assert set(await guessing) == {429}
    assert town.gateway.counts["sign_ins_limited"] == 6


async def test_an_identity_that_nobody_added_is_slowed_down_alike(town):
    known, unknown = await guess(town, 12), await guess(town, 12, "NOBODY")
    assert known == unknown


async def test_another_station_behind_the_same_address_is_not_slowed_down_by_one_that_guesses(town):
    await guess(town, reception.TRIES_AT_IDENTITY + 1)
    assert await guess(town, 1, "CP2") == [401]


async def test_one_address_that_tries_every_identity_is_slowed_down(town, monkeypatch):
    monkeypatch.setattr(reception, "TRIES_OF_ADDRESS", 5)
    statuses = [(await guess(town, 1, f"CP{number}"))[0] for number in range(2, 9)]
    assert statuses == [401] * 5 + [429] * 2
    async with town.station("CP1"):
        pass


async def test_who_is_late_is_bounded(town, monkeypatch):
    monkeypatch.setattr(reception, "WAITING_MAX", 0)
    monkeypatch.setattr(reception, "LIMITED_WAIT_S", 60)
    assert (await guess(town, reception.TRIES_AT_IDENTITY + 1))[-1] == 429


def test_windows_are_bounded_and_forget_after_their_time():
    windows = Windows(10.0, 3)
    assert [windows.count("a", 2, 0.0) for _ in range(3)] == [0, 0, 10]
    assert windows.count("a", 2, 10.0) == 0
    for key in "bcde":
        windows.count(key, 2, 10.0)
    assert len(windows) == 3


STATION = derive("station", "CP1")
keys = st.sampled_from([b"old", b"new-1", b"new-2", b"guess", b""])
peers = st.none() | st.builds(
    Peer,
    common_name=st.sampled_from(["CP1", "CP2", ""]),
    organization=st.sampled_from(["Us", "US", "Them", ""]),
    fingerprint=st.just("f"),
    expires_at=st.sampled_from([99.0, 101.0]),
)
shown = st.builds(
    Shown,
    name=st.sampled_from(["CP1", "CP2"]),
    basic=st.none() | st.builds(Basic, st.sampled_from([b"CP1", b"CP2"]), keys),
    peer=peers,
    over_tls=st.booleans(),
)


def digest(key: bytes) -> bytes:
    return signin.hashlib.sha256(key).digest()


@given(shown, st.integers(1, 3), st.booleans())
def test_nobody_gets_in_without_a_key_or_a_certificate_of_that_station_nor_below_its_profile(said, profile, known):
    new = (digest(b"new-1"), digest(b"new-2"))
    credential = Credential(STATION, digest(b"old"), (), new, profile, "Us") if known else None
    verdict = signin.judge(credential, said, 100.0)
    if said.peer is not None:
        peer = said.peer
        fits = (peer.common_name, peer.organization.lower(), peer.expires_at > 100) == (said.name, "us", True)
    else:
        sent = said.basic
        fits = sent is not None and sent.name.decode() == said.name and sent.key in (b"old", b"new-1", b"new-2")
    if not known:
        assert verdict is Why.UNKNOWN
    elif not fits:
        assert verdict is Why.WRONG
    elif said.profile < profile:
        assert verdict is Why.DOWNGRADE
    else:
        assert isinstance(verdict, Admitted)
        used = None if said.peer else said.basic.key
        assert verdict.new_key == (digest(used) if used in (b"new-1", b"new-2") else None)


async def test_a_new_key_is_told_on_when_it_is_first_used_and_the_old_one_works_until_then_tc_073_a_09(tmp_path):
    async with tls_town(tmp_path, tls_port=None) as town:
        town.flows.new_keys["CP1"] = (digest(b"fresh"),)
        async with town.station("CP1"):
            pass
        assert town.door.entries == []
        async with connect(town.url("CP1"), additional_headers=basic("CP1", b"fresh"), subprotocols=["ocpp1.6"]):
            await town.quiet()
        assert [entry.new_key_sha256 for _, entry in town.door.entries] == [digest(b"fresh")]
