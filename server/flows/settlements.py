"""Closing a session: priced, shared, posted, all in one transaction; a second settling finds the first."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import cdr, ledger, missing, taper
from server.core.demand import NeedSource
from server.core.dial import Dial
from server.core.ledger import SessionPosting, Transfer
from server.core.missing import Ending
from server.core.pricecurve import curve_id, sources, worst
from server.core.ready_by import ReadySource
from server.core.session import Session
from server.core.settlement import Settlement, settle
from server.flows import facts, settling
from server.flows.announcements import SessionMoved, WalletMoved
from server.flows.facts import SessionFacts
from server.flows.settling import Course
from server.storage import dials, plans, sessions, vehicles, wallets
from server.storage.db import announce
from server.storage.plans import Plan
from shared.plans import Shortfall
from shared.sessions import Delay, SessionState


class _Earlier(msgspec.Struct, frozen=True):
    """What was settled of a session before: the receipt's revision, 0 for none, and all that it posted."""

    revision: int = 0
    transfers: Sequence[Transfer] = ()


async def settle_session(tx: AsyncSession, session_id: UUID, now: datetime) -> str:
    """Settle an ended session, or correct what was settled on a guess of its end.

    Returns `settled` or `corrected`, or why there was nothing to do.
    """
    session = await sessions.get(tx, session_id)
    if session is None or session.ended_at is None:
        return "not_ended"
    if session.account_id is not None:
        await wallets.lock(tx, session.account_id)
    if session.state is SessionState.SETTLED:
        return "settled_before"
    earlier = await _earlier(tx, session_id)
    one = await facts.of_session(tx, session)
    run = await settling.course(tx, one, session.ended_at, session.ended_at)
    run = msgspec.structs.replace(run, pending_minor=run.pending_minor - _left_pending(session, earlier))
    plan = await plans.last_of(tx, session_id, session.ended_at)  # what was planned for a car that had gone is idle
    short = _shortfall(run, plan, session.ended_at)
    asked = settling.settlement_input(run, run.charged_wh, session.ended_at, short)
    settled = settle(asked)
    receipt = cdr.receipt(settled, _labels(run), earlier.revision + 1)
    await wallets.add_cdr(tx, receipt, session.party_id, session.account_id, now)
    await _post(tx, run, settled, earlier, now)
    after = msgspec.structs.replace(session, state=SessionState.SETTLED)
    await sessions.save(tx, session, after)
    await _learn(tx, one, plan)
    if not earlier.revision:
        await _keep_promise(tx, one, plan, short)
    done = "corrected" if earlier.revision else "settled"
    await sessions.add_event(tx, session, now, done)
    announce(tx, SessionMoved(session.account_id, session.id))
    return done


async def _learn(tx: AsyncSession, one: SessionFacts, plan: Plan | None) -> None:
    """What a session that ended full teaches of its car."""
    if one.car is None or plan is None or not one.session.full:
        return
    seen_s = taper.tail_s(await sessions.readings(tx, one.session.id), plan.power_w)
    await vehicles.update(tx, one.car.id, tail_s=taper.learnt(one.car.tail_s, seen_s))


async def _keep_promise(tx: AsyncSession, one: SessionFacts, plan: Plan | None, short: Shortfall | None) -> None:
    """What a session that was planned by forecast says of the promise of its driver's dial; a correction says no more.

    Energy is missing through the plan only where charging at once would have brought it, and the station did as told.
    """
    session = one.session
    by_forecast = plan is not None and plan.depart_source == ReadySource.FORECAST and session.delay is Delay.MANAGED
    if not by_forecast or one.driver is None or session.ended_at is None:
        return
    if short is not None and short.reason in missing.NOT_PLANNED:
        return
    could_wh = one.max_w * int((session.ended_at - session.started_at).total_seconds()) // 3600 - session.energy_wh
    missing_wh = 0 if short is None else min(short.energy_wh, max(0, could_wh))
    await dials.advance(tx, session.party_id, Dial(one.driver.dial), missing_wh)


async def _earlier(tx: AsyncSession, session_id: UUID) -> _Earlier:
    before = await wallets.receipt(tx, session_id)
    return (
        _Earlier() if before is None else _Earlier(before.revision, await wallets.transfers_of_session(tx, session_id))
    )


def _left_pending(session: Session, earlier: _Earlier) -> int:
    """What a session's own transfers left in its driver's pending balance, minor units."""
    if session.account_id is None:
        return 0
    return ledger.balances(earlier.transfers).get(ledger.pending(session.account_id), 0)


def _shortfall(run: Course, plan: Plan | None, ended_at: datetime) -> Shortfall | None:
    session = run.one.session
    if plan is None or plan.need_source == NeedSource.STILL_DRAWING:
        return None  # what was asked for was there; nobody had asked for more
    return missing.shortfall(
        Ending(
            energy_wh=session.energy_wh,
            wanted_wh=plan.delivered_at_wh + plan.need_wh,
            ended_at=ended_at,
            depart_at=plan.depart_at,
            full=session.full,
            asleep=session.wakes > 0 and session.full,
            planned_reason=plan.reason,
            events={event.kind for event in run.events},
        )
    )


def _labels(run: Course) -> cdr.Labels:
    return cdr.Labels(
        location_name=run.one.location.name,
        evse_label=run.one.evse.label,
        time_zone=run.one.location.time_zone,
        price_source=sources(run.curve),
        price_quality=worst(slot.quality for slot in run.curve).value,
        price_curve_id=str(curve_id(run.curve)),
    )


async def _post(tx: AsyncSession, run: Course, settled: Settlement, earlier: _Earlier, now: datetime) -> None:
    """The ledger's entry, or what corrects the one before; a session on nobody's account posts nothing."""
    one = run.one
    if one.session.account_id is None or one.contract is None:
        return
    posting = SessionPosting(
        session_id=one.session.id,
        account_id=one.session.account_id,
        operator_id=one.contract.counterparty_id or one.location.party_id,
        provider_id=one.contract.party_id,
        funder_id=one.contract.counterparty_id or one.location.party_id,
        currency=settled.currency,
        split=settled.split if settled.eligible else None,
        charge_minor=settled.charge_minor,
        goodwill_minor=settled.goodwill_minor,
    )
    if earlier.revision:
        pending_minor = await wallets.balance(tx, ledger.pending(posting.account_id))
        entry = ledger.correction(posting, earlier.revision + 1, earlier.transfers, pending_minor)
    else:
        entry = ledger.entry_for_settlement(posting)
    if entry.transfers and await wallets.post(tx, entry, one.contract.party_id, one.session.account_id, now):
        announce(tx, WalletMoved(one.session.account_id, entry.id))
