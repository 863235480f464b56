"""What waits for the other system: in order, in memory as far as it fits, the rest in the store."""

import asyncio
from collections import deque

from server.gateway.forwarding.ports import Item, Store

MEMORY_MAX = 200
PAGE = 100
KEPT_MAX = 20_000
"""Calls of one station that wait; beyond it readings are left out, begins and ends never. Two weeks of minutes."""


class Waiting:
    """Calls in the order of their coming. `behind`: more of them are in the store than here."""

    def __init__(self, store: Store, waiting: int) -> None:
        """`waiting`: so many are in the store from before."""
        self.behind = waiting > 0
        self._kept = waiting
        self.woken = asyncio.Event()
        self._store = store
        self._items: deque[Item] = deque()

    def put(self, item: Item, *, heard: bool) -> None:
        """One more. What need not arrive is said only where it is `heard` now and nothing is in the way."""
        if item.kept and item.spare and self._kept >= KEPT_MAX:
            self._store.dropped(None)
            return
        if item.kept:
            self._store.add(item)
            self._kept += 1
        full = not heard or self.behind or len(self._items) >= MEMORY_MAX
        if not full:
            self._items.append(item)
        elif item.kept:
            self.behind = True
        self.woken.set()

    async def first(self) -> Item | None:
        """The next one, which stays until it is done."""
        if not self._items and self.behind:
            await self._load()
        return self._items[0] if self._items else None

    def done(self, item: Item) -> None:
        """It is answered, or given up."""
        if self._items and self._items[0].id == item.id:
            self._items.popleft()
            self._kept -= item.kept

    def let_go(self) -> None:
        """The line is gone: what must arrive is in the store, the rest is forgotten."""
        self.behind = self.behind or any(item.kept for item in self._items)
        self._items.clear()

    async def _load(self) -> None:
        """What came while the store was read is in memory, or in the page, or both."""
        self.behind = False
        page: list[Item] | None = None
        try:
            page = await self._store.page(PAGE)
        finally:
            if page is None:  # it failed or was cancelled: what waits is in the store as before, and comes first
                self.behind = True
                self._items.clear()
        known = {item.id for item in page}
        rest = [item for item in self._items if item.id not in known]
        self.behind = self.behind or len(page) == PAGE
        self._items = deque(page if self.behind else [*page, *rest])
