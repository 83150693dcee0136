"""Lines that nobody reads hold up nobody, and how many were lost is told."""

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.telemetry.writing import UnhurriedLines, handler

LINE = "x" * 1000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("gateway", logging.INFO, "", 0, text, None, None)


@pytest.mark.timeout(60)
def test_whoever_does_not_read_costs_lines_and_hears_how_many(pipe: tuple[int, int]) -> None:
    reads, writes = pipe
    lost: list[int] = []
    lines = UnhurriedLines(writes, lost.append)
    for _ in range(1000):
        lines.emit(record(LINE))
    assert lost == []
    read = os.read(reads, 1_000_000)
    assert set(read.decode().splitlines()) == {LINE}
    lines.emit(record("again"))
    assert os.read(reads, 100) == b"again\n"
    assert lost == [1000 - read.count(b"\n")]
    lines.emit(record("and again"))
    assert len(lost) == 1


@pytest.mark.timeout(60)
def test_a_line_that_did_not_fit_is_ended_before_the_next(pipe: tuple[int, int]) -> None:
    reads, writes = pipe
    lines = UnhurriedLines(writes, lambda _: None)
    lines.emit(record("x" * 1_000_000))
    read = os.read(reads, 1_000_000)
    assert read.strip(b"x") == b""
    lines.emit(record("next"))
    assert os.read(reads, 100) == b"\nnext\n"


def test_a_reader_that_has_gone_and_odd_text_are_no_error() -> None:
    reads, writes = os.pipe()
    lost: list[int] = []
    lines = UnhurriedLines(writes, lost.append)
    lines.emit(record("\ud800"))
    assert os.read(reads, 100) == b"\\ud800\n"
    os.close(reads)
    lines.emit(record(LINE))
    os.close(writes)
    assert lines._lost == 1


def test_what_is_no_file_is_written_as_it_comes(tmp_path: Path) -> None:
    out = io.StringIO()
    handler(out, lambda _: None).emit(record("a line"))
    assert out.getvalue() == "a line\n"
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        handler(file, lambda _: None).emit(record("a line"))
    assert (tmp_path / "log").read_text() == "a line\n"
