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


class Unspeakable:
    """Raises whenever it is to be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(("text", "arguments"), [("%d", ("x",)), ("%s %s", ("x",)), ("%s", (Unspeakable(),))])
def test_whoever_logs_what_cannot_be_formatted_goes_on_and_a_line_is_lost(
    pipe: tuple[int, int], text: str, arguments: tuple[object, ...]
) -> None:
    reads, writes = pipe
    lost: list[int] = []
    log = logging.Logger("test")  # noqa: LOG001  # nobody else's
    log.addHandler(UnhurriedLines(writes, lost.append))
    log.warning(text, *arguments)
    log.warning("next")
    assert os.read(reads, 100) == b"next\n"
    assert lost == [1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to be had")
def test_a_full_disk_costs_lines_and_hears_how_many_once_there_is_room(tmp_path: Path) -> None:
    lost: list[int] = []
    full, room = os.open("/dev/full", os.O_WRONLY), os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    lines = UnhurriedLines(full, lost.append)
    for _ in range(3):
        lines.emit(record(LINE))
    assert (lines._lost, lost) == (3, [])
    os.dup2(room, full)
    lines.emit(record("there is room"))
    assert (tmp_path / "log").read_text().strip() == "there is room"
    assert lost == [3]
    os.close(full)
    os.close(room)


def test_a_line_for_which_the_disk_has_room_in_part_is_lost_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, file = os.write, os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    lines = UnhurriedLines(file, lambda _: None)
    with monkeypatch.context() as nearly_full:
        nearly_full.setattr(os, "write", lambda place, piece: write(place, piece[:3]))
        lines.emit(record("no room"))
    assert lines._lost == 1
    lines.emit(record("next"))
    os.close(file)
    assert (tmp_path / "log").read_text() == "no \nnext\n"


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
