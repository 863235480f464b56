"""Who pays whom: the terms under which a session is planned and settled (domain: cases A to G)."""

from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec.structs import replace

MIN_PAYOUT_MINOR = 20
"""Below this a share waits as pending (EUR 0.20)."""


class ContractKind(StrEnum):
    """The case decides where the valley's value lands."""

    PUBLIC_FIXED = "public_fixed"  # A: fixed price per kWh; the operator pays the driver cashback
    HOME_DYNAMIC = "home_dynamic"  # B: the driver is exposed to the market: savings, no cashback
    HOME_FIXED = "home_fixed"  # C with a partner supplier: cashback; D without: nothing payable
    HOME_NIGHT = "home_night"  # E: two prices: savings on them, cashback on the supplier's part
    FLEET = "fleet"  # F: the employer is exposed; its policy says what the driver gets
    PUBLIC_TIMED = "public_timed"  # G: public price that varies by time: savings, cashback on the operator's part


OWN_BILL = (ContractKind.HOME_DYNAMIC, ContractKind.HOME_NIGHT, ContractKind.PUBLIC_TIMED)
"""Where the driver's own price varies by time: a saving lands on the driver's own bill."""


class Payout(StrEnum):
    """What happens to a share below the least payout. AT_ONCE is a closed account's: it is paid with all pending."""

    ACCUMULATE = "ACCUMULATE"
    DROP = "DROP"
    AT_ONCE = "AT_ONCE"


class OverridePolicy(StrEnum):
    """What an override does to the value: only what the meter shows, or energy after it counts as unmanaged."""

    PRO_RATA = "PRO_RATA"
    FORFEIT_AFTER = "FORFEIT_AFTER"


class ContractTerms(msgspec.Struct, frozen=True):
    """Terms of value sharing. Shares in basis points of the net pool; they add up to 10 000."""

    kind: ContractKind
    partner: bool = True  # supplier (home) or operator (public) or employer (fleet) shares the value
    share_driver_bps: int = 5_000
    share_operator_bps: int = 3_000
    share_provider_bps: int = 2_000
    min_payout_minor: int = MIN_PAYOUT_MINOR
    max_payout_minor: int = 1_000
    payout: Payout = Payout.ACCUMULATE
    override_policy: OverridePolicy = OverridePolicy.PRO_RATA
    platform_fee_nano: int = 0
    currency: str = "EUR"

    def __post_init__(self) -> None:
        assert self.share_driver_bps + self.share_operator_bps + self.share_provider_bps == 10_000


class Contract(msgspec.Struct, frozen=True):
    """A contract of an account with a provider, at a place (home, fleet) or anywhere public (`location_id` None)."""

    id: UUID
    party_id: UUID
    account_id: UUID
    terms: ContractTerms
    location_id: UUID | None = None
    counterparty_id: UUID | None = None  # the party that funds the cashback


def at_place(signed: Contract, *, price_varies: bool) -> Contract:
    """A contract as it holds at a place. Whether a public session is case A or G, the tariff of the place says.

    `price_varies`: what a driver pays per kWh there changes with the time of day. Homes and fleets stay what they are.
    """
    public = (ContractKind.PUBLIC_FIXED, ContractKind.PUBLIC_TIMED)
    kind = ContractKind.PUBLIC_TIMED if price_varies else ContractKind.PUBLIC_FIXED
    if signed.terms.kind not in public or signed.terms.kind is kind:
        return signed
    return replace(signed, terms=replace(signed.terms, kind=kind))
