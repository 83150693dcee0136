"""Recordings as a recorder writes them, made line by line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.recording.reading import Batch, read
from gateway.recording.spelling import Header, Line, message_line
from gateway.recording.writing import Writer

sys.path.append(str(Path(__file__).parent))  # scripted_gateway

TRADES = "mock:trades:BTC-USDT"
BOOK = "mock:book:BTC-USDT"


class Tape:
    """A run of a recorder, played by hand; a message is at the time it says, or a second after the one before."""

    def __init__(self, directory: Path, topics: list[str], run: str = "r1", **limits: Any) -> None:
        self.at = 0
        self.writer = Writer(directory, "1.2.3", run, topics, **limits)
        self.writer.open(0.0, 1)

    def say(self, **message: Any) -> None:
        self.at = message.pop("at", self.at + 1_000_000)
        self.writer.put(message_line(self.at, json.dumps(message).encode()))

    def ack(self, topic: str, **more: Any) -> None:
        ack = {"epoch": "e", "offset": 0, "status": "live", **more}
        self.say(method="subscribe", success=True, topic=topic, at=self.at, **ack)

    def trade(self, number: int, topic: str = TRADES) -> None:
        record = {"id": number, "price": "1", "size": "2", "side": "buy", "ts": number}
        self.say(topic=topic, type="update", epoch="e", offset=number, ts=number, recv=number, data=[record])

    def flush(self, now: float = 0.0) -> None:
        self.writer.flush(now, 2)

    def end(self) -> None:
        self.flush()
        self.writer.close()


@pytest.fixture
def tape(tmp_path: Path) -> Callable[..., Tape]:
    """What begins a run; in ``rec`` of the test's own directory, of trades, unless told otherwise."""

    def begun(directory: Path | None = None, topics: list[str] | None = None, **more: Any) -> Tape:
        return Tape(directory or tmp_path / "rec", topics or [TRADES], **more)

    return begun


@pytest.fixture
def contents() -> Callable[[Path], list[Any]]:
    """Return all that a file holds: its header, messages, and ``"torn"``."""

    def all_of(path: Path) -> list[Any]:
        found: list[Any] = []
        for part in read(path):
            match part:
                case Header():
                    found.append(part)
                case Batch():
                    found += [_plain(line) for line in part]
                case _:
                    found.append("torn")
        return found

    return all_of


def _plain(line: Line) -> Any:
    return {"at": line.at, "by": line.by, **json.loads(bytes(line.message))}
