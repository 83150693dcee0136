"""
Virtual time: an event loop whose clock jumps to the next timer, so that hours pass in milliseconds.

What asyncio does not promise, in which order ready tasks run and timers of one
instant fire, is drawn from a seed. The same seed gives the same run.
"""

import asyncio
import heapq
import math
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NoReturn, ParamSpec, TypeVar
from weakref import WeakSet

P = ParamSpec("P")
T = TypeVar("T")
_ASYNCIO: Final = str(Path(asyncio.__file__).parent)
MOST_TURNS: Final = 100_000
"""Turns of the loop without time passing; whoever needs more would never end."""


class DeadlockError(RuntimeError):
    """Everybody waits and nothing is scheduled: it would stay so for ever."""


class LivelockError(RuntimeError):
    """Something runs all the time and lets no time pass."""


class LeftBehindError(RuntimeError):
    """Something outlived the run, or failed where nobody looked."""


class VirtualLoop(asyncio.BaseEventLoop):
    """
    An event loop without a world: tasks and timers, but no sockets, no threads and no real time.

    Callbacks of ``call_soon`` keep their order among themselves. Steps of tasks
    and timers that are due promise none, so they are shuffled.

    Args:
        seed: of the shuffling.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _asyncgens: "WeakSet[AsyncGenerator[Any, Any]]"
    _clock_resolution: float

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.turns = 0
        """How often the loop went round, ever."""
        self.complaints: list[dict[str, Any]] = []
        """What would have been logged: exceptions of callbacks, and of tasks that nobody asked for theirs."""
        self._now = 0.0
        self._turns_now = 0
        self._random = random.Random(seed)  # noqa: S311  # the same seed must give the same run
        self._selector = SimpleNamespace(select=self._turn)
        self.set_exception_handler(lambda _, context: self.complaints.append(context))

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._now

    def run_in_executor(self, *_: object) -> NoReturn:
        """Refuse: virtual time would not wait for a thread."""
        raise RuntimeError("no threads in virtual time")

    @property
    def next_due(self) -> float | None:
        """When the next timer fires; :obj:`None` if there is none."""
        return min((timer.when() for timer in self._timers()), default=None)

    def settle(self) -> None:
        """Run until nothing can be done without time passing. Not to be called from within."""
        while self._ready:
            self.stop()
            self.run_forever()

    def leftovers(self) -> list[str]:
        """Describe every task, timer and begun async generator that there is."""
        tasks = sorted(_described(task) for task in asyncio.all_tasks(self))
        timers = sorted(repr(timer) for timer in self._timers())
        generators = sorted(repr(one) for one in self._asyncgens if _first(one, "ag_frame"))
        return [*tasks, *timers, *generators]

    def check(self) -> None:
        """
        Settle, and demand that nothing is left and nobody complained. Not to be called from within.

        Raises:
            LeftBehindError: If it is otherwise.
        """
        self.settle()
        if left := self.leftovers():
            raise LeftBehindError("left behind: " + "; ".join(left))
        if self.complaints:
            first = self.complaints[0]
            raise LeftBehindError(f"nobody saw: {first['message']}") from first.get("exception")

    def finish(self) -> None:
        """Cancel what is left, see it end, and close the loop. Safe to repeat."""
        if self.is_closed():
            return
        try:
            left = asyncio.all_tasks(self)
            for task in left:
                task.cancel()
            if left:
                self.run_until_complete(asyncio.wait(left))
            self.run_until_complete(self.shutdown_asyncgens())
        finally:
            self.close()

    # --- what BaseEventLoop leaves to its subclasses

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: no sockets, no events."""

    def _write_to_self(self) -> None:
        """Do nothing: the loop never sleeps, so nobody need wake it."""

    def _turn(self, timeout: float | None) -> tuple[()]:
        """Stand in for the wait for sockets: let time pass, then decide who runs in which order."""
        self.turns += 1
        self._turns_now += 1
        if timeout == 0:
            self._demand_progress()
        else:
            self._jump()
        self._collect_due()
        self._shuffle()
        return ()

    def _demand_progress(self) -> None:
        if self._turns_now > MOST_TURNS:
            self._turns_now = 0
            raise LivelockError(f"livelock: {MOST_TURNS} turns at {self._now:g} s; {self._waiting()}")

    def _jump(self) -> None:
        when = self._scheduled[0].when() if self._scheduled else math.inf
        if when == math.inf:
            raise DeadlockError(f"deadlock: nothing scheduled; {self._waiting()}")
        self._now = max(self._now, when)
        self._turns_now = 0

    def _collect_due(self) -> None:
        end = self._now + self._clock_resolution
        while self._scheduled and self._scheduled[0].when() < end:
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False  # type: ignore[attr-defined]  # noqa: SLF001  # as BaseEventLoop does it
            self._now = max(self._now, timer.when())  # two who wake a hair too early would wait for ever
            self._ready.append(timer)

    def _shuffle(self) -> None:
        ready = list(self._ready)
        if len(ready) < 2:  # noqa: PLR2004  # one has no order
            return
        ordered = iter([handle for handle in ready if not _is_free(handle)])
        self._random.shuffle(ready)
        self._ready.clear()
        self._ready.extend(handle if _is_free(handle) else next(ordered) for handle in ready)

    # --- what there is

    def _timers(self) -> Iterator[asyncio.TimerHandle]:
        due = [handle for handle in self._ready if isinstance(handle, asyncio.TimerHandle)]
        return (timer for timer in [*due, *self._scheduled] if not timer.cancelled())

    def _waiting(self) -> str:
        return "; ".join(sorted(_described(task) for task in asyncio.all_tasks(self))) or "no task waits"


def run(main: Coroutine[Any, Any, T], *, seed: int = 0, debug: bool = False) -> T:
    """
    Run ``main`` in virtual time and return its result, if it left nothing behind.

    Args:
        main: what to run; its own exceptions pass through.
        seed: of the order in which what is ready runs.
        debug: asyncio's own debug mode.

    Raises:
        DeadlockError: If everybody waits for ever.
        LivelockError: If no time passes any more.
        LeftBehindError: If a task, a timer or an async generator is left, or an exception was seen by nobody.
    """
    loop = VirtualLoop(seed)
    loop.set_debug(debug)
    try:
        result = loop.run_until_complete(main)
        loop.check()
    finally:
        loop.finish()
    return result


def virtually(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Have a test that is a coroutine run as :func:`run` does it."""

    @wraps(test)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        run(test(*args, **kwargs))

    return wrapped


def _is_free(handle: asyncio.Handle) -> bool:
    """Whether asyncio promises nothing of when it runs: timers, and the steps of tasks."""
    callback = handle._callback  # type: ignore[attr-defined]  # noqa: SLF001  # as asyncio's own debug mode does it
    return isinstance(handle, asyncio.TimerHandle) or isinstance(getattr(callback, "__self__", None), asyncio.Task)


def _described(task: "asyncio.Task[Any]") -> str:
    return f"task {task.get_name()!r} waits in {_place(task.get_coro())}"


def _place(awaited: Any) -> str:
    """Say where a suspended coroutine stands: the innermost place outside asyncio that it waits for."""
    places = []
    while awaited is not None:
        frame = _first(awaited, "cr_frame", "gi_frame", "ag_frame")
        if frame is not None:
            places.append(f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})")
        awaited = _first(awaited, "cr_await", "gi_yieldfrom", "ag_await")
    ours = [place for place in places if f"({_ASYNCIO}" not in place]
    return next(reversed(ours or places), "a place that cannot be told")


def _first(thing: object, *names: str) -> Any:
    return next((value for name in names if (value := getattr(thing, name, None)) is not None), None)
