"""Charging on the road: the map and the list of stations."""

from collections.abc import Callable
from uuid import UUID

import flet as ft

from app import theme
from app.strings import Texts
from app.views import intents
from app.views.desk import use_board, use_clock, use_desk, use_prefs, use_texts
from app.views.driver.session import LinkNotice
from app.widgets.cards import empty, failed, page, skeleton, stack
from app.widgets.keyed import keyed
from app.widgets.station_map import StationMap
from app.widgets.stations import free, local_time, lowest_price, mine, varying_words
from shared.locations import LocationView
from shared.tariffs import PublicPrice


@ft.component
def Public() -> ft.Control:
    """All public stations."""
    desk, t, board, prefs = use_desk(), use_texts(), use_board(), use_prefs()

    async def load() -> None:
        await intents.load_locations(desk)

    ft.use_effect(load, [])
    locations = board.locations
    if locations.first_load:
        return page([skeleton(t, 280, 92, 92, 92)], wide=prefs.wide)
    if locations.value is None and locations.problem is not None:
        return page([failed(t, locations.problem, load)], wide=prefs.wide)
    if not locations.value:
        return page([empty(ft.Icons.MAP_OUTLINED, t("public.empty"), t("public.empty.do"))], wide=prefs.wide)
    shown = tuple(sorted(locations.value, key=lambda one: (mine(one) is None, free(one) == 0, one.name)))

    def go(location_id: UUID) -> None:
        desk.page.navigate(f"/public/{location_id}")

    chart = StationMap(t, shown, desk.tiles, go)
    rows: list[ft.Control] = [_row(t, one, go) for one in shown]
    if not prefs.wide:
        return page([keyed(LinkNotice, "link"), ft.Container(chart, height=280), *rows], wide=False)
    side = ft.Column(rows, width=420, spacing=12, scroll=ft.ScrollMode.AUTO)
    both = ft.Row([side, chart], spacing=20, expand=True, vertical_alignment=ft.CrossAxisAlignment.STRETCH)
    whole = ft.Column([keyed(LinkNotice, "link"), both], expand=True, spacing=8)
    return ft.Container(whole, padding=ft.Padding.only(left=32, right=32, top=12, bottom=24), expand=True)


@ft.component
def _Varying(location: LocationView, price: PublicPrice) -> ft.Control:
    """The price now and the next one: it alone follows the clock."""
    t, clock = use_texts(), use_clock()
    words = varying_words(t, price, local_time(location, clock.now))
    lines: list[ft.Control] = [theme.small(one) for one in words]
    return ft.Column(lines, spacing=2, tight=True, horizontal_alignment=ft.CrossAxisAlignment.END)


def _row(t: Texts, location: LocationView, go: Callable[[UUID], None]) -> ft.Control:
    count, price = free(location), lowest_price(location)
    names = [theme.heading(location.name), theme.small(location.address)]
    if mine(location) is not None:
        names.append(theme.small(t("public.mine"), theme.AT_ONCE))
    total = t("public.of", n=len(location.evses))
    color = theme.VALLEY if count else theme.MUTED
    right: list[ft.Control] = [
        ft.Row([theme.strong(t.count("public.free", count), color), theme.small(total)], spacing=4, tight=True)
    ]
    if price is not None and price.steps:
        right.append(keyed(_Varying, "price", location, price))
    elif price is not None:
        right.append(theme.small(t("public.from", price=t.form.price(price.energy_micro_per_kwh))))
    side = ft.Column(right, spacing=2, horizontal_alignment=ft.CrossAxisAlignment.END, tight=True)
    return ft.Container(
        ft.Row([ft.Container(stack(names, 2), expand=True), side], spacing=12),
        bgcolor=theme.CARD,
        border=ft.Border.all(1, theme.LINE),
        border_radius=theme.CARD_RADIUS,
        padding=18,
        ink=True,
        on_click=lambda: go(location.id),
        key=f"location-{location.id}",
    )
