"""The double-entry ledger: transfers that only ever join, ids that derive from what they pay for.

A transfer moves `amount_minor` from the account it debits to the account it credits (domain 4.2), so that every entry
sums to zero; the balance of an account is its credits less its debits, and what we owe a driver is positive.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from server.core.session import Refused
from shared.cdrs import Split
from shared.ids import derive


class Kind(StrEnum):
    """What a transfer is for."""

    CASHBACK = "cashback"
    PENDING = "pending"
    PENDING_RELEASED = "pending_released"
    OPERATOR_SHARE = "operator_share"
    PROVIDER_SHARE = "provider_share"
    CHARGE = "charge"
    GOODWILL = "goodwill"
    CORRECTION = "correction"


class Transfer(msgspec.Struct, frozen=True):
    """One movement, from `debit` to `credit`, in minor units of one currency; the amount is positive."""

    id: UUID
    entry_id: UUID
    debit: str
    credit: str
    amount_minor: int
    currency: str
    kind: Kind

    def __post_init__(self) -> None:
        assert self.amount_minor > 0, "a movement of nothing, or backwards"
        assert self.debit != self.credit, "a movement to where it comes from"


class Entry(msgspec.Struct, frozen=True):
    """The balanced set of transfers that one event posts."""

    id: UUID
    kind: str  # settlement | correction | account_closed
    transfers: tuple[Transfer, ...]
    session_id: UUID | None = None


def wallet(account_id: UUID) -> str:
    """What we owe a driver and will pay."""
    return f"wallet:{account_id}"


def pending(account_id: UUID) -> str:
    """What a driver has earned below the least payout."""
    return f"pending:{account_id}"


def receivable(account_id: UUID) -> str:
    """What a driver owes for charging, on the monthly invoice; apart from the wallet, which holds earnings only."""
    return f"receivable:{account_id}"


def operator(party_id: UUID) -> str:
    """An operator's (or supplier's, or employer's) share of the value."""
    return f"operator:{party_id}"


def payable(party_id: UUID) -> str:
    """What we owe an operator for public charging."""
    return f"payable:{party_id}"


def provider(party_id: UUID) -> str:
    """A provider's own share of the value, less the goodwill it paid."""
    return f"provider:{party_id}"


def valley(party_id: UUID) -> str:
    """The party in whose energy cost the valley's value landed: it funds the shares."""
    return f"valley:{party_id}"


class SessionPosting(msgspec.Struct, frozen=True, kw_only=True):
    """What a settled session posts. `funder_id`: where the value landed; `operator_id`: who gets the operator's share.

    `charge_minor` is what the driver owes for public charging, 0 at home; `split` is None where nothing is shared.
    """

    session_id: UUID
    account_id: UUID
    operator_id: UUID
    provider_id: UUID
    funder_id: UUID
    currency: str
    split: Split | None
    charge_minor: int = 0
    goodwill_minor: int = 0


Movement = tuple[Kind, str, str, int]


def entry_for_settlement(posting: SessionPosting) -> Entry:
    """The entry of a settled session; ids derive from the session and the kind, so that a second settling is a repeat.

    A negative share (the pool was a loss) moves the other way. An entry may be empty.
    """
    entry_id = derive("entry", posting.session_id, "settlement")
    moves = [
        *(_shares(posting, posting.split) if posting.split else ()),
        (Kind.CHARGE, receivable(posting.account_id), payable(posting.operator_id), posting.charge_minor),
        (Kind.GOODWILL, provider(posting.provider_id), wallet(posting.account_id), posting.goodwill_minor),
    ]
    transfers = tuple(
        _transfer(derive("transfer", posting.session_id, move[0].value), entry_id, posting.currency, move)
        for move in moves
        if move[3]
    )
    return Entry(entry_id, "settlement", transfers, posting.session_id)


def _shares(posting: SessionPosting, split: Split) -> list[Movement]:
    funder, purse, saved = valley(posting.funder_id), wallet(posting.account_id), pending(posting.account_id)
    # What is paid is first this session's share, then what earlier sessions left pending.
    now_minor = min(split.paid_minor, split.driver_minor)
    return [
        (Kind.CASHBACK, funder, purse, now_minor),
        (Kind.PENDING, funder, saved, split.driver_minor - now_minor),
        (Kind.PENDING_RELEASED, saved, purse, split.paid_minor - now_minor),
        (Kind.OPERATOR_SHARE, funder, operator(posting.operator_id), split.operator_minor),
        (Kind.PROVIDER_SHARE, funder, provider(posting.provider_id), split.provider_minor),
    ]


def _transfer(transfer_id: UUID, entry_id: UUID, currency: str, move: Movement) -> Transfer:
    kind, debit, credit, amount_minor = move
    if amount_minor < 0:
        debit, credit, amount_minor = credit, debit, -amount_minor
    return Transfer(transfer_id, entry_id, debit, credit, amount_minor, currency, kind)


def balances(transfers: Iterable[Transfer]) -> dict[str, int]:
    """The balance of every account that a transfer touched: credits less debits, minor units; their sum is zero.

    The transfers are of one currency: what is of two does not add up.
    """
    out: defaultdict[str, int] = defaultdict(int)
    currencies = set()
    for transfer in transfers:
        currencies.add(transfer.currency)
        out[transfer.credit] += transfer.amount_minor
        out[transfer.debit] -= transfer.amount_minor
    assert len(currencies) <= 1, "balances of two currencies"
    return dict(out)


def post(posted: Mapping[UUID, Transfer], entry: Entry) -> tuple[Transfer, ...] | Refused:
    """The transfers of an entry that are still to be appended: all of a new entry, none of a repeat.

    Refused (`ledger_conflict`) where a posted transfer has the same id and says something else.
    """
    for transfer in entry.transfers:
        if posted.get(transfer.id, transfer) != transfer:
            return Refused("ledger_conflict", "This is posted with another content: post a correction instead.")
    return tuple(transfer for transfer in entry.transfers if transfer.id not in posted)


def correction(posting: SessionPosting, revision: int, posted: Sequence[Transfer], pending_minor: int) -> Entry:
    """What turns everything posted for a session into what is due now: a new entry, never an edit (domain 1.5).

    `posted` are all transfers of the session so far, earlier corrections included; `pending_minor` is the driver's
    pending balance with them. What was pending and has been paid out since is taken from the wallet, so that pending
    is never owed by the driver. The entry is empty where nothing differs.
    """
    entry_id = derive("entry", posting.session_id, "correction", revision)
    owed, given = balances(entry_for_settlement(posting).transfers), balances(posted)
    wanted = {name: owed.get(name, 0) - given.get(name, 0) for name in sorted({*owed, *given})}
    saved, purse = pending(posting.account_id), wallet(posting.account_id)
    lack = max(0, -(pending_minor + wanted.get(saved, 0)))
    wanted |= {saved: wanted.get(saved, 0) + lack, purse: wanted.get(purse, 0) - lack}
    moves = _clear({name: amount for name, amount in sorted(wanted.items()) if amount})
    transfers = tuple(
        _transfer(
            derive("transfer", posting.session_id, "correction", revision, index), entry_id, posting.currency, move
        )
        for index, move in enumerate(moves)
    )
    return Entry(entry_id, "correction", transfers, posting.session_id)


def _clear(wanted: dict[str, int]) -> list[Movement]:
    """The movements that give each account what it wants; what is wanted sums to zero."""
    takers = [(name, amount) for name, amount in wanted.items() if amount > 0]
    givers = [(name, -amount) for name, amount in wanted.items() if amount < 0]
    moves: list[Movement] = []
    while takers and givers:
        (taker, lack), (giver, excess) = takers.pop(), givers.pop()
        amount = min(lack, excess)
        moves.append((Kind.CORRECTION, giver, taker, amount))
        if lack > amount:
            takers.append((taker, lack - amount))
        if excess > amount:
            givers.append((giver, excess - amount))
    return moves


def close_account(account_id: UUID, transfers: Iterable[Transfer], currency: str, closed_at: datetime) -> Entry:
    """What the closing of an account posts: all that is pending is paid into the wallet, however little it is.

    The entry is empty where nothing is pending, so that closing twice pays once.
    """
    entry_id = derive("entry", account_id, "account_closed", closed_at.isoformat())
    own = [transfer for transfer in transfers if transfer.currency == currency]
    left_minor = balances(own).get(pending(account_id), 0)
    assert left_minor >= 0, "a driver cannot have been paid more than was pending"
    move = (Kind.PENDING_RELEASED, pending(account_id), wallet(account_id), left_minor)
    transfer_id = derive("transfer", account_id, "account_closed", closed_at.isoformat())
    released = (_transfer(transfer_id, entry_id, currency, move),) if left_minor else ()
    return Entry(entry_id, "account_closed", released)
