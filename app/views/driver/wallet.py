"""The wallet: what is ready, what is on its way, and earnings, savings and benefits kept apart."""

from collections.abc import Callable, Sequence
from uuid import UUID

import flet as ft

from app import theme
from app.state import Remote
from app.strings import Texts
from app.views import intents
from app.views.desk import use_board, use_desk, use_prefs, use_texts
from app.views.driver.session import LinkNotice
from app.widgets.cards import card, columns, empty, failed, page, pair, rule, skeleton, stack
from app.widgets.keyed import keyed
from shared.sessions import SessionState, SessionSummary
from shared.wallets import Wallet as Sums
from shared.wallets import WalletEntry


@ft.component
def Wallet() -> ft.Control:
    """Money, and how it came."""
    desk, t, board, prefs = use_desk(), use_texts(), use_board(), use_prefs()

    async def load() -> None:
        await intents.load_wallet(desk)

    ft.use_effect(load, [])
    wallet = board.wallet
    if wallet.value is not None:
        lines = columns(_sums(t, wallet.value), [_Lines()], wide=prefs.wide)
        return page([keyed(LinkNotice, "link"), lines], wide=prefs.wide)
    if wallet.problem is not None:
        return page([failed(t, wallet.problem, load)], wide=prefs.wide)
    return page([skeleton(t, 180, 110, 300)], wide=prefs.wide)


@ft.component
def _Lines() -> ft.Control:
    """Payments or sessions, each a way to its receipt."""
    desk, t, board = use_desk(), use_texts(), use_board()
    tab, set_tab = ft.use_state("entries")
    payments = tab == "entries"

    def choose(event: ft.Event[ft.SegmentedButton]) -> None:
        set_tab(event.control.selected[0])

    async def more() -> None:
        await (intents.more_entries(desk) if payments else intents.more_history(desk))

    async def history() -> None:
        if not payments:
            await intents.load_history(desk)

    def go(session_id: UUID) -> None:
        desk.page.navigate(f"/wallet/{session_id}")

    ft.use_effect(history, [tab])
    names = [ft.Segment(name, label=t(f"wallet.{name}")) for name in ("entries", "history")]
    choice = ft.SegmentedButton(names, selected=[tab], show_selected_icon=False, on_change=choose, key="wallet-tab")
    listed = _entries(t, board.entries, go) if payments else _history(t, board.history, go)
    cursor = board.entries_cursor if payments else board.history_cursor
    tail = ft.TextButton(t("act.more"), on_click=more, key="more") if cursor else None
    return card([choice, listed, tail])


def _sums(t: Texts, sums: Sums) -> list[ft.Control]:
    ink = ft.Colors.ON_PRIMARY_CONTAINER
    waiting = theme.body(t("wallet.pending_none"), ink)
    bar: ft.Control | None = None
    if sums.pending_minor:
        waiting = theme.strong(t("wallet.pending", amount=t.form.money(sums.pending_minor)), ink)
        share = min(1.0, sums.pending_minor / max(1, sums.payout_from_minor))
        track = ft.Colors.with_opacity(0.15, ft.Colors.PRIMARY)
        bar = ft.ProgressBar(value=share, color=theme.VALLEY, bgcolor=track, border_radius=4, bar_height=6)
    note = t("wallet.pending_note", from_=t.form.money(sums.payout_from_minor))
    balance = theme.figure(t.form.money(sums.balance_minor), ink, 44)
    balance.key = "balance"
    top = card(
        [
            theme.small(t("wallet.balance"), ink),
            balance,
            stack([waiting, bar, theme.small(note, ink)], 8),
        ],
        bgcolor=ft.Colors.PRIMARY_CONTAINER,
        padding=24,
        key="sums",
    )
    kinds = [
        ("earnings", sums.earnings_minor, ft.Icons.SAVINGS_OUTLINED),
        ("savings", sums.savings_minor, ft.Icons.RECEIPT_LONG_OUTLINED),
        ("benefits", sums.benefits_minor, ft.Icons.FUNCTIONS),
    ]
    rows: list[ft.Control | None] = []
    for name, amount, icon in kinds:
        row = pair(t(f"wallet.{name}"), t.form.money(amount), t(f"wallet.{name}.note"))
        rows.append(ft.Row([ft.Icon(icon, color=theme.VALLEY), ft.Container(row, expand=True)], spacing=14, key=name))
    smart = theme.small(t("wallet.sessions", smart=sums.smart_sessions, all=sums.sessions)) if sums.sessions else None
    return [top, card([rows[0], rule(), rows[1], rule(), rows[2], smart], spacing=14)]


def _entries(t: Texts, entries: Remote[list[WalletEntry]], go: Callable[[UUID], None]) -> ft.Control:
    if entries.first_load:
        return skeleton(t, 56, 56, 56)
    if not entries.value:
        return empty(ft.Icons.SAVINGS_OUTLINED, t("wallet.entries.empty"), t("wallet.entries.empty.do"))

    def row(one: WalletEntry) -> ft.Control:
        place = f"{one.location_name} · {t.form.date(one.at)}" if one.location_name else t.form.date(one.at)
        color = theme.VALLEY if one.amount_minor > 0 else ft.Colors.ON_SURFACE
        session_id = one.session_id
        return _tile(
            (t.code("entry", one.kind), place),
            theme.strong(t.form.money(one.amount_minor, sign=True), color),
            (lambda: go(session_id)) if session_id is not None else None,
            f"entry-{one.id}-{one.kind}",
        )

    return _list([row(one) for one in entries.value])


def _history(t: Texts, history: Remote[list[SessionSummary]], go: Callable[[UUID], None]) -> ft.Control:
    if history.first_load:
        return skeleton(t, 56, 56, 56)
    if not history.value:
        return empty(ft.Icons.EV_STATION_OUTLINED, t("wallet.history.empty"), t("wallet.history.empty.do"))

    def row(one: SessionSummary) -> ft.Control:
        gains = []
        if one.cashback_minor:
            gains.append(t("history.back", amount=t.form.money(one.cashback_minor)))
        if one.savings_minor:
            gains.append(t("history.saved", amount=t.form.money(one.savings_minor)))
        if one.shortfall is not None:
            gains.append(t("history.short", energy=t.form.energy(one.shortfall.energy_wh)))
        if one.state is not SessionState.SETTLED:
            gains = [t("wallet.running")]
        words = [theme.small(one, theme.VALLEY) for one in gains]
        right = ft.Column(
            [theme.strong(t.form.energy(one.energy_wh)), *words],
            spacing=0,
            tight=True,
            horizontal_alignment=ft.CrossAxisAlignment.END,
        )
        texts = (one.location_name, t.form.date_time(one.plugged_at))
        return _tile(texts, right, (lambda: go(one.id)) if one.has_receipt else None, f"history-{one.id}")

    return _list([row(one) for one in history.value])


def _list(rows: Sequence[ft.Control]) -> ft.Control:
    return ft.Column(list(rows), spacing=2, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True)


def _tile(words: tuple[str, str], right: ft.Control, go: Callable[[], None] | None, key: str) -> ft.Control:
    left = stack([theme.strong(words[0]), theme.small(words[1])], 0)
    chevron = ft.Icon(ft.Icons.CHEVRON_RIGHT, color=theme.MUTED, size=20, opacity=1 if go else 0)
    return ft.Container(
        ft.Row([ft.Container(left, expand=True), right, chevron], spacing=10),
        padding=ft.Padding.symmetric(horizontal=8, vertical=10),
        border_radius=theme.SMALL_RADIUS,
        ink=go is not None,
        on_click=go,
        key=key,
    )
