"""One station: what it is, what runs there, what it can be asked, what was said."""

import json
from datetime import datetime
from typing import Any

import flet as ft
import msgspec

from app import theme
from app.console import Search, attention_of
from app.strings import Texts
from app.views.desk import use_clock, use_console, use_desk, use_prefs, use_texts
from app.views.driver.session import missing
from app.views.operator import intents
from app.views.operator.certificates import Certificates
from app.views.operator.days import days_card
from app.views.operator.feeders import Feeders
from app.views.operator.frames import mono, pretty
from app.views.operator.inventory import Inventory
from app.views.operator.log import Frames
from app.views.operator.reservations import Reservations
from app.views.operator.standing import AdmissionCard, limits_card
from app.views.operator.stations import evse_line, ill
from app.views.operator.treatment import Treatment
from app.views.operator.waiting import findings_of
from app.views.operator.words import protocol, when
from app.widgets.cards import Tone, card, columns, failed, notice, page, pair, skeleton, stack
from app.widgets.keyed import keyed
from shared.health import StationHealth
from shared.operating import CommandForms, CommandOutcome, CommandStatus
from shared.problems import Problem
from shared.stations import StationView

FIRST = "TriggerMessage"
TONES = {
    CommandStatus.ANSWERED: Tone.GOOD,
    CommandStatus.REFUSED: Tone.BAD,
    CommandStatus.OFFLINE: Tone.WARN,
    CommandStatus.TIMED_OUT: Tone.WARN,
    CommandStatus.INVALID: Tone.BAD,
}


@ft.component
def StationPage() -> ft.Control:
    """A station by its address."""
    desk, t, console, prefs, clock = use_desk(), use_texts(), use_console(), use_prefs(), use_clock()
    station_id = ft.use_route_params().get("station", "")
    station = console.station(station_id)

    async def load() -> None:
        await intents.load_stations(desk)
        await intents.load_health(desk)

    ft.use_effect(load, [station_id])
    if station is None:
        if console.stations.problem is not None:
            return page([failed(t, console.stations.problem, load)], wide=prefs.wide)
        if console.stations.value is None:
            return page([skeleton(t, 160, 220, 300)], wide=prefs.wide)
        return missing(t, lambda: desk.page.navigate("/"))
    health = console.health_of(station_id)
    days = days_card(t, health.days, wide=prefs.wide) if health is not None else None
    left: list[ft.Control | None] = [
        keyed(_Facts, "facts", station),
        _wrong(t, health, clock.now),
        limits_card(t, station, clock.now),
        keyed(Feeders, f"feeders-{station.id}", station),
        keyed(Reservations, f"reservations-{station.id}", station),
        keyed(AdmissionCard, f"admission-{station.id}", station),
        days,
    ]
    right: list[ft.Control | None] = [
        keyed(Commands, f"commands-{station.identity}", station.identity),
        keyed(Treatment, f"treatment-{station.id}", station),
        keyed(Certificates, f"certificates-{station.id}", station),
    ]
    inventory = keyed(Inventory, f"inventory-{station.id}", station)
    log = stack([theme.heading(t("op.log")), keyed(Frames, f"frames-{station.identity}", Search(station.identity))])
    parts = columns(right, left, wide=True) if prefs.wide else stack([*left, *right])
    return page([parts, inventory, log], wide=prefs.wide)


def _wrong(t: Texts, health: StationHealth | None, now: datetime) -> ft.Control | None:
    found = [] if health is None else attention_of(health)
    return card([theme.heading(t("op.wrong")), *findings_of(found, now)], key="wrong") if found else None


@ft.component
def _Facts(station: StationView) -> ft.Control:
    t, clock = use_texts(), use_clock()
    color = (theme.VALLEY, theme.AT_ONCE, ft.Colors.ERROR)[ill(station)]
    seen = when(t, station.last_seen_at, clock.now) if station.last_seen_at else t("op.never")
    share = t("op.share.none") if station.safe_share_w is None else t.form.power(station.safe_share_w)
    make = " ".join(one for one in (station.vendor, station.model) if one) or t("op.unknown_model")
    return card(
        [
            theme.title(station.identity),
            pair(t("op.state"), theme.strong(t("op.up" if station.online else "op.down"), color)),
            pair(t("op.place"), station.location_name),
            pair(t("op.last_seen"), seen),
            pair(t("op.model"), make),
            pair(t("op.firmware"), station.firmware or t("op.unknown")),
            pair(t("op.version"), protocol(t, station.version)),
            pair(t("op.share"), share, t("op.share.what")),
            *[evse_line(t, one) for one in station.evses],
        ],
        key="facts",
    )


@ft.component
def Commands(identity: str) -> ft.Control:
    """The actions of the station's version, a body in JSON, and the answer."""
    desk, t, console = use_desk(), use_texts(), use_console()

    async def load() -> None:
        await intents.load_forms(desk, identity)

    ft.use_effect(load, [identity])
    forms = console.forms
    if forms.value is None and forms.problem is not None:
        return card([failed(t, forms.problem, load)])
    if forms.value is None:
        return card([skeleton(t, 56, 160, 44)])
    return keyed(_Form, f"form-{identity}", identity, forms.value)


@ft.component
def _Form(identity: str, forms: CommandForms) -> ft.Control:
    desk, t = use_desk(), use_texts()
    examples = {form.action: json.dumps(form.example, indent=2) for form in forms.forms}
    action, set_action = ft.use_state(FIRST if FIRST in examples else next(iter(examples), ""))
    body, set_body = ft.use_state(examples.get(action, "{}"))
    wrong, set_wrong = ft.use_state("")
    busy, set_busy = ft.use_state(initial=False)
    nothing: CommandOutcome | Problem | None = None
    result, set_result = ft.use_state(nothing)

    def choose(event: ft.Event[ft.Dropdown]) -> None:
        chosen = event.control.value or action
        set_action(chosen)
        set_body(examples[chosen])
        set_wrong("")

    async def send() -> None:
        said = _object(body)
        set_wrong("" if said is not None else t("op.not_json"))
        if said is None:
            return
        set_busy(True)
        set_result(await intents.command(desk, identity, action, said))
        set_busy(False)

    options = [ft.DropdownOption(key=name, text=name) for name in examples]
    pick = ft.Dropdown(value=action, options=options, on_select=choose, label=t("op.action"), key="action", expand=True)
    text = ft.TextField(
        value=body,
        label=t("op.body"),
        multiline=True,
        min_lines=5,
        max_lines=16,
        border=theme.FIELD,
        text_style=ft.TextStyle(font_family="monospace", size=13),
        error=wrong or None,
        error_max_lines=8,
        on_change=lambda event: set_body(event.control.value or ""),
        key="body",
    )
    button = ft.FilledButton(t("op.send"), icon=ft.Icons.SEND, on_click=send, disabled=busy, key="send")
    working = ft.ProgressRing(width=20, height=20) if busy else None
    foot = ft.Row([one for one in (button, working) if one is not None], spacing=12)
    picked = ft.Semantics(label=t("op.action"), content=ft.Row([pick]))
    return card([theme.heading(t("op.command")), picked, text, foot, _said(t, result)], key="command")


def _object(text: str) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(text.encode(), type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def _said(t: Texts, result: CommandOutcome | Problem | None) -> ft.Control | None:
    if result is None:
        return None
    if isinstance(result, Problem):
        fields = [mono(f"{one.field}: {one.message}", selectable=True) for one in result.errors]
        title = t("op.schema") if fields else result.detail or result.title
        return stack([notice(Tone.BAD, title, None if fields else result.hint), *fields], 6)
    title = t(f"op.status.{result.status.value}", ms=result.took_ms)
    detail = " ".join(one for one in (result.error_code, result.detail) if one) or None
    answer = None
    if result.status is CommandStatus.ANSWERED:
        answer = mono(pretty(json.dumps(result.answer)), selectable=True)
        answer.key = "answer"
    complaints = [theme.small(one, theme.AT_ONCE) for one in result.complaints]
    return stack([notice(TONES[result.status], title, detail), answer, *complaints], 8)
