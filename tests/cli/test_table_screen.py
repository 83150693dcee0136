"""How the live table is drawn: within the terminal, by a timer, and ended by whatever ends it."""

import asyncio
import io
import re

import pytest
from rich.console import Console

from gateway.cli.table import Table
from gateway.cli.table_screen import Screen

TOPIC = "mock:trades:BTC-USDT"


def update(price, topic=TOPIC):
    data = [{"id": 1, "price": price, "size": "1", "side": "buy", "ts": 5}]
    return {"topic": topic, "type": "update", "ts": 1_000_000, "recv": 1_500_000, "data": data}


def console(width=140, height=24):
    return Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width, height=height)


def screen(table, on, pause=0.01):
    return Screen(table, on, lambda: 5.0, lambda: 2_000_000, pause)


def table_of(count, said=0):
    table = Table()
    for number in range(count):
        table.answered({"topic": f"mock:trades:S{number}-USDT", "success": True, "status": "live"})
    for _ in range(said):
        table.take({"topic": "mock:trades:S0-USDT", "type": "status", "status": "gap", "reason": "x" * 300})
    return table


def drawn(table, on):
    on.print(screen(table, on).picture())
    return on.file.getvalue().splitlines()


def test_a_row_has_values_ages_and_counts():
    table = Table()
    table.take(update("60000.10"))
    header, row = drawn(table, console())
    assert header.split() == [
        "topic",
        "status",
        "newest",
        "age",
        "received",
        "messages",
        "per",
        "s",
        "gaps",
        "lag",
    ]
    assert re.split(r" {2,}", row.strip()) == [
        TOPIC, "pending", "60000.10 x 1 buy", "1.0 s", "500 ms", "1", "0.0", "0", "0",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [30, 80, 200])
@pytest.mark.parametrize("height", [3, 8, 24, 60])
@pytest.mark.parametrize(("topics", "said"), [(1, 0), (5, 5), (300, 5)])
def test_a_picture_is_never_higher_than_the_terminal_and_says_what_it_hides(width, height, topics, said):
    lines = drawn(table_of(topics, said), console(width, height))
    assert len(lines) <= height
    shown = sum(line.startswith("mock:trades") for line in lines)
    hidden = topics - shown
    assert [line for line in lines if line.startswith(f"{hidden} more topics")] if hidden else shown == topics


def test_a_narrow_terminal_keeps_the_values():
    table = Table()
    table.take(update("60000.10"))
    header, row = drawn(table, console(width=80))
    assert header.split() == ["topic", "status", "newest", "received", "per", "s", "gaps"]
    assert "60000.10" in row


class Feed:
    """Messages that a test puts in."""

    def __init__(self):
        self.queue = asyncio.Queue()

    async def __aiter__(self):
        while (message := await self.queue.get()) is not None:
            yield message
            self.queue.task_done()


async def test_many_messages_between_two_drawings_are_one_drawing_of_the_newest():
    feed, on = Feed(), console()
    for number in range(500):
        feed.queue.put_nowait(update(f"{number}.5"))
    feed.queue.put_nowait(None)
    async with asyncio.timeout(10):
        await screen(Table(), on, pause=60).show(feed)
    out = on.file.getvalue()
    assert "499.5 x 1 buy" in out
    assert "250.5" not in out
    assert out.count("topic ") <= 2  # the first picture, if there was time for it, and the one that stays


async def test_what_stands_still_is_drawn_again_since_it_grows_old():
    feed, on = Feed(), console()
    table, drawings = Table(), asyncio.Queue()
    one = screen(table, on)
    picture = one.picture
    one.picture = lambda: (drawings.put_nowait(1), picture())[1]
    showing = asyncio.create_task(one.show(feed))
    async with asyncio.timeout(10):
        for _ in range(4):
            await drawings.get()
        feed.queue.put_nowait(None)
        await showing


async def test_a_terminal_of_another_size_is_drawn_anew_by_its_own():
    feed, on = Feed(), console(height=30)
    table, drawings = table_of(20), asyncio.Queue()
    one = screen(table, on)
    picture = one.picture
    one.picture = lambda: (drawings.put_nowait(1), picture())[1]
    showing = asyncio.create_task(one.show(feed))
    async with asyncio.timeout(10):
        await drawings.get()
        assert "hidden" not in on.file.getvalue()
        on.height = 10
        for _ in range(2):
            await drawings.get()
        feed.queue.put_nowait(None)
        await showing
    assert "12 more topics are hidden" in on.file.getvalue()


async def test_a_terminal_that_is_gone_ends_it_with_its_own_error():
    feed, on = Feed(), console()

    def broken():
        raise BrokenPipeError

    one = screen(Table(), on)
    one.picture = broken
    with pytest.raises(BrokenPipeError):
        async with asyncio.timeout(10) as patience:
            await one.show(feed)
    assert not patience.expired()


async def test_whoever_stops_it_is_not_kept_waiting_and_the_last_picture_stays():
    feed, on = Feed(), console()
    feed.queue.put_nowait(update("7.5"))
    showing = asyncio.create_task(screen(Table(), on).show(feed))
    async with asyncio.timeout(10):
        await feed.queue.join()
        showing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await showing
    _, left = on.file.getvalue().rsplit("\x1b[?1049l", 1)  # what comes after the other screen was left
    assert "7.5 x 1 buy" in left
