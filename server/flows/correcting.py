"""What a correction keeps of the settlement before it: the meter's word is new, nothing else is."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import cdr, ledger
from server.core.contract import Payout
from server.core.eligibility import Reason
from server.core.ledger import Transfer
from server.core.pricecurve import PriceSlot, Quality
from server.core.session import Session
from server.core.settlement import Settlement, SettlementInput
from server.flows.settling import Course
from server.storage import wallets
from shared.cdrs import Receipt, ReceiptSlot


class Earlier(msgspec.Struct, frozen=True):
    """What was settled of a session before: its receipt as it holds, None for none, and all that it posted."""

    receipt: Receipt | None = None
    transfers: Sequence[Transfer] = ()

    @property
    def revision(self) -> int:
        """The receipt's revision, 0 for none."""
        return 0 if self.receipt is None else self.receipt.revision


async def earlier(tx: AsyncSession, session_id: UUID) -> Earlier:
    """What was settled of a session so far."""
    receipt = await wallets.receipt(tx, session_id)
    return Earlier() if receipt is None else Earlier(receipt, await wallets.transfers_of_session(tx, session_id))


def as_before(run: Course, before: Earlier) -> Course:
    """A course at the prices that it was settled with, and pending as it were without this session."""
    run = replace(run, pending_minor=run.pending_minor - _left_pending(run.one.session, before))
    if before.receipt is None:
        return run
    known = {run.grid.index(slot.start): slot for slot in before.receipt.slots}
    source = before.receipt.price_source
    return replace(run, curve=[_as_paid_for(slot, known.get(place), source) for place, slot in enumerate(run.curve)])


def _as_paid_for(slot: PriceSlot, paid: ReceiptSlot | None, source: str) -> PriceSlot:
    if paid is None:
        return slot
    was = replace(slot, price_micro_per_kwh=paid.price_micro_per_kwh, quality=Quality(paid.quality))
    return slot if was == slot else replace(was, source=source)


def _left_pending(session: Session, before: Earlier) -> int:
    """What a session's own transfers left in its driver's pending balance, minor units."""
    if session.account_id is None:
        return 0
    return ledger.balances(before.transfers).get(ledger.pending(session.account_id), 0)


def as_agreed(asked: SettlementInput, before: Earlier, run: Course) -> SettlementInput:
    """The settlement's question with what held at the first settlement: who had agreed, and who the driver was.

    Only a closed account changes the terms: nothing can wait there any more.
    """
    driver, terms = run.one.driver, asked.terms
    if driver is not None and driver.closed_at is not None and terms.payout is Payout.ACCUMULATE:
        asked = replace(asked, terms=replace(terms, payout=Payout.AT_ONCE))
    if before.receipt is None:
        return asked
    said = before.receipt.reasons
    return replace(asked, consent=Reason.NO_CONSENT not in said, same_account=Reason.SAME_ACCOUNT in said)


def as_paid(settled: Settlement, before: Earlier) -> Settlement:
    """The settlement, with the payment as it was where the driver's share is what it was: no cent moves for it."""
    if before.receipt is None or before.receipt.split.driver_minor != settled.split.driver_minor:
        return settled
    was = before.receipt.split
    payment = {
        "policy": was.policy,
        "paid_minor": was.paid_minor,
        "pending_before_minor": was.pending_before_minor,
        "pending_after_minor": was.pending_after_minor,
    }
    return replace(settled, split=replace(settled.split, **payment))


def labelled(labels: cdr.Labels, run: Course, before: Earlier) -> cdr.Labels:
    """The labels of a receipt: of the same stay at the same prices, the same prices are named."""
    was, session = before.receipt, run.one.session
    if was is None or session.started_at < was.started_at or (session.ended_at or was.ended_at) > was.ended_at:
        return labels
    return replace(
        labels,
        price_source=was.price_source,
        price_quality=was.price_quality,
        price_curve_id=was.price_curve_id,
    )
