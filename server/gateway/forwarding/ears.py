"""Listens to a station and us, and picks what the other system is to hear. Called for each frame; waits for nothing."""

import hashlib
from collections import OrderedDict

from server.gateway import rpc
from server.gateway.forwarding import words
from server.gateway.forwarding.ports import Begun, Item, Memory, Numbers, Store
from server.gateway.forwarding.queue import Waiting
from server.gateway.ports import Said
from server.gateway.rpc import Call, CallResult
from server.gateway.versions import Version

ID_MAX = 255
UNANSWERED_MAX = 64
"""Calls that we have not answered yet; as many as a link lets wait."""
REPEATS_KNOWN = 128
NUMBERS_MAX = 256
STATUSES_MAX = 64


def short_id(message_id: str) -> str:
    """A message id as others take it: one that is too long keeps its beginning, and differs as the whole one does."""
    if len(message_id) <= rpc.MESSAGE_ID_MAX:
        return message_id
    print_ = hashlib.blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{message_id[: rpc.MESSAGE_ID_MAX - len(print_)]}{print_}"


class Ears:
    """What a station has said. `heard`: whether the other system listens now; `numbers`: transactions by our number.

    A call counts once we have answered it: what we could not take the station says again. The same start twice gets
    the same number from us, and is told once; so is an end.
    """

    def __init__(self, store: Store, waiting: Waiting, memory: Memory) -> None:
        """All belong to the station's line."""
        self.heard = False
        self.boot, self.boot_due = memory.boot, not memory.booted
        self.numbers: OrderedDict[int, Numbers] = OrderedDict(memory.numbers)
        self.statuses: OrderedDict[tuple[object, object], tuple[Version, bytes]] = OrderedDict()
        self._store, self._waiting = store, waiting
        self._unanswered: OrderedDict[str, bytes] = OrderedDict()
        self._told: OrderedDict[bytes, None] = OrderedDict()
        for ours, payload in memory.ends:
            self._number(ours, Numbers(self.numbers[ours].theirs, stopped=True))
            item = Item(store.next_id(), Version.V16, words.STOP, rpc.fresh_id(), payload, ours, kept=True)
            waiting.put(item, heard=False)
        self._begun_here: set[int] = set()
        for one in memory.begun:
            self._begin(one)

    def _begin(self, one: Begun) -> None:
        """Tell the begin of what runs already: its readings and its end would else mean nothing there."""
        numbered = one.version is Version.V16
        if not numbered:
            self._begun_here.add(one.number)
        self._number(one.number, Numbers())
        action, ours = (words.START, one.number) if numbered else (words.EVENT, None)
        item = Item(self._store.next_id(), one.version, action, rpc.fresh_id(), one.payload, ours, kept=True)
        self._waiting.put(item, heard=False)

    def follow(self, before: "Ears") -> None:
        """Take over what the station has said and we have not answered."""
        self._unanswered.update(before._unanswered)  # noqa: SLF001 -- of its own kind

    def hear(self, said: Said, version: Version) -> None:
        """A frame between the station and us."""
        if said.direction == "in" and said.kind == "call":
            self._unanswered[said.message_id] = said.raw
            if len(self._unanswered) > UNANSWERED_MAX:
                self._unanswered.popitem(last=False)
        elif said.direction == "out" and said.kind in {"result", "error"}:
            raw = self._unanswered.pop(said.message_id, None)
            call = None if raw is None else rpc.decode(raw, ID_MAX, version)
            if isinstance(call, Call):
                answer = rpc.decode(said.raw, ID_MAX, version)
                self._answered(call, version, bytes(answer.payload) if isinstance(answer, CallResult) else None)

    def _answered(self, call: Call, version: Version, answer: bytes | None) -> None:
        """A call, and our answer to it; None where we refused it."""
        payload = bytes(call.payload)
        if call.action in words.UNTOLD or (answer is None and call.action in words.KEPT):
            return
        if call.action == words.BOOT:
            self.boot, self.boot_due = payload, True
            self._store.boot(payload, accepted=False)
            self._waiting.woken.set()
            return
        ours: int | None = None
        if call.action in {words.START, words.STOP, words.METER}:
            ours = words.number((answer or b"") if call.action == words.START else payload)
            if not self._is_news(call.action, ours):
                return
        if call.action == words.EVENT and not self._is_new_event(payload):
            return
        kept = ours is not None or call.action == words.EVENT
        numbered = call.action in {words.START, words.STOP}  # the number tells: some clocks stand, and starts are alike
        if kept and not numbered and self._is_repeat(call.action, payload):
            return
        if call.action == words.STATUS:
            self._keep_status(version, payload)
        message_id = short_id(call.message_id)
        spare = words.is_reading(call.action, payload)
        item = Item(self._store.next_id(), version, call.action, message_id, payload, ours, kept, spare)
        self._waiting.put(item, heard=self.heard)

    def _is_news(self, action: str, ours: int | None) -> bool:
        """Whether the other system can make something of a transaction's call: it must have heard the start of it."""
        known = None if ours is None else self.numbers.get(ours)
        if action == words.START:
            if ours is None or known is not None:
                return False
            self._number(ours, Numbers())
            return True
        if action == words.METER and ours is None:
            return True  # of a connector, without a transaction
        if ours is None or known is None:
            self._store.dropped(None)
            return False
        if action == words.STOP:
            if known.stopped:
                return False
            self._number(ours, Numbers(known.theirs, stopped=True))
        return True

    def _is_new_event(self, payload: bytes) -> bool:
        """Whether an event of 2.x was not told from its session; that its transaction is told is kept."""
        kind, name = words.transaction(payload)
        number = words.mark(name)
        if kind == "Started" and number in self._begun_here:
            self._begun_here.remove(number)
            return False
        if name and number not in self.numbers:
            self._number(number, Numbers())
        return True

    def _number(self, ours: int, known: Numbers) -> None:
        self.numbers[ours] = known
        self.numbers.move_to_end(ours)
        if len(self.numbers) > NUMBERS_MAX:
            self.numbers.popitem(last=False)
        self._store.numbers(ours, known)

    def begun_there(self, ours: int, theirs: int) -> None:
        """The other system has said its number of a transaction."""
        known = self.numbers.get(ours)
        self._number(ours, Numbers(theirs, stopped=known is not None and known.stopped))

    def ours_of(self, theirs: int) -> int | None:
        """Our number of a transaction that the other system names, the newest where it gave one twice."""
        return next((ours for ours in reversed(self.numbers) if self.numbers[ours].theirs == theirs), None)

    def _is_repeat(self, action: str, payload: bytes) -> bool:
        """Said before, word for word: some stations say readings again at each connection."""
        print_ = hashlib.blake2b(action.encode() + payload, digest_size=16).digest()
        if print_ in self._told:
            return True
        self._told[print_] = None
        if len(self._told) > REPEATS_KNOWN:
            self._told.popitem(last=False)
        return False

    def _keep_status(self, version: Version, payload: bytes) -> None:
        where = words.place(payload)
        here = words.stands(version, payload)
        for key, known in list(self.statuses.items()):  # what it said in another version before is said anew
            before = None if known[0] is version else words.stands(*known)
            if here is not None and before is not None and here[0] == before[0]:
                del self.statuses[key]
        self.statuses[where] = (version, payload)
        self.statuses.move_to_end(where)
        if len(self.statuses) > STATUSES_MAX:
            self.statuses.popitem(last=False)
