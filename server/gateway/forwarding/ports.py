"""What a forwarded station's line needs of the rest of the server. Nothing here waits but `page` and `ours_first`."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from server.addresses import Network
from server.gateway.link import Question, Reply
from server.gateway.versions import Version


class Item(msgspec.Struct, frozen=True):
    """A call of the station's that the other system is to hear.

    `kept`: it must arrive, and is stored until it has; else it is said now or never. `ours`: our number of its
    transaction, in 1.6. `spare`: a reading, which may be left out where there are too many. `id` rises.
    """

    id: int
    version: Version
    action: str
    message_id: str
    payload: bytes
    ours: int | None = None
    kept: bool = False
    spare: bool = False


class Numbers(msgspec.Struct):
    """A transaction at the other system: its number there, None until it has said it; whether its end was told."""

    theirs: int | None = None
    stopped: bool = False


class Route(msgspec.Struct, frozen=True):
    """Where a station's words go, and what may come back.

    `url`: with the identity; `key`: None where it cannot be read. `spoke`: the version of its last connection.
    `guarded`: only to addresses that everybody can reach, over TLS. `within`: only to those, and to these networks
    (None: to any address).
    """

    station_id: UUID
    forwarding_id: UUID
    identity: str
    url: str
    key: str | None
    vendor: str
    model: str
    spoke: Version
    allowed: frozenset[str]
    their_cards: bool
    guarded: bool = False
    within: tuple[Network, ...] | None = None


class Begun(msgspec.Struct, frozen=True):
    """A transaction that runs and whose begin was never told: our number of it, or (2.x) the mark of its name."""

    number: int
    version: Version
    payload: bytes


class Memory(msgspec.Struct):
    """What is known from before. `boot`: what the station said of itself last; `booted`: and it was accepted there.

    `ends`: StopTransactions that were never noted, with our numbers of their transactions.
    `begun`: what runs since before the station was forwarded.
    `takes`: the version that the other system was found to take, where it refused another one.
    `connectors`: number and status (1.6's word) of those that said one.
    """

    boot: bytes | None = None
    booted: bool = False
    waiting: int = 0
    connectors: tuple[tuple[int, str], ...] = ()
    ends: tuple[tuple[int, bytes], ...] = ()
    begun: tuple[Begun, ...] = ()
    numbers: dict[int, Numbers] = {}
    takes: Version | None = None


class Store(Protocol):
    """One station's notes. What is noted is written soon, in order; `page` sees all that was noted before."""

    def now(self) -> datetime:
        """The server's time."""
        ...

    def next_id(self) -> int:
        """A number above all given before."""

    def add(self, item: Item) -> None:
        """A call is kept until it was delivered or dropped."""

    def delivered(self, item: Item) -> None:
        """The other system has answered it."""

    def dropped(self, item: Item | None) -> None:
        """It will never be delivered; None: one that was not kept."""

    def untold(self) -> None:
        """A session will never be told: the other system does not take the version that it was said in."""

    def numbers(self, ours: int, known: Numbers) -> None:
        """What is known of a transaction."""

    def card(self, uid: str, status: str) -> None:
        """What the other system says of a card."""

    async def lend(self, uid: str) -> Callable[[], None]:
        """A card may charge from now on (this is written when it returns); what is returned takes that back."""
        ...

    def boot(self, payload: bytes | None, *, accepted: bool) -> None:
        """What the station says of itself (None: as before), and whether the other system has accepted that."""

    def state(self, state: str, error: str) -> None:
        """How it stands: waiting, refused, pending or connected, and why not."""

    def takes(self, version: Version) -> None:
        """The version that the other system takes, where it refused another one."""

    def note(self, text: str) -> None:
        """Something that an operator should see."""

    async def page(self, limit: int) -> list[Item]:
        """The first of what is kept, in order."""

    async def ours_first(self) -> str:
        """Why the other system may set no profiles at this station now, "" where it may."""


class Ask(Protocol):
    """Asks the station itself."""

    async def __call__(self, question: Question) -> Reply:
        """What became of it."""


class Station(Protocol):
    """The station itself, as a line has to do with it."""

    async def ask(self, question: Question) -> Reply:
        """What became of a question."""
        ...

    def offers(self) -> tuple[Version, ...]:
        """The versions that it offered when it connected last, the best first."""
        ...

    async def come_back(self) -> bool:
        """Let go of its connection, unless somebody charges there; whether that was done."""
        ...
