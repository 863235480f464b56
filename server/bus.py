"""The bus: live events from who writes to who listens. Nothing that must last travels on it.

Topics: `account_topic(id)` carries what one account may see, `party_topic(id)` what a party's operators may, `PUBLIC`
what everybody may (all JSON of `flows.announcements.Announcement`), `CLOCK` an empty message whenever the clock changed
its pace.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

PUBLIC = "public"
CLOCK = "clock"
BACKLOG_MAX = 256
"""Messages that wait for one slow listener; the oldest go first, for a view is built from what is now."""


def account_topic(account_id: UUID) -> str:
    """The topic of what one account may see."""
    return f"account.{account_id}"


def party_topic(party_id: UUID) -> str:
    """The topic of what the operators of a party may see."""
    return f"party.{party_id}"


def messages_topic(party_id: UUID) -> str:
    """The topic of a party's message log: JSON lists of `shared.operating.MessageView`."""
    return f"messages.{party_id}"


class Message(msgspec.Struct, frozen=True):
    """What was published."""

    topic: str
    payload: bytes


class Subscription(Protocol):
    """An endless iterator over messages since it was made; who made it closes it."""

    def __aiter__(self) -> AsyncIterator[Message]:
        """Itself."""

    async def __anext__(self) -> Message:
        """The next message, in order."""

    def waiting(self) -> list[Message]:
        """What has arrived already, without waiting."""

    def close(self) -> None:
        """Hear no more."""


class Bus(Protocol):
    """Publishes to whoever subscribes now, in this process or in others."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Tell; never blocks and never fails for want of a listener."""

    def subscribe(self, topics: Sequence[str]) -> Subscription:
        """Hear all that is published on some topics from this moment on."""

    def heard(self, topic: str) -> bool:
        """Whether anybody may listen: what costs something to say need not be said otherwise."""


class LocalSubscription:
    """A bounded queue of one listener in this process."""

    def __init__(self, bus: "LocalBus", topics: Sequence[str]) -> None:
        """Made by `LocalBus.subscribe`."""
        self.topics = tuple(topics)
        self.dropped = 0
        self._bus = bus
        self._waiting: deque[Message] = deque()
        self._arrived = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[Message]:
        """Itself."""
        return self

    async def __anext__(self) -> Message:
        """The next message, in order."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def take(self, message: Message) -> None:
        """Queue a message; a full queue loses its oldest."""
        if len(self._waiting) >= BACKLOG_MAX:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(message)
        self._arrived.set()

    def waiting(self) -> list[Message]:
        """What has arrived already, without waiting."""
        found = list(self._waiting)
        self._waiting.clear()
        return found

    def close(self) -> None:
        """Hear no more."""
        self._bus.forget(self)


class LocalBus:
    """A bus within one process and one event loop."""

    def __init__(self) -> None:
        """No listeners yet."""
        self._listeners: dict[str, list[LocalSubscription]] = {}

    def publish(self, topic: str, payload: bytes) -> None:
        """Put a message into the queue of each listener."""
        message = Message(topic, payload)
        for listener in self._listeners.get(topic, ()):
            listener.take(message)

    def subscribe(self, topics: Sequence[str]) -> LocalSubscription:
        """Listen from this moment on, until closed."""
        subscription = LocalSubscription(self, topics)
        for topic in subscription.topics:
            self._listeners.setdefault(topic, []).append(subscription)
        return subscription

    def heard(self, topic: str) -> bool:
        """Whether anybody listens."""
        return topic in self._listeners

    def forget(self, subscription: LocalSubscription) -> None:
        """Drop a listener; twice is once."""
        for topic in subscription.topics:
            kept = [one for one in self._listeners.get(topic, ()) if one is not subscription]
            if kept:
                self._listeners[topic] = kept
            else:
                self._listeners.pop(topic, None)

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len({id(one) for group in self._listeners.values() for one in group})
