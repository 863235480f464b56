"""Wallet: balance, pending, and earnings, savings and benefits kept apart."""

from datetime import datetime
from uuid import UUID

import msgspec


class WalletEntry(msgspec.Struct, frozen=True):
    """A line of the wallet; amount signed.

    `kind`: cashback | pending | pending_released | goodwill | correction (of the balance) | pending_correction (of what
    was not paid yet). `seq` counts up; the smallest of a page is the cursor of the next.
    """

    id: UUID
    at: datetime
    kind: str
    amount_minor: int
    session_id: UUID | None
    location_name: str | None
    seq: int = 0


class Wallet(msgspec.Struct, frozen=True):
    """Minor units. Earnings are payable cashback, savings are on the driver's own bill, benefits are their sum."""

    currency: str
    balance_minor: int
    pending_minor: int
    payout_from_minor: int
    earnings_minor: int
    savings_minor: int
    benefits_minor: int
    sessions: int
    smart_sessions: int
