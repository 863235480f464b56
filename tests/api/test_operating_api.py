"""What an operator sees of its stations: connectors, sessions, and what is wrong with them."""

from datetime import timedelta

import small_town
from small_town import NOW, STREET_STATION_1

from server.core.session import Followed
from server.flows import stations as station_flow
from server.storage import sessions


async def test_a_station_shows_its_connectors_and_what_runs_there(api, context, olga):
    session_id = await small_town.plug_in(context.db, NOW, STREET_STATION_1)
    first, second = (await api.get("/api/stations", headers=olga)).json()
    (evse,) = first["evses"]
    assert (evse["session_id"], evse["followed"], evse["energy_wh"]) == (str(session_id), "pending", 0)
    assert second["evses"][0]["session_id"] is None


async def test_a_station_says_what_it_spoke_last_and_nothing_before_it_was_here(api, context, olga):
    for spoken in ("ocpp1.6", "ocpp2.0.1"):
        async with context.db.begin() as tx:
            await station_flow.connect(tx, STREET_STATION_1, f"a line of {spoken}", NOW, spoken)
    assert [one["version"] for one in (await api.get("/api/stations", headers=olga)).json()] == ["2.0.1", ""]


async def test_a_session_that_does_not_follow_and_a_message_of_none_are_in_dispute(api, context, olga, otto):
    session_id = await small_town.plug_in(context.db, NOW, STREET_STATION_1)
    async with context.db.begin() as tx:
        session = await sessions.get(tx, session_id)
        changed = {"followed": Followed.NOT_FOLLOWED, "not_followed_reason": "too_much"}
        await sessions.save(tx, session, small_town.msgspec.structs.replace(session, **changed))
        row = (small_town.OPERATOR, STREET_STATION_1, NOW + timedelta(hours=1), "StopTransaction")
        await sessions.add_orphans(tx, [(*row, '{"transaction_id":9}')])
    told = (await api.get("/api/disputes", headers=olga)).json()
    assert [(one["kind"], one["station"], one["detail"]) for one in told] == [
        ("not_followed", "LOOTS/1", "too_much"),
        ("orphan", "LOOTS/1", 'StopTransaction {"transaction_id":9}'),
    ]
    assert told[0]["session_id"] == str(session_id)
    assert (await api.get("/api/disputes", headers=otto)).json() == []
