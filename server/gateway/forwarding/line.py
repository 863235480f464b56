"""One station's line to another central system: told in order, one call at a time; asked back, and weighed.

The station's own path never waits for it: `hear` only notes. What must arrive is kept until it is answered, however
often the line breaks; the other system may be away for days.
"""

import asyncio
import itertools
import random
from collections.abc import Coroutine
from typing import Any

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from server.gateway import moments, rpc
from server.gateway.forwarding import words
from server.gateway.forwarding.ears import Ears
from server.gateway.forwarding.outgoing import OtherVersion, Patience, Unreachable, dial, taken
from server.gateway.forwarding.ports import Item, Memory, Route, Station, Store
from server.gateway.forwarding.queue import Waiting
from server.gateway.forwarding.replies import Commands
from server.gateway.ports import Said
from server.gateway.rpc import Call, CallError, CallResult, Malformed
from server.gateway.versions import Version

CONNECTED, PENDING, WAITING, REFUSED = "connected", "pending", "waiting", "refused"
BEAT_S, BEAT_LEAST_S = 300.0, 10.0
UNSAID_S = 60.0
"""An interval of 0 leaves it to the station."""
AGAIN_MOST_S = 3600.0
SECURITY = "SecurityError"
HOPELESS = frozenset(
    [
        "FormationViolation",
        "FormatViolation",
        "OccurenceConstraintViolation",
        "OccurrenceConstraintViolation",
        "PropertyConstraintViolation",
        "ProtocolError",
        "TypeConstraintViolation",
    ]
)
"""Errors of a message's form, which is the same each time."""
NUMBER_MAX = 2**63
"""Numbers of transactions that can be kept end here."""

log = structlog.get_logger("gateway")


class Line:
    """From a station to its other system. `run` is its life; `hear` and `station_is` may be called at any time."""

    def __init__(self, route: Route, memory: Memory, store: Store, station: Station, patience: Patience) -> None:
        """`memory`: what is known from before. `takes`: the version that the other system takes, None: any so far."""
        self.route, self.takes = route, memory.takes
        self._station = station
        self._refusals = 0  # of a version, since the last connection
        self._refused = False  # the last time, and for its version alone
        self._came_back: set[Version] = set()
        self._store, self._patience = store, patience
        self._waiting = Waiting(store, memory.waiting)
        self._ears = Ears(store, self._waiting, memory)
        self._connectors = memory.connectors
        self._version: Version | None = None
        self._spoke = route.spoke
        self._speaks = route.spoke  # to the other system, now
        self._state = ("", "")
        self._failures = 0
        self._reply: asyncio.Future[CallResult | CallError] | None = None
        self._asked = ""
        self._statuses_due = False
        self._beat_s = BEAT_S
        self._commands = Commands(route, self._ears, store, station.ask)

    def hear(self, said: Said, version: Version | None) -> None:
        """A frame between the station and us, and what it speaks now (None: it has just gone). Returns at once."""
        if version is not None:
            self.station_is(version)
        self._ears.hear(said, self._spoke)

    def follow(self, before: "Line") -> None:
        """Be the next line of the station: what it has asked and we have not answered yet is heard all the same."""
        self._ears.follow(before._ears)  # noqa: SLF001 -- of its own kind

    def station_is(self, version: Version | None) -> None:
        """The station is there and speaks a version, or (None) it is away."""
        if version is not None:
            self._spoke = version
        if version != self._version:
            self._version = version
            self._waiting.woken.set()

    async def run(self) -> None:
        """Keep the line while the station is there or something waits; until cancelled."""
        while True:
            self._waiting.woken.clear()
            if self._version is None and await self._waiting.first() is None:
                self._tell(WAITING, "")
                await self._waiting.woken.wait()
                continue
            self._refused = False
            error = await self._once()
            self._tell(REFUSED if self._refused else WAITING, error)
            if error:
                self._failures += 1
                await asyncio.sleep(self._pause_s(self._failures - 1))

    async def _once(self) -> str:
        """One connection, from dialling to its end; why it ended, "" where nobody needs it any more."""
        try:
            self._speaks = await self._next_version()
            connection = await dial(self.route, self._speaks, self._patience)
            self._refusals = 0
            async with connection:
                return await self._together(connection)
        except OtherVersion as error:
            return await self._agree(str(error))
        except Unreachable as error:
            return str(error)
        except ConnectionClosed as closed:
            code = "without a word" if closed.rcvd is None else f"with {closed.rcvd.code}"
            return f"it closed the connection {code}"

    async def _agree(self, refused: str) -> str:
        """It may not take what we spoke: where it takes another version that the station offers, that is theirs."""
        others = [version for version in self._station.offers() if version is not self._speaks]
        version = await taken(self.route, others, self._patience)
        if version is None:
            return await self._of_none(refused)
        if await taken(self.route, [self._speaks], self._patience) is not None:
            return refused  # it was something else, which is over
        self._refused = True
        if version is not self.takes:
            self.takes = version
            self._store.takes(version)
        self._refusals += 1
        if self._refusals >= self._patience.tries:
            await self._give_up(self._speaks)
        said = f"it takes {version}, not {self._speaks}"
        if self._version is None or self._version is version:
            return said
        if version not in self._came_back and await self._station.come_back():
            self._came_back.add(version)
        return f"{said}: the station changes once nobody charges there"

    async def _of_none(self, refused: str) -> str:
        """It takes nothing that the station offers: where it takes another version, nothing can be told at all."""
        offered = self._station.offers()
        unknown = [version for version in Version if version not in {*offered, self._speaks}]
        version = await taken(self.route, unknown, self._patience) if offered else None
        if version is None:
            return refused
        self._refused = True
        return f"it takes {version}, and the station speaks {' and '.join(offered)} only"

    async def _give_up(self, version: Version) -> None:
        """What was said in a version that it does not take stands before all else: nobody would hear anything."""
        item = await self._waiting.first()
        if item is not None and item.version is version:
            self._store.note(f"It does not take {version}: what the station said in it is dropped")
        while item is not None and item.version is version:
            if words.begins(item.action, item.payload):
                self._store.untold()
            self._done(item, delivered=False)
            item = await self._waiting.first()

    async def _next_version(self) -> Version:
        """What waits is told in the version that it was said in."""
        first = await self._waiting.first()
        return self._spoke if first is None else first.version

    async def _together(self, connection: ClientConnection) -> str:
        """Listen, answer and tell, side by side, until one of them ends."""
        self._ears.heard, self._statuses_due = True, True
        self._tell(PENDING if self._ears.boot_due else CONNECTED, "")
        parts: list[Coroutine[Any, Any, str]] = [
            self._listen(connection),
            self._commands.work(connection, self._speaks),
            self._say_all(connection),
        ]
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            self._ears.heard = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._waiting.let_go()

    def _pause_s(self, failures: int) -> float:
        """Longer each time, and at random, so that a thousand stations do not come back in one second."""
        longest = min(self._patience.most_s, self._patience.first_s * 2.0 ** min(failures, 20))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret

    def _tell(self, state: str, error: str) -> None:
        if (state, error) != self._state:
            self._state = (state, error)
            self._store.state(state, error)

    # --- hearing ----------------------------------------------------------------------------------------------------

    async def _listen(self, connection: ClientConnection) -> str:
        while True:
            frame = rpc.decode(await connection.recv(decode=False), rpc.MESSAGE_ID_MAX, self._speaks)
            if isinstance(frame, CallResult | CallError):
                if self._reply is not None and not self._reply.done() and frame.message_id == self._asked:
                    self._reply.set_result(frame)
            elif isinstance(frame, Call):
                self._commands.put(frame)
            elif isinstance(frame, Malformed) and frame.message_id is not None:
                refusal = rpc.Refusal(frame.code, frame.description)
                await connection.send(rpc.encode_answer(frame.message_id, refusal, self._speaks), text=True)

    # --- telling ----------------------------------------------------------------------------------------------------

    async def _say_all(self, connection: ClientConnection) -> str:
        while True:
            self._waiting.woken.clear()
            if self._ears.boot_due:
                await self._introduce(connection)
                continue
            item = await self._waiting.first()
            if item is not None and item.version is not self._speaks:
                return ""
            if item is not None:
                await self._deliver(connection, item)
            elif self._version is not self._speaks:
                return ""  # the station is gone, or speaks another version now
            elif self._statuses_due:
                await self._say_statuses(connection)
            else:
                await self._rest(connection)

    async def _rest(self, connection: ClientConnection) -> None:
        """Nothing to say: a heartbeat as often as the other system wants one, whatever we want of the station."""
        if not await self._until_woken(self._beat_s):
            await self._say(connection, words.BEAT, b"{}", rpc.fresh_id())

    async def _until_woken(self, at_most_s: float) -> bool:
        """Whether something came in time."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._waiting.woken.wait()
        except TimeoutError:
            return False
        return True

    async def _introduce(self, connection: ClientConnection) -> None:
        """The station's boot, until it is accepted; nothing else is said before (OCPP 1.6 §4.2, 2.0.1 B01 to B03)."""
        if self._ears.boot is None:
            await self._until_woken(self._patience.hello_s)
        self._ears.boot_due = False
        payload = words.introduction(self._speaks, self._ears.boot, self.route.vendor, self.route.model)
        frame = await self._say(connection, words.BOOT, payload, rpc.fresh_id())
        said = words.read(bytes(frame.payload)) if isinstance(frame, CallResult) else {}
        interval = said.get("interval")
        wanted = min(interval, AGAIN_MOST_S) if isinstance(interval, int | float) and interval > 0 else UNSAID_S
        if said.get("status") == "Accepted":
            self._beat_s = max(BEAT_LEAST_S, wanted)
            self._store.boot(None, accepted=True)
            self._tell(CONNECTED, "")
            return
        self._ears.boot_due = True
        self._tell(PENDING, f"it answered the station's boot: {said.get('status') or _complaint(frame)}"[:200])
        await asyncio.sleep(max(self._patience.first_s, wanted))

    async def _say_statuses(self, connection: ClientConnection) -> None:
        """How the connectors are: what was said of them while nobody heard is passed over."""
        self._statuses_due = False
        heard = {(evse if evse != "None" else connector) for evse, connector in self._ears.statuses}
        now = moments.write(self._store.now())
        before = [(number, said) for number, said in self._connectors if str(number) not in heard]
        known = [words.status(self._speaks, number, said, now) for number, said in before]
        for payload in [*known, *(self._status(said, payload, now) for said, payload in self._ears.statuses.values())]:
            await self._say(connection, words.STATUS, payload, rpc.fresh_id())

    def _status(self, version: Version, payload: bytes, now: str) -> bytes:
        """A status as it was said, or what it says in the version that is spoken now."""
        stands = words.stands(version, payload)
        same = (version is Version.V16) is (self._speaks is Version.V16)
        return payload if same or stands is None else words.status(self._speaks, *stands, now)

    async def _deliver(self, connection: ClientConnection, item: Item) -> None:
        """Say one, as often as it takes; one that is refused too often is given up, or it would stop all others."""
        for refusals in itertools.count():
            payload = self._payload(item)
            if payload is None:
                break
            frame = await self._say(connection, item.action, payload, item.message_id)
            if isinstance(frame, CallResult) and self._understood(item, bytes(frame.payload)):
                self._done(item, delivered=True)
                return
            if not item.kept:
                break
            self._store.note(f"It refused {item.action}: {_complaint(frame)}"[:200])
            if refusals + 1 >= self._tries(item, frame):
                break
            await self._give_time(connection, frame, self._pause_s(refusals))
        self._done(item, delivered=False)

    def _tries(self, item: Item, frame: CallResult | CallError) -> int:
        """How often a message is said at the most that is answered like this."""
        if not isinstance(frame, CallError):  # it took it, and would again; we cannot read under which number
            return self._patience.tries
        if frame.code in HOPELESS:
            return 1
        return self._patience.tries if item.spare else self._patience.tries_whole

    def _done(self, item: Item, *, delivered: bool) -> None:
        if item.kept and delivered:
            self._store.delivered(item)
        elif item.kept:
            self._store.dropped(item)
        self._waiting.done(item)

    async def _give_time(self, connection: ClientConnection, frame: CallResult | CallError, pause_s: float) -> None:
        """Heartbeats meanwhile; one that has forgotten the station (2.x: SecurityError) is told its boot."""
        while pause_s > 0:
            await asyncio.sleep(min(pause_s, self._beat_s))
            pause_s -= self._beat_s
            if pause_s > 0:
                await self._say(connection, words.BEAT, b"{}", rpc.fresh_id())
        if isinstance(frame, CallError) and frame.code == SECURITY:
            await self._introduce(connection)

    def _payload(self, item: Item) -> bytes | None:
        """What is said: under the other system's number of the transaction. None where it never gave one."""
        if item.action == words.METER and item.ours is None and item.version is Version.V16:
            return words.numbered(item.payload, None)
        if item.ours is None or item.action == words.START:
            return item.payload
        known = self._ears.numbers.get(item.ours)
        return None if known is None or known.theirs is None else words.numbered(item.payload, known.theirs)

    def _understood(self, item: Item, answer: bytes) -> bool:
        """Take what an answer says; False for the answer to a start without a number."""
        card, word = words.card_in(item.action, item.payload), words.word_on_card(answer)
        if card and word and self.route.their_cards:
            self._store.card(card, word)
        if item.action == words.START and item.ours is not None:
            theirs = words.read(answer).get(words.NUMBER)
            if type(theirs) is not int or not -NUMBER_MAX <= theirs < NUMBER_MAX:
                return False
            self._ears.begun_there(item.ours, theirs)
        return True

    async def _say(
        self, connection: ClientConnection, action: str, payload: bytes, message_id: str
    ) -> CallResult | CallError:
        """One call, and its answer. Raises Unreachable for none: whoever is so slow is as good as away."""
        self._reply = asyncio.get_running_loop().create_future()
        self._asked = message_id
        await connection.send(rpc.encode_call(message_id, action, msgspec.Raw(payload)), text=True)
        try:
            async with asyncio.timeout(self._patience.answer_s):
                frame = await self._reply
        except TimeoutError as error:
            raise Unreachable(f"it did not answer {action} within {self._patience.answer_s:g} s") from error
        finally:
            self._reply = None
        self._failures = 0
        return frame


def _complaint(frame: CallResult | CallError) -> str:
    if isinstance(frame, CallError):
        return f"{frame.code} {frame.description}".strip()
    return "what nobody can read"
