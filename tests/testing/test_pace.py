import asyncio
from types import SimpleNamespace

import pytest

from gateway.testing import pace


@pytest.fixture
def paced(monkeypatch):
    """Runs a pace through scripted sleeps; returns how long it meant to sleep and how it ticked after each."""

    async def run(rate: float, lasting: list[float]) -> tuple[list[float], list[int]]:
        asked: list[float] = []
        ticks: list[int] = []
        loop = SimpleNamespace(now=100.0)
        loop.time = lambda: loop.now
        script = iter(lasting)

        async def sleep(seconds: float) -> None:
            asked.append(seconds)
            lasts = next(script, None)
            if lasts is None:
                raise asyncio.CancelledError
            loop.now += lasts
            ticks.append(0)

        def tick() -> None:
            ticks[-1] += 1

        fake = SimpleNamespace(sleep=sleep, get_running_loop=lambda: loop)
        monkeypatch.setattr(pace, "asyncio", fake)
        with pytest.raises(asyncio.CancelledError):
            await pace.paced(rate, tick)
        return asked, ticks

    return run


async def test_slow_rates_tick_once_a_step(paced):
    assert await paced(4.0, [0.25, 0.25, 0.25]) == ([0.25] * 4, [1, 1, 1])


async def test_fast_rates_share_steps_of_ten_milliseconds(paced):
    assert await paced(1024.0, [0.03125, 0.03125]) == ([0.01] * 3, [32, 32])


async def test_uneven_steps_keep_the_rate(paced):
    assert (await paced(8.0, [0.125, 0.1875, 0.1875]))[1] == [1, 1, 2]


async def test_a_long_pause_is_not_made_up_for(paced):
    assert (await paced(1024.0, [64.0, 0.03125]))[1] == [103, 32]
