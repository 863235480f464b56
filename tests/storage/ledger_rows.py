"""Entries as settlements post them, by hand."""

from uuid import uuid4

from small_town import ANNA, PROVIDER

from server.core import ledger
from server.core.ledger import Entry, Kind, Transfer

PURSE, SAVED = ledger.wallet(ANNA), ledger.pending(ANNA)
FUNDER = ledger.valley(PROVIDER)


def entry(*moves, session_id=None, currency="EUR"):
    """An entry of (kind, debit, credit, amount) moves."""
    entry_id = uuid4()
    transfers = [
        Transfer(uuid4(), entry_id, debit, credit, amount, currency, kind) for kind, debit, credit, amount in moves
    ]
    return Entry(entry_id, "settlement", tuple(transfers), session_id)


def cashback(amount, **more):
    """An entry that pays a driver."""
    return entry((Kind.CASHBACK, FUNDER, PURSE, amount), **more)
