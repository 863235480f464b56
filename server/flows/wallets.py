"""The driver's wallet: what the ledger says, with earnings, savings and benefits kept apart."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core import ledger
from server.core.contract import MIN_PAYOUT_MINOR
from server.storage import drivers, wallets
from server.storage.wallets import PostedLine
from shared.wallets import Wallet, WalletEntry


async def wallet(tx: AsyncSession, account_id: UUID) -> Wallet:
    """Balance and pending from the ledger; earnings and savings from the receipts."""
    driver = (await drivers.by_id(tx, [account_id]))[account_id]
    earned = await wallets.earned(tx, account_id)
    return Wallet(
        currency=driver.currency,
        balance_minor=await wallets.balance(tx, ledger.wallet(account_id)),
        pending_minor=await wallets.balance(tx, ledger.pending(account_id)),
        payout_from_minor=MIN_PAYOUT_MINOR,
        earnings_minor=earned.earnings_minor,
        savings_minor=earned.savings_minor,
        benefits_minor=earned.earnings_minor + earned.savings_minor,
        sessions=earned.sessions,
        smart_sessions=earned.smart_sessions,
    )


async def entries(tx: AsyncSession, account_id: UUID, before: int | None, limit: int) -> list[WalletEntry]:
    """Lines of the wallet and of what became pending in the newest `limit` ledger entries, newest first.

    `before` is the last seen seq.
    """
    found = await wallets.lines(tx, ledger.wallet(account_id), ledger.pending(account_id), before, limit)
    return [_entry(line) for line in found]


def _entry(line: PostedLine) -> WalletEntry:
    return WalletEntry(
        id=line.entry_id,
        at=line.at,
        kind=line.kind,
        amount_minor=line.amount_minor,
        session_id=line.session_id,
        location_name=line.location_name,
        seq=line.seq,
    )
