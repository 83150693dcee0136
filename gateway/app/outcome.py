"""What comes of something that was asked for, whichever thread asked."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Loop:
    """
    The event loop that a gateway lives on, and how other threads hand it work.

    Must be made on that loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    @property
    def is_here(self) -> bool:
        """Whether the caller is on the loop's own thread."""
        return threading.get_ident() == self._thread

    def ask(self, intend: Callable[[], "asyncio.Future[T]"]) -> "Outcome[T]":
        """
        Call ``intend`` on the loop, at once if we are there; what it returns is the outcome.

        So on the loop's thread an intent is recorded before this returns.

        Raises:
            RuntimeError: If the loop is closed.
        """
        outcome: Future[T] = Future()
        outcome.set_running_or_notify_cancel()
        if self.is_here:
            self._follow(intend, outcome)
        else:
            self._loop.call_soon_threadsafe(self._follow, intend, outcome)
        return Outcome(outcome, self)

    def call(self, work: Callable[[], T]) -> T:
        """Call ``work`` on the loop and return its result; other threads wait for it."""

        async def once() -> T:
            return work()

        return work() if self.is_here else self.start(once()).result()

    def start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start ``work`` on the loop; cancelling the future ends it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _follow(self, intend: Callable[[], "asyncio.Future[T]"], outcome: "Future[T]") -> None:
        try:
            future = intend()
        except Exception as exc:  # noqa: BLE001  # handed to whoever waits
            outcome.set_exception(exc)
            return
        future.add_done_callback(lambda done: _copy(done, outcome))


class Outcome(Generic[T]):
    """Await it on the gateway's event loop, or ask for :meth:`result` on any other thread."""

    def __init__(self, future: "Future[T]", loop: Loop) -> None:
        self._future = future
        self._loop = loop

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self._future).__await__()

    def result(self, timeout: float | None = None) -> T:
        """
        Wait and return what came of it; ``timeout`` in seconds.

        Raises:
            RuntimeError: On the event loop's own thread, which would wait for itself.
            TimeoutError: If it took longer.
        """
        if self._loop.is_here and not self._future.done():
            raise RuntimeError("this would wait for the event loop on its own thread; await it instead")
        return self._future.result(timeout)


def _copy(done: "asyncio.Future[T]", outcome: "Future[T]") -> None:
    if done.cancelled():
        outcome.set_exception(RuntimeError("the gateway was stopped"))
    elif (exc := done.exception()) is not None:
        outcome.set_exception(exc)
    else:
        outcome.set_result(done.result())
