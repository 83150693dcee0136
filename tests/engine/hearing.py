"""Listeners that remember, and what a client makes of the frames it gets."""

import json
from collections.abc import Iterable
from typing import Any

from gateway.engine.messages import Message, Notice
from gateway.engine.topics import Topic
from gateway.model.subscriptions import parse_topic

EPOCH = "k3f9"


class Ear:
    """Hears a topic; as a client does if ``wants_frames``."""

    def __init__(self, *topics: Topic, wants_frames: bool = True) -> None:
        self.wants_frames = wants_frames
        self.heard: list[Message | Notice] = []
        self.frames: list[bytes] = []
        for topic in topics:
            topic.attach(self)

    def put(self, message: Message, /) -> None:
        self.heard.append(message)
        self.frames.append(message.frame)

    def notify(self, notice: Notice, frame: bytes, /) -> None:
        self.heard.append(notice)
        self.frames.append(frame)

    @property
    def words(self) -> list[str]:
        """What was heard, in a word each: a message's kind and offset, or a status."""
        return [f"{one.kind} {one.offset}" if isinstance(one, Message) else str(one.status) for one in self.heard]

    @property
    def messages(self) -> list[Message]:
        return [one for one in self.heard if isinstance(one, Message)]

    @property
    def notices(self) -> list[Notice]:
        return [one for one in self.heard if isinstance(one, Notice)]

    def take(self) -> list[str]:
        """Return the words and forget all."""
        words = self.words
        self.heard.clear()
        self.frames.clear()
        return words


def topic_named(name: str) -> Topic:
    return Topic(parse_topic(name), EPOCH)


def payload(frame: bytes) -> bytes:
    """Return what a text frame holds, after RFC 6455 section 5.2, checking every bit of its head."""
    assert frame[0] == 0x81, "final, text, nothing reserved"
    size, start = frame[1], 2
    assert size < 128, "a server does not mask"
    if size == 126:
        size, start = int.from_bytes(frame[2:4]), 4
        assert size >= 126, "the shortest form"
    elif size == 127:
        size, start = int.from_bytes(frame[2:10]), 10
        assert size >= 65536, "the shortest form"
    assert len(frame) == start + size
    return frame[start:]


def payloads(whole: bytes) -> list[bytes]:
    """Return what several frames in a row hold."""
    found = []
    while whole:
        size = {126: 4, 127: 10}.get(whole[1], 2)
        length = whole[1] if size == 2 else int.from_bytes(whole[2:size])
        found.append(payload(whole[: size + length]))
        whole = whole[size + length :]
    return found


def read(frame: bytes) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(payload(frame).decode())
    return message


def offsets(frames: Iterable[bytes]) -> list[int]:
    return [message["offset"] for message in map(read, frames) if "offset" in message]
