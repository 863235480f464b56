import asyncio

import httpx
import pytest
import uvicorn
from fake_town import Town
from town_facts import NOW, SESSION, SETTLED, a_session, an_id

from app.client import LIMITS, Api
from app.failures import ApiProblem
from shared.accounts import ClockView, TokenPair
from shared.problems import Problem
from shared.wire import ClockChanged, LiveEvent, SessionChanged


class Kept:
    def __init__(self) -> None:
        self.tokens: list[TokenPair | None] = []

    async def __call__(self, tokens: TokenPair | None) -> None:
        self.tokens.append(tokens)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def api(town: Town, kept: Kept) -> Api:
    return Api("http://town", kept, town.transport())


async def test_answers_come_as_the_structs_that_server_and_app_share(api: Api) -> None:
    await api.sign_in_demo(an_id("driver", 0))
    assert [one.id for one in await api.current_sessions()] == [SESSION]
    assert (await api.receipt(SETTLED)).split.driver_minor > 0
    assert await api.clock() == ClockView(now=NOW, speed=60, demo=True)


def test_an_idle_connection_is_let_go_of_before_the_server_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(httpx, "AsyncClient", lambda **options: given.update(options))
    Api("http://here", Kept())
    assert given["limits"] is LIMITS
    assert LIMITS.keepalive_expiry is not None
    assert LIMITS.keepalive_expiry < uvicorn.Config("nothing").timeout_keep_alive


async def test_an_expired_token_is_renewed_once_and_the_call_goes_through(api: Api, town: Town, kept: Kept) -> None:
    await api.sign_in_demo(an_id("driver", 0))
    api.tokens = TokenPair("expired", f"refresh-{town.access}", 900)
    assert (await api.me()).name == "Sanne de Wit"
    assert town.asked.count(("POST", "/api/auth/refresh")) == 1
    assert kept.tokens[-1] == api.tokens


async def test_calls_that_find_the_token_expired_together_spend_the_refresh_token_once(api: Api, town: Town) -> None:
    await api.sign_in_demo(an_id("driver", 0))
    api.tokens = TokenPair("expired", f"refresh-{town.access}", 900)
    await asyncio.gather(api.me(), api.wallet(), api.prices(), api.current_sessions())
    assert town.asked.count(("POST", "/api/auth/refresh")) == 1


async def test_a_spent_refresh_token_signs_out_and_is_forgotten(api: Api, kept: Kept) -> None:
    await api.sign_in_demo(an_id("driver", 0))
    api.tokens = TokenPair("expired", "spent", 900)
    with pytest.raises(ApiProblem) as refused:
        await api.me()
    assert refused.value.unauthorized
    assert api.tokens is None
    assert kept.tokens[-1] is None


async def test_a_refusal_carries_the_servers_problem_document(api: Api, town: Town) -> None:
    await api.sign_in_demo(an_id("driver", 0))
    problem = Problem("about:blank", "Not free", 409, code="evse_not_free", hint="Choose another one.")
    town.refusals["POST", "/api/sessions"] = problem
    with pytest.raises(ApiProblem) as refused:
        await api.start(an_id("evse", 1))
    assert refused.value.problem == problem


async def test_no_connection_and_a_broken_answer_are_told_as_such(api: Api, town: Town, kept: Kept) -> None:
    town.down = True
    with pytest.raises(ApiProblem) as refused:
        await api.sign_in("sanne@example.org", "right")
    assert refused.value.unreachable
    broken = Api("http://town", kept, httpx.MockTransport(lambda _: httpx.Response(200, content=b"<html>")))
    with pytest.raises(ApiProblem) as refused:
        await broken.demo_drivers()
    assert refused.value.unreachable
    gateway = Api("http://town", kept, httpx.MockTransport(lambda _: httpx.Response(502, content=b"Bad gateway")))
    with pytest.raises(ApiProblem) as refused:
        await gateway.demo_drivers()
    assert refused.value.problem.code == "broken"


async def test_signing_out_works_without_a_connection(api: Api, town: Town, kept: Kept) -> None:
    await api.sign_in_demo(an_id("driver", 0))
    town.down = True
    await api.sign_out()
    assert api.tokens is None
    assert kept.tokens[-1] is None


async def test_live_events_arrive_in_order_and_unknown_ones_are_passed_over(api: Api, town: Town) -> None:
    await api.sign_in_demo(an_id("driver", 0))
    stream = api.live()
    assert await anext(stream) is None
    town.tell(ClockChanged(NOW, 600, demo=True))
    town.tell(SessionChanged(a_session()))
    assert isinstance(await anext(stream), ClockChanged)
    assert isinstance(await anext(stream), SessionChanged)
    town.hang_up()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_stream_renews_an_expired_token_too(api: Api, town: Town) -> None:
    await api.sign_in_demo(an_id("driver", 0))
    api.tokens = TokenPair("expired", f"refresh-{town.access}", 900)
    stream = api.live()
    assert await anext(stream) is None
    await stream.aclose()  # type: ignore[attr-defined]


async def test_an_event_of_a_newer_server_does_not_end_the_stream(kept: Kept) -> None:
    lines = b': hello\n\ndata: {"type":"invented"}\n\ndata: {"type":"prices_changed","zone":"NL"}\n\n'
    api = Api("http://town", kept, httpx.MockTransport(lambda _: httpx.Response(200, content=lines)))
    api.tokens = TokenPair("a", "r", 900)
    events: list[LiveEvent] = [event async for event in api.live() if event is not None]
    assert [getattr(event, "zone", None) for event in events] == ["NL"]
