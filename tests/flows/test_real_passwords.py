"""What a server's passwords cost whoever guesses; all other tests hash cheaply."""

import cheap_passwords
import pytest

from server.flows import accounts

PASSWORD = "correct horse battery"
COSTS = "$argon2id$v=19$m=65536,t=3,p=4$"
"""The second recommended choice of RFC 9106, 4."""


@pytest.fixture(autouse=True)
def as_in_a_server(monkeypatch):
    real, nobody = cheap_passwords.REAL
    monkeypatch.setattr(accounts, "HASHER", real)
    monkeypatch.setattr(accounts, "NOBODY", nobody)


def test_a_hash_costs_what_the_standard_recommends_and_fits_its_password_only():
    hashed = accounts.hash_password(PASSWORD)
    assert hashed.startswith(COSTS)
    assert accounts.password_fits(hashed, PASSWORD)
    assert not accounts.password_fits(hashed, PASSWORD + "!")


def test_where_there_is_no_account_it_costs_the_same_and_nothing_fits():
    assert accounts.NOBODY.startswith(COSTS)
    assert not accounts.password_fits(None, PASSWORD)
