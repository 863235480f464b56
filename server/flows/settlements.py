"""Closing a session: priced, shared, posted, all in one transaction; a second settling finds the first."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import cdr, ledger, missing
from server.core.demand import NeedSource
from server.core.ledger import SessionPosting
from server.core.missing import Ending
from server.core.pricecurve import curve_id, sources, worst
from server.core.settlement import Settlement, settle
from server.flows import facts, settling
from server.flows.announcements import SessionMoved, WalletMoved
from server.flows.settling import Course
from server.storage import plans, sessions, wallets
from server.storage.db import announce
from server.storage.plans import Plan
from shared.plans import Shortfall
from shared.sessions import SessionState


async def settle_session(tx: AsyncSession, session_id: UUID, now: datetime) -> str:
    """Settle an ended session. Returns `settled`, or why there was nothing to do."""
    session = await sessions.get(tx, session_id)
    if session is None or session.ended_at is None:
        return "not_ended"
    if session.account_id is not None:
        await wallets.lock(tx, session.account_id)
    if session.state is SessionState.SETTLED or await wallets.receipt(tx, session_id) is not None:
        return "settled_before"
    one = await facts.of_session(tx, session)
    run = await settling.course(tx, one, session.ended_at, session.ended_at)
    plan = await plans.last_of(tx, session_id, session.ended_at)  # what was planned for a car that had gone is idle
    asked = settling.settlement_input(run, run.charged_wh, session.ended_at, _shortfall(run, plan, session.ended_at))
    settled = settle(asked)
    receipt = cdr.receipt(settled, _labels(run))
    await wallets.add_cdr(tx, receipt, session.party_id, session.account_id, now)
    await _post(tx, run, settled, now)
    after = msgspec.structs.replace(session, state=SessionState.SETTLED)
    await sessions.save(tx, session, after)
    await sessions.add_event(tx, session, now, "settled")
    announce(tx, SessionMoved(session.account_id, session.id))
    return "settled"


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


async def _post(tx: AsyncSession, run: Course, settled: Settlement, now: datetime) -> None:
    """The ledger's entry; a session on nobody's account posts nothing."""
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
    entry = ledger.entry_for_settlement(posting)
    if entry.transfers and await wallets.post(tx, entry, one.contract.party_id, one.session.account_id, now):
        announce(tx, WalletMoved(one.session.account_id, entry.id))
