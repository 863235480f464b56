"""Home: what is happening, in one sentence, or tonight's valley where nothing is plugged in."""

from collections.abc import Sequence
from datetime import datetime

import flet as ft

from app import theme
from app.strings import Texts
from app.views import intents
from app.views.desk import use_board, use_clock, use_desk, use_prefs, use_texts
from app.views.driver.session import LinkNotice, SessionPanel, place_words
from app.widgets.cards import Tone, card, columns, failed, notice, page, skeleton, stack
from app.widgets.headline import sentence
from app.widgets.keyed import keyed
from app.widgets.price_curve import Bar, Marks, Picture, PriceCurve
from app.widgets.stations import brings
from app.widgets.valley import Valley, cheapest, tonight
from shared.plans import CurveSlot, PriceCurveView
from shared.sessions import SessionState, SessionView

NIGHT_SLOTS = 96
"""The picture of the empty page: a day from now."""


@ft.component
def Home() -> ft.Control:
    """The first page."""
    desk, t, board, prefs = use_desk(), use_texts(), use_board(), use_prefs()

    async def again() -> None:
        await intents.load_home(desk)

    sessions = board.sessions
    if sessions.first_load:
        return page([skeleton(t, 190, 320, 120)], wide=prefs.wide)
    if sessions.value is None and sessions.problem is not None:
        return page([failed(t, sessions.problem, again)], wide=prefs.wide)
    shown = _ordered(sessions.value or [])
    if not shown:
        return page([keyed(LinkNotice, "link"), EmptyHome()], wide=prefs.wide)
    first, others = shown[0], shown[1:]
    return page(
        [
            LinkNotice(),
            *_price_notices(t, board.prices.value),
            keyed(SessionPanel, str(first.id), first),
            _more(others),
        ],
        wide=prefs.wide,
    )


def _ordered(sessions: Sequence[SessionView]) -> list[SessionView]:
    """Open ones first, then the newest."""
    newest = sorted(sessions, key=lambda one: one.plugged_at, reverse=True)
    return sorted(newest, key=lambda one: one.state is not SessionState.OPEN)


def _price_notices(t: Texts, prices: PriceCurveView | None) -> list[ft.Control]:
    if prices is None or "sources_differ" not in prices.notices:
        return []
    return [notice(Tone.CALM, t("notice.sources_differ"))]


def _more(sessions: Sequence[SessionView]) -> ft.Control | None:
    if not sessions:
        return None
    return keyed(SessionList, "more-sessions", tuple(sessions))


@ft.component
def SessionList(sessions: tuple[SessionView, ...]) -> ft.Control:
    """The other sessions, each a way to its own page."""
    desk, t, clock = use_desk(), use_texts(), use_clock()

    def row(one: SessionView) -> ft.Control:
        return ft.ListTile(
            title=theme.strong(sentence(t, one, clock.now)),
            subtitle=theme.small(place_words(t, one.location_name, one.evse_label)),
            trailing=ft.Icon(ft.Icons.CHEVRON_RIGHT),
            on_click=lambda: desk.page.navigate(f"/session/{one.id}"),
            key=f"session-{one.id}",
        )

    return card([theme.heading(t("home.sessions")), *[row(one) for one in sessions]])


@ft.component
def EmptyHome() -> ft.Control:
    """Not plugged in: tonight's valley, and how to start."""
    desk, t, board, prefs, clock = use_desk(), use_texts(), use_board(), use_prefs(), use_clock()
    slots = board.prices.value.slots[:NIGHT_SLOTS] if board.prices.value else []
    valley = cheapest(tonight(slots, clock.now, t.form.zone))
    left = [_hero(t, valley, wide=prefs.wide)]
    if slots:
        left.append(_night(t, slots, valley, clock.now, wide=prefs.wide))
    elif board.prices.first_load:
        left.append(skeleton(t, 280))
    steps = [
        ft.Row(
            [
                ft.Icon(icon, color=theme.VALLEY, size=22),
                ft.Container(theme.body(t(f"empty.how.{number}")), expand=True),
            ],
            spacing=14,
            vertical_alignment=ft.CrossAxisAlignment.START,
        )
        for number, icon in ((1, ft.Icons.POWER_OUTLINED), (2, ft.Icons.SCHEDULE), (3, ft.Icons.MAP_OUTLINED))
    ]
    to_public = ft.OutlinedButton(
        t("empty.public"), icon=ft.Icons.MAP_OUTLINED, on_click=lambda: desk.page.navigate("/public"), key="to-public"
    )
    likely = brings(t, board.at_home.value)
    right = [card([theme.heading(t("empty.brings")), *likely], spacing=8, key="brings")] if likely else []
    right.append(card([theme.heading(t("empty.how.title")), *steps, to_public], spacing=16))
    return columns(left, right, wide=prefs.wide)


def _valley_words(t: Texts, valley: Valley | None) -> str:
    if valley is None:
        return ""
    start, end = t.form.time(valley.start), t.form.time(valley.end)
    return t("empty.valley", start=start, end=end, price=t.form.price(valley.mean_micro, 2))


def _hero(t: Texts, valley: Valley | None, *, wide: bool) -> ft.Control:
    ink = ft.Colors.ON_SECONDARY_CONTAINER
    words = _valley_words(t, valley) or t("empty.no_prices")
    saves = None
    if valley is not None:
        saves = t("empty.valley_saves", percent=valley.below_percent) if valley.below_percent > 0 else None
    head = theme.hero(t("empty.title"), ink, wide=wide)
    head.key = "headline"
    return card(
        [
            ft.Row([ft.Icon(ft.Icons.NIGHTS_STAY_OUTLINED, color=ink, size=28)]),
            ft.Semantics(heading_level=1, content=head),
            stack([theme.body(words, ink), theme.small(saves, ink) if saves else None], 4),
        ],
        bgcolor=ft.Colors.SECONDARY_CONTAINER,
        padding=24,
        key="hero",
    )


def _night(t: Texts, slots: Sequence[CurveSlot], valley: Valley | None, now: datetime, *, wide: bool) -> ft.Control:
    """The coming day's prices with the valley in green."""

    def bar(slot: CurveSlot) -> Bar:
        inside = valley is not None and valley.start <= slot.start < valley.end
        return Bar(slot.start, slot.seconds, slot.price_micro_per_kwh, lit=inside)

    marks = Marks(now=now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0), now_word=t("curve.now"))
    drawn = Picture(tuple(bar(slot) for slot in slots), marks, 240 if wide else 190, _valley_words(t, valley))
    return card([theme.heading(t("curve.market")), PriceCurve(t, drawn)], key="night")
