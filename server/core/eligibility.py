"""Why a session earns no cashback, or less: codes in the order in which they are said (domain 1.3)."""

from enum import StrEnum

import msgspec

from server.core.contract import ContractKind, ContractTerms
from shared.sessions import Delay

LEAST_ENERGY_WH = 2_000
MOST_UNSEEN_BPS = 1_000


class Reason(StrEnum):
    """A code that stands on the receipt."""

    NO_CONSENT = "NO_CONSENT"
    EVSE_NOT_CONTROLLABLE = "EVSE_NOT_CONTROLLABLE"
    ENERGY_TOO_SMALL = "ENERGY_TOO_SMALL"
    NO_PRICES = "NO_PRICES"
    PLAN_NOT_ACCEPTED = "PLAN_NOT_ACCEPTED"
    UNMANAGED_GAP = "UNMANAGED_GAP"
    METER_INVALID = "METER_INVALID"
    SAME_ACCOUNT = "SAME_ACCOUNT"
    NO_PARTNER = "NO_PARTNER"
    OWN_BILL = "OWN_BILL"  # case B: the whole value is on the driver's own bill already
    # What follows is said, and takes nothing away.
    WINDOW_TOO_SHORT = "WINDOW_TOO_SHORT"
    NO_VALUE = "NO_VALUE"
    BELOW_MIN = "BELOW_MIN"
    CAPPED = "CAPPED"


class Conduct(msgspec.Struct, frozen=True, kw_only=True):
    """How a session went, as far as eligibility asks. An override never stands here: it disqualifies nothing."""

    energy_wh: int
    consent: bool
    plan_accepted: bool
    delay: Delay
    has_prices: bool
    meter_valid: bool
    gap_share_bps: int
    same_account: bool


def reasons_against(conduct: Conduct, terms: ContractTerms) -> list[Reason]:
    """Every reason for which no cashback is payable; none: the session is eligible."""
    against = {
        Reason.NO_CONSENT: not conduct.consent,
        Reason.EVSE_NOT_CONTROLLABLE: conduct.delay is Delay.NOT_CONTROLLABLE,
        Reason.ENERGY_TOO_SMALL: conduct.energy_wh < LEAST_ENERGY_WH,
        Reason.NO_PRICES: not conduct.has_prices,
        Reason.PLAN_NOT_ACCEPTED: not conduct.plan_accepted,
        Reason.UNMANAGED_GAP: conduct.gap_share_bps > MOST_UNSEEN_BPS,
        Reason.METER_INVALID: not conduct.meter_valid,
        Reason.SAME_ACCOUNT: conduct.same_account,
        Reason.NO_PARTNER: not terms.partner and terms.kind is not ContractKind.HOME_DYNAMIC,
        Reason.OWN_BILL: terms.kind is ContractKind.HOME_DYNAMIC,
    }
    return [reason for reason, holds in against.items() if holds]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Who an account is to the public place where it charges."""

    owns_place: bool
    operator_account: bool
    party_of_place: bool

    @property
    def same_account(self) -> bool:
        """Whether driver and operator are the same, who would pay a cashback to themselves (domain 1.3)."""
        return self.owns_place or (self.operator_account and self.party_of_place)


def window_too_short(stay_seconds: int, energy_wh: int, power_w: int) -> bool:
    """Whether the stay was shorter than 1.25 times what its energy takes at a power: there was hardly room to move."""
    return stay_seconds * power_w * 4 < energy_wh * 3600 * 5
