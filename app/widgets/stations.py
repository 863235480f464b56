"""Public stations: what is free, and what it costs in the order that the law asks for (AFIR article 5: per kWh, per
minute, per session, then other components).
"""

import flet as ft

from app import theme
from app.strings import Texts
from app.widgets.cards import pair, rule, stack
from shared.locations import EvseState, EvseView, LocationView
from shared.sessions import MoneyRange
from shared.tariffs import PublicPrice

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


def price_table(t: Texts, price: PublicPrice | None, back: MoneyRange | None) -> ft.Control:
    """Every component in the order of AFIR, also those that cost nothing, and the money that is likely to come back."""
    if price is None:
        return theme.body(t("price.unknown"))
    form = t.form
    energy = f"{form.price(price.energy_micro_per_kwh)} {t('word.per_kwh')}"
    if price.energy_high_micro_per_kwh > price.energy_micro_per_kwh:
        low, high = form.price(price.energy_micro_per_kwh), form.price(price.energy_high_micro_per_kwh)
        energy = t("price.energy_range", low=low, high=high)
    time = t("price.time_value", price=form.per_hour(price.time_micro_per_hour)) if price.time_micro_per_hour else None
    session = t("price.session_value", price=form.money(price.session_minor)) if price.session_minor else None
    idle = None
    if price.idle_micro_per_hour:
        idle = t("price.idle_value", price=form.per_hour(price.idle_micro_per_hour), minutes=price.idle_after_minutes)
    rows: list[ft.Control | None] = [
        pair(t("price.energy"), _value(energy)),
        pair(t("price.time"), _value(time or t("price.none"))),
        pair(t("price.session"), _value(session or t("price.none"))),
        pair(t("price.idle"), _value(idle or t("price.none"))),
    ]
    return stack([*rows, *_back(t, back)], 8)


def _value(words: str) -> ft.Control:
    text = theme.strong(words)
    text.text_align = ft.TextAlign.RIGHT
    return ft.Container(text, expand=True, alignment=ft.Alignment.CENTER_RIGHT)


def _back(t: Texts, back: MoneyRange | None) -> list[ft.Control]:
    if back is None:
        return []
    words = t("price.back_none")
    if back.high_minor > 0:
        low, high = t.form.span(max(0, back.low_minor), back.high_minor)
        words = high if low == high else t("price.back_value", low=low, high=high)
    value = theme.strong(words, theme.VALLEY)
    value.key = "estimate"
    value.text_align = ft.TextAlign.RIGHT
    holder = ft.Container(value, expand=True, alignment=ft.Alignment.CENTER_RIGHT)
    return [rule(), pair(t("price.back"), holder), theme.small(t("price.back_note"))]
