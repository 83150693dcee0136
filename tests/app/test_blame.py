"""Who holds a thread up is named by package and function: whoever the core called, not the core, and no value."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from gateway.app.blame import Holder, holder
from gateway.engine.intake import Intake

HERE = __name__
PACKAGE = __name__.partition(".")[0]


class Stuck:
    """A dialect, and a callback, that waits until it is let go."""

    def __init__(self) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()

    def stream(self, _payload: bytes, _binary: bool) -> None:
        return None

    def decode(self, _payload: bytes, _binary: bool) -> tuple[()]:
        return self.helper("s3cret")

    def helper(self, _secret: str) -> tuple[()]:
        self.entered.set()
        assert self.go_on.wait(10)
        return ()

    def read(self, _limit: int = -1) -> str:
        """Be a file that is read by the standard library."""
        self.helper("s3cret")
        return "{}"


@contextmanager
def held(stuck: Stuck, work: Callable[[], Any]) -> Iterator[Holder | None]:
    """Run ``work`` on a thread until ``stuck`` has it; yields who is blamed."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert stuck.entered.wait(10)
        yield holder(thread.ident)
    finally:
        stuck.go_on.set()
        thread.join()


def intake(stuck: Stuck) -> Intake:
    return Intake("slow", stuck, {}, lambda: 0, lambda _: None, lambda _: None)  # type: ignore[arg-type]


def on_a_loop(work: Callable[[], Any]) -> None:
    async def run() -> None:
        called = asyncio.Event()
        asyncio.get_running_loop().call_soon(lambda: (work(), called.set()))
        await called.wait()

    asyncio.run(run())


def test_a_dialect_is_blamed_with_the_innermost_function_and_the_one_that_the_core_called() -> None:
    stuck = Stuck()
    with held(stuck, partial(on_a_loop, partial(intake(stuck).take, b"s3cret", False))) as blamed:
        assert blamed == Holder(PACKAGE, f"{HERE}:Stuck.helper", f"{HERE}:Stuck.decode")
        assert "s3cret" not in repr(blamed)
        assert str(blamed) == f"{HERE}:Stuck.helper ({PACKAGE})"


def test_the_standard_library_is_never_blamed_for_what_others_ask_of_it() -> None:
    stuck = Stuck()

    def callback() -> None:
        json.load(stuck)  # type: ignore[arg-type]

    with held(stuck, partial(on_a_loop, callback)) as blamed:
        assert blamed is not None
        assert blamed.function == f"{HERE}:Stuck.helper"
        assert blamed.called.startswith(f"{HERE}:on_a_loop"), "it is what the loop called"


def test_where_only_the_core_is_at_work_it_is_blamed_itself() -> None:
    """Whoever started it, further out, has nothing to do with it."""
    stuck = Stuck()
    core = {"__name__": "gateway.store.somewhere", "stuck": stuck}
    exec("def save():\n stuck.entered.set()\n stuck.go_on.wait(10)", core)  # a function of the core's
    with held(stuck, partial(on_a_loop, core["save"])) as blamed:
        assert blamed is not None
        assert (blamed.function, blamed.called) == ("gateway.store.somewhere:save",) * 2


def test_a_loop_that_has_nothing_to_do_is_held_up_by_nobody() -> None:
    loop, waiting = asyncio.new_event_loop(), threading.Event()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        loop.call_soon_threadsafe(waiting.set)
        assert waiting.wait(10)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(10)
        assert holder(thread.ident) is None
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_thread_that_is_not_there_is_held_up_by_nobody() -> None:
    assert holder(-1) is None


def test_what_is_installed_is_named_by_its_distribution() -> None:
    stuck = Stuck()
    theirs = {"__name__": "_pytest.somewhere", "stuck": stuck}
    exec("def parse():\n stuck.entered.set()\n stuck.go_on.wait(10)", theirs)  # a function of theirs
    with held(stuck, theirs["parse"]) as blamed:
        assert blamed == Holder("pytest", "_pytest.somewhere:parse", "_pytest.somewhere:parse")
