"""What a station is asked when it is new, what it is remembered for, and how much it is sent."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from small_town import HOME, HOME_STATION, NOW, STREET_STATION_1, plug_in

from server.core.reports import BootInfo
from server.core.traits import KEYS, Traits
from server.flows import returning, steering
from server.flows import stations as station_flows
from server.storage import outbox, planned_sessions, plans, sessions
from server.storage import stations as stored
from server.storage.outbox import Task
from server.workers import replan
from server.workers.acquaintance import READING_OPTIONS
from server.workers.ports import Heard, Order
from server.workers.replan import configure, dispatch

MINUTE = timedelta(minutes=1)


def task(kind, key):
    return Task(0, kind, str(key), "{}", NOW, 0)


async def station(context, station_id=STREET_STATION_1):
    async with context.db.read() as tx:
        return await stored.get(tx, station_id)


async def forget(context, station_id=STREET_STATION_1, **known):
    async with context.db.begin() as tx:
        await stored.update(tx, station_id, unit=None, **known)


async def plan_home(context):
    await replan.replan(context, task("replan", HOME))
    return await dispatch(context, task("dispatch", HOME))


def sent(edge):
    return [said for kind, _, said in edge.told if kind == "plan"]


async def test_a_new_station_is_asked_for_its_unit_levels_and_periods_once(context, stations):
    await forget(context)
    stations.options |= {"ChargingScheduleAllowedChargingRateUnit": "Power", "ChargeProfileMaxStackLevel": "1"}
    stations.options |= {"ChargingScheduleMaxPeriods": "6"}
    assert await configure(context, task("configure", STREET_STATION_1)) == "configured"
    assert [said for kind, _, said in stations.told if kind == "ask"] == list(KEYS)
    known = await station(context)
    assert (known.unit, known.manner.stack_max, known.manner.periods_max) == ("W", 1, 6)
    assert known.manner.purposes == ("TxDefaultProfile",)
    stations.told.clear()
    await configure(context, task("configure", STREET_STATION_1))
    assert not [said for kind, _, said in stations.told if kind == "ask"]


async def test_who_was_disturbed_is_told_again_what_to_report(context, stations):
    """Another system, or an operator, may have set the interval to 0; a `configure` that waits already lacks that."""
    async with context.db.begin() as tx:
        await outbox.put(tx, "configure", str(STREET_STATION_1), {"station_id": STREET_STATION_1}, NOW)
        await station_flows.disturbed(tx, STREET_STATION_1, NOW)
    async with context.db.read() as tx:
        plain, marked = [one for one in await outbox.due(tx, NOW) if one.kind == "configure"]
    told = []
    for one in (plain, marked):
        await configure(context, one)
        told.append([kind for kind, _, _ in stations.told if kind in dict(READING_OPTIONS)])
    assert [len(said) for said in told] == [0, len(READING_OPTIONS)]


async def test_what_can_wait_after_a_storm_is_spread_by_station(context):
    """Each station at a time of its own, which is the same whenever it is reckoned."""
    stations_ = [msgspec.structs.replace(await station(context), id=UUID(int=n), feeder_id=None) for n in (7, 600, 899)]
    async with context.db.begin() as tx:
        await returning.ask_later(tx, stations_, NOW)
        waiting = await outbox.due(tx, NOW + timedelta(hours=1))
    due = {one.key: one.due_at - NOW for one in waiting if one.kind == "local_list"}
    assert [due[str(one.id)].total_seconds() for one in stations_] == [127, 120, 419]


@pytest.mark.parametrize("booted", [True, False])
async def test_quirk_06_one_that_never_said_who_it_is_is_asked_to(context, stations, booted):
    await forget(context)
    if booted:
        async with context.db.begin() as tx:
            await station_flows.boot(tx, STREET_STATION_1, BootInfo("V", "M"), NOW)
    await configure(context, task("configure", STREET_STATION_1))
    asked = [said for kind, _, said in stations.told if kind == "trigger"]
    assert asked == ([] if booted else ["BootNotification"])


async def test_setting_up_by_hand_leaves_it_alone_and_keeps_its_plans(context, stations):
    await forget(context, traits=Traits(auto_configure=False))
    assert await configure(context, task("configure", STREET_STATION_1)) == "by_hand"
    assert stations.told == []
    session_id = await plug_in(context.db, NOW)
    async with context.db.begin() as tx:
        await stored.update(tx, HOME_STATION, traits=Traits(auto_configure=False))
    await configure(context, task("configure", HOME_STATION))
    async with context.db.read() as tx:
        waiting = [one.payload for one in await outbox.due(tx, NOW) if one.kind == "resend"]
    assert [str(session_id) in payload for payload in waiting] == [True]


class OneUnit:
    """A station that takes profiles in one unit only, and does not say so."""

    def __init__(self, edge, unit):
        self.edge, self.unit, self.units = edge, unit, []
        edge.set_plan, edge.set_safe_share = self.set_plan, self.set_safe_share

    def _heard(self, unit):
        self.units.append(unit)
        return Heard("accepted" if unit == self.unit else "rejected")

    async def set_plan(self, _station_id, order: Order):
        return self._heard(order.unit)

    async def set_safe_share(self, _station_id, _share_w, unit, _phases):
        return self._heard(unit)


@pytest.mark.parametrize("unit", ["A", "W"])
async def test_quirk_23_a_share_that_is_refused_is_said_in_the_other_unit_and_that_is_remembered(
    context, stations, unit
):
    edge = OneUnit(stations, unit)
    for _ in range(2):
        await configure(context, task("configure", STREET_STATION_1))
    assert edge.units == (["A", "A"] if unit == "A" else ["A", "W", "W"])
    known = await station(context)
    assert (known.unit, known.safe_held_w is not None) == (unit, True)


async def test_quirk_23_a_plan_that_is_refused_is_said_in_the_other_unit_and_that_is_remembered(context, stations):
    edge = OneUnit(stations, "W")
    session_id = await plug_in(context.db, NOW)
    await plan_home(context)
    assert edge.units == ["A", "W"]
    known = await station(context, HOME_STATION)
    assert (known.unit, known.manner.purposes, known.writes_on(NOW.date())) == ("W", ("TxProfile",), 1)
    async with context.db.read() as tx:
        session = await sessions.get(tx, session_id)
    assert session.plan_accepted


async def test_quirk_23_one_that_takes_neither_is_asked_in_both_once_only(context, stations):
    edge = OneUnit(stations, "none")
    await plug_in(context.db, NOW)
    await plan_home(context)
    assert edge.units == ["A", "W"]
    known = await station(context, HOME_STATION)
    assert (known.unit, known.manner.refused, known.writes_on(NOW.date())) == ("A", ("TxProfile",), 0)


async def test_a_plan_of_more_periods_than_fit_is_told_again_before_the_last(context, stations):
    async with context.db.begin() as tx:
        await stored.update(tx, HOME_STATION, traits=Traits(periods_max=2, stack_max=1))
    session_id = await plug_in(context.db, NOW)
    await plan_home(context)
    (order,) = sent(stations)
    assert (order.periods_max, order.stack_level) == (2, 0)
    changes = [slot for slot in range(1, len(order.energy_wh)) if order.energy_wh[slot] != order.energy_wh[slot - 1]]
    assert len(changes) > 1
    async with context.db.read() as tx:
        again = [one for one in await outbox.due(tx, NOW + timedelta(days=2)) if one.kind == "resend"]
    assert [(one.key, one.due_at) for one in again] == [
        (str(session_id), order.start + changes[0] * timedelta(seconds=order.slot_seconds))
    ]


class TestTheWriteBudget:
    async def spend(self, context, budget=1):
        """A car whose plan was sent, and a station that has had all that it is to have today."""
        session_id = await plug_in(context.db, NOW)
        async with context.db.begin() as tx:
            await stored.update(tx, HOME_STATION, traits=Traits(flash_writes_a_day=budget))
        await plan_home(context)
        return session_id

    async def again(self, context, session_id, **changes):
        """The place is planned anew, though its prices are as they were."""
        context.clock.advance_to(context.clock.now() + MINUTE)
        async with context.db.begin() as tx:
            session = await sessions.get(tx, session_id)
            plan = await plans.get(tx, session.plan_id)
            other = {"id": HOME, "version": session.plan_version + 1, "outcome": "", "sent_at": None, **changes}
            await plans.insert(tx, [type(plan)(**{**{f: getattr(plan, f) for f in plan.__struct_fields__}, **other})])
            await planned_sessions.set_plans(
                tx, [planned_sessions.InForce(session_id, session.delay.value, HOME, session.plan_version + 1)]
            )
        await dispatch(context, task("dispatch", HOME))
        async with context.db.read() as tx:
            after = await sessions.get(tx, session_id)
            said = [one.detail for one in await sessions.events(tx, session_id) if one.kind == "plan_not_sent"]
        return plan, after, said

    async def test_within_it_a_new_plan_is_sent(self, context, stations):
        session_id = await self.spend(context, budget=2)
        _, session, said = await self.again(context, session_id)
        assert (len(sent(stations)), session.plan_id, said) == (2, HOME, [])
        assert (await station(context, HOME_STATION)).writes_on(NOW.date()) == 2

    async def test_beyond_it_a_plan_that_is_only_cheaper_is_not_sent_and_that_is_said(self, context, stations):
        session_id = await self.spend(context)
        before, session, said = await self.again(context, session_id)
        assert (len(sent(stations)), said) == (1, ["write_budget"])
        assert (session.plan_id, session.plan_version) == (before.id, before.version + 1)  # what it holds is in force

    async def test_beyond_it_a_plan_that_gives_more_is_sent(self, context, stations):
        session_id = await self.spend(context)
        async with context.db.read() as tx:
            plan = await plans.get(tx, (await sessions.get(tx, session_id)).plan_id)
        more = [energy + 500 for energy in plan.energy_wh]
        _, _, said = await self.again(context, session_id, energy_wh=more)
        assert (len(sent(stations)), said) == (2, [])

    async def test_beyond_it_a_driver_who_wants_to_charge_now_is_heard(self, context, stations):
        session_id = await self.spend(context)
        async with context.db.begin() as tx:
            await steering.set_override(tx, await sessions.get(tx, session_id), NOW)
        await plan_home(context)
        assert len(sent(stations)) == 2

    async def test_a_new_day_begins_with_all_of_it(self, context):
        await self.spend(context)
        assert (await station(context, HOME_STATION)).writes_on(NOW.date() + timedelta(days=1)) == 0
