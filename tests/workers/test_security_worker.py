"""Certificates, keys and profiles from wish to station, and what becomes of silence."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from small_town import NOW, OPERATOR, RIVAL, STREET_STATION_1

from server.core.session import Refused
from server.feeds.charger_ca import create
from server.feeds.null import NoSigner
from server.flows import certificates, entering, keys, stations
from server.storage import certificates as stored
from server.storage import outbox
from server.workers import security
from server.workers.ports import Heard

OWNER = "Lootspaal"


def a_request(cn="LOOTS/1") -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
    key = ec.generate_private_key(ec.SECP256R1())
    built = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return built.public_bytes(serialization.Encoding.PEM).decode()


class Told:
    """A station at the other end: what it was told, and what it says."""

    def __init__(self, *says: str):
        self.told, self.says, self.hung_up = [], list(says), []

    def _hear(self, *what):
        self.told.append(what)
        return Heard(self.says.pop(0) if self.says else "accepted")

    async def set_key(self, station_id, key_hex):
        return self._hear("key", key_hex)

    async def set_profile(self, station_id, profile):
        return self._hear("profile", profile)

    async def send_certificate(self, station_id, chain_pem, kind):
        return self._hear("certificate", chain_pem, kind)

    async def ask_for_request(self, station_id):
        return self._hear("renew")

    def hang_up(self, station_id):
        self.hung_up.append(station_id)
        return True


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return create(tmp_path_factory.mktemp("ca") / "ca", OWNER, NOW)


async def work(context, until=None):
    """Do what is due of this kind until nothing is; the outcomes."""
    outcomes = []
    while True:
        now = until or context.clock.now()
        async with context.db.read() as tx:
            due = [task for task in await outbox.due(tx, now) if task.kind in security.HANDLERS]
        if not due:
            return outcomes
        for task in due:
            outcomes.append(await security.HANDLERS[task.kind](context, task))
            async with context.db.begin() as tx:
                await outbox.done(tx, [task.id], now)


async def ask(context, pem):
    async with context.db.begin() as tx:
        return await certificates.request(tx, STREET_STATION_1, pem, "station", context.clock.now())


async def listed(context, party=OPERATOR):
    async with context.db.read() as tx:
        return await certificates.of_party(tx, party)


async def kinds(context):
    async with context.db.read() as tx:
        return {one.kind: one.severity for one in await entering.noticed(tx, OPERATOR)}


async def test_a_request_is_signed_sent_and_installed_tc_074_a_11(context, ca):
    told = Told()
    context = replace(context, security=told, signer=ca)
    assert await ask(context, a_request()) is None
    assert await work(context) == ["signed", "installed"]
    (_, chain, kind) = told.told[0]
    leaf = x509.load_pem_x509_certificate(chain.encode())
    assert (kind, leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value) == ("station", "LOOTS/1")
    (one,) = await listed(context)
    assert (one.identity, one.state, one.not_after) == ("LOOTS/1", "installed", leaf.not_valid_after_utc)
    assert await listed(context, RIVAL) == []
    assert await kinds(context) == {}


async def test_the_same_request_again_gets_the_same_certificate(context, ca):
    told = Told()
    context = replace(context, security=told, signer=ca)
    pem = a_request()
    await ask(context, pem)
    await work(context)
    await ask(context, pem)
    assert await work(context) == ["installed"]
    assert told.told[0] == told.told[1]
    assert len(await listed(context)) == 1


async def test_a_station_that_does_not_answer_is_sent_it_again_and_then_somebody_is_told_tc_074(context, ca):
    told = Told(*["timed_out", "offline"] * 5)
    context = replace(context, security=told, signer=ca)
    await ask(context, a_request())
    outcomes = await work(context, NOW + timedelta(days=1))
    assert len(told.told) == certificates.SENT_MAX
    assert outcomes[-1] == "failed:timed_out"
    assert (await listed(context))[0].state == "failed"
    assert await kinds(context) == {"certificate_not_installed": "warning"}


async def test_a_certificate_that_the_station_rejects_is_not_sent_again_a_14(context, ca):
    told = Told("rejected")
    context = replace(context, security=told, signer=ca)
    await ask(context, a_request())
    assert await work(context, NOW + timedelta(days=1)) == ["signed", "failed:rejected"]
    assert len(told.told) == 1


async def test_a_wrong_request_is_refused_and_unsigned_ones_are_bounded(context):
    assert isinstance(await ask(context, a_request("LOOTS/2")), Refused)
    for _ in range(certificates.WAITING_MAX):
        assert await ask(context, a_request()) is None
    assert await ask(context, a_request()) is certificates.TOO_MANY


async def test_an_outside_authority_is_waited_for_and_its_chain_pasted(context, ca):
    told = Told()
    context = replace(context, security=told, signer=NoSigner())
    pem = a_request()
    await ask(context, pem)
    assert await work(context) == ["held"]
    assert await kinds(context) == {"certificate_waits": "warning"}
    (one,) = await listed(context)
    assert (one.state, one.request_pem) == ("asked", pem)
    async with context.db.begin() as tx:
        subject = (await certificates.subject_of(tx, "LOOTS/1"))[1]
        chain = (await ca.sign(pem, subject, NOW)).chain_pem
        assert await certificates.paste(tx, RIVAL, one.id, chain, NOW) is certificates.NOT_YOURS
        assert (await certificates.paste(tx, OPERATOR, one.id, "x", NOW)).code == "not_a_chain"
        assert await certificates.paste(tx, OPERATOR, one.id, chain, NOW) is None
        assert await certificates.paste(tx, OPERATOR, one.id, chain, NOW) is certificates.NOT_ASKED
    assert await work(context) == ["installed"]
    assert told.told == [("certificate", chain, "station")]
    assert await kinds(context) == {}


async def test_a_certificate_that_cars_are_to_trust_is_never_ours_to_sign_tc_a_12(context, ca):
    context = replace(context, security=Told(), signer=ca)
    async with context.db.begin() as tx:
        assert await certificates.request(tx, STREET_STATION_1, a_request(), "v2g", NOW) is None
    assert await work(context) == ["held"]


async def test_a_revoked_certificate_is_known_as_such_is_not_sent_and_its_station_is_hung_up(context, ca):
    told = Told()
    context = replace(context, security=told, signer=ca)
    pem = a_request()
    await ask(context, pem)
    await work(context)
    (one,) = await listed(context)
    async with context.db.begin() as tx:
        assert not await entering.revoked(tx, one.fingerprint)
        assert not await certificates.revoke(tx, one.id, RIVAL, NOW)
        assert await certificates.revoke(tx, one.id, OPERATOR, NOW)
        assert await entering.revoked(tx, one.fingerprint)
        assert await certificates.revoke_serial(tx, "nothing", NOW) is None
        assert await certificates.revoke_serial(tx, one.serial.upper(), NOW) == "LOOTS/1"
        assert await certificates.delivery(tx, one.id) is None
    assert (await ask(context, pem)).code == "key_revoked"
    assert await work(context) == ["hung_up"]
    assert told.hung_up == [STREET_STATION_1]


async def test_the_end_of_a_certificate_is_told_thirty_and_seven_days_before(context, ca):
    told = Told()
    context = replace(context, security=told, signer=ca)
    await ask(context, a_request())
    await work(context)
    (one,) = await listed(context)
    for left, said in ((31, 0), (30, 1), (20, 0), (7, 1), (3, 0)):
        async with context.db.begin() as tx:
            assert await certificates.watch(tx, one.not_after - timedelta(days=left)) == said, left
    assert await kinds(context) == {"certificate_ends": "critical"}
    assert ("renew",) not in told.told  # that is the watch's to try: test_watch_worker.py
    async with context.db.begin() as tx:  # the new one takes the place of the old
        await stored.update(tx, one.id, asked_at=NOW - timedelta(days=700))
    await ask(context, a_request())
    await work(context)
    assert await kinds(context) == {}


async def test_a_daily_look_is_queued_once(context):
    for _ in range(2):
        async with context.db.begin() as tx:
            await security.begin(tx, NOW)
    async with context.db.read() as tx:
        (task,) = [one for one in await outbox.due(tx, NOW) if one.kind == security.WATCH]
    assert await security.watch(context, task) == "told:0"


async def test_a_new_key_is_told_and_counts_at_once_beside_the_old_one_tc_073_a_09(context):
    told = Told("timed_out", "rejected", "accepted")
    context = replace(context, security=told)
    for _ in range(3):
        async with context.db.begin() as tx:
            assert await keys.wish_key(tx, STREET_STATION_1, OPERATOR, NOW) is None
        await work(context)
    lost, refused, taken = (key for _, key in told.told)
    assert len({lost, refused, taken}) == 3
    assert all(len(key) == 40 for key in (lost, refused, taken))
    async with context.db.read() as tx:
        known = (await stations.credential(tx, "LOOTS/1")).new_keys
    assert len(known) == 4  # two forms of each that may be the station's


async def test_who_left_to_come_back_with_the_profile_has_refused_nothing(context):
    class Leaves(Told):
        async def set_profile(self, station_id, profile):
            async with context.db.begin() as tx:
                await entering.admitted(tx, station_id, profile, None, NOW)
            return await super().set_profile(station_id, profile)

    context = replace(context, security=Leaves("offline"))
    async with context.db.begin() as tx:
        assert await keys.wish_profile(tx, STREET_STATION_1, OPERATOR, 2, NOW) is None
    await work(context)
    assert await kinds(context) == {}


async def test_a_profile_is_asked_for_and_a_refusal_noticed_tc_083(context):
    told = Told("rejected", "accepted")
    context = replace(context, security=told)
    for _ in range(2):
        async with context.db.begin() as tx:
            assert await keys.wish_profile(tx, STREET_STATION_1, OPERATOR, 2, NOW) is None
        await work(context)
    assert told.told == [("profile", 2)] * 2
    assert await kinds(context) == {"profile_refused": "warning"}
