"""
Every await of an event loop's tasks, one by one, so that something can be done at any of them.

A scenario that is run again and again, each time disturbed at the next await, has
been disturbed everywhere.
"""

import asyncio
import enum
from collections.abc import Callable, Coroutine, Generator, Iterator
from pathlib import Path
from typing import Any, Final

Task = asyncio.Task[Any]
ASYNCIO: Final = str(Path(asyncio.__file__).parent)


class Moment(enum.Enum):
    """When a task is disturbed that waits."""

    BEGUN = "it has begun to wait"
    OVER = "what it waits for is there, and it has not heard of that yet"


class Awaits:
    """
    Counts the awaits of the tasks that ``loop`` makes from now on.

    Args:
        loop: whose task factory is replaced.
        counts: asked for each await of a task, and in which file its coroutine was written; by default all count.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, counts: Callable[[Task, str], bool] = lambda *_: True
    ) -> None:
        self.places: list[str] = []
        """Where each stood: the functions that wait for one another, the innermost last."""
        self._counts = counts
        self._at = 0
        self._moment = Moment.BEGUN
        self._what: Callable[[Task], object] = _nothing
        loop.set_task_factory(self._make)

    @property
    def count(self) -> int:
        """How many there were, ever."""
        return len(self.places)

    def at(self, number: int, what: Callable[[Task], object], moment: Moment = Moment.BEGUN) -> None:
        """Call ``what`` with the task at the ``number``-th await from now on; this replaces what was to come."""
        self._at, self._what, self._moment = self.count + number, what, moment

    def never(self) -> None:
        """Call nothing any more."""
        self._at, self._what = 0, _nothing

    def _make(self, loop: asyncio.AbstractEventLoop, coro: Any, **named: Any) -> Task:
        return asyncio.Task(_Watched(coro, self._awaited), loop=loop, **named)

    def _awaited(self, coro: Any, waited_for: Any) -> None:
        task = asyncio.current_task()
        if task is None or not self._counts(task, _file(coro)):
            return
        self.places.append(" > ".join(_standing(coro)))
        if self.count != self._at:
            return
        what = self._what

        def strike(_: object) -> None:
            if self._what is what:  # nothing else is to come, nor nothing at all
                what(task)

        if self._moment is Moment.OVER and asyncio.isfuture(waited_for):
            waited_for.add_done_callback(strike)  # before the task's own, which is added next
        else:
            strike(waited_for)


class _Watched(Coroutine[Any, Any, Any]):
    """A coroutine that tells of each of its awaits, when it has begun."""

    def __init__(self, inner: Any, awaited: Callable[[Any, Any], None]) -> None:
        self._inner = inner
        self._awaited = awaited

    def send(self, value: Any) -> Any:
        return self._tell(self._inner.send(value))

    def throw(self, *exc: Any) -> Any:
        return self._tell(self._inner.throw(*exc))

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from self._inner.__await__()

    def __getattr__(self, name: str) -> Any:
        """Look like what is inside, so that whoever describes a task can tell where it stands."""
        return getattr(self._inner, name)

    def _tell(self, waited_for: Any) -> Any:
        self._awaited(self._inner, waited_for)
        return waited_for


def _nothing(_: Task) -> None:
    """Let it go on."""


def _file(coro: Any) -> str:
    code = getattr(coro, "cr_code", None)
    return "" if code is None else code.co_filename


def _standing(awaited: Any) -> Iterator[str]:
    """Yield where each function stands, down to the one that waits for something of asyncio's."""
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None and not frame.f_code.co_filename.startswith(ASYNCIO):
            yield f"{frame.f_code.co_qualname}:{frame.f_lineno}"
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
