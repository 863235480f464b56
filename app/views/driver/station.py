"""A public station: its sockets, what they cost, what is likely to come back; start, and the session once it runs."""

from collections.abc import Callable
from typing import cast
from uuid import UUID

import flet as ft

from app import theme
from app.failures import ApiProblem
from app.strings import Texts
from app.views import intents
from app.views.desk import use_board, use_clock, use_desk, use_prefs, use_texts
from app.views.driver.session import LinkNotice, SessionPanel, missing
from app.widgets.cards import Tone, card, columns, notice, page, skeleton, stack
from app.widgets.home_advice import home_advice
from app.widgets.keyed import keyed
from app.widgets.stations import local_time, mine, power_words, price_table, state_dot, state_words
from shared.locations import EvseState, EvseView, LocationView
from shared.sessions import StayEstimate


@ft.component
def Station() -> ft.Control:
    """One location by its address."""
    desk, t, board, prefs = use_desk(), use_texts(), use_board(), use_prefs()
    text = ft.use_route_params().get("location", "")
    gone, set_gone = ft.use_state(initial=False)
    location = next((one for one in board.locations.value or [] if str(one.id) == text), None)

    async def load() -> None:
        try:
            board.put_location(await desk.api.location(UUID(text)))
        except ValueError:
            set_gone(True)
        except ApiProblem as refused:
            set_gone(refused.not_found)
            if not refused.not_found:
                desk.refuse(refused)

    ft.use_effect(load, [text])
    if location is not None:
        return page([keyed(LinkNotice, "link"), keyed(_Place, text, location)], wide=prefs.wide)
    if gone:
        return missing(t, lambda: desk.page.navigate("/"))
    return page([skeleton(t, 80, 90, 90, 220)], wide=prefs.wide)


@ft.component
def _Place(location: LocationView) -> ft.Control:
    t, board, prefs = use_texts(), use_board(), use_prefs()
    best = next((one for one in location.evses if one.state is EvseState.AVAILABLE and one.online), None)
    picked, set_picked = ft.use_state(cast("UUID | None", None))
    here = mine(location)
    chosen_id = picked or (here or best or location.evses[0]).id
    chosen = next((one for one in location.evses if one.id == chosen_id), location.evses[0])
    head = stack(
        [
            theme.title(location.name),
            theme.body(location.address, theme.MUTED),
            theme.small(t("public.operator", name=location.operator_name)),
        ],
        2,
    )
    session = board.session(here.mine) if here is not None and here.mine is not None else None
    if session is not None:
        return stack([head, notice(Tone.GOOD, t("public.mine")), keyed(SessionPanel, str(session.id), session)])
    sockets = card(
        [
            theme.heading(t("public.pick")),
            *[_socket(t, one, set_picked, chosen=one.id == chosen.id) for one in location.evses],
        ]
    )
    return columns([head, sockets], [keyed(_Socket, str(chosen.id), chosen, location)], wide=prefs.wide)


def _socket(t: Texts, evse: EvseView, pick: Callable[[UUID], None], *, chosen: bool) -> ft.Control:
    words = [theme.strong(evse.label), theme.small(power_words(t, evse))]
    row = ft.Row(
        [state_dot(evse), ft.Container(stack(words, 0), expand=True), theme.small(state_words(t, evse))], spacing=14
    )
    return ft.Semantics(
        selected=chosen,
        content=ft.Container(
            row,
            padding=ft.Padding.symmetric(horizontal=14, vertical=10),
            border_radius=theme.SMALL_RADIUS,
            bgcolor=ft.Colors.PRIMARY_CONTAINER if chosen else None,
            ink=True,
            on_click=lambda: pick(evse.id),
            key=f"evse-{evse.id}",
        ),
    )


@ft.component
def _Socket(evse: EvseView, location: LocationView) -> ft.Control:
    """Price, the range of money back, and the button."""
    desk, t, clock = use_desk(), use_texts(), use_clock()
    back, set_back = ft.use_state(cast("StayEstimate | None", None))
    said, set_said = ft.use_state(cast("str | None", None))
    busy, set_busy = ft.use_state(initial=False)

    async def estimate() -> None:
        try:
            set_back(await desk.api.estimate(evse.id))
        except ApiProblem:
            set_back(None)  # the price stands without it; whatever is wrong shows when something is asked for

    async def start() -> None:
        set_busy(True)
        set_said(None)
        set_said(await intents.start(desk, evse.id))
        set_busy(False)

    ft.use_effect(estimate, [])
    at = local_time(location, clock.now)
    usable = evse.state is EvseState.AVAILABLE and evse.online
    button = ft.FilledButton(
        t("start.sending") if busy else t("start.do"),
        icon=ft.Icons.POWER,
        on_click=start,
        disabled=busy or not usable or evse.price is None,
        key="start",
    )
    answer = None
    if said is not None:
        answer = notice(Tone.GOOD if said == "accepted" else Tone.WARN, t.code("start", said))
    return card(
        [
            theme.heading(evse.label),
            theme.small(f"{state_words(t, evse)}, {power_words(t, evse)}"),
            stack([theme.heading(t("price.title")), price_table(t, evse.price, back, at)], 10),
            home_advice(t, back.home) if back is not None else None,
            button,
            None if usable else theme.small(t("start.not_free")),
            answer,
        ],
        spacing=16,
        key="socket",
    )
