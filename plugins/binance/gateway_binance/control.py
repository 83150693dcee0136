"""
How streams are asked for and given up on an open connection, and what the answers mean.

After web-socket-streams.md, "Live Subscribing/Unsubscribing to streams", in the
Binance spot API docs, 2026-07-21. The wire also shows errors nested under
``error``, as ccxt and others read them, so both shapes are understood.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import orjson
from msgspec import UNSET, Raw, Struct, UnsetType, field

from gateway import spi

MOST_STREAMS: Final = 200
"""Streams in one request: 437 were once ignored without a word (altangent/ccxws issue 161)."""
_TOO_MANY: Final = 4
"""The error code for too many subscriptions: seen, not documented."""
_TOO_MANY_WAIT: Final = 60.0
_MOST_WORDS: Final = 200

Op = Literal["subscribe", "unsubscribe"]


class Fault(Struct, frozen=True):
    """An error's code and words."""

    code: int
    msg: str = ""


class Message(Struct, frozen=True):
    """Whatever is no plain datum: an answer, an error in either shape, a notice, or an event by its long way."""

    stream: str | UnsetType = UNSET
    kind: str | UnsetType = field(name="e", default=UNSET)
    id: int | str | None = None
    result: Raw | UnsetType = UNSET
    error: Fault | UnsetType = UNSET
    code: int | UnsetType = UNSET
    msg: str = ""


class Control:
    """
    One connection's requests and their answers.

    Args:
        limit: the limit under which every request counts as one message.
    """

    def __init__(self, limit: str) -> None:
        self._cost = {limit: 1}
        self._last_id = 0
        self._waiting: dict[int, Op] = {}

    def requests(self, op: Op, streams: Sequence[str]) -> Iterator[spi.Request]:
        """Yield requests for ``streams``, in order, each of a size that is read."""
        for at in range(0, len(streams), MOST_STREAMS):
            yield self._request(op, tuple(streams[at : at + MOST_STREAMS]))

    def _request(self, op: Op, streams: tuple[str, ...]) -> spi.Request:
        self._last_id += 1
        self._waiting[self._last_id] = op
        body = {"method": op.upper(), "params": streams, "id": self._last_id}
        return spi.Request(
            frame=orjson.dumps(body).decode(), streams=streams, op=op, id=self._last_id, cost=self._cost
        )

    def answer(self, message: Message) -> spi.Event:
        """
        Return what an answer reports.

        Raises:
            ValueError: If it is none.
        """
        if message.error is not UNSET:
            return self._refusal(message.id, message.error)
        if message.code is not UNSET:
            return self._refusal(message.id, Fault(message.code, message.msg))
        if message.result is UNSET or not isinstance(message.id, int):
            raise ValueError("neither an event nor an answer")
        if bytes(message.result) != b"null":
            raise ValueError("an acknowledgement with a result")
        self._waiting.pop(message.id, None)
        return spi.Ack(message.id)

    def _refusal(self, number: int | str | None, fault: Fault) -> spi.Nack:
        """Tell whose refusal it is: without an id of ours it is the oldest request's."""
        known = number if isinstance(number, int) else next(iter(self._waiting), None)
        op: Op = "subscribe" if known is None else self._waiting.pop(known, "subscribe")
        return spi.Nack(number if isinstance(number, int) else None, op, _verdict(fault))


def _verdict(fault: Fault) -> spi.Verdict:
    """Say that asking again is no use, unless the connection was merely full."""
    text = f"{fault.code}: {fault.msg[:_MOST_WORDS]}"
    if fault.code == _TOO_MANY:
        after = _TOO_MANY_WAIT
        return spi.Verdict(action=spi.Action.RESUBSCRIBE, scope=spi.Scope.STREAM, after=after, text=text)
    return spi.Verdict(action=spi.Action.STOP, scope=spi.Scope.STREAM, text=text)
