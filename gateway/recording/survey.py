"""What is to be known of a recording before it is played: how large it is, and which topics it has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import RecordingError
from gateway.recording.reading import Batch, header_of, read, segments
from gateway.recording.spelling import read_told


@dataclass(frozen=True, slots=True)
class Survey:
    """Files in order, their bytes in all, and the topics in the gateway's own spelling."""

    files: Sequence[Path]
    bytes: int
    topics: Sequence[str]


def survey(directory: Path) -> Survey:
    """
    Look at a recording. Reads each run until all its subscriptions were answered.

    Raises:
        RecordingError: If there is none.
        DamagedRecording: If what was looked at is not what a recorder writes.
    """
    files = segments(directory)
    topics: dict[str, None] = {}
    missing: dict[str, int] = {}
    """Topics of each run whose subscription was not answered yet."""
    for path in files:
        header = header_of(path)
        if header is not None and missing.setdefault(header.run, len(header.topics)):
            for topic in _answered(path, missing[header.run]):
                missing[header.run] -= 1
                if topic is not None:
                    topics[topic] = None
    if not topics:
        raise RecordingError(f"{directory} holds no recording of any topic")
    try:
        size = sum(path.stat().st_size for path in files)
    except OSError as exc:
        raise RecordingError(f"{directory} cannot be read: {exc.strerror or exc}") from None
    return Survey(files, size, tuple(topics))


def _answered(path: Path, most: int) -> Iterator[str | None]:
    """Yield for each of the first answers the topic that was acknowledged, or nothing if it was refused."""
    for part in read(path):
        if not isinstance(part, Batch):
            continue
        for line in part:
            told = read_told(line, part)
            if told.method == "subscribe":
                most -= 1
                yield told.topic if told.success else None
                if not most:
                    return
