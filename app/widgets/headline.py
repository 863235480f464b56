"""What is happening, in one sentence; and what the driver should know beside it."""

from datetime import datetime

import flet as ft

from app.strings import Texts
from app.widgets.cards import Tone, notice
from shared.sessions import Delay, Headline, MoneyRange, SessionView

ICONS = {
    Headline.CHARGES_FROM: ft.Icons.NIGHTS_STAY_OUTLINED,
    Headline.CHARGING: ft.Icons.BOLT,
    Headline.CHARGING_NOW: ft.Icons.BOLT,
    Headline.PAUSED: ft.Icons.PAUSE_CIRCLE_OUTLINE,
    Headline.READY: ft.Icons.CHECK_CIRCLE_OUTLINE,
    Headline.OFFLINE: ft.Icons.CLOUD_OFF_OUTLINED,
    Headline.NOT_DRAWING: ft.Icons.POWER_OUTLINED,
    Headline.ENDED: ft.Icons.RECEIPT_LONG_OUTLINED,
    Headline.SETTLED: ft.Icons.CHECK_CIRCLE_OUTLINE,
}
UNDER_WAY = {Headline.CHARGES_FROM, Headline.CHARGING, Headline.CHARGING_NOW, Headline.PAUSED}


def sentence(t: Texts, session: SessionView, now: datetime) -> str:
    """The sentence of a session, as in: Charges from 01:15, ready by Tue 07:00, €1.10 to €1.50 back."""
    parts = [_opening(t, session, now)]
    if session.headline in UNDER_WAY:
        ready = session.ready_by or session.plan.ready_at
        if ready is not None:
            parts.append(t("head.ready_by", ready=t.form.moment(ready, now)))
    if session.headline in {Headline.READY, Headline.SETTLED, Headline.ENDED}:
        parts.append(t("head.energy", energy=t.form.energy(session.energy_wh)))
    return ", ".join([*parts, *money_words(t, session)])


def _opening(t: Texts, session: SessionView, now: datetime) -> str:
    start = session.plan.starts_at
    if session.headline is Headline.PAUSED and start is None:
        return t("head.paused_open")
    if session.headline is Headline.CHARGES_FROM and start is None:
        return t("head.paused_open")
    return t(f"head.{session.headline.value}", start=t.form.soon(start, now) if start else "")


def money_words(t: Texts, session: SessionView) -> list[str]:
    """The money of a session in words: what comes back, what is saved; nothing where there is nothing."""
    return [*_range(t, "head.back", session.cashback), *_range(t, "head.saves", session.savings)]


def _range(t: Texts, key: str, money: MoneyRange | None) -> list[str]:
    if money is None or money.high_minor <= 0:
        return []
    low, high = t.form.span(max(0, money.low_minor), money.high_minor)
    return [t(f"{key}_about", low=high)] if low == high else [t(key, low=low, high=high)]


def _of_car_and_house(t: Texts, session: SessionView) -> list[ft.Control]:
    """What the car does of itself, and what the house leaves for it."""
    out: list[ft.Control] = []
    if session.car_note is not None:
        key, at = f"notice.car.{session.car_note.value}", session.car_timer_at or ""
        out.append(notice(Tone.CALM, t(key, at=at), t(f"{key}.do")))
    if session.external_limit_w is not None:
        power = t.form.power(session.external_limit_w)
        out.append(notice(Tone.CALM, t("notice.external_limit", power=power), t("notice.external_limit.do")))
    return out


def notices(t: Texts, session: SessionView, missing: str | None = None) -> list[ft.Control]:
    """Everything that is not as it should be, or that the driver is owed an explanation for.

    `missing`: the sentence for what will be missing, where more is known of it than its reason.
    """
    out: list[ft.Control] = []
    if session.headline is Headline.OFFLINE:
        out.append(notice(Tone.WARN, t("notice.offline"), t("notice.offline.do")))
    if session.headline is Headline.NOT_DRAWING:
        out.append(notice(Tone.WARN, t("notice.not_drawing"), t("notice.not_drawing.do")))
    out += _of_car_and_house(t, session)
    if session.plan.followed == "not_followed":
        reason = t.code("followed", session.plan.not_followed_reason or "other")
        out.append(notice(Tone.WARN, t("notice.not_followed", reason=reason), t("notice.not_followed.do")))
    if session.plan.shortfall is not None:
        short = session.plan.shortfall
        words = t("notice.shortfall", energy=t.form.energy(short.energy_wh), reason=t.code("shortfall", short.reason))
        waits = session.delay is Delay.MANAGED
        out.append(notice(Tone.WARN, missing or words, t("notice.shortfall.do" if waits else "notice.shortfall.later")))
    if session.delay not in {Delay.MANAGED, Delay.OVERRIDDEN} and session.headline in UNDER_WAY:
        do = t("delay.no_consent.do") if session.delay is Delay.NO_CONSENT else None
        out.append(notice(Tone.CALM, t.code("delay", session.delay.value), do))
    if any(slot.quality == "ESTIMATED" and slot.planned_wh for slot in session.plan.slots):
        key = "notice.typical" if session.plan.price_source == "typical" else "notice.estimated"
        out.append(notice(Tone.CALM, t(key), t(f"{key}.do")))
    return out
