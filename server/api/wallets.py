"""The driver's wallet."""

from litestar import Controller, get
from litestar.di import NamedDependency

from server.api import paging
from server.api.context import ApiContext
from server.api.errors import documented
from server.api.guards import Caller, requires
from server.api.paging import Cursor, Limit
from server.flows import wallets
from shared.accounts import Role
from shared.wallets import Wallet, WalletEntry
from shared.wire import Page


class WalletController(Controller):
    """Balance, pending, and the lines behind them."""

    path = "/wallet"
    tags = ("wallet",)
    guards = (requires(Role.DRIVER),)

    @get(responses=documented())
    async def get_wallet(self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]) -> Wallet:
        """Balance, pending, earnings, savings and their sum."""
        async with context.db.read() as tx:
            return await wallets.wallet(tx, caller.account_id)

    @get("/entries", responses=documented())
    async def list_entries(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        cursor: Cursor = None,
        limit: Limit = 20,
    ) -> Page[WalletEntry]:
        """The wallet's lines, newest first; each opens its session's receipt. Lines of one entry stay together."""
        before = None if cursor is None else int(cursor)
        async with context.db.read() as tx:
            found = await wallets.entries(tx, caller.account_id, before, limit + 1)
        return paging.page(found, limit, lambda entry: entry.seq)
