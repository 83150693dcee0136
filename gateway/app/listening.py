"""
Topics inside a program: the same messages that clients get, as records, without being encoded.

The queue is bounded. A program that does not keep up is told so and ended; nothing
is dropped without a word.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Final, Self

from gateway.engine.hub import Hub
from gateway.engine.messages import Message, Notice, TopicStatus
from gateway.engine.topics import Topic
from gateway.errors import SlowConsumer
from gateway.model.subscriptions import Subscription

QUEUE: Final = 10_000
"""Messages that may wait for a program."""


class Callback:
    """
    A listener that hands everything to a function, on the event loop and in the path of the data.

    What the function raises goes to the event loop's exception handler: it must harm nobody else.
    """

    wants_frames = False

    def __init__(self, heard: Callable[[Message | Notice], None]) -> None:
        self._heard = heard

    def put(self, message: Message | Notice, /) -> None:
        """Hand it over."""
        try:
            self._heard(message)
        except Exception as exc:  # noqa: BLE001  # a program's own mistake
            text = f"a listener of topics raised an exception: {self._heard!r}"
            asyncio.get_running_loop().call_exception_handler({"message": text, "exception": exc})

    def notify(self, notice: Notice, _: bytes, /) -> None:
        """Hand it over."""
        self.put(notice)


class Listening:
    """
    A program's subscription: iterate over it for records, over :meth:`messages` for everything.

    ``async with`` or :meth:`close` ends it; so does leaving the iteration. Nothing is
    subscribed to before the iteration begins, or ``async with`` does.

    Args:
        hub: all topics.
        wishes: what to subscribe to.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
        queue: messages that may wait.
    """

    def __init__(
        self,
        hub: Hub,
        wishes: Sequence[Subscription],
        now: Callable[[], float],
        wall_us: Callable[[], int],
        *,
        queue: int = QUEUE,
    ) -> None:
        self.topics: tuple[Topic, ...] = ()
        self._hub = hub
        self._wishes = tuple(wishes)
        self._now = now
        self._wall_us = wall_us
        self._queue = queue
        self._waiting: deque[Message | Notice] = deque()
        self._bell = asyncio.Event()
        self._listener = Callback(self._take)
        self._overflowed = False
        self._ended = False
        self._closed = False

    async def __aenter__(self) -> Self:
        """
        Subscribe.

        Raises:
            SubscriptionError: If the exchange does not offer one of the topics; then to none.
        """
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for message in self.messages():
            if isinstance(message, Message):
                for record in records_of(message):
                    yield record

    async def messages(self) -> AsyncIterator[Message | Notice]:
        """
        Yield every message and status, in order; first what is wrong already, and a snapshot if there is one.

        Raises:
            SubscriptionError: If the exchange does not offer one of the topics.
            SlowConsumer: If the program did not keep up; what waited is lost, and the subscription over.
        """
        await self._open()
        try:
            while not self._closed:
                while self._waiting:
                    yield self._waiting.popleft()
                if self._overflowed:
                    raise SlowConsumer(f"more than {self._queue} messages waited to be read")
                if self._ended:
                    return
                self._bell.clear()
                await self._bell.wait()
        finally:
            self.close()

    def close(self) -> None:
        """Hear no more. Safe to repeat."""
        self._closed = True
        self._bell.set()
        topics, self.topics = self.topics, ()
        for topic in topics:
            self._hub.detach(topic, self._listener, self._now())

    def end(self) -> None:
        """Nothing more will come: what waits may still be read."""
        self._ended = True
        self._bell.set()

    def _is_over(self) -> bool:
        return self._closed or self._ended

    async def _open(self) -> None:
        if self.topics or self._is_over():
            return
        resolved = [await self._hub.resolve(wish) for wish in self._wishes]
        if self._is_over():
            return
        try:
            for wish in dict.fromkeys(resolved):
                self.topics = (*self.topics, self._hub.attach(wish, self._listener))
        except Exception:
            self.close()
            raise
        for topic in self.topics:
            for message in joining(topic, self._wall_us()):
                self._take(message)

    def _take(self, message: Message | Notice) -> None:
        if self._overflowed:
            return
        if len(self._waiting) >= self._queue:
            self._overflowed = True
            self._waiting.clear()
        else:
            self._waiting.append(message)
        self._bell.set()


def called_back(
    hub: Hub,
    topic: Subscription,
    heard: Callable[[Message | Notice], None],
    now: Callable[[], float],
    wall_us: Callable[[], int],
) -> Callable[[], None]:
    """Have ``heard`` called with all of a resolved topic, the present first; returns what ends it."""
    listener = Callback(heard)
    found = hub.attach(topic, listener)
    for message in joining(found, wall_us()):
        listener.put(message)
    return lambda: hub.detach(found, listener, now())


def joining(topic: Topic, now_us: int) -> Iterator[Message | Notice]:
    """Yield what whoever joins ``topic`` is told first: what is wrong with it, and a snapshot if there is one."""
    if topic.status not in {TopicStatus.PENDING, TopicStatus.LIVE}:
        yield Notice(topic.subscription, topic.status, topic.reason, now_us)
    if (snapshot := topic.snapshot(now_us)) is not None:
        yield snapshot


def records_of(message: Message) -> Sequence[Any]:
    """Return what ``message`` holds; an exchange's own frame is one record."""
    records = message.records
    return (records,) if isinstance(records, bytes) else records
