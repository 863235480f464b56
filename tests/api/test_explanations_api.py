"""Explanations over the API: solved by the port, for the owner of a session and for who runs a place."""

from datetime import timedelta

import pytest
import small_town
import sqlalchemy as sa
from api_edge import asking
from small_town import BERTS_HOME, HOME, NOW, STREET, STREET_STATION_1

from server.core.valley import plan as engine
from server.storage import tables


class Asked:
    """The engine, with what it was asked."""

    def __init__(self):
        self.problems = []

    async def solve(self, problem):
        self.problems.append(problem)
        return engine.solve(problem)


@pytest.fixture
async def plugged_in(context):
    session = await small_town.plug_in(context.db, NOW)
    await small_town.make_plan(context.db, HOME, NOW)
    return session


async def test_a_driver_reads_what_the_plan_in_force_means(api, anna, plugged_in):
    said = (await api.get(f"/api/sessions/{plugged_in}/explanation", headers=anna)).json()
    view = (await api.get(f"/api/sessions/{plugged_in}", headers=anna)).json()
    assert said["plan_id"] == view["plan"]["id"]
    assert said["by"] == view["ready_by"]
    assert said["ready_wh"] == said["target_wh"] == view["need_wh"]
    assert said["held"] is None
    assert said["full_at"] <= view["ready_by"]
    assert [one["minutes"] for one in said["earlier"]] == [60, 120, 240]


async def test_what_is_explained_is_what_was_asked_and_only_for_who_asks(context, anna, plugged_in):
    solver = Asked()
    async with asking(replace_solver(context, solver)) as api:
        assert (await api.get(f"/api/sessions/{plugged_in}/explanation", headers=anna)).status_code == 200
    (problem,) = solver.problems
    assert (problem.explain, problem.explained) == (True, [str(plugged_in)])
    async with context.db.read() as tx:
        kept = (await tx.execute(sa.select(tables.PlanInputs.made_at))).all()
    assert len(kept) == 1, "nothing new is kept"


def replace_solver(context, solver):
    return type(context)(
        context.db, context.clock, context.bus, solver, context.commands, context.settings, set_speed=context.set_speed
    )


async def test_a_session_without_a_plan_or_one_that_has_ended_is_not_explained(api, context, anna):
    session = await small_town.plug_in(context.db, NOW)
    answer = await api.get(f"/api/sessions/{session}/explanation", headers=anna)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_explanation")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["hint"]
    await small_town.unplug(context.db, session, NOW + timedelta(hours=1), 0)
    answer = await api.get(f"/api/sessions/{session}/explanation", headers=anna)
    assert (answer.status_code, answer.json()["code"]) == (409, "session_ended")


async def test_strangers_are_refused(api, bert, olga, sue, plugged_in):
    url = f"/api/sessions/{plugged_in}/explanation"
    assert (await api.get(url, headers=bert)).status_code == 404
    for who in (olga, sue):  # nobody's operator, and no driver
        assert (await api.get(url, headers=who)).status_code == 403
    assert (await api.get(url)).status_code == 401


async def test_an_operator_reads_what_more_would_be_worth_at_the_partys_own_places(api, context, olga, otto, anna):
    await small_town.plug_in(context.db, NOW, STREET_STATION_1)
    async with context.db.begin() as tx:  # of which 16 A are kept for the other station, which is offline
        await tx.execute(sa.update(tables.Feeders).values(limit_ma=[27_000] * 3))
    url = f"/api/locations/{STREET}/worth"
    said = (await api.get(url, headers=olga)).json()
    assert (said["location_id"], said["currency"]) == (str(STREET), "EUR")
    assert said["ampere_nano"] > 0
    assert said["slots"]
    assert said["until"] > said["at"]
    for who in (otto, anna):
        answer = await api.get(url, headers=who)
        assert answer.status_code == 404
        assert answer.json()["hint"]
    assert (await api.get(f"/api/locations/{BERTS_HOME}/worth", headers=olga)).status_code == 404


async def test_who_lives_there_may_ask_and_an_empty_place_is_worth_nothing_more(api, anna, olga):
    for who, place in ((anna, HOME), (olga, STREET)):
        said = (await api.get(f"/api/locations/{place}/worth", headers=who)).json()
        assert (said["kwh_micro"], said["ampere_minor"], said["missing_wh"], said["slots"]) == (0, 0, 0, [])


async def test_what_is_taken_back_as_no_delay_that_pays_is_no_money_either(api, context, olga):
    """Nobody is delayed who would lose by it: the place is asked again with that car charged at once."""
    session = await small_town.plug_in(context.db, NOW, STREET_STATION_1)
    async with context.db.begin() as tx:
        await tx.execute(sa.update(tables.Feeders).values(limit_ma=[16_000] * 3))
        await tx.execute(sa.update(tables.Accounts).values(consent_at=None))
    said = (await api.get(f"/api/locations/{STREET}/worth", headers=olga)).json()
    assert session
    assert (said["kwh_micro"], said["ampere_nano"]) == (0, 0)
