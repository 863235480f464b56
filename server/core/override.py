"""What "charge now" costs: the difference of two settlements under the same prices, to the cent."""

import msgspec

from server.core.projection import carried_out
from server.core.settlement import Settlement, SettlementInput, settle


class OverrideCost(msgspec.Struct, frozen=True):
    """What an override costs the driver, minor units; positive is a cost.

    cost = cashback forgone + savings forgone + fees_change - goodwill_change, each the difference of what the two
    settlements state. `fees_change_minor` is what time and idle fees and the rounding of a public bill add.
    """

    cost_minor: int
    cashback_before_minor: int
    cashback_after_minor: int
    savings_before_minor: int
    savings_after_minor: int
    fees_change_minor: int
    goodwill_change_minor: int


def override_cost(keep: SettlementInput, now: SettlementInput) -> OverrideCost:
    """What charging now costs over keeping the plan: `keep` and `now` are the session as each would end.

    Both are settled as if the station accepts what it is sent, as `projection` does. Each side is measured against
    charging its own energy at once, so that energy which only one of them delivers is not mistaken for a loss.
    """
    kept, hurried = settle(carried_out(keep)), settle(carried_out(now))
    cashback = kept.split.driver_minor - hurried.split.driver_minor
    savings = kept.savings_minor - hurried.savings_minor
    fees = (kept.saved_minor - hurried.saved_minor) - savings
    goodwill = hurried.goodwill_minor - kept.goodwill_minor
    cost_minor = benefit_minor(kept) - benefit_minor(hurried)
    assert cost_minor == cashback + savings + fees - goodwill
    return OverrideCost(
        cost_minor=cost_minor,
        cashback_before_minor=kept.split.driver_minor,
        cashback_after_minor=hurried.split.driver_minor,
        savings_before_minor=kept.savings_minor,
        savings_after_minor=hurried.savings_minor,
        fees_change_minor=fees,
        goodwill_change_minor=goodwill,
    )


def benefit_minor(settled: Settlement) -> int:
    """What a settled session brought its driver over charging at once, minor units: cashback, goodwill, own costs."""
    return settled.split.driver_minor + settled.goodwill_minor + settled.saved_minor
