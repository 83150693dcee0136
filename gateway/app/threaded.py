"""The gateway for programs without an event loop: the same object, on a thread of its own."""

import asyncio
import queue
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gateway.app.given import Given
from gateway.app.listening import QUEUE, Listening, records_of
from gateway.engine.messages import Message, Notice
from gateway.engine.operations import Details
from gateway.errors import SlowConsumer
from gateway.net.loops import loop_factory

if TYPE_CHECKING:
    from gateway.app.configuration import Reloaded
    from gateway.app.gateway import Gateway
    from gateway.app.handle import ConnectionHandle


class ThreadedGateway:
    """
    A gateway on a thread of its own; ``with`` starts and stops it. Any thread may use it.

    Made by :meth:`gateway.Gateway.in_thread`.

    Args:
        make: makes the gateway, on its thread.
    """

    def __init__(self, make: "Callable[[], Gateway]") -> None:
        self._make = make
        self._started: Future[Gateway] = Future()
        self._stop: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)

    def __enter__(self) -> Self:
        """
        Start and return once it runs.

        Raises:
            ConfigError: If the configuration is wrong.
        """
        self._thread.start()
        try:
            self._started.result()
        except Exception:
            self._thread.join()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close every connection and end the thread. Safe to repeat; iterations end."""
        self._stop()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def gateway(self) -> "Gateway":
        """The gateway itself, for what any thread may call."""
        return self._started.result()

    def connect_account(self, id: str, *, wait: bool = True, retry: bool = False) -> bool:  # noqa: A002  # the name that older callers use
        """See :meth:`gateway.Gateway.connect_account`; waits and returns whether it is up."""
        return self.gateway.connect_account(id, wait=wait, retry=retry).result()

    def disconnect_account(self, id: str) -> None:  # noqa: A002  # the name that older callers use
        """See :meth:`gateway.Gateway.disconnect_account`; waits until it is down."""
        self.gateway.disconnect_account(id).result()

    def auto_reconnect(self, id: str, enabled: bool = True) -> None:  # noqa: A002  # the name that older callers use
        """See :meth:`gateway.Gateway.auto_reconnect`."""
        self.gateway.auto_reconnect(id, enabled).result()

    def get_connection(self, id: str) -> "ConnectionHandle | None":  # noqa: A002  # the name that older callers use
        """See :meth:`gateway.Gateway.get_connection`."""
        return self.gateway.get_connection(id)

    def get_connection_details(self) -> Mapping[str, Details]:
        """See :meth:`gateway.Gateway.get_connection_details`."""
        return self.gateway.get_connection_details()

    def get_unhealthy_connections(self) -> Mapping[str, Details]:
        """See :meth:`gateway.Gateway.get_unhealthy_connections`."""
        return self.gateway.get_unhealthy_connections()

    def get_stats(self) -> Details:
        """See :meth:`gateway.Gateway.get_stats`."""
        return self.gateway.get_stats()

    def reload(self, settings: Given = None, *, dry_run: bool = False) -> "Reloaded":
        """See :meth:`gateway.Gateway.reload`; waits, and raises what was wrong."""
        return self.gateway.reload(settings, dry_run=dry_run).result()

    def problems(self) -> Sequence[str]:
        """See :meth:`gateway.Gateway.problems`."""
        return self.gateway.problems()

    def subscribe(self, *topics: str, queue_size: int = QUEUE) -> Generator[Any, None, None]:
        """
        Iterate over the records of ``topics``, blocking; closing the iterator ends the subscription.

        Raises:
            ValueError: If one of them is no topic.
            SubscriptionError: If the exchange does not offer one.
            SlowConsumer: If the program did not keep up.
        """
        return _records(self.messages(*topics, queue_size=queue_size))

    def messages(self, *topics: str, queue_size: int = QUEUE) -> Generator[Message | Notice, None, None]:
        """Iterate over every message and status of ``topics``; otherwise like :meth:`subscribe`."""
        gateway = self.gateway
        return _heard(gateway, gateway.call(lambda: gateway.subscribe(*topics, queue=queue_size)), queue_size)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._live())
        except BaseException as exc:
            if self._started.done():
                raise
            self._started.set_exception(exc)

    async def _live(self) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(stopped.set)

        async with self._make() as gateway:
            self._stop = stop
            self._started.set_result(gateway)
            await stopped.wait()


def _heard(gateway: "Gateway", listening: Listening, most: int) -> Generator[Message | Notice, None, None]:
    """Yield, on this thread, what ``listening`` hears on the gateway's; at most ``most`` messages wait between."""
    waiting: queue.Queue[Message | Notice | None] = queue.Queue()

    async def pump() -> None:
        async for message in listening.messages():
            if waiting.qsize() >= most:
                raise SlowConsumer(f"more than {most} messages waited to be read")
            waiting.put(message)

    pumping = gateway.start(pump())
    pumping.add_done_callback(lambda _: waiting.put(None))
    try:
        while (message := waiting.get()) is not None:
            yield message
        if not pumping.cancelled():
            pumping.result()
    finally:
        pumping.cancel()


def _records(messages: Generator[Message | Notice, None, None]) -> Generator[Any, None, None]:
    with closing(messages):
        for message in messages:
            if isinstance(message, Message):
                yield from records_of(message)
