"""How often something was tried, by key, within windows of time: what sign-ins are limited by. Time is an argument."""

from collections import OrderedDict
from collections.abc import Hashable


class Windows:
    """Counts by key in a window of `window_s`; at most `keys_max` keys, the one counted least lately is forgotten."""

    def __init__(self, window_s: float, keys_max: int) -> None:
        """Nothing was tried yet."""
        self.window_s, self.keys_max = window_s, keys_max
        self._windows: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are counted."""
        return len(self._windows)

    def count(self, key: Hashable, most: int, now: float) -> int:
        """Count a try at `now` (s); whole seconds to wait where there were `most` already in its window, else 0."""
        began, tries = self._windows.pop(key, (now, 0))
        if now - began >= self.window_s:
            began, tries = now, 0
        self._windows[key] = (began, tries + 1)
        if len(self._windows) > self.keys_max:
            self._windows.popitem(last=False)
        return 0 if tries < most else max(1, round(began + self.window_s - now))

    def forget(self, key: Hashable) -> None:
        """Count a key anew."""
        self._windows.pop(key, None)
