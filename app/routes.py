"""Which page stands at which address, and what runs while somebody is signed in."""

import asyncio

import flet as ft

from app import theme
from app.state import Access, AppState
from app.strings import LANGUAGES
from app.views import access, intents
from app.views.background import use_background
from app.views.desk import Desk, use_desk, use_texts
from app.views.driver.home import Home
from app.views.driver.public import Public
from app.views.driver.receipt import ReceiptPage
from app.views.driver.session import SessionPage
from app.views.driver.settings import Settings
from app.views.driver.shell import NotFound, Shell
from app.views.driver.sign_in import SignIn
from app.views.driver.station import Station
from app.views.driver.tariff import Tariff
from app.views.driver.wallet import Wallet
from app.views.operator import intents as operating
from app.views.operator.forwarding import ForwardingPage
from app.views.operator.log import LogPage
from app.views.operator.shell import OperatorSettings, OperatorShell
from app.views.operator.station import StationPage
from app.views.operator.stations import Stations
from app.widgets.cards import skeleton
from shared.accounts import Role

TICK_S = 1.0
OPERATING = (Role.OPERATOR, Role.ADMINISTRATOR)


def _routes() -> list[ft.Route]:
    return [
        ft.Route(
            component=Shell,
            outlet=True,
            children=[
                ft.Route(index=True, component=Home),
                ft.Route(path="session/:session", component=SessionPage),
                ft.Route(path="public", component=Public, children=[ft.Route(path=":location", component=Station)]),
                ft.Route(path="wallet", component=Wallet, children=[ft.Route(path=":session", component=ReceiptPage)]),
                ft.Route(path="tariff", component=Tariff),
                ft.Route(path="settings", component=Settings),
            ],
        )
    ]


def _operator_routes() -> list[ft.Route]:
    return [
        ft.Route(
            component=OperatorShell,
            outlet=True,
            children=[
                ft.Route(index=True, component=Stations),
                ft.Route(path="station/:station", component=StationPage),
                ft.Route(path="log", component=LogPage),
                ft.Route(path="forwarding", component=ForwardingPage),
                ft.Route(path="settings", component=OperatorSettings),
            ],
        )
    ]


@ft.component
def App(desk: Desk) -> object:
    """The whole app for one session."""
    state = desk.state
    door, _ = ft.use_state(state.door)
    _use_look(state)

    async def restore() -> None:
        await access.restore(desk)

    ft.use_effect(restore, [])
    if door.access is Access.SIGNED_IN:
        return SignedIn()
    return [DoorView(door.access)]


@ft.component
def SignedIn() -> object:
    """The pages, the live news and the ticking of the clock."""
    desk = use_desk()
    me = desk.state.board.me
    operates = me is not None and me.role in OPERATING

    async def follow() -> None:
        await (operating.follow(desk) if operates else intents.follow(desk))

    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK_S)
            desk.state.clock.tick()

    use_background(follow)
    use_background(tick)
    return ft.Router(_operator_routes() if operates else _routes(), manage_views=True, not_found=NotFound)


@ft.component
def DoorView(who: Access) -> ft.View:
    """Before anybody is signed in."""
    t = use_texts()
    waiting = ft.Container(skeleton(t, 72, 120, 120), width=460, padding=32, alignment=ft.Alignment.TOP_CENTER)
    inner = SignIn() if who is Access.SIGNED_OUT else ft.Container(waiting, alignment=ft.Alignment.TOP_CENTER)
    return ft.View(route="/sign-in", padding=0, controls=[ft.SafeArea(ft.Container(inner, expand=True), expand=True)])


def _use_look(state: AppState) -> None:
    """Window size, theme and the language of built-in widgets follow the state (a hook)."""
    page = ft.context.page
    prefs, _ = ft.use_state(state.prefs)

    def size() -> None:
        def resized(event: ft.PageResizeEvent) -> None:
            prefs.resize(event.width)

        page.on_resize = resized
        prefs.resize(page.width or prefs.width)

    def look() -> None:
        page.theme_mode = theme.mode(prefs.theme)
        page.locale_configuration = ft.LocaleConfiguration(
            supported_locales=[ft.Locale(code) for code in LANGUAGES], current_locale=ft.Locale(prefs.language)
        )
        page.update()

    ft.use_effect(size, [])
    ft.use_effect(look, [prefs.theme, prefs.language])
