"""
The client for programs without an event loop: the same methods, each of which waits.

It lives on a thread of its own, which answers the gateway's pings however long the program computes.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterator, Mapping, Sequence
from typing import Any, Final, Self, TypeVar, Unpack

from gateway.client.connection import URL, Client
from gateway.client.contiguity import Message, Position
from gateway.client.following import Following
from gateway.client.pending import Ack
from gateway.client.wishes import Selection
from gateway.net.loops import loop_factory

BATCH: Final = 256
"""Messages that are handed over at a time, at most."""
PATIENCE: Final = 5.0
"""Seconds that what was interrupted may take to end."""

T = TypeVar("T")


class Loop:
    """An event loop on a thread of its own. ``with`` starts and ends it, once."""

    def __enter__(self) -> Self:
        self._loop = (loop_factory() or asyncio.new_event_loop)()
        self._thread = threading.Thread(target=self._run, name="gateway-client", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` there and return what came of it; whoever is interrupted meanwhile ends it first."""
        ended = threading.Event()
        future = asyncio.run_coroutine_threadsafe(_marking(work, ended), self._loop)
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                ended.wait(PATIENCE)
            raise

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())


async def _marking(work: Coroutine[Any, Any, T], ended: threading.Event) -> T:
    try:
        return await work
    finally:
        ended.set()


class BlockingClient:
    """
    Subscribe and iterate, as with :class:`~gateway.client.Client`, whose arguments it takes; one thread at a time.

    ``with`` connects and closes.
    """

    def __init__(self, url: str = URL, **given: Any) -> None:
        self._client = Client(url, **given)
        self._loop = Loop()
        self._read: list[Message] = []

    def __enter__(self) -> Self:
        """See :meth:`gateway.client.Client.__aenter__`."""
        self._loop.__enter__()
        try:
            self._loop.do(self._client.__aenter__())
        except BaseException:
            self._loop.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._loop.do(self._client.close())
        finally:
            self._loop.__exit__()

    def __iter__(self) -> Iterator[Message]:
        """Yield what is received. Raises a ConnectionFault if the connection breaks."""
        while True:
            if not self._read:
                self._read = self._loop.do(self._some())[::-1]
            yield self._read.pop()

    @property
    def positions(self) -> Mapping[str, Position]:
        """Where each topic stands; what was received and not read yet is counted."""
        return dict(self._client.positions)

    def subscribe(
        self, topics: str | Sequence[str] = (), /, *, resume: Mapping[str, Position] | None = None, **options: Any
    ) -> list[Ack]:
        """See :meth:`gateway.client.Client.subscribe`; returns the acks."""

        async def subscribe() -> list[Ack]:
            return await self._client.subscribe(topics, resume=resume, **options)

        return self._loop.do(subscribe())

    def unsubscribe(self, topics: str | Sequence[str] = (), /, **parts: Unpack[Selection]) -> list[Ack]:
        """See :meth:`gateway.client.Client.unsubscribe`."""
        return self._loop.do(self._client.unsubscribe(topics, **parts))

    def topics(self) -> list[dict[str, Any]]:
        """See :meth:`gateway.client.Client.topics`."""
        return self._loop.do(self._client.topics())

    def ping(self) -> Ack:
        """See :meth:`gateway.client.Client.ping`."""
        return self._loop.do(self._client.ping())

    async def _some(self) -> list[Message]:
        """Return the next message and those that wait behind it."""
        found = [await anext(self._client)]
        for _ in range(min(self._client.waiting, BATCH)):
            found.append(await anext(self._client))  # noqa: PERF401  # reads as what it is
        return found


def follow(topics: str | Sequence[str], url: str = URL, **given: Any) -> Generator[Message, None, None]:
    """
    Yield messages for as long as the program asks, connecting anew by itself.

    See :class:`~gateway.client.Following`, whose arguments it takes and whose errors it raises.
    """
    with Loop() as loop:
        messages: AsyncGenerator[Message, None] = aiter(Following(topics, url, **given))
        try:
            while True:
                yield loop.do(_next(messages))
        finally:
            loop.do(messages.aclose())


async def _next(messages: AsyncGenerator[Message, None]) -> Message:
    return await anext(messages)
