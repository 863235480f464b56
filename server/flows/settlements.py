"""Closing a session: priced, shared, posted, all in one transaction; a second settling finds the first."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import cdr, ledger, missing, taper
from server.core.demand import NeedSource
from server.core.dial import Dial
from server.core.ledger import SessionPosting
from server.core.missing import Ending
from server.core.pricecurve import curve_id, sources, worst
from server.core.ready_by import ReadySource
from server.core.session import Session
from server.core.settlement import Settlement, settle
from server.flows import correcting, facts, settling, wishes
from server.flows.announcements import SessionMoved, WalletMoved
from server.flows.correcting import Earlier
from server.flows.facts import SessionFacts
from server.flows.settling import Course
from server.storage import dials, plans, sessions, vehicles, wallets
from server.storage.db import announce
from server.storage.plans import Plan
from shared.plans import Shortfall
from shared.sessions import Delay, SessionState

STOPS = frozenset({"Remote", "DeAuthorized", "EmergencyStop", "PowerLoss", "MasterPass", "GroundFault"})
"""OCPP's reasons that say that nobody pulled the plug. Local may be either, and stands for no reason said."""


async def settle_session(tx: AsyncSession, session_id: UUID, now: datetime) -> str:
    """Settle an ended session, or correct its settlement where the station's word is another by now.

    However often it is asked, and whatever came late meanwhile, the newest receipt and the ledger say afterwards what
    the readings say. Returns `settled` or `corrected`, or why there was nothing to do.
    """
    session = await _held(tx, session_id)
    if session is None or session.ended_at is None:
        return "not_ended"
    before = await correcting.earlier(tx, session_id)
    one = await facts.of_session(tx, session)
    run = correcting.as_before(await settling.course(tx, one, session.ended_at, session.ended_at), before)
    plan = await plans.last_of(tx, session_id, session.ended_at)  # what was planned for a car that had gone is idle
    short = _shortfall(run, plan, session.ended_at)
    asked = settling.settlement_input(run, run.charged_wh, session.ended_at, short)
    settled = correcting.as_paid(settle(correcting.as_agreed(asked, before, run)), before)
    receipt = cdr.receipt(settled, correcting.labelled(_labels(run), run, before), before.revision + 1)
    await sessions.save(tx, session, msgspec.structs.replace(session, state=SessionState.SETTLED))
    announce(tx, SessionMoved(session.account_id, session.id))
    if before.receipt is not None and cdr.says_the_same(before.receipt, receipt):
        return "settled_before"
    await wallets.add_cdr(tx, receipt, session.party_id, session.account_id, now)
    await _post(tx, run, settled, before, now)
    if not before.revision:
        await _learn(tx, one, plan)
        await wishes.learn(tx, one)
        await _keep_promise(tx, one, plan, short)
    done = "corrected" if before.revision else "settled"
    await sessions.add_event(tx, session, now, done)
    return done


async def _held(tx: AsyncSession, session_id: UUID) -> Session | None:
    """The session as it stands once nobody else settles for its account and no message of its station is at work."""
    session = await sessions.get(tx, session_id)
    if session is not None and session.account_id is not None:
        await wallets.lock(tx, session.account_id)
    return await sessions.held(tx, session_id)


async def _learn(tx: AsyncSession, one: SessionFacts, plan: Plan | None) -> None:
    """What a session that ended full teaches of its car, once: a correction is of the same stay."""
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
            forecast=plan.depart_source == ReadySource.FORECAST,
            to_come=not plan.delivered_by(ended_at),
            stopped=session.stop_reason in STOPS,
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


async def _post(tx: AsyncSession, run: Course, settled: Settlement, before: Earlier, now: datetime) -> None:
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
        split=settled.split,  # of one that is not eligible: no shares, but it may release what was pending
        charge_minor=settled.charge_minor,
        goodwill_minor=settled.goodwill_minor,
    )
    if before.revision:
        pending_minor = await wallets.balance(tx, ledger.pending(posting.account_id))
        entry = ledger.correction(posting, before.revision + 1, before.transfers, pending_minor)
    else:
        entry = ledger.entry_for_settlement(posting)
    if entry.transfers and await wallets.post(tx, entry, one.contract.party_id, one.session.account_id, now):
        announce(tx, WalletMoved(one.session.account_id, entry.id))
