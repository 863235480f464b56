"""What stays on the device: the refresh token, the server's address, how the sign-in screen looks.

In a browser everything lives in its preferences; elsewhere the token lives in the system's secure storage. A device
that refuses to store is not an error of the app, but it is said: every write answers whether it worked.
"""

import asyncio

import flet as ft
import flet_secure_storage as fss

TOKEN = "dalstroom.refresh_token"  # noqa: S105  (a name, not a secret)
SERVER = "dalstroom.server"
LANGUAGE = "dalstroom.language"
THEME = "dalstroom.theme"
ANSWER_S = 5.0
"""How long the device may take to answer before it counts as refusing."""


class Store:
    """The device's memory of one app session."""

    def __init__(self, *, web: bool) -> None:
        self._preferences = ft.SharedPreferences()
        self._vault = None if web else fss.SecureStorage()

    async def token(self) -> str | None:
        """The stored refresh token, if there is one and the device gives it."""
        if self._vault is None:
            return await self.recall(TOKEN)
        try:
            return await asyncio.wait_for(self._vault.get(TOKEN), ANSWER_S)
        except (RuntimeError, TimeoutError):
            return None

    async def keep_token(self, token: str | None) -> bool:
        """Store the refresh token, or forget it (None). False: the device refused, the next start asks to sign in."""
        if self._vault is None:
            return await self.remember(TOKEN, token)
        try:
            vault = self._vault
            await asyncio.wait_for(vault.remove(TOKEN) if token is None else vault.set(TOKEN, token), ANSWER_S)
        except (RuntimeError, TimeoutError):
            return False
        return True

    async def recall(self, name: str) -> str | None:
        """A stored preference; None where there is none or the device does not answer."""
        try:
            value = await asyncio.wait_for(self._preferences.get(name), ANSWER_S)
        except (RuntimeError, TimeoutError):
            return None
        return value if isinstance(value, str) and value else None

    async def remember(self, name: str, value: str | None) -> bool:
        """Store a preference, or forget it (None). False: the device refused."""
        try:
            kept = self._preferences.remove(name) if value is None else self._preferences.set(name, value)
            await asyncio.wait_for(kept, ANSWER_S)
        except (RuntimeError, TimeoutError):
            return False
        return True
