"""The frame of every page: rail or bar, the demo's clock, the way back from a detail."""

from collections.abc import Mapping, Sequence

import flet as ft

from app import theme
from app.strings import Texts
from app.views import intents
from app.views.desk import Desk, use_clock, use_desk, use_prefs, use_texts
from app.views.driver.session import missing
from app.widgets.clock_bar import ClockBar

Tabs = tuple[tuple[str, str, ft.IconData, ft.IconData], ...]
"""Address, name, icon, icon of the chosen one."""
TABS: Tabs = (
    ("/", "home", ft.Icons.BOLT_OUTLINED, ft.Icons.BOLT),
    ("/public", "public", ft.Icons.MAP_OUTLINED, ft.Icons.MAP),
    ("/wallet", "wallet", ft.Icons.ACCOUNT_BALANCE_WALLET_OUTLINED, ft.Icons.ACCOUNT_BALANCE_WALLET),
    ("/tariff", "tariff", ft.Icons.EURO_OUTLINED, ft.Icons.EURO),
    ("/settings", "settings", ft.Icons.TUNE_OUTLINED, ft.Icons.TUNE),
)
DETAILS = {"/wallet/": "receipt.title", "/public/": "public.title", "/session/": "curve.title"}


@ft.component
def Shell() -> ft.View:
    """The driver's pages."""
    return frame(TABS, DETAILS)


def frame(tabs: Tabs, details: Mapping[str, str]) -> ft.View:
    """A tab with its navigation, or a detail with a way back and a title by its address (a hook)."""
    desk, t, prefs, path = use_desk(), use_texts(), use_prefs(), ft.use_view_path()
    outlet = ft.use_route_outlet()
    paths = [tab[0] for tab in tabs]
    is_tab = path in paths
    index = paths.index(path) if is_tab else _owner(paths, path)
    # One route for all tabs: switching between them is not a journey, so there is no transition.
    view = ft.View(route="/" if is_tab else path, can_pop=not is_tab, padding=0, spacing=0)
    inner: ft.Control = ft.Container(outlet, expand=True, padding=ft.Padding.only(top=16 if prefs.wide else 0))
    if not is_tab:
        inner = _column([_way_back(t, desk, _title(details, path), paths[index]), ft.Container(outlet, expand=True)])
    if prefs.wide:
        beside = [_rail(t, desk, tabs, index), ft.Container(inner, expand=True)]
        inner = ft.Row(beside, expand=True, spacing=0, vertical_alignment=ft.CrossAxisAlignment.STRETCH)
    elif is_tab:
        view.navigation_bar = _bar(t, desk, tabs, index)
    view.controls = [ft.SafeArea(_column([_Clock(), inner]), expand=True, avoid_intrusions_bottom=not is_tab)]
    return view


def _owner(paths: Sequence[str], path: str) -> int:
    """The tab that a detail belongs to."""
    return next((number for number, tab in enumerate(paths) if tab != "/" and path.startswith(tab)), 0)


def _column(controls: list[ft.Control]) -> ft.Control:
    return ft.Column(controls, spacing=0, expand=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)


def _title(details: Mapping[str, str], path: str) -> str:
    return next((key for start, key in details.items() if path.startswith(start)), "app.name")


def _way_back(t: Texts, desk: Desk, key: str, home: str) -> ft.Control:
    arrow = ft.IconButton(
        ft.Icon(ft.Icons.ARROW_BACK, semantics_label=t("act.back")),
        tooltip=t("act.back"),
        on_click=lambda: desk.page.navigate(home),
        key="back",
    )
    row = ft.Row([arrow, theme.title(t(key))], spacing=8)
    return ft.Container(row, padding=ft.Padding.symmetric(horizontal=8, vertical=8))


@ft.component
def _Clock() -> ft.Control:
    """The demo's clock; takes no room elsewhere."""
    desk, t, clock = use_desk(), use_texts(), use_clock()
    if not clock.demo:
        return ft.Container(height=0)

    async def run(speed: int) -> None:
        await intents.run_clock(desk, speed)

    return ClockBar(t, clock, run)


def _rail(t: Texts, desk: Desk, tabs: Tabs, index: int) -> ft.Control:
    mark = ft.Container(
        ft.Image("/icons/icon-192.png", width=44, height=44, border_radius=12, semantics_label=t("app.name")),
        padding=ft.Padding.only(top=20, bottom=16),
    )
    return ft.NavigationRail(
        selected_index=index,
        label_type=ft.NavigationRailLabelType.ALL,
        leading=mark,
        min_width=96,
        group_alignment=-0.9,
        destinations=[
            ft.NavigationRailDestination(icon=icon, selected_icon=chosen, label=t(f"nav.{name}"))
            for _, name, icon, chosen in tabs
        ],
        on_change=lambda event: desk.page.navigate(tabs[event.control.selected_index or 0][0]),
    )


def _bar(t: Texts, desk: Desk, tabs: Tabs, index: int) -> ft.NavigationBar:
    return ft.NavigationBar(
        selected_index=index,
        destinations=[
            ft.NavigationBarDestination(icon=icon, selected_icon=chosen, label=t(f"nav.{name}"))
            for _, name, icon, chosen in tabs
        ],
        on_change=lambda event: desk.page.navigate(tabs[event.control.selected_index][0]),
    )


@ft.component
def NotFound() -> ft.Control:
    """An address of nothing."""
    desk, t = use_desk(), use_texts()
    return missing(t, lambda: desk.page.navigate("/"))
