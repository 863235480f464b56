"""Closing an account: what is pending is paid, however little; cards, sign-ins and forwarding end; history stays."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import ledger
from server.core.session import Refused
from server.flows.announcements import ForwardingMoved, WalletMoved
from server.storage import accounts, contracts, forwardings, local_lists, outbox, sessions, wallets
from server.storage.db import announce


async def close_account(tx: AsyncSession, account_id: UUID, now: datetime) -> int | Refused:
    """Close an account that charges nowhere; returns what was released into the wallet, minor units. Twice is once."""
    account = await accounts.get(tx, account_id)
    if account is None:
        return Refused("unknown_account", "There is no such account.")
    if account.closed_at is not None:
        return 0
    if await sessions.current_of(tx, account_id):
        return Refused("still_charging", "Unplug first: a session of this account is not settled yet.")
    await wallets.lock(tx, account_id)
    pending = ledger.pending(account_id)
    entry = ledger.close_account(account_id, await wallets.transfers_of(tx, pending), account.currency, now)
    released = sum(transfer.amount_minor for transfer in entry.transfers)
    if entry.transfers:
        await wallets.post(tx, entry, account.party_id, account_id, now)
        announce(tx, WalletMoved(account_id, entry.id))
    await contracts.block_tokens(tx, account_id)
    for one in await forwardings.of_owner(tx, account.party_id, account_id):
        await forwardings.delete(tx, one.id)
        announce(tx, ForwardingMoved(account.party_id))
    for station_id in await local_lists.stations_of(tx, account_id):
        await outbox.put_once(tx, "local_list", str(station_id), {}, now)
    await accounts.revoke_all(tx, account_id, now)
    await accounts.update(tx, account, msgspec.structs.replace(account, closed_at=now, consent_at=None))
    return released
