"""The door: in the demo one tap as anybody, else e-mail and password."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import flet as ft

from app import theme
from app.strings import NAMES, Texts
from app.views import access
from app.views.desk import Desk, use_board, use_desk, use_prefs, use_texts
from app.widgets.cards import Tone, card, failed, notice, page, skeleton, stack
from shared.accounts import DemoDriver, Role

ADDRESS = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?(/[^\s]*)?|https?://\[[0-9a-fA-F:]+\](:[0-9]{1,5})?")
AT_THE_DOOR = (Role.DRIVER, Role.OPERATOR)
NARROW = 460
WIDE = 880
TOUR = (
    "home_fixed",
    "home_dynamic",
    "home_night",
    "home_unsaid",
    "street_overnight",
    "street_unsaid",
    "street_leaves_early",
    "street_replug",
    "street_no_consent",
    "street_visitor",
    "depot_driver",
    "operator",
)


@ft.component
def SignIn() -> ft.Control:
    """Who are you?"""
    desk, t, board, prefs = use_desk(), use_texts(), use_board(), use_prefs()
    door, _ = ft.use_state(desk.state.door)
    by_password, set_by_password = ft.use_state(initial=False)

    async def load() -> None:
        await access.load_drivers(desk)

    async def again() -> None:
        await access.restore(desk)
        await load()

    ft.use_effect(load, [desk.api.base_url])
    drivers = board.drivers
    banner = notice(Tone.WARN, _said(t, door.notice)) if door.notice else None
    inner: list[ft.Control | None] = [_brand(t), banner]
    people = [one for one in drivers.value or [] if one.role in AT_THE_DOOR]
    if drivers.first_load:
        inner.append(skeleton(t, 76, 76, 76, 76))
    elif people and not by_password:
        inner += [
            _people(t, desk, people, wide=prefs.wide),
            _switch(t("sign.with_password"), lambda: set_by_password(True), "by-password"),
        ]
    elif drivers.problem is not None and desk.server_is_given:
        inner.append(failed(t, drivers.problem, again))
    else:
        back = _switch(t("sign.with_people"), lambda: set_by_password(False), "by-people")
        inner += [_Password(), back if people else None]
    width = WIDE if people and prefs.wide and not by_password else NARROW
    column = ft.Container(stack([*inner, _languages(desk)], 24), width=width)
    return page([ft.Container(column, alignment=ft.Alignment.TOP_CENTER)], wide=prefs.wide)


def _said(t: Texts, notice_code: str) -> str:
    return t(notice_code) if "." in notice_code else t.code("problem", notice_code)


def _brand(t: Texts) -> ft.Control:
    mark = ft.Image("/icons/icon-192.png", width=72, height=72, border_radius=18, semantics_label=t("app.name"))
    name = ft.Text(t("app.name"), size=34, font_family=theme.BOLD, style=ft.TextStyle(letter_spacing=-1))
    words = ft.Column([name, theme.body(t("app.motto"), theme.MUTED)], spacing=0, tight=True)
    top = ft.Row([mark, ft.Container(words, expand=True)], spacing=18)
    return ft.Container(stack([top, theme.body(t("sign.lead"))], 20), padding=ft.Padding.only(top=32))


def _people(t: Texts, desk: Desk, people: list[DemoDriver], *, wide: bool) -> ft.Control:
    head = stack([theme.title(t("sign.demo.title")), theme.body(t("sign.demo.lead"), theme.MUTED)], 4)
    tiles = [_person(t, desk, one, wide=wide) for one in _unlike(people)]
    if not wide:
        return stack([head, *tiles], 10)
    rows = [ft.Row(tiles[at : at + 2], spacing=12, expand_loose=True) for at in range(0, len(tiles), 2)]
    return stack([head, *rows], 12)


def _unlike(people: list[DemoDriver]) -> list[DemoDriver]:
    """One of each story first, in the order of the tour, then everybody else."""
    seen: set[str] = set()
    first: list[DemoDriver] = []
    later: list[DemoDriver] = []
    for one in sorted(people, key=lambda one: TOUR.index(one.story) if one.story in TOUR else len(TOUR)):
        (later if one.story in seen else first).append(one)
        seen.add(one.story)
    return [*first, *later]


def _person(t: Texts, desk: Desk, one: DemoDriver, *, wide: bool) -> ft.Control:
    async def enter() -> None:
        await access.sign_in_demo(desk, one.account_id)

    initials = "".join(part[0] for part in one.name.split() if part[0].isupper())[:2]
    face = ft.Container(
        theme.strong(initials, ft.Colors.ON_PRIMARY_CONTAINER),
        width=44,
        height=44,
        border_radius=22,
        bgcolor=ft.Colors.PRIMARY_CONTAINER,
        alignment=ft.Alignment.CENTER,
    )
    words = stack([theme.heading(one.name), theme.small(t.code("story", one.story))], 2)
    return ft.Container(
        ft.Row(
            [face, ft.Container(words, expand=True), ft.Icon(ft.Icons.CHEVRON_RIGHT, color=theme.MUTED)], spacing=14
        ),
        bgcolor=theme.CARD,
        border=ft.Border.all(1, theme.LINE),
        border_radius=theme.CARD_RADIUS,
        padding=16,
        height=96 if wide else None,
        expand=True,
        ink=True,
        on_click=enter,
        key=f"driver-{one.account_id}",
    )


def _switch(words: str, go: ft.ControlEventHandler[ft.TextButton], key: str) -> ft.Control:
    return ft.Row([ft.TextButton(words, on_click=go, key=key)])


@dataclass(frozen=True)
class Typed:
    """The form as typed."""

    server: str
    email: str = ""
    password: str = ""

    @property
    def address(self) -> str:
        """The server's address without what people add to it."""
        return self.server.strip().rstrip("/")

    def wrong(self, *, server_is_given: bool) -> str:
        """The key of what is missing; empty when it can be sent."""
        if not server_is_given and not ADDRESS.fullmatch(self.address):
            return "sign.server.wrong"
        return "" if self.email.strip() and self.password else "sign.need_both"


@ft.component
def _Password() -> ft.Control:
    desk, t = use_desk(), use_texts()
    typed, set_typed = ft.use_state(Typed(desk.api.base_url))
    wrong, set_wrong = ft.use_state("")
    busy, set_busy = ft.use_state(initial=False)

    async def enter() -> None:
        complaint = typed.wrong(server_is_given=desk.server_is_given)
        set_wrong(complaint)
        if complaint:
            return
        set_busy(True)
        if not desk.server_is_given:
            await access.use_server(desk, typed.address)
        if not await access.sign_in(desk, typed.email.strip(), typed.password):
            set_busy(False)

    fields = _fields(t, typed, set_typed, enter)
    button = ft.FilledButton(t("sign.enter"), on_click=enter, disabled=busy, key="enter")
    return card(
        [
            theme.title(t("sign.title")),
            None if desk.server_is_given else fields[0],
            ft.AutofillGroup(stack(fields[1:])),
            notice(Tone.BAD, t(wrong)) if wrong else None,
            button,
        ],
        spacing=16,
    )


def _fields(
    t: Texts, typed: Typed, change: Callable[[Typed], None], enter: Callable[[], Awaitable[None]]
) -> list[ft.Control]:
    """Server, e-mail, password."""
    server = ft.TextField(
        border=theme.FIELD,
        label=t("sign.server"),
        value=typed.server,
        helper=t("sign.server.hint"),
        helper_max_lines=3,
        keyboard_type=ft.KeyboardType.URL,
        on_change=lambda event: change(replace(typed, server=event.control.value or "")),
        key="server",
    )
    email = ft.TextField(
        border=theme.FIELD,
        label=t("sign.email"),
        value=typed.email,
        keyboard_type=ft.KeyboardType.EMAIL,
        autofill_hints=[ft.AutofillHint.EMAIL],
        on_change=lambda event: change(replace(typed, email=event.control.value or "")),
        on_submit=enter,
        key="email",
    )
    password = ft.TextField(
        border=theme.FIELD,
        label=t("sign.password"),
        value=typed.password,
        password=True,
        can_reveal_password=True,
        autofill_hints=[ft.AutofillHint.PASSWORD],
        on_change=lambda event: change(replace(typed, password=event.control.value or "")),
        on_submit=enter,
        key="password",
    )
    return [server, email, password]


def _languages(desk: Desk) -> ft.Control:
    def choose(language: str) -> None:
        desk.state.prefs.language = language

    def button(language: str) -> ft.Control:
        on = desk.state.prefs.language == language
        word = ft.Text(NAMES[language], font_family=theme.BOLD if on else theme.BODY, size=13)
        return ft.TextButton(word, on_click=lambda: choose(language), key=f"language-{language}")

    return ft.Row([button(one) for one in NAMES], spacing=4, alignment=ft.MainAxisAlignment.CENTER)
