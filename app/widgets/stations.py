"""Public stations: what is free, and what it costs in the order that the law asks for (AFIR article 5: per kWh, per
minute, per session, then other components).
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import flet as ft

from app import theme
from app.strings import Texts
from app.widgets.cards import pair, rule, stack
from shared.locations import EvseState, EvseView, LocationView
from shared.sessions import MoneyRange, StayEstimate
from shared.tariffs import PriceStep, PublicPrice

STATE_COLORS = {
    EvseState.AVAILABLE: ft.Colors.PRIMARY,
    EvseState.CHARGING: ft.Colors.SECONDARY,
    EvseState.RESERVED: ft.Colors.SECONDARY,
}


def free(location: LocationView) -> int:
    """How many EVSEs one could use now."""
    return sum(evse.state is EvseState.AVAILABLE and evse.online for evse in location.evses)


def lowest_price(location: LocationView) -> PublicPrice | None:
    """The price to show for the whole place."""
    prices = [evse.price for evse in location.evses if evse.price is not None]
    return min(prices, key=lambda one: one.energy_micro_per_kwh, default=None)


def mine(location: LocationView) -> EvseView | None:
    """Where the driver charges here."""
    return next((evse for evse in location.evses if evse.mine is not None), None)


def state_words(t: Texts, evse: EvseView) -> str:
    """The state of an EVSE; one that is out of reach says only that."""
    return t.code("state", evse.state.value) if evse.online else t("evse.offline")


def state_dot(evse: EvseView) -> ft.Control:
    """The state of an EVSE as a colour, always beside its word."""
    color = STATE_COLORS.get(evse.state, ft.Colors.OUTLINE) if evse.online else ft.Colors.ERROR
    hollow = evse.state is not EvseState.AVAILABLE or not evse.online
    return ft.Container(
        width=12, height=12, border_radius=6, bgcolor=None if hollow else color, border=ft.Border.all(2.5, color)
    )


def power_words(t: Texts, evse: EvseView) -> str:
    """Its power and phases."""
    phases = t("evse.phase") if evse.phases == 1 else t("evse.phases", n=evse.phases)
    return f"{t('public.up_to', power=t.form.power(evse.max_w))}, {phases}"


def now_and_next(price: PublicPrice, at: datetime) -> tuple[PriceStep, PriceStep]:
    """The steps of a price that varies: the one in force at a local time of the place, and the one after it."""
    clock = f"{at:%H:%M}"
    later = next((place for place, step in enumerate(price.steps) if step.from_local > clock), 0)
    return price.steps[later - 1], price.steps[later]


def varying_words(t: Texts, price: PublicPrice, at: datetime) -> tuple[str, str]:
    """A price that varies, in two pieces: "€0.45 per kWh now" and "€0.42 from 23:00"."""
    now, then = now_and_next(price, at)
    first = t("price.now", price=t.form.price(now.energy_micro_per_kwh))
    return first, t("price.then", price=t.form.price(then.energy_micro_per_kwh), time=then.from_local)


def local_time(location: LocationView, now: datetime) -> datetime:
    """The time on the wall of a place: its prices go by it."""
    return now.astimezone(ZoneInfo(location.time_zone))


def price_table(t: Texts, price: PublicPrice | None, back: StayEstimate | None, at: datetime) -> ft.Control:
    """Every component in the order of AFIR, also those that cost nothing, and the money that is likely to come back.

    `at`: the local time of the place.
    """
    if price is None:
        return theme.body(t("price.unknown"))
    form = t.form
    energy = f"{form.price(price.energy_micro_per_kwh)} {t('word.per_kwh')}"
    if price.steps:
        energy = ", ".join(varying_words(t, price, at))
    time = t("price.time_value", price=form.per_hour(price.time_micro_per_hour)) if price.time_micro_per_hour else None
    session = t("price.session_value", price=form.money(price.session_minor)) if price.session_minor else None
    idle = None
    if price.idle_micro_per_hour:
        idle = t("price.idle_value", price=form.per_hour(price.idle_micro_per_hour), minutes=price.idle_after_minutes)
    rows: list[ft.Control | None] = [
        pair(t("price.energy"), _value(energy)),
        _day(t, price) if len(price.steps) > 2 else None,
        pair(t("price.time"), _value(time or t("price.none"))),
        pair(t("price.session"), _value(session or t("price.none"))),
        pair(t("price.idle"), _value(idle or t("price.none"))),
    ]
    told = brings(t, back)
    return stack([*rows, *([rule(), *told] if told else [])], 8)


def _value(words: str) -> ft.Control:
    text = theme.strong(words)
    text.text_align = ft.TextAlign.RIGHT
    return ft.Container(text, expand=True, alignment=ft.Alignment.CENTER_RIGHT)


def _day(t: Texts, price: PublicPrice) -> ft.Control:
    """The steps of a price that has more than two, as they follow each other."""
    steps = (t("price.then", price=t.form.price(one.energy_micro_per_kwh), time=one.from_local) for one in price.steps)
    return theme.small(t("price.day", steps=", ".join(steps)))


def brings(t: Texts, back: StayEstimate | None) -> list[ft.Control]:
    """Cashback and savings, each on a line of its own: one is paid to the driver, the other is not asked for."""
    if back is None:
        return []
    out: list[ft.Control] = []
    if back.cashback is not None:
        out.append(pair(t("price.back"), _range(t, back.cashback, "estimate")))
    if back.savings is not None and back.savings.high_minor > 0:
        out.append(pair(t("price.saved"), _range(t, back.savings, "estimate-savings")))
    some = any(one is not None and one.high_minor > 0 for one in (back.cashback, back.savings))
    return [*out, theme.small(t("price.back_note"))] if some else out


def _range(t: Texts, money: MoneyRange, key: str) -> ft.Control:
    words = t("price.back_none")
    if money.high_minor > 0:
        low, high = t.form.span(max(0, money.low_minor), money.high_minor)
        words = high if low == high else t("price.back_value", low=low, high=high)
    value = theme.strong(words, theme.VALLEY)
    value.key = key
    value.text_align = ft.TextAlign.RIGHT
    return ft.Container(value, expand=True, alignment=ft.Alignment.CENTER_RIGHT)
