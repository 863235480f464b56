"""Who is there: taking up a stored sign-in, signing in and out, and which server that is at."""

from collections.abc import Awaitable
from uuid import UUID

import msgspec

from app.client import Api
from app.failures import SIGNED_OUT, ApiProblem
from app.state import Access
from app.store import LANGUAGE, SERVER, THEME
from app.strings import preferred
from app.views.desk import Desk
from shared.accounts import Me, TokenPair

NOT_STORED = "sign.not_stored"


async def restore(desk: Desk) -> None:
    """At the start: the device's language and look, then the stored sign-in, if it still holds."""
    state, store = desk.state, desk.store
    state.prefs.theme = await store.recall(THEME) or state.prefs.theme
    state.prefs.language = await store.recall(LANGUAGE) or preferred(await _locales(desk))
    if not desk.server_is_given and (server := await store.recall(SERVER)):
        await use_server(desk, server)
    token = await store.token()
    if token is None:
        state.door.access = Access.SIGNED_OUT
        return
    try:
        await desk.api.resume(token)
        await _enter(desk)
    except ApiProblem as refused:
        if not refused.unreachable:
            await store.keep_token(None)
        state.door.notice = refused.problem.code if refused.unreachable else SIGNED_OUT
        state.door.access = Access.SIGNED_OUT


async def _locales(desk: Desk) -> list[str]:
    try:
        info = await desk.page.get_device_info()
    except (RuntimeError, TimeoutError, TypeError, ValueError):  # also a device that Flet cannot describe yet
        return []
    return [one.language_code for one in info.locales if one.language_code] if info else []


async def keep_tokens(desk: Desk, tokens: TokenPair | None) -> None:
    """Store what the next start needs; a device that refuses is mentioned once."""
    kept = await desk.store.keep_token(tokens.refresh_token if tokens else None)
    if not kept and tokens is not None and desk.state.door.notice != NOT_STORED:
        desk.state.door.notice = NOT_STORED
        desk.toast(desk.texts(NOT_STORED))


async def use_server(desk: Desk, address: str) -> Api:
    """Speak to another server from now on."""
    assert desk.start_api is not None, "the server is given by whoever serves the app"
    if desk.api.base_url != address:
        await desk.api.close()
        desk.api = desk.start_api(address)
        desk.state.board.drivers = desk.state.board.drivers.ready(None)
    await desk.store.remember(SERVER, address)
    return desk.api


async def load_drivers(desk: Desk) -> None:
    """The people of the demo; a server that is no demo has none."""
    board = desk.state.board
    if not desk.api.base_url:  # a phone that has not been told its server yet
        board.drivers = board.drivers.ready([])
        return
    board.drivers = board.drivers.loading()
    try:
        board.drivers = board.drivers.ready(await desk.api.demo_drivers())
    except ApiProblem as refused:
        board.drivers = board.drivers.ready([]) if refused.not_found else board.drivers.failed(refused.problem)


async def sign_in_demo(desk: Desk, account_id: UUID) -> bool:
    """One tap."""
    return await _signed_in(desk, desk.api.sign_in_demo(account_id))


async def sign_in(desk: Desk, email: str, password: str) -> bool:
    """E-mail and password."""
    return await _signed_in(desk, desk.api.sign_in(email, password))


async def _signed_in(desk: Desk, work: Awaitable[None]) -> bool:
    try:
        await work
        await _enter(desk)
    except ApiProblem as refused:
        desk.refuse(refused)
        return False
    return True


async def _enter(desk: Desk) -> None:
    me = await desk.api.me()
    desk.state.door.notice = None
    await show(desk, me)
    desk.state.clock.demo = me.demo
    desk.state.door.access = Access.SIGNED_IN


async def show(desk: Desk, me: Me) -> None:
    """The account's language and look become the device's."""
    if me.demo:  # a visitor of the demo keeps the language of the door, or of the settings, whoever they are just now
        me = msgspec.structs.replace(me, language=desk.state.prefs.language)
    desk.state.board.me = me
    desk.state.prefs.language, desk.state.prefs.theme = me.language, me.theme
    await desk.store.remember(LANGUAGE, me.language)
    await desk.store.remember(THEME, me.theme)


async def sign_out(desk: Desk) -> None:
    """Leave; whoever comes next sees nothing of it."""
    await desk.attempt(desk.api.sign_out())
    desk.console.clear()
    desk.state.board.clear()
    desk.state.door.access = Access.SIGNED_OUT
    desk.page.navigate("/")
