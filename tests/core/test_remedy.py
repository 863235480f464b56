"""What is tried, in which order, how often, and when a person is told."""

from datetime import timedelta

import pytest
from test_watch import HOUR, MINUTE, NOW, charge, sight, socket

from server.core.remedy import A_DAY, LADDERS, PATIENCE, TRIGGERS, Finding, Step, next_step
from shared.health import Remedy, Rule, Severity
from shared.ids import derive

TRIGGER, CLEAR, SOFT, HARD, RENEW = Remedy


def finding(rule, tried=(), **facts):
    ids = derive("finding", rule), derive("party", 1), derive("station", 1)
    last = {"tried_at": NOW - PATIENCE} if tried else {}
    return Finding(*ids, rule, Severity.WARNING, NOW - HOUR, tried=tried, **{**last, **facts})


@pytest.mark.parametrize("rule", Rule)
def test_every_ladder_is_climbed_in_one_order_to_its_end_and_then_a_person_is_told(rule):
    tried = ()
    while (step := next_step(finding(rule, tried), sight(), {}, NOW)).remedy is not None:
        tried = (*tried, step.remedy)
    assert tried == LADDERS[rule]
    assert list(tried) == sorted(tried, key=list(Remedy).index)
    assert next_step(finding(rule, tried, told_at=NOW), sight(), {}, NOW) is None
    assert (rule in TRIGGERS) == (TRIGGER in tried)


def test_a_station_is_asked_for_a_new_certificate_and_again_a_week_later_when_it_is_there():
    ends = finding(Rule.CERTIFICATE_EXPIRING)
    assert next_step(ends, sight(), {}, NOW) == Step(RENEW)
    assert next_step(ends, sight(online=False), {}, NOW) == Step(None)
    for ago, step in ((timedelta(days=6), None), (timedelta(days=7), Step(RENEW))):
        asked = finding(Rule.CERTIFICATE_EXPIRING, (RENEW,), told_at=NOW - ago, tried_at=NOW - ago)
        assert next_step(asked, sight(), {}, NOW) == step


@pytest.mark.parametrize("rule", [Rule.NO_ENERGY, Rule.NOT_FOLLOWED])
def test_no_profiles_are_cleared_behind_a_shared_limit(rule):
    """A second socket planned at 0 W would go to its default share while its neighbours hold the whole limit."""
    assert next_step(finding(rule, (TRIGGER,)), sight(shared=True), {}, NOW) == Step(SOFT)
    assert next_step(finding(rule, (TRIGGER,)), sight(), {}, NOW) == Step(CLEAR)


def test_a_remedy_gets_five_minutes():
    late = finding(Rule.FAULTED, (TRIGGER,), tried_at=NOW - PATIENCE + timedelta(seconds=1))
    assert next_step(late, sight(), {}, NOW) is None
    assert next_step(finding(Rule.FAULTED, (TRIGGER,)), sight(), {}, NOW) == Step(SOFT)


@pytest.mark.parametrize("running", [charge(), charge(power_w=0), charge(energy_wh=0)])
def test_nothing_is_reset_while_a_session_runs_that_has_or_gets_energy(running):
    busy = sight(charges=(running,), sockets=(socket("Faulted"),))
    assert next_step(finding(Rule.FAULTED, (TRIGGER,)), busy, {}, NOW) == Step(None)


def test_a_reset_that_had_to_wait_is_done_once_the_car_has_left():
    told = finding(Rule.FAULTED, (TRIGGER,), told_at=NOW - HOUR)
    assert next_step(told, sight(charges=(charge(),)), {}, NOW) is None
    assert next_step(told, sight(), {}, NOW) == Step(SOFT)


def test_a_session_that_its_station_never_gave_anything_may_be_reset_but_not_for_a_car_that_sleeps():
    dead = sight(charges=(charge(power_w=0, energy_wh=0),))
    tried = (TRIGGER, CLEAR)
    assert next_step(finding(Rule.NO_ENERGY, tried, detail="station"), dead, {}, NOW) == Step(SOFT)
    assert next_step(finding(Rule.NO_ENERGY, tried, detail="car"), dead, {}, NOW) == Step(None)
    assert next_step(finding(Rule.NOT_FOLLOWED, tried), dead, {}, NOW) == Step(None)


@pytest.mark.parametrize(("remedy", "often"), A_DAY.items())
def test_each_remedy_is_bounded_by_station_and_day(remedy, often):
    rule = Rule.CERTIFICATE_EXPIRING if remedy is RENEW else Rule.NO_ENERGY
    before = LADDERS[rule][: LADDERS[rule].index(remedy)]
    wanted = finding(rule, before, detail="station")
    assert next_step(wanted, sight(), {remedy: often - 1}, NOW) == Step(remedy)
    assert next_step(wanted, sight(), {remedy: often}, NOW) != Step(remedy)
    assert next_step(wanted, sight(), A_DAY, NOW) == Step(None)


def test_who_is_offline_cannot_be_told_anything_so_its_operator_is_at_once():
    gone = sight(online=False, last_seen_at=NOW - 6 * MINUTE)
    assert next_step(finding(Rule.OFFLINE), gone, {}, NOW) == Step(None)
    assert next_step(finding(Rule.FAULTED), gone, {}, NOW) == Step(None)
