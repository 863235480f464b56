"""The frame of the operator's pages, and the operator's settings."""

import flet as ft

from app.views.desk import use_board, use_desk, use_prefs, use_texts
from app.views.driver.settings import account_card, language_card, look_card
from app.views.driver.shell import Tabs, frame
from app.widgets.cards import columns, page, skeleton

TABS: Tabs = (
    ("/", "stations", ft.Icons.EV_STATION_OUTLINED, ft.Icons.EV_STATION),
    ("/log", "log", ft.Icons.RECEIPT_LONG_OUTLINED, ft.Icons.RECEIPT_LONG),
    ("/forwarding", "forwarding", ft.Icons.FORWARD_OUTLINED, ft.Icons.FORWARD),
    ("/settings", "settings", ft.Icons.TUNE_OUTLINED, ft.Icons.TUNE),
)
DETAILS = {"/station/": "op.station"}


@ft.component
def OperatorShell() -> ft.View:
    """The operator's pages."""
    return frame(TABS, DETAILS)


@ft.component
def OperatorSettings() -> ft.Control:
    """What belongs to the account and this device."""
    desk, t, board, prefs = use_desk(), use_texts(), use_board(), use_prefs()
    if board.me is None:
        return page([skeleton(t, 120, 200)], wide=prefs.wide)
    left = [look_card(t, desk, prefs.theme), language_card(t, desk, prefs.language)]
    return page([columns(left, [account_card(t, desk, board.me)], wide=prefs.wide)], wide=prefs.wide)
