"""Who comes in: profiles that only rise, keys that become final, strangers that are taken in."""

import hashlib
from datetime import timedelta

import msgspec
import pytest
from small_town import ANNA, BERT, HOME, HOME_STATION, NOW, OPERATOR, RIVAL, STREET_STATION_1

from server.core.reports import BootInfo
from server.core.session import Refused
from server.flows import entering, keys, stations
from server.flows.entering import Arrival
from server.storage import credentials, locations, outbox
from server.storage import stations as stored
from shared.stations import Approval, StationAdd

KEY = hashlib.sha256(b"a stranger's key").digest()
PARTY = "lootspaal"


def arrival(identity="NEW-1", address="10.0.0.1", key=KEY, profile=1):
    return Arrival(identity, address, key, profile)


async def held(town, *arrivals, now=NOW):
    async with town.begin() as tx:
        return [await entering.hold(tx, one, PARTY, now) for one in arrivals]


async def waiting(town, party=OPERATOR, now=NOW):
    async with town.read() as tx:
        return await entering.waiting(tx, party, now)


async def profile_of(town, identity):
    async with town.read() as tx:
        return (await stations.credential(tx, identity)).security_profile


async def notices(town, party=OPERATOR):
    async with town.read() as tx:
        return [(one.kind, one.times) for one in await entering.noticed(tx, party)]


async def test_a_profile_only_rises_and_a_downgrade_is_noticed_tc_083_a_19(town):
    for profile, known in ((2, 2), (3, 3), (1, 3), (2, 3)):
        async with town.begin() as tx:
            await entering.admitted(tx, STREET_STATION_1, profile, None, NOW)
        assert await profile_of(town, "LOOTS/1") == known
    for _ in range(2):
        async with town.begin() as tx:
            await entering.turned_away(tx, STREET_STATION_1, NOW)
    assert await notices(town) == [("downgrade", 2)]
    assert await notices(town, RIVAL) == []
    async with town.read() as tx:
        (one,) = await entering.noticed(tx, OPERATOR)
    for party, gone in ((RIVAL, False), (OPERATOR, True), (OPERATOR, False)):
        async with town.begin() as tx:
            assert await entering.seen(tx, party, one.id, NOW) is gone
    async with town.begin() as tx:
        await entering.turned_away(tx, STREET_STATION_1, NOW + timedelta(days=1))
    assert await notices(town) == [("downgrade", 1)]


async def credential(town):
    async with town.read() as tx:
        return await stations.credential(tx, "LOOTS/1")


async def test_the_old_key_works_until_the_new_one_was_used_and_each_form_of_it_will_do_tc_073_a_09(town):
    old = (await credential(town)).key_sha256
    async with town.begin() as tx:
        key = await keys.offer_key(tx, STREET_STATION_1)
    offered = await credential(town)
    assert offered.key_sha256 == old
    as_bytes, as_digits = hashlib.sha256(bytes.fromhex(key.text)).digest(), hashlib.sha256(key.text.encode()).digest()
    assert set(offered.new_keys) == {as_bytes, as_digits}
    async with town.begin() as tx:
        await keys.key_answered(tx, STREET_STATION_1, key, "accepted", NOW)
        await entering.admitted(tx, STREET_STATION_1, 1, as_bytes, NOW)
    final = await credential(town)
    assert (final.key_sha256, final.new_keys) == (as_bytes, ())
    assert await notices(town) == []


async def test_a_key_that_was_refused_is_none_and_one_without_an_answer_may_be_a_10(town):
    async with town.begin() as tx:
        refused, lost = await keys.offer_key(tx, STREET_STATION_1), await keys.offer_key(tx, STREET_STATION_1)
        await keys.key_answered(tx, STREET_STATION_1, refused, "rejected", NOW)
        await keys.key_answered(tx, STREET_STATION_1, lost, "timed_out", NOW)
    assert {one.hex() for one in (await credential(town)).new_keys} == set(lost.digests)
    assert dict(await notices(town)) == {"key_refused": 1, "key_unanswered": 1}
    async with town.begin() as tx:
        await entering.admitted(tx, STREET_STATION_1, 1, bytes.fromhex(lost.digests[0]), NOW)
    assert dict(await notices(town)) == {"key_refused": 1}


async def test_unresolved_keys_are_bounded_and_none_of_them_is_thrown_away(town):
    async with town.begin() as tx:
        offered = [await keys.offer_key(tx, STREET_STATION_1) for _ in range(keys.OPEN_MAX + 1)]
        assert await keys.wish_key(tx, STREET_STATION_1, OPERATOR, NOW) is keys.STILL_OPEN
    assert offered[-1] is None
    assert len((await credential(town)).new_keys) == keys.OPEN_MAX * 2


async def test_a_key_or_a_profile_is_wished_by_the_stations_own_party_only(town):
    async with town.begin() as tx:
        assert await keys.wish_key(tx, STREET_STATION_1, RIVAL, NOW) is keys.NOT_YOURS
        assert await keys.wish_profile(tx, STREET_STATION_1, RIVAL, 2, NOW) is keys.NOT_YOURS
        assert await keys.wish_key(tx, STREET_STATION_1, OPERATOR, NOW) is None
        assert await keys.wish_profile(tx, STREET_STATION_1, OPERATOR, 2, NOW) is None
        assert await keys.wish_profile(tx, STREET_STATION_1, OPERATOR, 3, NOW) is keys.NO_CERTIFICATE
        await credentials.raise_profile(tx, STREET_STATION_1, 2)
        assert await keys.wish_profile(tx, STREET_STATION_1, OPERATOR, 2, NOW) is keys.ONLY_UP
    async with town.read() as tx:
        queued = {task.kind for task in await outbox.due(tx, NOW) if task.key == str(STREET_STATION_1)}
    assert {keys.RENEW_KEY, keys.RAISE_PROFILE} <= queued


async def test_a_stranger_is_held_once_and_an_operator_takes_it_in_with_the_key_that_it_showed(town):
    assert await held(town, arrival(profile=2), arrival(profile=2)) == [True, True]
    async with town.begin() as tx:
        assert not await entering.stranger_boots(tx, arrival(), BootInfo("Maker", "Box"), NOW)
    (one,) = await waiting(town)
    assert (one.identity, one.vendor, one.model, one.address) == ("NEW-1", "Maker", "Box", "10.0.0.1")
    assert await waiting(town, RIVAL) == []
    async with town.begin() as tx:
        assert await entering.approve(tx, RIVAL, one.id, Approval("Yard"), NOW) is entering.GONE
        taken = await entering.approve(tx, OPERATOR, one.id, Approval("Yard", 7_400, 1), NOW)
    assert (taken.identity, taken.location_name) == ("NEW-1", "Yard")
    async with town.begin() as tx:
        known = await stations.credential(tx, "NEW-1")
        assert (known.key_sha256, known.security_profile, known.organization) == (KEY, 2, "Lootspaal")
        box = await stored.get(tx, known.station_id)
        assert (box.max_w, box.phases, box.vendor) == (7_400, 1, "Maker")
        assert await entering.stranger_boots(tx, arrival(), BootInfo("", ""), NOW)  # sent away, to come back
    assert await waiting(town) == []


async def test_a_driver_takes_a_stranger_home_by_its_code(town):
    await held(town, arrival())
    (one,) = await waiting(town)
    said = StationAdd("NEW-1", "Home")
    code = f" {one.pairing_code[:5].lower()}-{one.pairing_code[5:]} "
    async with town.begin() as tx:
        assert await entering.redeem(tx, BERT, said, "A" * 10, NOW) is entering.GONE
        assert await entering.redeem(tx, BERT, StationAdd("NEW-2", "Home"), code, NOW) is entering.GONE
        taken = await entering.redeem(tx, ANNA, said, code, NOW)
        assert not isinstance(taken, Refused)
        assert await entering.redeem(tx, BERT, said, code, NOW) is entering.GONE
        station = await stored.get(tx, (await stations.credential(tx, "NEW-1")).station_id)
    assert station.location_id == HOME


async def test_a_code_ends_after_a_day(town):
    await held(town, arrival())
    (one,) = await waiting(town)
    late = NOW + entering.WAITS
    async with town.begin() as tx:
        assert await entering.redeem(tx, ANNA, StationAdd("NEW-1", "Home"), one.pairing_code, late) is entering.GONE
        assert await entering.approve(tx, OPERATOR, one.id, Approval("Yard"), late) is entering.GONE
    await held(town, arrival(), now=late)
    (again,) = await waiting(town, now=late)
    assert again.pairing_code != one.pairing_code


async def test_who_takes_one_in_turns_away_who_uses_its_name_with_another_key(town):
    twin = arrival(key=hashlib.sha256(b"another").digest(), address="10.9.9.9")
    await held(town, arrival(), twin)
    assert {one.address for one in await waiting(town)} == {"10.0.0.1", "10.9.9.9"}
    real = next(one for one in await waiting(town) if one.address == "10.0.0.1")
    async with town.begin() as tx:
        await entering.approve(tx, OPERATOR, real.id, Approval("Yard"), NOW)
        assert await entering.stranger_boots(tx, twin, BootInfo("", ""), NOW)
        assert (await stations.credential(tx, "NEW-1")).key_sha256 == KEY
    assert await waiting(town) == []


async def test_strangers_are_bounded_by_identity_by_address_and_in_all(town, monkeypatch):
    many = [arrival(key=hashlib.sha256(bytes([number])).digest()) for number in range(5)]
    assert await held(town, *many) == [True] * 3 + [False] * 2
    crowd = [arrival(f"C-{number}", "10.0.0.2") for number in range(entering.WAITING_AT_ADDRESS_MAX + 1)]
    assert await held(town, *crowd) == [True] * entering.WAITING_AT_ADDRESS_MAX + [False]
    assert await held(town, arrival("D-1", "10.0.0.3")) == [True]
    monkeypatch.setattr(entering, "WAITING_MAX", 5)
    assert await held(town, arrival("D-2", "10.0.0.4")) == [False]
    assert await held(town, arrival("D-1", "10.0.0.3")) == [True]  # who waits already stays
    late = NOW + entering.WAITS
    assert await held(town, arrival("D-2", "10.0.0.4"), now=late) == [True]


@pytest.mark.parametrize("identity", [" a", "x" * 49, "a:b", "a\u200bb"])
async def test_what_could_not_be_added_is_not_held(town, identity):
    assert await held(town, arrival(identity)) == [False]


async def test_without_a_party_of_that_name_nobody_is_held(town):
    async with town.begin() as tx:
        assert not await entering.hold(tx, arrival(), "Nobody Ltd", NOW)


async def test_an_operator_turns_a_stranger_away(town):
    await held(town, arrival())
    (one,) = await waiting(town)
    for party, gone in ((RIVAL, False), (OPERATOR, True), (OPERATOR, False)):
        async with town.begin() as tx:
            assert await entering.turn_away(tx, party, one.id) is gone


async def test_an_identity_that_somebody_added_meanwhile_is_taken(town):
    await held(town, arrival("LOOTS/9"))
    (one,) = await waiting(town)
    async with town.begin() as tx:
        station = msgspec.structs.replace(await stored.get(tx, HOME_STATION), id=one.id, identity="LOOTS/9")
        await locations.add_station(tx, station, "00" * 32)
        assert await entering.approve(tx, OPERATOR, one.id, Approval("Yard"), NOW) is entering.TAKEN


async def test_security_events_become_notices_by_what_they_weigh_tc_077_tc_078(town):
    for kind in ("InvalidChargePointCertificate", "InvalidCentralSystemCertificate", "ResetOrReboot", "Odd-1", "Odd-2"):
        async with town.begin() as tx:
            await entering.security_event(tx, STREET_STATION_1, kind, "", NOW)
    found = dict(await notices(town))
    assert found == {
        "security:InvalidChargePointCertificate": 1,
        "security:InvalidCentralSystemCertificate": 1,
        "security_event": 2,
    }
