"""What clients were sent is counted while they are there and when they have gone."""

import asyncio

from gateway.engine.outbox import Outbox
from gateway.serving.codes import CloseCode
from gateway.serving.figures import LATE, REMEMBERED, Figures, Present, Sent
from gateway.serving.limits import Limits
from gateway.serving.pipe import Pipe


class Transport(asyncio.Transport):
    """Takes all and keeps ``kept`` bytes of it unsent."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = 0
        self.closed = False

    def write(self, data: object) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.kept


async def read() -> None:
    """The client has read all."""


def pipe(figures: Figures | None, **limits: int) -> Pipe:
    return Pipe(Transport(), read, Limits(**limits), lambda: None, figures)


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_writes_are_counted_with_all_that_they_take_along() -> None:
    figures = Figures(lambda: 0)
    one, other = pipe(figures), pipe(figures)
    for frame in (b"a", b"bc"):
        one.outbox.put(frame)
    other.outbox.put(b"d")
    assert figures.sent() == Sent(messages=3)
    assert figures.present() == Present(2, 0, 4, 3)
    await turn()
    assert figures.sent() == Sent(messages=3, bytes=4, writes=2)
    assert figures.present() == Present(2, 0, 0, 0)
    await one.close()
    await one.close()
    assert figures.sent() == Sent(messages=3, bytes=4, writes=2)
    assert (figures.present().clients, figures.came) == (1, 2)


async def test_what_waits_in_the_transport_waits_too_and_who_has_too_much_lags() -> None:
    figures = Figures(lambda: 0)
    one = pipe(figures, lag=2)
    one._transport.kept = 5  # type: ignore[attr-defined]
    one.outbox.put(b"abc")
    assert figures.present() == Present(1, 1, 8, 8)


async def test_what_a_line_spared_a_client_is_counted() -> None:
    figures = Figures(lambda: 0)
    one = pipe(figures)
    one.outbox.conflated += 2
    one.outbox.skip()
    await one.close()
    assert figures.sent() == Sent(conflated=2, dropped=1)


async def test_a_message_is_timed_until_the_write_that_took_it_along() -> None:
    clock = 10_000_000
    figures = Figures(lambda: clock)
    one = pipe(figures)
    one.outbox.put(b"a")
    one.outbox.time(clock)
    clock += 2_000_000
    await turn()
    assert (sum(figures.delivery.counts), figures.delivery.sum) == (1, 2.0)
    one.outbox.put(b"b")
    await turn()
    assert sum(figures.delivery.counts) == 1


async def test_who_has_no_figures_is_written_to_all_the_same() -> None:
    one = pipe(None)
    one.outbox.put(b"a")
    one.outbox.time(1)
    await turn()
    assert (one.bytes, one.outbox.timed_us) == (1, 0)
    await one.close()


def test_every_way_to_end_is_there_before_anybody_ended() -> None:
    figures = Figures(lambda: 0)
    assert set(figures.ended) == {code.name.lower() for code in CloseCode} | {"left"}
    figures.end(CloseCode.TOO_SLOW)
    figures.end(None)
    assert (figures.ended["too_slow"], figures.ended["left"], figures.ended["silent"]) == (1, 1, 0)


def test_what_waits_to_be_dropped_waits() -> None:
    outbox = Outbox(lambda: None)
    outbox.put(b"abc")
    assert outbox.waiting == 3


def test_a_write_that_was_late_is_remembered_until_somebody_asks() -> None:
    now_us = 1_000_000
    figures = Figures(lambda: now_us)
    figures.delivered(now_us - int(LATE * 1e6))
    assert figures.late() == ()
    figures.delivered(1)
    assert figures.late() == ((1, now_us),)
    for _ in range(2 * REMEMBERED):
        figures.delivered(2)
    assert figures.late() == ((2, now_us),) * REMEMBERED
    assert figures.late() == ()
