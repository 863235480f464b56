"""Which requests of stations are signed, and which chains answer them."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from server.core import certificate
from server.core.certificate import Subject, check_chain, check_request, notice_due
from server.core.session import Refused
from server.feeds.charger_ca import create

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINE = Subject("CP1", "Lootspaal")
RSA = rsa.generate_private_key(65_537, 2_048)
EC = ec.generate_private_key(ec.SECP256R1())


def a_request(key=RSA, algorithm=None, **parts: str) -> str:
    oids = {"cn": NameOID.COMMON_NAME, "o": NameOID.ORGANIZATION_NAME, "c": NameOID.COUNTRY_NAME}
    name = x509.Name([x509.NameAttribute(oids[part], value) for part, value in parts.items()])
    built = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, algorithm or hashes.SHA256())
    return built.public_bytes(serialization.Encoding.PEM).decode()


def code(pem: str) -> str | None:
    answer = check_request(pem, MINE)
    return answer.code if isinstance(answer, Refused) else None


@pytest.mark.parametrize("key", [RSA, EC, ec.generate_private_key(ec.SECP384R1())])
def test_a_request_with_the_stations_name_and_party_is_signed_tc_074_a_11(key):
    assert code(a_request(key, cn="CP1", o="Lootspaal")) is None
    assert code(a_request(key, cn="CP1", o="LOOTSPAAL", c="NL")) is None


def test_carriage_returns_and_missing_names_are_let_pass_as_the_official_tool_sends_them():
    assert code(a_request(cn="CP1").replace("\n", "\r\n")) is None
    assert code(a_request()) is None
    assert code("\n\n" + a_request(c="NL")) is None


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (a_request(cn="CP2", o="Lootspaal"), "another_station"),
        (a_request(cn="cp1"), "another_station"),
        (a_request(cn="CP1", o="Somebody"), "another_organization"),
        (a_request(rsa.generate_private_key(65_537, 1_024), cn="CP1"), "weak_key"),
        (a_request(ec.generate_private_key(ec.SECP192R1()), cn="CP1"), "weak_key"),
        ("", "not_a_request"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "not_a_request"),
        ("é" * 50, "not_a_request"),
        (a_request(cn="CP1") + "x" * certificate.CSR_MAX, "not_a_request"),
    ],
)
def test_other_requests_are_refused_with_a_reason_a_14(pem, why):
    assert code(pem) == why


def test_a_key_of_the_kind_before_is_refused():
    assert code(a_request(dsa.generate_private_key(2_048), cn="CP1")) == "weak_key"  # made here: it takes a second


def test_a_key_that_signs_nothing_else_is_refused():
    key = ed25519.Ed25519PrivateKey.generate()
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    assert code(built.public_bytes(serialization.Encoding.PEM).decode()) == "weak_key"


def test_a_request_whose_signature_is_not_of_its_key_is_refused():
    one, other = a_request(cn="CP1"), a_request(rsa.generate_private_key(65_537, 2_048), cn="CP1")
    first, second = (x509.load_pem_x509_csr(pem.encode()) for pem in (one, other))
    der = first.public_bytes(serialization.Encoding.DER)
    forged = der.replace(first.signature, second.signature)
    assert forged != der
    pem = x509.load_der_x509_csr(forged).public_bytes(serialization.Encoding.PEM).decode()
    assert code(pem) == "request_not_signed"


def test_a_request_signed_by_an_algorithm_that_nobody_knows_is_malformed():
    der = x509.load_pem_x509_csr(a_request(EC, cn="CP1").encode()).public_bytes(serialization.Encoding.DER)
    strange = der.replace(bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2fc648ce3d040302"))
    assert strange != der
    framed = f"-----BEGIN CERTIFICATE REQUEST-----\n{base64.encodebytes(strange).decode()}"
    assert code(f"{framed}-----END CERTIFICATE REQUEST-----\n") == "not_a_request"


def test_a_request_of_a_version_that_nobody_knows_is_malformed():
    der = x509.load_pem_x509_csr(a_request(EC, cn="CP1").encode()).public_bytes(serialization.Encoding.DER)
    framed = base64.encodebytes(der.replace(b"\x02\x01\x00", b"\x02\x01\x08", 1)).decode()
    assert code(f"-----BEGIN CERTIFICATE REQUEST-----\n{framed}-----END CERTIFICATE REQUEST-----\n") == "not_a_request"


@given(st.binary(max_size=300), st.integers(0, 600))
def test_no_request_however_broken_raises(noise, at):
    pem = a_request(EC, cn="CP1").encode()
    broken = (pem[:at] + noise + pem[at + len(noise) :]).decode("latin-1")
    assert isinstance(check_request(broken, MINE), Refused | certificate.Request)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return create(tmp_path_factory.mktemp("ca") / "ca", "Outside", NOW)


def signed(ca, pem, subject=MINE, now=NOW) -> certificate.Signed:
    return asyncio.run(ca.sign(pem, subject, now))


def test_the_authority_writes_name_and_party_itself_and_never_makes_another_authority(ca):
    pem = a_request(c="NL")
    leaf = x509.load_pem_x509_certificate(signed(ca, pem).chain_pem.encode())
    assert leaf.subject.rfc4514_string() in ("O=Lootspaal,CN=CP1", "CN=CP1,O=Lootspaal")
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert isinstance(leaf.signature_hash_algorithm, hashes.SHA256)
    leaf.verify_directly_issued_by(ca.root)


def test_a_pasted_chain_answers_its_own_request_only_a_14(ca):
    pem, root = a_request(cn="CP1", o="Lootspaal"), ca.root_path.read_text()
    chain = signed(ca, pem).chain_pem
    good = check_chain(chain + root, pem, MINE, NOW)
    assert isinstance(good, certificate.Signed)
    assert good.chain_pem == chain + root
    refusals = {
        "another_key": check_chain(chain, a_request(EC, cn="CP1"), MINE, NOW),
        "another_station": check_chain(signed(ca, pem, Subject("CP2", "Lootspaal")).chain_pem, pem, MINE, NOW),
        "another_organization": check_chain(signed(ca, pem, Subject("CP1", "X")).chain_pem, pem, MINE, NOW),
        "not_valid_now": check_chain(chain, pem, MINE, NOW + timedelta(days=900)),
        "not_a_chain": check_chain(chain + chain, pem, MINE, NOW),
    }
    assert {name: answer.code for name, answer in refusals.items()} == {name: name for name in refusals}
    for nonsense in ("", "x", pem, "é"):
        assert check_chain(nonsense, pem, MINE, NOW).code == "not_a_chain"


@given(st.lists(st.integers(-10, 60), min_size=1, max_size=60))
def test_each_notice_is_given_once_and_the_later_one_never_before_the_earlier(days_left):
    noticed, given = None, []
    for left in sorted(days_left, reverse=True):
        due = notice_due(NOW + timedelta(days=left), noticed, NOW)
        if due is not None:
            assert left <= due
            given.append(due)
            noticed = due
    assert given in ([], [30], [7], [30, 7])
    assert (7 in given) == (min(days_left) <= 7)
