"""Lists of stations that another central system hears too: their state, what it may do, and the way back."""

from collections import Counter

import flet as ft

from app import theme
from app.strings import Texts
from app.views.background import use_background
from app.views.desk import use_clock, use_console, use_desk, use_prefs, use_texts
from app.views.operator import care
from app.views.operator.frames import mono
from app.views.operator.upload import Upload
from app.views.operator.words import when
from app.widgets.cards import Tone, card, empty, failed, notice, page, rule, skeleton, stack
from app.widgets.keyed import keyed
from shared.forwarding import ForwardedStation, ForwardingChange, ForwardingUndone, ForwardingView

OFF, WAITING = "off", "waiting"
COLORS = {"connected": theme.VALLEY, OFF: theme.MUTED}


@ft.component
def ForwardingPage() -> ft.Control:
    """All lists, and the form for another one."""
    desk, t, console, prefs = use_desk(), use_texts(), use_console(), use_prefs()

    async def watch() -> None:
        await care.watch_forwardings(desk)

    async def load() -> None:
        await care.load_forwardings(desk)

    use_background(watch)
    lists = console.forwardings
    if lists.value is None and lists.problem is not None:
        return page([failed(t, lists.problem, load)], wide=prefs.wide)
    if lists.value is None:
        return page([skeleton(t, 60, 160, 160)], wide=prefs.wide)
    head = card([theme.title(t("op.forwarding")), theme.body(t("op.forwarding.what"))], key="forwarding-head")
    none = None
    if not lists.value:
        none = empty(ft.Icons.FORWARD_OUTLINED, t("op.forwarding.empty"), t("op.forwarding.empty.do"))
    shown = [keyed(_List, f"list-{one.id}", one) for one in lists.value]
    return page([head, none, *shown, keyed(Upload, "upload")], wide=prefs.wide)


@ft.component
def _List(one: ForwardingView) -> ft.Control:
    desk, t = use_desk(), use_texts()
    tell, set_tell = ft.use_state(initial=False)
    nothing: ForwardingUndone | None = None
    undone, set_undone = ft.use_state(nothing)
    busy, set_busy = ft.use_state(initial=False)

    async def switch(event: ft.Event[ft.Switch]) -> None:
        set_undone(None)
        await care.change_forwarding(desk, one.id, ForwardingChange(on=bool(event.control.value)))

    async def cards(event: ft.Event[ft.Switch]) -> None:
        await care.change_forwarding(desk, one.id, ForwardingChange(their_cards=bool(event.control.value)))

    async def undo() -> None:
        set_busy(True)
        set_undone(await care.undo_forwarding(desk, one.id, write_back=tell))
        set_busy(False)

    async def forget() -> None:
        await care.delete_forwarding(desk, one.id)

    told = ft.Checkbox(value=tell, on_change=lambda event: set_tell(bool(event.control.value)), key=f"tell-{one.id}")
    way_back = ft.FilledTonalButton(
        t("op.forwarding.undo"), icon=ft.Icons.UNDO, on_click=undo, disabled=busy, key=f"undo-{one.id}"
    )
    gone = ft.TextButton(t("op.forwarding.delete"), on_click=forget, key=f"delete-{one.id}") if not one.on else None
    rows: list[ft.Control] = []
    for station in one.stations:
        rows += [rule(), keyed(_Station, f"forwarded-{station.id}", one, station)]
    return card(
        [
            theme.heading(one.name),
            theme.small(t("op.forwarding.to", url=one.url)),
            theme.small(_summary(t, one)),
            _switch(t("op.forwarding.on"), ft.Switch(value=one.on, on_change=switch, key=f"on-{one.id}")),
            _switch(t("op.forwarding.cards"), ft.Switch(value=one.their_cards, on_change=cards, key=f"cards-{one.id}")),
            keyed(_Allowed, f"allowed-{one.id}", one),
            *rows,
            rule(),
            _switch(t("op.forwarding.undo.tell"), told),
            ft.Row([part for part in (way_back, gone) if part is not None], spacing=12, wrap=True),
            _undone(t, undone) if undone is not None else None,
        ],
        key=f"forwarding-{one.name}",
    )


def _summary(t: Texts, one: ForwardingView) -> str:
    """How many stations are in which state."""
    found = Counter(station.state for station in one.stations)
    return " · ".join(f"{count} {t.code('op.forwarding.state', state)}" for state, count in sorted(found.items()))


def _switch(label: str, control: ft.Switch | ft.Checkbox) -> ft.Control:
    control.tooltip = label  # what a screen reader says of it
    words = ft.Container(theme.body(label), expand=True)
    return ft.Semantics(label=label, content=ft.Row([words, control], spacing=12))


@ft.component
def _Allowed(one: ForwardingView) -> ft.Control:
    """The commands that are let through, by their names."""
    desk, t = use_desk(), use_texts()
    text, set_text = ft.use_state(", ".join(one.allowed))
    names = split(text)

    async def save() -> None:
        await care.change_forwarding(desk, one.id, ForwardingChange(allowed=names))

    field = ft.TextField(
        value=text,
        label=t("op.forwarding.allowed"),
        hint_text=t("op.forwarding.allowed.hint"),
        border=theme.FIELD,
        dense=True,
        expand=True,
        on_change=lambda event: set_text(event.control.value or ""),
        on_submit=save,
        key=f"allow-{one.id}",
    )
    changed = names != one.allowed
    button = ft.TextButton(t("op.save"), on_click=save, disabled=not changed, key=f"save-allowed-{one.id}")
    return stack([ft.Row([field, button], spacing=8), theme.small(t("op.forwarding.allowed.what"))], 4)


def split(text: str) -> list[str]:
    """Names out of a field: between commas or spaces."""
    return text.replace(",", " ").split()


@ft.component
def _Station(one: ForwardingView, station: ForwardedStation) -> ft.Control:
    desk, t, clock = use_desk(), use_texts(), use_clock()

    async def switch(event: ft.Event[ft.Switch]) -> None:
        await care.switch_forwarded(desk, one.id, station.id, on=bool(event.control.value))

    color = COLORS.get(station.state, theme.AT_ONCE)
    state = t.code("op.forwarding.state", station.state)
    if station.state_at is not None and station.state != OFF:
        state = f"{state}, {t('op.since', moment=when(t, station.state_at, clock.now))}"
    counts = t("op.forwarding.counts", waiting=station.waiting, delivered=station.delivered, dropped=station.dropped)
    why = station.error or (t("op.forwarding.away") if station.state == WAITING else "")
    label = t("op.forwarding.station", identity=station.identity)
    turn = ft.Switch(value=station.on, on_change=switch, tooltip=label, key=f"forward-{station.identity}")
    name = ft.Container(theme.strong(station.identity), expand=True)
    lines: list[ft.Control | None] = [
        ft.Semantics(label=label, content=ft.Row([name, turn], spacing=12)),
        theme.strong(state, color, 14),
        theme.small(t("op.forwarding.why", why=why), theme.AT_ONCE) if why else None,
        theme.small(t("op.forwarding.note", what=station.note)) if station.note else None,
        theme.small(counts),
        theme.small(t.count("op.forwarding.untold", station.untold), theme.AT_ONCE) if station.untold else None,
        _address(t("op.forwarding.url"), station.url),
        _address(t("op.forwarding.back"), station.back_url),
    ]
    return stack(lines, 4)


def _address(label: str, url: str) -> ft.Control:
    return stack([theme.small(label), mono(url, selectable=True)], 0)


def _undone(t: Texts, undone: ForwardingUndone) -> ft.Control:
    """Where each station goes back to, and how it learns of it."""
    rows: list[ft.Control | None] = [notice(Tone.GOOD, t("op.forwarding.undone"))]
    for identity, url in undone.back_urls.items():
        said = undone.outcomes.get(identity, "by_hand")
        told = theme.small(t.code("op.forwarding.outcome", said))
        rows.append(stack([theme.strong(identity, size=14), mono(url, selectable=True), told], 2))
    found = stack(rows, 10)
    found.key = "undone"
    return found
