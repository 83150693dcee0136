"""How spans leave: in batches, out of a queue that is bounded, and what is lost is counted."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from gateway.telemetry.asked import Batching
from gateway.telemetry.sending import Losses, Sending

PATIENCE = 30.0
SOON, NEVER = 0.01, 600.0


class Exporter(SpanExporter):
    """Keeps what it is given; holds each batch until it may go on."""

    def __init__(self, answer: Callable[[], SpanExportResult] = lambda: SpanExportResult.SUCCESS) -> None:
        self.batches: list[list[str]] = []
        self.shutdowns = 0
        self.taken = threading.Semaphore(0)
        self.may = threading.Event()
        self.may.set()
        self._answer = answer

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.batches.append([span.name for span in spans])
        self.taken.release()
        self.may.wait(PATIENCE)
        return self._answer()

    def shutdown(self) -> None:
        self.shutdowns += 1
        self.may.set()

    def took(self) -> None:
        assert self.taken.acquire(timeout=PATIENCE)


def failing() -> SpanExportResult:
    return SpanExportResult.FAILURE


def raising() -> SpanExportResult:
    raise OSError("no")


@contextmanager
def sending(exporter: Exporter, batching: Batching) -> Iterator[tuple[Sending, Callable[[int], None]]]:
    """Yield it, and what makes so many spans with numbers for names; its thread must end."""
    one, provider, made = (
        Sending(exporter, batching),
        TracerProvider(shutdown_on_exit=False),
        iter(range(1_000_000)),
    )
    provider.add_span_processor(one)
    tracer = provider.get_tracer("test")

    def make(count: int) -> None:
        for _ in range(count):
            tracer.start_span(str(next(made))).end()

    yield one, make
    one.shutdown()
    one._thread.join(PATIENCE)
    assert not one._thread.is_alive()
    assert exporter.shutdowns == 1


def test_a_batch_goes_when_it_is_full_and_the_rest_at_the_end() -> None:
    exporter = Exporter()
    with sending(exporter, Batching(100, 3, NEVER)) as (one, make):
        make(3)
        exporter.took()
        make(4)
        exporter.took()
        assert exporter.batches == [["0", "1", "2"], ["3", "4", "5"]]
    assert exporter.batches[2:] == [["6"]]
    assert one.losses == Losses(0, 0)


def test_one_span_waits_no_longer_than_it_may() -> None:
    exporter = Exporter()
    with sending(exporter, Batching(100, 50, SOON)) as (_, make):
        make(1)
        exporter.took()
        assert exporter.batches == [["0"]]


def test_while_an_exporter_is_slow_the_newest_wait_and_the_oldest_are_counted_as_lost() -> None:
    exporter = Exporter()
    with sending(exporter, Batching(5, 2, NEVER)) as (one, make):
        exporter.may.clear()
        make(2)
        exporter.took()
        make(1000)
        assert len(one._waiting) == 5
        assert one.losses == Losses(unsent=995)
        exporter.may.set()
    assert [name for batch in exporter.batches for name in batch] == [
        "0",
        "1",
        "997",
        "998",
        "999",
        "1000",
        "1001",
    ]


@pytest.mark.parametrize("answer", [failing, raising])
def test_what_an_exporter_does_not_take_is_counted_and_the_next_is_tried(
    answer: Callable[[], SpanExportResult],
) -> None:
    exporter = Exporter(answer)
    with sending(exporter, Batching(100, 2, NEVER)) as (one, make):
        make(5)
    assert exporter.batches == [["0", "1"], ["2", "3"], ["4"]]
    assert one.losses == Losses(refused=5)


def test_who_gives_up_sends_nothing_more_and_counts_what_was_under_way_once() -> None:
    exporter = Exporter(failing)
    with sending(exporter, Batching(100, 2, NEVER)) as (one, make):
        exporter.may.clear()
        make(7)
        exporter.took()
        one.abandon()
        assert one.losses == Losses(unsent=5, refused=2)
    assert exporter.batches == [["0", "1"]]
    assert one.losses == Losses(unsent=5, refused=2)


def test_what_ends_after_the_end_is_lost() -> None:
    exporter = Exporter()
    with sending(exporter, Batching(100, 2, NEVER)) as (one, make):
        one.shutdown()
        make(3)
    assert (exporter.batches, one.losses) == ([], Losses(unsent=3))


def test_what_is_not_sampled_is_neither_sent_nor_lost() -> None:
    exporter = Exporter()
    one = Sending(exporter, Batching(100, 1, NEVER))
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(one)
    provider.get_tracer("test").start_span("x").end()
    one.shutdown()
    assert (exporter.batches, one.losses) == ([], Losses())
