"""`dalstroom plan --again ID`: makes a stored plan again from what it was made of, and says whether it is the same."""

import sys
from typing import TextIO
from uuid import UUID

import msgspec
import typer

from server.cli.admin import opened
from server.storage import plan_inputs, plans
from server.workers.solve import solve

DIFFERENT, UNKNOWN = 1, 2


async def run(plan_id: UUID, database: str, out: TextIO) -> None:
    """Write the engine's answer; exit code 1 where the stored plan says something else, 2 where there is none."""
    async with opened(database) as db, db.read() as tx:
        stored = await plans.get(tx, plan_id)
        asked = await plan_inputs.get(tx, stored.inputs_id) if stored is not None and stored.inputs_id else None
    if stored is None or asked is None:
        print(f"{plan_id}: expected the id of a plan that is stored with what it was made of", file=sys.stderr)
        raise typer.Exit(UNKNOWN)
    answer = solve(asked)
    out.write(msgspec.json.encode(answer).decode() + "\n")
    made = next(plan for plan in answer.plans if plan.id == str(stored.session_id))
    same = (made.energy_wh, made.shortfall_wh, made.reason) == (stored.energy_wh, stored.shortfall_wh, stored.reason)
    print("the same plan again" if same else "another plan: the engine has changed since", file=sys.stderr)
    if not same:
        raise typer.Exit(DIFFERENT)
