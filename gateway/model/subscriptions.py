"""
What a client wishes for, and the topic under which it is published.

A topic is spelled ``<exchange>:<channel>:<symbol>[:<variant>]``,
``<exchange>:<channel>:@<account>`` or ``<exchange>:raw:<stream>``. An account may
have raw frames, too, so no stream may have a name that reads as one.
"""

from dataclasses import dataclass
from typing import Final

RAW: Final = "raw"
OF_ACCOUNT: Final = "@"
"""What stands before an account in a topic's name."""
_SHOWN: Final = 128
"""Characters of what is no topic that are told back."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """
    A standing wish for one channel of one symbol, stream or account on one exchange.

    ``symbol`` holds the exchange's own stream name where ``channel`` is ``raw``
    and is empty where ``account`` is set. ``variant`` is a candle's interval, a
    book's depth or ``agg``.
    """

    exchange: str
    channel: str
    symbol: str = ""
    variant: str | None = None
    account: str | None = None

    @property
    def topic(self) -> str:
        """The name under which it is published."""
        place = f"{OF_ACCOUNT}{self.account}" if self.account is not None else self.symbol
        name = f"{self.exchange}:{self.channel}:{place}"
        return name if self.variant is None else f"{name}:{self.variant}"


def parse_topic(text: str) -> Subscription:
    """
    Return the subscription that ``text`` names.

    Raises:
        ValueError: If it is no topic; the message says what is missing.
    """
    exchange, _, rest = text.partition(":")
    channel, _, place = rest.partition(":")
    if channel == RAW and exchange and place and not place.startswith(OF_ACCOUNT):
        return Subscription(exchange, channel, place)
    symbol, colon, variant = place.partition(":")
    is_whole = exchange and channel and symbol not in {"", "@"} and bool(colon) == bool(variant)
    if not is_whole:
        raise ValueError(f"{text[:_SHOWN]!r} is no topic: need <exchange>:<channel>:<symbol>[:<variant>]")
    if place.startswith(OF_ACCOUNT):
        return Subscription(exchange, channel, account=place[1:])
    return Subscription(exchange, channel, symbol, variant or None)
