"""The map: stations as pills with what is free and the price. Without tiles they stand on a calm ground."""

from collections.abc import Callable
from uuid import UUID

import flet as ft
import flet_map as fm

from app import theme
from app.strings import Texts
from app.widgets.stations import free, lowest_price, mine
from shared.locations import LocationView

AGENT = "org.dalstroom.app"
CLOSEST = 16
PILL, PILL_VARYING = 118, 164
"""Widths: "from" before a price takes room."""


def _point(location: LocationView) -> fm.MapLatitudeLongitude:
    return fm.MapLatitudeLongitude(location.latitude, location.longitude)


def _fit(locations: tuple[LocationView, ...]) -> fm.CameraFit:
    """All of them in view, with room for their pills; no closer than a street."""
    padding = ft.Padding.only(left=104, right=104, top=70, bottom=90)
    return fm.CameraFit(coordinates=[_point(one) for one in locations], padding=padding, max_zoom=CLOSEST)


def varies(location: LocationView) -> bool:
    """Whether the price to show for a place changes over the day."""
    price = lowest_price(location)
    return price is not None and bool(price.steps)


@ft.component
def StationMap(
    t: Texts, locations: tuple[LocationView, ...], tiles: str, on_pick: Callable[[UUID], None]
) -> ft.Control:
    """`tiles` is a URL template with {z}, {x} and {y}, empty for none."""
    no_tiles, set_no_tiles = ft.use_state(initial=not tiles)

    def marker(location: LocationView) -> fm.Marker:
        return fm.Marker(
            _pill(t, location, lambda: on_pick(location.id)),
            _point(location),
            width=PILL_VARYING if varies(location) else PILL,
            height=44,
            alignment=ft.Alignment.TOP_CENTER,
        )

    layers: list[fm.MapLayer] = []
    if tiles:
        layer = fm.TileLayer(
            url_template=tiles, user_agent_package_name=AGENT, on_image_error=lambda: set_no_tiles(True)
        )
        layers = [layer] if no_tiles else [layer, fm.SimpleAttribution(t("public.attribution"))]
    layers.append(fm.MarkerLayer([marker(one) for one in locations]))
    chart = fm.Map(
        layers=layers,
        initial_center=_point(locations[0]),
        initial_camera_fit=_fit(locations),
        bgcolor=ft.Colors.SURFACE_CONTAINER_HIGH,
        expand=True,
        key="map",
    )
    note = ft.Container(
        theme.small(t("public.no_tiles")),
        bgcolor=ft.Colors.with_opacity(0.9, theme.CARD),
        border_radius=10,
        padding=ft.Padding.symmetric(horizontal=12, vertical=8),
        left=12,
        right=12,
        bottom=12,
        visible=no_tiles,
    )
    return ft.Container(
        ft.Stack([chart, note], expand=True),
        border_radius=theme.CARD_RADIUS,
        clip_behavior=ft.ClipBehavior.ANTI_ALIAS,
        expand=True,
    )


def _pill(t: Texts, location: LocationView, on_click: Callable[[], None]) -> ft.Control:
    count, price = free(location), lowest_price(location)
    here = mine(location) is not None
    color = ft.Colors.TERTIARY if here else ft.Colors.PRIMARY if count else ft.Colors.SECONDARY
    ink = ft.Colors.ON_TERTIARY if here else ft.Colors.ON_PRIMARY if count else ft.Colors.ON_SECONDARY
    words = [t.count("public.free", count)]
    if price is not None:
        low = t.form.price(price.energy_micro_per_kwh)
        words.append(t("public.lowest", price=low) if price.steps else low)
    label = ft.Text(" · ".join(words), size=13, font_family=theme.BOLD, color=ink, no_wrap=True)
    return ft.Semantics(
        button=True,
        label=f"{location.name}: {', '.join(words)}",
        content=ft.Container(
            label,
            bgcolor=color,
            border_radius=22,
            border=ft.Border.all(2.5, theme.CARD),
            alignment=ft.Alignment.CENTER,
            on_click=on_click,
            tooltip=location.name,
            key=f"marker-{location.id}",
        ),
    )
