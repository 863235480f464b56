"""A Flet client without Flutter: real session, diff and wire encoding, so that a test sees what a screen would."""

import asyncio
import dataclasses
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import flet as ft
import msgpack
from flet.components.component import Component
from flet.controls.base_control import BaseControl
from flet.controls.context import _context_page, context
from flet.messaging.connection import Connection
from flet.messaging.protocol import (
    Message,
    MessageAction,
    RegisterClientResponseBody,
    configure_encode_object_for_msgpack,
    decode_ext_from_msgpack,
)
from flet.messaging.session import Session
from flet.pubsub.pubsub_hub import PubSubHub

Control = TypeVar("Control", bound=BaseControl)
PLAIN = (type(None), bool, int, float, str)
SPOKEN = ("value", "content", "label", "title", "text", "tooltip", "error")
_encode = configure_encode_object_for_msgpack(BaseControl)


class Screen(Connection):
    """Plays Flutter's part: takes patches, answers calls (`device` is its memory), sends events."""

    def __init__(self, width: float = 390, height: float = 844, route: str = "/", *, web: bool = True) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.executor = ThreadPoolExecutor(1)
        self.pubsubhub = PubSubHub(self.loop, self.executor)
        self.page_url = "http://test"
        self.first = {"route": route, "width": width, "height": height, "web": web, "platform": "linux"}
        self.patches: list[Any] = []
        self.crashes: list[str] = []
        self.device: dict[str, str] = {}
        self.device_refuses = False
        self.locales = ["en"]
        self.session: Session | None = None

    # --- what Flet asks of a connection ---------------------------------------------------------------------------
    def send_message(self, message: Message) -> None:
        raw = msgpack.packb([message.action, message.body], default=_encode)
        body = msgpack.unpackb(raw, ext_hook=decode_ext_from_msgpack, strict_map_key=False)[1]
        if message.action == MessageAction.PATCH_CONTROL:
            self.patches.append(body)
        elif message.action == MessageAction.SESSION_CRASHED:
            self.crashes.append(message.body.message)
        elif message.action == MessageAction.INVOKE_METHOD:
            self.loop.call_soon(self._answer, message.body, body.get("args"))

    def _answer(self, call: Any, args: dict[str, Any] | None) -> None:
        assert self.session is not None
        answer, refusal = self._method(call.name, args or {})
        self.session.handle_invoke_method_results(call.control_id, call.call_id, answer, refusal)
        if call.name == "push_route":  # a browser tells that its address has changed
            route = (args or {})["route"]
            self.session.apply_page_patch({"route": route})
            self._soon(self.session.dispatch_event(self.page._i, "route_change", {"route": route}))

    def _method(self, name: str, args: dict[str, Any]) -> tuple[Any, str | None]:
        if name in {"get", "set", "remove"}:
            if self.device_refuses:
                return None, "storage is blocked"
            if name == "get":
                return self.device.get(args["key"]), None
            if name == "set":
                self.device[args["key"]] = args["value"]
            else:
                self.device.pop(args["key"], None)
            return True, None
        if name == "get_device_info":
            return {"browser_name": "chrome", "locales": [{"language_code": one} for one in self.locales]}, None
        return None, None

    def _soon(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda done: None if done.cancelled() else done.result())

    # --- a session's life -----------------------------------------------------------------------------------------
    @property
    def page(self) -> ft.Page:
        assert self.session is not None
        return self.session.page

    async def start(self, main: Callable[[ft.Page], Awaitable[None]]) -> "Screen":
        session = self.session = Session(self)
        _context_page.set(session.page)
        context.reset_auto_update()
        session.apply_page_patch(self.first)
        answer = RegisterClientResponseBody(session_id=session.id, page_patch=session.get_page_patch(), error="")
        self.send_message(Message(MessageAction.REGISTER_CLIENT, answer))
        await main(session.page)
        await session.after_event(session.page)
        await self.settle()
        return self

    async def settle(self, turns: int = 60) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        assert not self.crashes, f"session crashed:\n{self.crashes[0]}"
        # An error in rendering ends Flet's scheduler without a word: the screen would only stop changing.
        scheduler = self.session._Session__updates_task if self.session else None  # type: ignore[attr-defined]
        if scheduler is not None and scheduler.done() and not scheduler.cancelled():
            scheduler.result()

    async def until(self, true: Callable[[], object], seconds: float = 3.0) -> None:
        end = self.loop.time() + seconds
        while not true():
            assert self.loop.time() < end, f"did not happen; on screen: {self.words()}"
            await asyncio.sleep(0.01)
        await self.settle()

    async def close(self) -> None:
        assert self.session is not None
        self.session.close()
        await asyncio.sleep(0.01)
        self.executor.shutdown(wait=False)

    # --- what is on the screen ------------------------------------------------------------------------------------
    def walk(self) -> Iterator[BaseControl]:
        """Every control in sight: dialogs first, then views, the top one first."""
        for dialog in self.page._dialogs.controls:
            if dialog.open:
                yield from _inside(dialog)
        views: Any = self.page.views
        while isinstance(views, Component):
            views = views._b
        yield from _inside(list(reversed(views)))

    def all(self, kind: type[Control], *, key: str | None = None, text: str | None = None) -> list[Control]:
        out = []
        for control in self.walk():
            if not isinstance(control, kind):
                continue
            if key is not None and getattr(control.key, "value", control.key) != key:
                continue
            if text is not None and not any(text in word for word in _spoken(control)):
                continue
            out.append(control)
        return out

    def get(self, kind: type[Control], *, key: str | None = None, text: str | None = None) -> Control:
        found = self.all(kind, key=key, text=text)
        assert len(found) == 1, f"{len(found)} x {kind.__name__} {key or text}; on screen: {self.words()}"
        return found[0]

    def key(self, key: str) -> BaseControl:
        return self.get(BaseControl, key=key)

    def has(self, key: str) -> bool:
        return bool(self.all(BaseControl, key=key))

    def words(self) -> str:
        """All words in sight."""
        return " | ".join(word for control in self.walk() for word in _spoken(control))

    def says(self, words: str) -> bool:
        return words in self.words()

    # --- what a finger does ---------------------------------------------------------------------------------------
    async def event(self, control: BaseControl, name: str, data: Any = None, **properties: Any) -> None:
        assert self.session is not None
        assert getattr(control, "disabled", None) is not True, f"{control} is disabled"
        if properties:
            self.session.apply_patch(control._i, properties)
        await self.session.dispatch_event(control._i, name, data)
        await self.settle()

    async def click(self, control: BaseControl | str) -> None:
        await self.event(self.key(control) if isinstance(control, str) else control, "click")

    async def type(self, key: str, text: str) -> None:
        await self.event(self.get(ft.TextField, key=key), "change", text, value=text)

    async def go(self, tab: int) -> None:
        bars = self.all(ft.NavigationBar) or self.all(ft.NavigationRail)
        await self.event(bars[0], "change", str(tab), selected_index=tab)
        await self.settle()

    async def resize(self, width: float, height: float) -> None:
        assert self.session is not None
        self.session.apply_page_patch({"width": width, "height": height})
        await self.event(self.page, "resize", {"width": width, "height": height})


def _spoken(control: BaseControl) -> Iterator[str]:
    for name in SPOKEN:
        value = getattr(control, name, None)
        if isinstance(value, str) and value:
            yield value


def _inside(root: Any) -> Iterator[BaseControl]:
    """Every control in and under `root`, in the order of the tree, through the bodies of components."""
    seen: set[int] = set()
    left: list[Any] = [root]
    while left:
        value = left.pop()
        if isinstance(value, list | tuple):
            left.extend(reversed(value))
        elif isinstance(value, dict):
            left.extend(reversed(value.values()))
        elif isinstance(value, Component):
            left.append(value._b)
        elif (names := _names(type(value))) is not None and id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, BaseControl):
                if getattr(value, "visible", True) is False:
                    continue
                yield value
            parts = [getattr(value, name, None) for name in reversed(names)]
            left.extend(part for part in parts if type(part) not in PLAIN)


@functools.cache
def _names(kind: type) -> tuple[str, ...] | None:
    """Fields in which controls may lie; None where a kind has no fields."""
    if not dataclasses.is_dataclass(kind):
        return None
    fields = [one.name for one in dataclasses.fields(kind) if not one.metadata.get("skip")]
    return tuple(name for name in fields if not name.startswith("_"))


Open = Callable[..., Awaitable[Screen]]

assert inspect.iscoroutinefunction(Session.dispatch_event), "Flet changed its doors: look at fletkit again"


async def sign_in(screen: Screen) -> None:
    """Tap the first person of the demo."""
    await screen.until(lambda: screen.says("Sanne de Wit"))
    await screen.click(next(one for one in screen.walk() if str(getattr(one, "key", "")).startswith("driver-")))
