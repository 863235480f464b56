"""The figures of a replay (engine A2): savings, capture, who was left short, cashback, calibration."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean, median

import msgspec

from server.core.cashback import split
from server.core.contract import ContractKind, ContractTerms
from server.core.replay import LEVELS, Outcome, Said
from server.core.replay_case import Skip

NANO_PER_UNIT = 1_000_000_000
SHORT_WH = 1_000
SHORT2_WH = 2_000
TERMS = ContractTerms(ContractKind.PUBLIC_FIXED)
"""Cashback as under the default contract: half to the driver, pending below EUR 0.20, at most EUR 10.00."""


class Calibration(msgspec.Struct, frozen=True):
    """Of the stays of which the forecast said "lasts at least until then" (mean chance `said`), the share that did."""

    sessions: int
    said: float
    lasted: float


class Report(msgspec.Struct, frozen=True):
    """The output of `dalstroom replay`, named as in engine A2. A ratio of nothing is None.

    `energy_kwh`, `baseline_eur`, `actual_eur` are of what was delivered by the real plug-out, `perfect_eur` is of the
    whole energy. `cashback_eur` is paid out, `pending_eur` credited but below the least payout; `cashback_median_eur`
    is the median driver's share over all sessions. `peak_reduction_17_21`: by how much less flows at 17 to 21 h local.
    """

    sessions: int
    skipped: dict[str, int]
    energy_kwh: float
    unmet_kwh: float
    baseline_eur: float
    actual_eur: float
    perfect_eur: float
    saving: float | None
    capture: float | None
    short_share: float | None
    short2_share: float | None
    cashback_share: float | None
    cashback_eur: float
    cashback_median_eur: float | None
    pending_eur: float
    peak_reduction_17_21: float | None
    moved_energy_share: float | None
    dwell_ratio: float | None
    asked_share: float | None
    calibration: dict[str, Calibration]


class Cashback(msgspec.Struct, frozen=True):
    """Drivers' shares by session, and what of them was paid and is pending in the end; minor units."""

    shares: list[int]
    paid_minor: int
    pending_minor: int


def summarise(results: Iterable[Outcome | Skip]) -> Report:
    """The figures of a finished replay."""
    found = list(results)
    done = [one for one in found if isinstance(one, Outcome)]
    skipped = Counter(one.value for one in found if isinstance(one, Skip))
    baseline, actual = sum(one.baseline_nano for one in done), sum(one.actual_nano for one in done)
    whole, perfect = sum(one.whole_baseline_nano for one in done), sum(one.perfect_nano for one in done)
    wanted, delivered = sum(one.wanted_wh for one in done), sum(one.delivered_wh for one in done)
    evening = sum(one.evening_baseline_wh for one in done)
    missing = [one.wanted_wh - one.delivered_wh for one in done]
    back = cashback(done)
    return Report(
        sessions=len(done),
        skipped=dict(sorted(skipped.items())),
        energy_kwh=delivered / 1_000,
        unmet_kwh=(wanted - delivered) / 1_000,
        baseline_eur=_units(baseline),
        actual_eur=_units(actual),
        perfect_eur=_units(perfect),
        saving=_ratio(baseline - actual, baseline),
        capture=_ratio(baseline - actual, whole - perfect),
        short_share=_ratio(sum(1 for wh in missing if wh > SHORT_WH), len(done)),
        short2_share=_ratio(sum(1 for wh in missing if wh > SHORT2_WH), len(done)),
        cashback_share=_ratio(sum(1 for minor in back.shares if minor >= 1), len(done)),
        cashback_eur=back.paid_minor / 100,
        cashback_median_eur=median(back.shares) / 100 if done else None,
        pending_eur=back.pending_minor / 100,
        peak_reduction_17_21=_ratio(evening - sum(one.evening_actual_wh for one in done), evening),
        moved_energy_share=_ratio(sum(one.moved_wh for one in done), delivered),
        dwell_ratio=_ratio(sum(one.stay_s for one in done), sum(one.needed_s for one in done)),
        asked_share=_ratio(sum(1 for one in done if one.asked), len(done)),
        calibration=calibration(done),
    )


def cashback(done: Sequence[Outcome]) -> Cashback:
    """What drivers get, session by session in the order of unplugging; a nameless driver has a wallet a session."""
    pending: dict[str, int] = {}
    shares: list[int] = []
    paid = nameless = 0
    for one in sorted(done, key=lambda outcome: outcome.ended_s):
        share = split(one.baseline_nano - one.actual_nano, TERMS, pending.get(one.user_id or "", 0))
        shares.append(share.driver_minor)
        paid += share.paid_minor
        if one.user_id:
            pending[one.user_id] = share.pending_after_minor
        else:
            nameless += share.pending_after_minor
    return Cashback(shares, paid, nameless + sum(pending.values()))


def calibration(done: Sequence[Outcome]) -> dict[str, Calibration]:
    """By level: how often a car was still there at the latest moment that the forecast promised with that chance."""
    by_level: dict[float, list[Said]] = {level: [] for level in LEVELS}
    for one in done:
        for said in one.said:
            by_level[said.level].append(said)
    return {
        str(level): Calibration(
            sessions=len(said),
            said=round(fmean(one.chance for one in said), 4),
            lasted=round(sum(1 for one in said if one.lasted) / len(said), 4),
        )
        for level, said in by_level.items()
        if said
    }


def _units(nano: int) -> float:
    return round(nano / NANO_PER_UNIT, 4)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
