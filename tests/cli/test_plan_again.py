"""A stored plan is made again from what it was made of."""

import asyncio
import json
import shutil
from uuid import uuid4

import pytest
from small_town import NOW, STREET, STREET_STATION_1, STREET_STATION_2, found, make_plan, plug_in
from typer.testing import CliRunner

from server.cli.commands import app
from server.flows import stations
from server.storage import plans, sessions
from server.storage.db import Database


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The URL of a town with two cars on the street, and the ids of their plans."""
    path = tmp_path_factory.mktemp("again") / "town.db"

    async def story():
        await found(path)
        db = Database(f"sqlite:///{path}")
        for station in (STREET_STATION_1, STREET_STATION_2):
            async with db.begin() as tx:
                await stations.connect(tx, station, "c1", NOW)
        ids = [await plug_in(db, NOW, STREET_STATION_1), await plug_in(db, NOW, STREET_STATION_2, "BERT-CARD")]
        await make_plan(db, STREET, NOW)
        async with db.read() as tx:
            made = [(await sessions.get(tx, one)).plan_id for one in ids]
            energies = [(await plans.get(tx, one)).energy_wh for one in made]
        await db.close()
        return ids, made, energies

    return path, *asyncio.run(story())


def again(path, plan_id):
    return CliRunner().invoke(app, ["plan", "--again", str(plan_id), "--database", f"sqlite:///{path}"])


def test_the_same_inputs_make_the_same_plan(planned):
    path, ids, made, energies = planned
    for session_id, plan_id, energy_wh in zip(ids, made, energies, strict=True):
        result = again(path, plan_id)
        assert (result.exit_code, result.stderr) == (0, "the same plan again\n")
        answer = json.loads(result.stdout)
        assert next(plan["energy_wh"] for plan in answer["plans"] if plan["id"] == str(session_id)) == energy_wh
    assert sum(map(sum, energies)) > 0


def test_a_plan_that_is_another_now_is_said_to_be(planned, tmp_path):
    path, _, made, _ = planned
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)

    async def tamper():
        db = Database(f"sqlite:///{copy}")
        async with db.begin() as tx:
            await tx.execute(plans.TABLE.update().where(plans.P.id == made[0]).values(energy_wh=[1, 2, 3]))
        await db.close()

    asyncio.run(tamper())
    result = again(copy, made[0])
    assert (result.exit_code, result.stderr) == (1, "another plan: the engine has changed since\n")


def test_an_id_that_is_no_plan_is_one_clear_line(planned):
    result = again(planned[0], uuid4())
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "expected the id of a plan" in result.stderr
    nothing = CliRunner().invoke(app, ["plan"])
    assert (nothing.exit_code, nothing.stderr.count("\n")) == (2, 1)
