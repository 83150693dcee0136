"""A hang-up has the configuration read anew, however many come and whatever becomes of it; it ends nothing."""

import asyncio
import os
import signal
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from gateway.app.hangup import hangups, obeyed
from gateway.errors import ConfigError, ShuttingDown


class Reloading:
    """Stands for a gateway that is asked; each time it takes until it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.let = asyncio.Event()
        self.fails: Exception | None = None
        self._changed = asyncio.Condition()

    async def reload(self) -> None:
        self.asked += 1
        async with self._changed:
            self._changed.notify_all()
        await self.let.wait()
        if self.fails is not None:
            raise self.fails

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(holds)


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


async def settle() -> None:
    """Let a signal arrive, and whoever hears of it act."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_that_comes_before_anybody_can_act_is_not_forgotten() -> None:
    one = Reloading()
    with hangups() as bell:
        hang_up()
        await settle()
        async with obeyed(bell, one.reload):
            await one.until(lambda: one.asked == 1)


async def test_those_that_come_meanwhile_are_one() -> None:
    one = Reloading()
    with hangups() as bell:
        async with obeyed(bell, one.reload):
            hang_up()
            await one.until(lambda: one.asked == 1)
            for _ in range(3):
                hang_up()
                await settle()
            one.let.set()
            await one.until(lambda: one.asked == 2)
            await settle()
            assert one.asked == 2


@pytest.mark.parametrize(
    ("fails", "lines", "outcome"),
    [
        (ConfigError("log", "is wrong"), [], "bad_configuration"),
        (ShuttingDown("too late"), [], "shutting_down"),
        (ZeroDivisionError(), ["reload_failed"], "internal_error"),
    ],
)
async def test_one_that_fails_does_not_make_us_deaf(fails: Exception, lines: list[str], outcome: str) -> None:
    one = Reloading()
    one.fails = fails
    one.let.set()
    with capture_logs() as logged, hangups() as bell:
        async with obeyed(bell, one.reload):
            hang_up()
            await one.until(lambda: one.asked == 1)
            await settle()
            hang_up()
            await one.until(lambda: one.asked == 2)
    first = next(line for line in logged if line["event"] == "audit")
    assert (first["action"], first["outcome"], first["via"]) == ("reload", outcome, "signal")
    assert [line["event"] for line in logged if line["event"] != "audit"][:1] == lines


async def test_afterwards_the_signal_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with hangups():
        assert signal.getsignal(signal.SIGHUP) != before
    assert signal.getsignal(signal.SIGHUP) == before


async def test_a_system_without_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    with hangups() as bell:
        async with obeyed(bell, Reloading().reload):
            await settle()
