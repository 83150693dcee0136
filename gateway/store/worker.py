"""
The one thread that touches the database.

It does jobs in the order in which they were given, all that wait in one
transaction. Whoever gave one is told after the commit, never before.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any, TypeVar

from gateway.errors import StoreBusy, StoreError
from gateway.store.database import Database, Job

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Task:
    job: Job
    future: "Future[Any]" = field(default_factory=Future)

    def begin(self) -> bool:
        """Return false if whoever gave it has left; afterwards leaving changes nothing."""
        return self.future.set_running_or_notify_cancel()


class Worker:
    """
    Does jobs on a thread of its own. Event-loop only.

    The thread keeps no process alive: one that ends without :meth:`stop` is
    like one that was killed, and as safe.

    Args:
        connect: opens the database; called on the thread.
        bound: how many jobs may wait.
    """

    def __init__(self, connect: Callable[[], Database], *, bound: int) -> None:
        self._connect = connect
        self._bound = bound
        self._bell = Condition()
        self._waiting: list[_Task] = []  # guarded by _bell
        self._closed = False  # guarded by _bell
        self._opened: Future[tuple[str, ...]] = Future()
        self._ended: Future[None] = Future()
        self._thread = Thread(target=self._live, name="gateway store", daemon=True)

    async def start(self) -> tuple[str, ...]:
        """
        Open the database and return what the operator should read.

        Whatever opening raises is raised here, and the thread has ended then. So
        it has, soon, if the caller is cancelled.
        """
        self._thread.start()
        try:
            return await asyncio.shield(asyncio.wrap_future(self._opened))
        except BaseException:
            self._close()
            raise

    async def do(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """
        Return what ``job`` returned, once it is committed.

        A caller that is cancelled leaves the job wholly done or not done at all.

        Raises:
            StoreBusy: At once, if too many wait already.
            StoreError: If it could not be committed, or there is no database any more.
        """
        task = _Task(job)
        with self._bell:
            if self._closed:
                raise StoreError("the store is closed")
            if len(self._waiting) >= self._bound:
                raise StoreBusy(f"{self._bound:,} changes wait to be kept already; ask again")
            self._waiting.append(task)
            self._bell.notify()
        result: T = await asyncio.wrap_future(task.future)
        return result

    async def stop(self) -> None:
        """Do what waits, close the database and end. Safe to repeat; goes on if the caller is cancelled."""
        self._close()
        await asyncio.shield(asyncio.wrap_future(self._ended))
        self._thread.join()

    def _close(self) -> None:
        with self._bell:
            self._closed = True
            self._bell.notify()

    # --- on the thread

    def _live(self) -> None:
        try:
            database = self._connect()
        except BaseException as exc:  # noqa: BLE001  # told to whoever started us
            self._opened.set_exception(exc)
        else:
            self._opened.set_result(database.notices)
            self._serve(database)
        finally:
            self._refuse()
            self._ended.set_result(None)

    def _serve(self, database: Database) -> None:
        try:
            while tasks := self._next():
                _perform(database, [task for task in tasks if task.begin()])
        finally:
            database.close()

    def _next(self) -> list[_Task]:
        """Wait for something to do; nothing means that there is never more."""
        with self._bell:
            self._bell.wait_for(lambda: self._waiting or self._closed)
            tasks, self._waiting = self._waiting, []
        return tasks

    def _refuse(self) -> None:
        self._close()
        for task in self._next():
            if task.begin():
                task.future.set_exception(StoreError("the store is closed"))


def _perform(database: Database, tasks: Sequence[_Task]) -> None:
    """Do all of ``tasks`` at once; where that fails each alone, so that none suffers for another."""
    try:
        results = database.commit([task.job for task in tasks])
    except Exception as exc:  # noqa: BLE001  # told to whoever gave the job
        if len(tasks) == 1:
            tasks[0].future.set_exception(exc)
            return
        for task in tasks:
            _perform(database, [task])
        return
    for task, result in zip(tasks, results, strict=True):
        task.future.set_result(result)
