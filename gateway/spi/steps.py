"""
The steps of a handshake and of every other conversation a plugin holds with its exchange.

A plugin yields a step and is sent its result; the core performs it under a
deadline, traces it, and takes its ``cost`` from the exchange's limits first.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from gateway.errors import NO_HEADERS, ReplyRefused

Frame = str | bytes
"""A WebSocket message: ``str`` is sent as text, ``bytes`` as binary. Received ones are always ``bytes``."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fetch:
    """
    A REST request; answered with an :class:`HttpReply`, whatever its status.

    ``cost`` names limits of the exchange and how much of each the request uses up.
    What it asks is not shown: some exchanges want signatures and keys in the address.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS, repr=False)
    body: bytes = field(default=b"", repr=False)
    cost: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Open:
    """The WebSocket upgrade, exactly once in a handshake; answered with :obj:`None` when it is done."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS, repr=False)
    subprotocols: tuple[str, ...] = ()
    compress: bool = False
    cost: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Send:
    """A frame to send; answered with :obj:`None`."""

    frame: Frame = field(repr=False)
    cost: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for the next frame, at most ``within`` seconds; answered with its ``bytes``."""

    within: float = 5.0


Step = Fetch | Open | Send | Receive


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A REST answer. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS, repr=False)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """
        Return the body as JSON.

        Raises:
            ReplyRefused: If the status is no success.
            ValueError: If the body is no JSON.
        """
        if not 200 <= self.status < 300:
            raise ReplyRefused(self.status, self.headers, self.body)
        return orjson.loads(self.body)


Conversation = Generator[Fetch, HttpReply, T]
"""REST requests one after the other, ending in a value."""
