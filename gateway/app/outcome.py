"""What comes of something that was asked for, whichever thread asked."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
STOPPED: Final = "the gateway was stopped"


class Loop:
    """
    The event loop that a gateway lives on, and how other threads hand it work.

    Must be made on that loop. Nobody waits in vain: what is asked for after
    :meth:`refuse` is refused, and what is open at :meth:`end` fails.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._refuses = False  # guarded by _lock
        self._open: set[Future[Any]] = set()  # guarded by _lock

    @property
    def is_here(self) -> bool:
        """Whether the caller is on the loop's own thread."""
        return threading.get_ident() == self._thread

    def ask(self, intend: Callable[[], "asyncio.Future[T]"]) -> "Outcome[T]":
        """
        Call ``intend`` on the loop, at once if we are there; what it returns is the outcome.

        So on the loop's thread an intent is recorded before this returns.

        Raises:
            RuntimeError: If the gateway was stopped.
        """
        outcome: Future[T] = Future()
        outcome.set_running_or_notify_cancel()
        self._remember(outcome)
        if self.is_here:
            _follow(intend, outcome)
        else:
            self._hand_over(_follow, intend, outcome)
        return Outcome(outcome, self)

    def call(self, work: Callable[[], T]) -> T:
        """
        Call ``work`` on the loop and return its result; other threads wait for it.

        Raises:
            RuntimeError: If the gateway was stopped.
        """
        return self.ask(lambda: known(value=work())).result()

    def start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """
        Start ``work`` on the loop; cancelling the future ends it.

        Raises:
            RuntimeError: If the gateway was stopped.
        """
        done: Future[T] = Future()
        try:
            self._remember(done)
            self._hand_over(_begin, work, done)
        except RuntimeError:
            work.close()
            raise
        return done

    def refuse(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._refuses = True

    def end(self) -> None:
        """Fail what is still open: nobody will see to it any more."""
        with self._lock:
            left = tuple(self._open)
        for future in left:
            _give_up(future)

    def check(self) -> None:
        """
        Return if something may still be asked for.

        Raises:
            RuntimeError: If the gateway was stopped.
        """
        with self._lock:
            if self._refuses:
                raise RuntimeError(STOPPED)

    def _hand_over(self, act: Callable[..., None], *arguments: object) -> None:
        """Have the loop call ``act``; the gateway may have been stopped since that was allowed."""
        try:
            self._loop.call_soon_threadsafe(act, *arguments)
        except RuntimeError:
            raise RuntimeError(STOPPED) from None

    def _remember(self, future: "Future[Any]") -> None:
        with self._lock:
            if self._refuses:
                raise RuntimeError(STOPPED)
            self._open.add(future)
        future.add_done_callback(self._forget)

    def _forget(self, future: "Future[Any]") -> None:
        with self._lock:
            self._open.discard(future)


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
            RuntimeError: On the event loop's own thread, which would wait for itself; or the gateway was stopped.
            TimeoutError: If it took longer.
        """
        if self._loop.is_here and not self._future.done():
            raise RuntimeError("this would wait for the event loop on its own thread; await it instead")
        return self._future.result(timeout)


def known(*, value: T) -> "asyncio.Future[T]":
    """Return a future about which nothing is open."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


def _follow(intend: Callable[[], "asyncio.Future[T]"], outcome: "Future[T]") -> None:
    try:
        future = intend()
    except Exception as exc:  # noqa: BLE001  # handed to whoever waits
        _fail(outcome, exc)
        return
    if future.done():
        _copy(outcome, future)
    else:
        future.add_done_callback(partial(_copy, outcome))


def _begin(work: Coroutine[Any, Any, T], done: "Future[T]") -> None:
    if done.cancelled():
        work.close()
        return
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    task.add_done_callback(partial(_copy, done))
    done.add_done_callback(lambda one: loop.call_soon_threadsafe(task.cancel) if one.cancelled() else None)


def _copy(outcome: "Future[T]", done: "asyncio.Future[T]") -> None:
    if done.cancelled():
        _give_up(outcome)
    elif (exc := done.exception()) is not None:
        _fail(outcome, exc)
    else:
        with suppress(InvalidStateError):  # it was given up before
            outcome.set_result(done.result())


def _give_up(future: "Future[Any]") -> None:
    if not future.cancel():
        _fail(future, RuntimeError(STOPPED))


def _fail(future: "Future[Any]", exc: BaseException) -> None:
    with suppress(InvalidStateError):  # it was given up before
        future.set_exception(exc)
