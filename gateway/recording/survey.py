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
    Look at a recording. Reads the beginning of each run.

    Raises:
        RecordingError: If there is none.
        DamagedRecording: If what was looked at is not what a recorder writes.
    """
    files = segments(directory)
    topics: dict[str, None] = {}
    runs: set[str] = set()
    for path in files:
        header = header_of(path)
        if header is not None and header.run not in runs:
            runs.add(header.run)
            topics.update(dict.fromkeys(_acknowledged(path, len(header.topics))))
    if not topics:
        raise RecordingError(f"{directory} holds no recording of any topic")
    try:
        size = sum(path.stat().st_size for path in files)
    except OSError as exc:
        raise RecordingError(f"{directory} cannot be read: {exc.strerror or exc}") from None
    return Survey(files, size, tuple(topics))


def _acknowledged(path: Path, asked: int) -> Iterator[str]:
    """Yield the topics whose subscriptions were answered first, as many as were asked for."""
    for part in read(path):
        if not isinstance(part, Batch):
            continue
        for line in part:
            told = read_told(line, part)
            if told.method != "subscribe" or line.by != "gateway":
                continue
            asked -= 1
            if told.success:
                yield told.topic
            if not asked:
                return
