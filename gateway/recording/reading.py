"""
How a recording is read: its files in order, each as far as it is whole.

Whatever a file holds, reading it takes bounded memory and raises nothing but what names
the file and where in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.errors import DamagedRecording, RecordingError
from gateway.recording.spelling import SUFFIX, Header, Line, read_header, read_line
from gateway.recording.zstd import Frames

_NAME: Final = re.compile(rf"([0-9]{{6,18}}){re.escape(SUFFIX)}")


class Batch:
    """
    The lines of one frame, read as they are asked for.

    Args:
        content: whole lines.
        frame: where they are.
        first: the number of the first there.
        end: where in the file the frame ends.

    Iteration raises a DamagedRecording at a line that is none.
    """

    def __init__(self, content: bytes, frame: str, first: int, end: int) -> None:
        self.end = end
        self._content = content
        self._frame = frame
        self._number = first - 1

    def __iter__(self) -> Iterator[Line]:
        begin, content = 0, self._content
        while begin < len(content):
            end = content.index(b"\n", begin)
            self._number += 1
            yield read_line(content[begin:end], self)
            begin = end + 1

    def __str__(self) -> str:
        return f"{self._frame}, line {self._number}"


@dataclass(frozen=True, slots=True)
class Torn:
    """A file ends amid a frame, after ``end``: its recorder was killed, or the machine ended."""

    end: int


Part = Header | Batch | Torn


def number_of(path: Path) -> int | None:
    """Return a file's place in its recording, nothing if it is none of it."""
    match = _NAME.fullmatch(path.name)
    return None if match is None else int(match[1])


def segments(directory: Path) -> list[Path]:
    """
    Return the files of a recording, in order.

    Raises:
        RecordingError: If there is none.
    """
    try:
        found = {number: path for path in directory.iterdir() if (number := number_of(path)) is not None}
    except OSError as exc:
        raise RecordingError(f"{directory} cannot be read: {exc.strerror or exc}") from None
    if not found:
        raise RecordingError(f"{directory} holds no recording: there is no file such as 000001{SUFFIX}")
    return [found[number] for number in sorted(found)]


def read(path: Path) -> Iterator[Part]:
    """
    Yield the header of a file, what each of its whole frames holds, and at last whether it is torn.

    Raises:
        DamagedRecording: Where something is not what a recorder writes.
        RecordingError: If the file cannot be read.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # whoever opens a pipe waits for its other end
            raise RecordingError(f"{path} cannot be read: it is no file")
        with path.open("rb") as file:
            yield from _parts(Frames(file, str(path)))
    except OSError as exc:
        raise RecordingError(f"{path} cannot be read: {exc.strerror or exc}") from None


def header_of(path: Path) -> Header | None:
    """
    Return the header of a file, nothing if it ends before that is whole.

    Raises:
        DamagedRecording: If it has none.
        RecordingError: If the file cannot be read.
    """
    for part in read(path):
        return part if isinstance(part, Header) else None
    return None


def _parts(frames: Frames) -> Iterator[Part]:
    begun = False
    for content in frames:
        _check(content, frames)
        if begun or not content:
            yield Batch(content, str(frames), 1, frames.end)
            continue
        begun, (line, _, rest) = True, content.partition(b"\n")
        yield read_header(line, f"{frames}, line 1")
        yield Batch(rest, str(frames), 2, frames.end)
    if frames.is_torn:
        yield Torn(frames.end)


def _check(content: bytes, frames: Frames) -> None:
    if content and not content.endswith(b"\n"):
        raise DamagedRecording(str(frames), "a frame that does not end with a line")
    try:
        content.decode()
    except UnicodeDecodeError as exc:
        raise DamagedRecording(str(frames), f"no UTF-8: {exc.reason} at {exc.start}") from None
