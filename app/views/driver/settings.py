"""Settings: consent, dial, car, habits, shifts, look, language, sign out."""

import flet as ft

from app import theme
from app.strings import NAMES, Texts
from app.views import access, intents
from app.views.desk import Desk, use_board, use_desk, use_prefs, use_texts
from app.views.driver.dial import DialCard
from app.views.driver.habits import Habits
from app.views.driver.pairing import PairCard
from app.views.driver.rota import RotaCard
from app.views.driver.vehicle import Vehicles
from app.widgets.cards import card, columns, page, skeleton, stack
from app.widgets.keyed import keyed
from shared.accounts import Me, MeUpdate

THEMES = {"system": ft.Icons.BRIGHTNESS_AUTO, "light": ft.Icons.LIGHT_MODE, "dark": ft.Icons.DARK_MODE}


@ft.component
def Settings() -> ft.Control:
    """Everything that belongs to the account and this device."""
    desk, t, board, prefs = use_desk(), use_texts(), use_board(), use_prefs()
    me = board.me
    if me is None:
        return page([skeleton(t, 120, 200, 200)], wide=prefs.wide)
    left = [_Consent(me), keyed(DialCard, "dial", me), Vehicles(), keyed(PairCard, "pair")]
    right = [
        Habits(me),
        keyed(RotaCard, "rota", me),
        look_card(t, desk, prefs.theme),
        language_card(t, desk, prefs.language),
        account_card(t, desk, me),
    ]
    return page([columns(left, right, wide=prefs.wide)], wide=prefs.wide)


@ft.component
def _Consent(me: Me) -> ft.Control:
    desk, t = use_desk(), use_texts()
    agreed = me.consent_at is not None
    busy, set_busy = ft.use_state(initial=False)

    async def answer(*, consent: bool) -> None:
        set_busy(True)
        await intents.change_me(desk, MeUpdate(consent=consent))
        set_busy(False)

    async def agree() -> None:
        await answer(consent=True)

    async def withdraw() -> None:
        await answer(consent=False)

    standing = t("settings.consent.off")
    if me.consent_at is not None:
        standing = t("settings.consent.on", date=t.form.date(me.consent_at))
    button: ft.Control = (
        ft.OutlinedButton(t("settings.consent.withdraw"), on_click=withdraw, disabled=busy, key="withdraw")
        if agreed
        else ft.FilledButton(t("settings.consent.agree"), on_click=agree, disabled=busy, key="agree")
    )
    icon = ft.Icon(ft.Icons.HANDSHAKE_OUTLINED, color=theme.VALLEY)
    return card(
        [
            ft.Row([icon, ft.Container(theme.heading(t("settings.consent")), expand=True)], spacing=12),
            theme.body(standing),
            theme.small(t("settings.consent.what")),
            ft.Row([button]),
        ],
        key="consent",
    )


def look_card(t: Texts, desk: Desk, theme_name: str) -> ft.Control:
    """Light or dark."""

    async def choose(event: ft.Event[ft.SegmentedButton]) -> None:
        desk.state.prefs.theme = event.control.selected[0]
        await intents.change_me(desk, MeUpdate(theme=event.control.selected[0]))

    segments = [
        ft.Segment(name, label=ft.Text(t(f"settings.theme.{name}"), size=13), icon=icon)
        for name, icon in THEMES.items()
    ]
    choice = ft.SegmentedButton(
        segments, selected=[theme_name], show_selected_icon=False, on_change=choose, key="theme-choice"
    )
    return card([theme.heading(t("settings.look")), choice])


def language_card(t: Texts, desk: Desk, language: str) -> ft.Control:
    """Which language."""

    async def choose(event: ft.Event[ft.SegmentedButton]) -> None:
        desk.state.prefs.language = event.control.selected[0]
        await intents.change_me(desk, MeUpdate(language=event.control.selected[0]))

    segments = [ft.Segment(code, label=ft.Text(name, size=13)) for code, name in NAMES.items()]
    choice = ft.SegmentedButton(
        segments, selected=[language], show_selected_icon=False, on_change=choose, key="language-choice"
    )
    return card([theme.heading(t("settings.language")), choice])


def account_card(t: Texts, desk: Desk, me: Me) -> ft.Control:
    """Who is signed in, and the way out."""

    async def leave() -> None:
        await access.sign_out(desk)

    words = stack(
        [
            theme.strong(me.name),
            theme.small(me.email),
            theme.small(t("settings.with", party=me.party_name)),
            theme.small(t("settings.time_zone", zone=me.time_zone)),
        ],
        2,
    )
    button = ft.OutlinedButton(t("settings.sign_out"), icon=ft.Icons.LOGOUT, on_click=leave, key="sign-out")
    return card([theme.heading(t("settings.account")), words, ft.Row([button])])
