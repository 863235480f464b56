"""What is kept free at a station, and the way to let it go."""

import asyncio
from collections.abc import Awaitable, Callable

import flet as ft

from app import theme
from app.views.background import use_background
from app.views.desk import use_clock, use_desk, use_texts
from app.views.operator.fetched import use_fetched
from app.views.operator.intents import LOOK_S
from app.views.operator.words import when
from app.widgets.cards import card, failed, rule, skeleton, stack
from app.widgets.keyed import keyed
from shared.reservations import ReservationView
from shared.stations import StationView


@ft.component
def Reservations(station: StationView) -> ft.Control:
    """A station's reservations that stand, looked at again now and then: drivers make them."""
    desk, t = use_desk(), use_texts()
    found, load = use_fetched(lambda: desk.api.operating.reservations(station.id), [str(station.id)])

    async def watch() -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await load()

    async def cancel(reservation_id: int) -> None:
        await desk.attempt(desk.api.operating.cancel_reservation(station.id, reservation_id))
        await load()

    use_background(watch, [str(station.id)])
    head = theme.heading(t("op.reservations"))
    if found.value is None and found.problem is not None:
        return card([head, failed(t, found.problem, load)])
    if found.value is None:
        return card([head, skeleton(t, 44)])
    rows: list[ft.Control] = [head]
    for one in found.value:
        rows += [rule(), keyed(_Reservation, f"reservation-{one.id}", one, cancel)]
    if not found.value:
        rows.append(theme.small(t("op.reservations.none")))
    return card(rows, key="reservations")


@ft.component
def _Reservation(one: ReservationView, cancel: Callable[[int], Awaitable[None]]) -> ft.Control:
    t, clock = use_texts(), use_clock()
    sure, set_sure = ft.use_state(initial=False)

    async def press() -> None:
        if sure:
            await cancel(one.id)
        set_sure(not sure)

    until = when(t, one.expires_at, clock.now)
    words = [
        theme.strong(one.evse_label, size=14),
        theme.small(t("op.reservation.until", moment=until)),
        None if one.confirmed else theme.small(t("op.reservation.unconfirmed"), theme.AT_ONCE),
    ]
    button = ft.TextButton(
        t("op.reservation.cancel.sure" if sure else "op.reservation.cancel"),
        on_click=press,
        style=ft.ButtonStyle(color=ft.Colors.ERROR),
        key=f"cancel-{one.id}",
    )
    return ft.Row([ft.Container(stack(words, 2), expand=True), button], spacing=12)
