"""The client that a recorder is: of each message it keeps the text, and when it came."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypedDict

import msgspec

from gateway.client import Client
from gateway.client.contiguity import Position
from gateway.client.link import Decode
from gateway.client.pending import Ack
from gateway.model.subscriptions import Subscription

Answered = Callable[[str, Ack], None]
"""Told of each answer to a subscription, with the topic that was asked for. Must not raise."""


class _Refusal(TypedDict):
    code: str
    message: str
    temporary: bool


_Head = TypedDict(
    "_Head",
    {
        "method": str | None,
        "req_id": int,
        "success": bool,
        "error": _Refusal,
        "recovered": bool,
        "topic": str,
        "type": str,
        "epoch": str,
        "offset": int,
        "first": int,
        "from": int | None,
        "to": int | None,
    },
    total=False,
)
"""What the client looks at, and we do; the rest is skipped."""

_head: Final = msgspec.json.Decoder(_Head).decode


def decoding(now_us: Callable[[], int]) -> Decode:
    """Return what makes a message of its text: the head alone, the ``text`` itself, and when it came, ``at``."""

    def decode(text: str) -> dict[str, Any]:
        at = now_us()
        return {**_head(text), "at": at, "text": text}

    return decode


class Hearing(Client):
    """
    One connection.

    Args:
        url: of the gateway.
        now_us: microseconds since 1970.
        answered: told of each answer before any message of its topic is received.
        credentials: what else a client takes.

    Raises:
        ValueError: If the token could be read on the way.
    """

    def __init__(
        self, url: str, now_us: Callable[[], int], answered: Answered, credentials: Mapping[str, Any]
    ) -> None:
        super().__init__(url, decode=decoding(now_us), **credentials)
        self._answered = answered

    def joined(self, group: Sequence[Subscription], resume: Mapping[str, Position], place: int, ack: Ack) -> None:
        """See :meth:`gateway.client.Client.joined`."""
        super().joined(group, resume, place, ack)
        self._answered(group[place].topic, ack)
