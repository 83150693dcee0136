"""Files are begun, filled and left so that what is on disk is whole, whatever happens."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import RecordingError
from gateway.recording.reading import segments
from gateway.recording.spelling import message_line
from gateway.recording.writing import GATHERED, Writer


def modes(directory: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


def test_nobody_else_may_read_it(tape: Callable[..., Any], tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        run = tape()
        run.trade(1)
        run.end()
    finally:
        os.umask(before)
    assert modes(tmp_path / "rec") == {0o600}
    assert stat.S_IMODE((tmp_path / "rec").stat().st_mode) == 0o700


def test_a_file_that_is_large_enough_is_followed_by_another(
    tape: Callable[..., Any], tmp_path: Path, contents: Callable[[Path], list[Any]]
) -> None:
    run = tape(size=150)
    for number in range(6):
        run.trade(number)
        run.flush()
    run.end()
    files = segments(tmp_path / "rec")
    assert len(files) == run.writer.segment > 2
    headers = [contents(path)[0] for path in files]
    assert [header.segment for header in headers] == list(range(1, len(files) + 1))
    assert {header.run for header in headers} == {"r1"}
    assert [one["offset"] for path in files for one in contents(path)[1:]] == list(range(6))
    assert run.writer.bytes == sum(path.stat().st_size for path in files)


def test_a_file_that_is_old_enough_is_followed_by_another_once_there_is_something_for_it(
    tape: Callable[..., Any], tmp_path: Path
) -> None:
    run = tape(age=10.0)
    run.trade(1)
    run.flush(9.9)
    run.flush(10.1)
    assert len(segments(tmp_path / "rec")) == 1
    run.trade(2)
    run.flush(10.1)
    assert len(segments(tmp_path / "rec")) == 2
    run.trade(3)
    run.flush(20.0)
    assert len(segments(tmp_path / "rec")) == 2
    run.end()


def test_another_run_goes_on_after_the_last_file_and_touches_none(
    tape: Callable[..., Any], tmp_path: Path
) -> None:
    first = tape()
    first.trade(1)
    first.end()
    (tmp_path / "rec/000005.jsonl.zst").write_bytes(b"somebody's")
    before = {path.name: path.read_bytes() for path in (tmp_path / "rec").iterdir()}
    second = tape(run="r2")
    second.trade(2)
    second.end()
    assert second.writer.path.name == "000006.jsonl.zst"
    assert {name: (tmp_path / "rec" / name).read_bytes() for name in before} == before


def test_two_recorders_in_one_directory_are_one_too_many(tape: Callable[..., Any]) -> None:
    run = tape()
    with pytest.raises(RecordingError, match="another recorder is at work there; lines on disk: none"):
        tape(run="r2")
    run.end()
    tape(run="r2").end()


def test_so_much_gathers_before_it_is_to_be_flushed(tape: Callable[..., Any]) -> None:
    run = tape()
    line = message_line(1, b'"' + b"x" * 1000 + b'"')
    puts = [run.writer.put(line) for _ in range(GATHERED // len(line) + 1)]
    assert puts == [False] * (len(puts) - 1) + [True]
    run.end()


@pytest.mark.parametrize("written", [0, 7])
def test_a_full_disk_is_told_and_what_was_there_stays_whole(
    written: int,
    tape: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    contents: Callable[[Path], list[Any]],
) -> None:
    run = tape()
    run.trade(1)
    run.flush()
    size, write = run.writer.path.stat().st_size, os.write
    left = [written]

    def full(file: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        count, left[0] = write(file, bytes(data)[: left[0]]), 0
        return count

    run.trade(2)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(RecordingError) as raised:
            run.flush()
    path = run.writer.path
    assert str(raised.value) == f"{path} cannot be written: No space left on device; lines on disk: 1"
    assert run.writer.is_broken
    assert path.stat().st_size == size, "part of a frame was left behind"
    assert [one["offset"] for one in contents(path)[1:]] == [1]
    run.writer.close()


def test_writes_that_are_cut_short_are_continued(
    tape: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, contents: Callable[[Path], list[Any]]
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data)[:3]))
    run = tape()
    run.trade(1)
    run.end()
    assert [one["offset"] for one in contents(run.writer.path)[1:]] == [1]


def test_a_disk_that_fails_at_the_end_is_told_too(
    tape: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tape()
    run.trade(1)
    run.flush()

    def failing(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(RecordingError, match="Input/output error; lines on disk: 1"):
        run.writer.close()
    run.writer.close()


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    writer = Writer(tmp_path / "file/below", "1", "r", [])
    with pytest.raises(RecordingError, match="below cannot be written: Not a directory; lines on disk: none"):
        writer.open(0.0, 0)
    writer.close()
