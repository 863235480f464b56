"""What a party wants of the tokens that charge, for its operators to say."""

from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from server.api.context import ApiContext
from server.api.errors import documented
from server.api.guards import Caller, requires
from server.storage import contracts
from shared.accounts import Role
from shared.stations import TokenPolicy


class TokenPolicyController(Controller):
    """The caller's own party."""

    path = "/token-policy"
    tags = ("stations",)
    guards = (requires(Role.OPERATOR, Role.ADMINISTRATOR),)

    @get(responses=documented())
    async def get_token_policy(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> TokenPolicy:
        """Whether a token charges once at a time. Families share cards: unless you say so it may charge twice."""
        async with context.db.read() as tx:
            return TokenPolicy(await contracts.one_session_a_token(tx, [caller.party_id]))

    @put(responses=documented(422))
    async def set_token_policy(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], data: JSONBody[TokenPolicy]
    ) -> TokenPolicy:
        """Say whether a token of your party's, or at your stations, charges once at a time (OCPP: ConcurrentTx)."""
        async with context.db.begin() as tx:
            await contracts.set_one_session_a_token(tx, caller.party_id, wanted=data.one_session_a_token)
        return data
