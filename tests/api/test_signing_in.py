"""Sign-in, refresh and sign-out, as somebody meets them who has the password, lost it, or stole something."""

import time
from uuid import uuid4

import httpx
import jwt
import msgspec
import pytest
from api_edge import SETTINGS, FakeStations, InlineSolver, access_token, asking, bearer
from small_town import ANNA, BERT, NOW, OLGA, PASSWORD, PROVIDER, email, rows

from server.api import attempts, guards
from server.api.app import ApiContext, ApiSettings
from server.bus import LocalBus
from server.clock import SteppedClock
from server.flows import accounts
from server.storage import accounts as stored

CREDENTIALS = {"email": email(ANNA), "password": PASSWORD}


async def sign_in(api, **changes):
    return await api.post("/api/auth/sign-in", json={**CREDENTIALS, **changes})


def authorization(pair):
    return {"Authorization": f"Bearer {pair['access_token']}"}


async def test_the_right_password_signs_in(api):
    pair = (await sign_in(api)).json()
    me = await api.get("/api/me", headers=authorization(pair))
    assert me.json()["email"] == email(ANNA)
    assert pair["expires_in_s"] == 900


async def test_an_email_is_the_same_in_capitals(api):
    assert (await sign_in(api, email=" ANNA@Example.org ")).status_code == 200


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"email": "nobody@example.org"}, {"email": email(BERT)}])
async def test_a_wrong_password_an_unknown_email_and_an_account_without_password_look_alike(api, changes):
    answer = await sign_in(api, **changes)
    assert answer.status_code == 401
    assert answer.json() == {
        "type": "urn:dalstroom:problem:wrong_credentials",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Wrong credentials.",
        "code": "wrong_credentials",
        "hint": "Check the e-mail address and the password.",
        "instance": "/api/auth/sign-in",
    }


def test_an_unknown_email_costs_as_much_time_as_a_wrong_password():
    known = accounts.hash_password("something")

    def fastest(password_hash):
        times = []
        for _ in range(3):
            began = time.perf_counter()
            assert not accounts.password_fits(password_hash, "wrong")
            times.append(time.perf_counter() - began)
        return min(times)

    assert fastest(None) > 0.5 * fastest(known)


def test_no_password_fits_an_account_without_one():
    assert not accounts.password_fits(None, "")
    assert accounts.password_fits(accounts.hash_password("a"), "a")


async def test_a_closed_account_signs_nobody_in(api, context):
    pair = (await sign_in(api)).json()
    async with context.db.begin() as tx:
        account = await stored.get(tx, ANNA)
        await stored.update(tx, account, msgspec.structs.replace(account, closed_at=NOW))
    assert (await sign_in(api)).status_code == 401
    assert (await api.get("/api/me", headers=authorization(pair))).status_code == 401
    assert (await api.post("/api/auth/refresh", json={"refresh_token": pair["refresh_token"]})).status_code == 401


async def test_guessing_is_slowed_down_and_locks_nobody_out(api):
    app = api._transport.app
    for _ in range(attempts.TRIES_MAX):
        assert (await sign_in(api, password="guess")).status_code == 401
    answer = await sign_in(api)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= attempts.WINDOW_S
    assert answer.json()["hint"] == f"Wait {answer.headers['retry-after']} seconds; your account is not locked."
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as elsewhere:
        assert (await sign_in(elsewhere)).status_code == 200


async def test_a_sign_in_that_works_starts_the_count_anew(api):
    for _ in range(2):
        for _ in range(attempts.TRIES_MAX - 1):
            assert (await sign_in(api, password="guess")).status_code == 401
        assert (await sign_in(api)).status_code == 200


async def test_a_refresh_token_is_replaced_by_its_use(api):
    first = (await sign_in(api)).json()
    second = (await api.post("/api/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert (await api.get("/api/me", headers=authorization(second))).status_code == 200
    third = await api.post("/api/auth/refresh", json={"refresh_token": second["refresh_token"]})
    assert third.status_code == 200


async def test_a_stolen_refresh_token_ends_the_whole_family_and_no_other(api):
    elsewhere = (await sign_in(api)).json()
    first = (await sign_in(api)).json()
    second = (await api.post("/api/auth/refresh", json={"refresh_token": first["refresh_token"]})).json()
    for token in (first, second):
        answer = await api.post("/api/auth/refresh", json={"refresh_token": token["refresh_token"]})
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_again")
    assert (await api.post("/api/auth/refresh", json={"refresh_token": elsewhere["refresh_token"]})).status_code == 200


async def test_signing_out_ends_the_refresh_token(api):
    pair = (await sign_in(api)).json()
    body = {"refresh_token": pair["refresh_token"]}
    assert (await api.post("/api/auth/sign-out", json=body)).status_code == 204
    assert (await api.post("/api/auth/refresh", json=body)).status_code == 401
    assert (await api.post("/api/auth/sign-out", json={"refresh_token": "never heard of"})).status_code == 204


async def test_refresh_tokens_are_kept_as_hashes_only(api, context):
    pair = (await sign_in(api)).json()
    async with context.db.read() as tx:
        assert await stored.refresh_token(tx, pair["refresh_token"]) is None
    assert await rows(context.db, "refresh_tokens") == 1


async def test_an_expired_refresh_token_is_refused_and_forgotten_at_the_next_sign_in(context):
    short = ApiSettings(demo=True, secret=SETTINGS.secret, refresh_token_s=-1)
    async with asking(with_settings(context, short)) as api:
        pair = (await sign_in(api)).json()
        answer = await api.post("/api/auth/refresh", json={"refresh_token": pair["refresh_token"]})
        assert answer.status_code == 401
        await sign_in(api)
    assert await rows(context.db, "refresh_tokens") == 1


def with_settings(context, settings):
    return ApiContext(context.db, SteppedClock(NOW), LocalBus(), InlineSolver(), FakeStations(), settings)


# --- access tokens ------------------------------------------------------------


def claims(**changes):
    now = int(time.time())
    said = {"iss": "dalstroom", "sub": str(ANNA), "party": str(PROVIDER), "role": "driver", "exp": now + 60, "iat": now}
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    "token",
    [
        jwt.encode(claims(), b"another secret of thirty-two byte", algorithm="HS256"),
        jwt.encode(claims(), None, algorithm="none"),
        jwt.encode(claims(exp=int(time.time()) - 1), SETTINGS.secret, algorithm="HS256"),
        jwt.encode(claims(exp=None), SETTINGS.secret, algorithm="HS256"),
        jwt.encode(claims(iss="elsewhere"), SETTINGS.secret, algorithm="HS256"),
        jwt.encode(claims(role="emperor"), SETTINGS.secret, algorithm="HS256"),
        jwt.encode(claims(sub="anna"), SETTINGS.secret, algorithm="HS256"),
        "no.token.at-all",
        "",
    ],
)
async def test_a_token_that_we_did_not_issue_or_that_is_over_opens_nothing(api, token):
    answer = await api.get("/api/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert guards.read(SETTINGS, token) is None


async def test_the_scheme_must_be_bearer(api, anna):
    token = anna["Authorization"].removeprefix("Bearer ")
    assert (await api.get("/api/me", headers={"Authorization": f"Basic {token}"})).status_code == 401
    assert (await api.get("/api/me", headers={"Authorization": f"bearer {token}"})).status_code == 200


async def test_a_token_of_an_account_that_is_gone_asks_to_sign_in_again(api):
    answer = await api.get("/api/me", headers=bearer(uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_again")


# --- the demo -----------------------------------------------------------------


async def test_one_tap_signs_in_as_a_person_of_the_demo(api):
    listed = (await api.get("/api/demo/drivers")).json()
    assert listed == [
        {"account_id": str(BERT), "name": "Bert", "role": "driver", "story": "early_leaver"},
        {"account_id": str(OLGA), "name": "Olga", "role": "operator", "story": "early_leaver"},
    ]
    pair = (await api.post("/api/auth/demo", json={"account_id": str(BERT)})).json()
    assert (await api.get("/api/me", headers=authorization(pair))).json()["demo"] is True
    assert (await api.post("/api/auth/demo", json={"account_id": str(OLGA)})).status_code == 200


async def test_one_tap_signs_in_as_nobody_else(api):
    for stranger in (ANNA, uuid4()):
        answer = await api.post("/api/auth/demo", json={"account_id": str(stranger)})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_a_demo_person")


async def test_a_server_that_is_no_demo_has_no_one_tap_sign_in_and_no_buttons_on_its_clock(context):
    real = ApiSettings(demo=False, secret=SETTINGS.secret)
    async with asking(with_settings(context, real)) as api:
        assert (await api.get("/api/demo/drivers")).status_code == 404
        assert (await api.post("/api/auth/demo", json={"account_id": str(BERT)})).status_code == 404
        anna = {"Authorization": f"Bearer {access_token(ANNA, real)}"}
        assert (await api.put("/api/clock", json={"speed": 60}, headers=anna)).status_code == 404
        assert (await api.get("/api/clock", headers=anna)).json()["demo"] is False


async def test_what_one_tap_granted_is_worth_nothing_on_a_server_that_is_no_demo(api, context):
    tapped = (await api.post("/api/auth/demo", json={"account_id": str(OLGA)})).json()
    body = {"refresh_token": tapped["refresh_token"]}
    real = ApiSettings(demo=False, secret=SETTINGS.secret)
    async with asking(with_settings(context, real)) as elsewhere:
        assert (await elsewhere.get("/api/me", headers=authorization(tapped))).status_code == 401
        assert (await elsewhere.get("/api/stations", headers=authorization(tapped))).status_code == 401
        assert (await elsewhere.post("/api/auth/refresh", json=body)).status_code == 401
        pair = (await sign_in(elsewhere)).json()
        assert (await elsewhere.get("/api/me", headers=authorization(pair))).status_code == 200
        again = await elsewhere.post("/api/auth/refresh", json={"refresh_token": pair["refresh_token"]})
        assert again.status_code == 200


# --- the counting -------------------------------------------------------------


def test_tries_are_counted_in_a_window_and_by_address_too():
    counted = attempts.Attempts()
    assert [counted.wait_s("a", "anna", 0.0) for _ in range(6)] == [0] * 5 + [300]
    assert counted.wait_s("a", "anna", 299.0) == 1
    assert counted.wait_s("b", "anna", 299.0) == 0
    assert counted.wait_s("a", "anna", 300.0) == 0
    spray = attempts.Attempts()
    waits = [spray.wait_s("a", f"person-{number}", 0.0) for number in range(attempts.TRIES_OF_ADDRESS_MAX + 1)]
    assert waits == [0] * attempts.TRIES_OF_ADDRESS_MAX + [300]


def test_the_count_is_bounded():
    counted = attempts.Attempts()
    for number in range(attempts.KEYS_MAX):
        counted.wait_s(f"address-{number}", "anna", 0.0)
    assert len(counted._windows) <= attempts.KEYS_MAX
