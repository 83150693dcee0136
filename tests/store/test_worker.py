"""The thread that owns the database: order, bounds, cancellation, its end."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from gateway.errors import StoreBusy, StoreError
from gateway.store.database import Database
from gateway.store.worker import Worker

BOUND = 8


class Held:
    """A job during which the thread waits for the test."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go = threading.Event()

    def __call__(self, _: sqlite3.Connection) -> str:
        self.reached.set()
        assert self.go.wait(30)
        return "held"

    async def is_reached(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, 30)


class Place:
    """A database that outlives its workers, and what happened to it."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.commits: list[int] = []
        self.closed = 0

    def connect(self) -> Database:
        place = self

        class Watched(Database):
            def commit(self, jobs):
                place.commits.append(len(jobs))
                return super().commit(jobs)

            def close(self):
                place.closed += 1
                place.rows = [n for (n,) in self._connection.execute("SELECT n FROM t ORDER BY rowid")]
                super().close()

        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.execute("CREATE TABLE t (n INTEGER UNIQUE)")
        return Watched(connection, notices=("welcome",))


def insert(number: int) -> Callable[[sqlite3.Connection], int]:
    def job(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO t VALUES (?)", (number,))
        return number

    return job


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
async def worker(place: Place) -> AsyncIterator[Worker]:
    one = Worker(place.connect, bound=BOUND)
    assert await one.start() == ("welcome",)
    yield one
    await one.stop()


def threads() -> int:
    return sum(one.name == "gateway store" for one in threading.enumerate())


async def given(worker: Worker, *jobs: Callable[[sqlite3.Connection], object]) -> list["asyncio.Task[object]"]:
    """Give ``jobs``, in this order, and return before any is done."""
    tasks = [asyncio.create_task(worker.do(job)) for job in jobs]
    await asyncio.sleep(0)
    return tasks


async def test_the_answer_comes_after_the_commit(worker, place):
    """What waited together is committed together, and nobody hears of it before."""
    held = Held()
    [blocked] = await given(worker, held)
    await held.is_reached()
    last = Held()
    tasks = await given(worker, insert(1), insert(2), last)
    held.go.set()
    await last.is_reached()
    assert await blocked == "held"
    assert not any(task.done() for task in tasks), "the jobs are done but not committed"
    last.go.set()
    assert await asyncio.gather(*tasks) == [1, 2, "held"]
    assert place.commits == [1, 3]


async def test_the_event_loop_runs_while_the_disk_does_not(worker):
    held = Held()
    [blocked] = await given(worker, held)
    await held.is_reached()
    turns = 0
    while turns < 1000:
        await asyncio.sleep(0)
        turns += 1
    assert not blocked.done()
    held.go.set()
    assert await blocked == "held"


async def test_too_much_that_waits_is_refused_at_once_and_what_waits_is_done(worker, place):
    held = Held()
    [blocked] = await given(worker, held)
    await held.is_reached()
    tasks = await given(worker, *map(insert, range(BOUND)))
    with pytest.raises(StoreBusy, match="8 changes wait to be kept already; ask again"):
        await worker.do(insert(99))
    held.go.set()
    await asyncio.gather(blocked, *tasks)
    assert await worker.do(insert(100)) == 100
    await worker.stop()
    assert place.rows == [*range(BOUND), 100]


async def test_a_caller_who_leaves_before_its_turn_leaves_nothing(worker, place):
    held = Held()
    [blocked] = await given(worker, held)
    await held.is_reached()
    first, left, last = await given(worker, insert(1), insert(2), insert(3))
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    held.go.set()
    await asyncio.gather(blocked, first, last)
    await worker.stop()
    assert place.rows == [1, 3]


async def test_a_caller_who_leaves_during_its_turn_leaves_all_of_it(worker, place):
    held = Held()

    def two_rows(connection: sqlite3.Connection) -> None:
        insert(1)(connection)
        held(connection)
        insert(2)(connection)

    [left] = await given(worker, two_rows)
    await held.is_reached()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    held.go.set()
    await worker.stop()
    assert place.rows == [1, 2]


async def test_when_all_who_wait_have_left_the_thread_waits_on(worker, place):
    held = Held()
    [blocked] = await given(worker, held)
    await held.is_reached()
    left = await given(worker, insert(1), insert(2))
    for one in left:
        one.cancel()
    await asyncio.wait(left)
    held.go.set()
    await blocked
    assert await worker.do(insert(3)) == 3
    await worker.stop()
    assert place.rows == [3]


async def test_one_that_fails_takes_no_other_with_it(worker, place):
    held = Held()
    [blocked] = await given(worker, held)
    await held.is_reached()
    tasks = await given(worker, insert(1), insert(1), lambda _: 1 / 0, insert(2))
    held.go.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in outcomes] == [int, StoreError, ZeroDivisionError, int]
    assert str(outcomes[1]) == (
        "what is to survive a restart could not be kept: UNIQUE constraint failed: t.n (SQLITE_CONSTRAINT_UNIQUE)"
    )
    await blocked
    await worker.stop()
    assert place.rows == [1, 2]
    assert place.commits == [1, 4, 1, 1, 1, 1]


async def test_a_job_that_fails_half_way_leaves_nothing(worker, place):
    def half(connection: sqlite3.Connection) -> None:
        insert(1)(connection)
        raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        await worker.do(half)
    assert await worker.do(insert(2)) == 2
    await worker.stop()
    assert place.rows == [2]


async def test_stopping_does_what_waits_and_refuses_what_comes_later(worker, place):
    held = Held()
    [blocked] = await given(worker, held)
    await held.is_reached()
    tasks = await given(worker, insert(1), insert(2))
    stops = [asyncio.create_task(worker.stop()) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(StoreError, match="closed"):
        await worker.do(insert(3))
    assert not any(stop.done() for stop in stops)
    held.go.set()
    await asyncio.gather(blocked, *tasks, *stops)
    assert (place.rows, place.closed, threads()) == ([1, 2], 1, 0)


async def test_a_stop_that_is_cancelled_goes_on_and_can_be_waited_for_again(worker, place):
    held = Held()
    [blocked] = await given(worker, held)
    await held.is_reached()
    stop = asyncio.create_task(worker.stop())
    await asyncio.sleep(0)
    stop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop
    held.go.set()
    await worker.stop()
    assert await blocked == "held"
    assert (place.closed, threads()) == (1, 0)


async def test_what_opening_raises_is_raised_and_the_thread_is_gone():
    def refuse() -> Database:
        raise StoreError("no disk")

    worker = Worker(refuse, bound=BOUND)
    with pytest.raises(StoreError, match="no disk"):
        await worker.start()
    with pytest.raises(StoreError, match="closed"):
        await worker.do(insert(1))
    await worker.stop()
    assert threads() == 0


async def test_a_start_that_is_cancelled_opens_and_closes(place):
    held = Held()

    def slowly() -> Database:
        held(None)
        return place.connect()

    worker = Worker(slowly, bound=BOUND)
    start = asyncio.create_task(worker.start())
    await held.is_reached()
    early = (await given(worker, insert(1)))[0]
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    held.go.set()
    await worker.stop()
    assert await early == 1, "it was accepted, so it is done"
    assert (place.closed, place.rows, threads()) == (1, [1], 0)


async def test_given_while_opening_fails_it_is_refused():
    held = Held()

    def slowly() -> Database:
        held(None)
        raise StoreError("no disk")

    worker = Worker(slowly, bound=BOUND)
    start = asyncio.create_task(worker.start())
    await held.is_reached()
    early, left = await given(worker, insert(1), insert(2))
    left.cancel()
    await asyncio.wait([left])
    held.go.set()
    with pytest.raises(StoreError, match="no disk"):
        await start
    with pytest.raises(StoreError, match="closed"):
        await early


async def test_cancelled_at_any_instant_a_job_is_whole_or_absent(place):
    """Each of many callers inserts two rows and is cancelled after another number of the loop's turns."""
    worker = Worker(place.connect, bound=1000)
    await worker.start()

    def pair(number: int, connection: sqlite3.Connection) -> None:
        insert(2 * number)(connection)
        insert(2 * number + 1)(connection)

    async def leave(number: int) -> bool:
        task = asyncio.create_task(worker.do(partial(pair, number)))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return not task.cancelled()

    outcomes = await asyncio.gather(*(leave(number) for number in range(500)))
    await worker.stop()
    rows = set(place.rows)
    for number, acknowledged in enumerate(outcomes):
        half, other = 2 * number in rows, 2 * number + 1 in rows
        assert half == other
        assert half or not acknowledged


def test_a_store_that_nobody_closes_keeps_no_process_alive(path):
    program = (
        "import asyncio, sys\n"
        "from gateway.store import Store\n"
        "from gateway.model.subscriptions import Subscription\n"
        "async def main():\n"
        "    store = Store(sys.argv[1])\n"
        "    await store.open(0)\n"
        "    print(await store.add_subscription(Subscription('a', 'b', 'c'), 7))\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", program, str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "is_new=True" in done.stdout
    assert done.stderr == ""
