"""The wishes that the configuration has: kept open whether a client listens or not."""

from collections.abc import Callable, Iterator, Sequence

from gateway.app.listening import Callback
from gateway.config import SubscriptionSettings
from gateway.engine.hub import Hub
from gateway.engine.messages import Message, Notice
from gateway.errors import GatewayError
from gateway.model.subscriptions import RAW, Subscription

Refused = Callable[[str, str], None]
"""Takes a topic and why it cannot be had."""


async def stand(hub: Hub, settings: Sequence[SubscriptionSettings], refused: Refused) -> None:
    """Open every standing subscription; one that cannot be had is told and keeps none of the others."""
    listener = Callback(_nothing)
    for wish in (wish for one in settings for wish in wishes(one)):
        try:
            hub.attach(await hub.resolve(wish), listener)
        except GatewayError as exc:
            refused(wish.topic, str(exc))


def wishes(settings: SubscriptionSettings) -> Iterator[Subscription]:
    """Yield a wish for each symbol, stream or account."""
    exchange, channel = settings.exchange, settings.channel
    if settings.account is not None:
        yield Subscription(exchange, channel, account=settings.account)
    for symbol in settings.symbols:
        yield Subscription(exchange, channel, symbol, settings.variant)
    for stream in settings.streams:
        yield Subscription(exchange, RAW, stream)


def _nothing(_: Message | Notice) -> None:
    """Hear it: that somebody does keeps the topic open."""
