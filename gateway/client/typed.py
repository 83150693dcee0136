"""Messages as typed records: what a channel's ``data`` is made of, as :mod:`gateway.model` has it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.client.contiguity import Message
from gateway.model.account import ACCOUNT_RECORDS
from gateway.model.market import MARKET_RECORDS
from gateway.model.subscriptions import RAW

DATA: Final = frozenset({"update", "snapshot"})
KINDS: Final[Mapping[str, type[msgspec.Struct]]] = {**MARKET_RECORDS, **ACCOUNT_RECORDS}
"""The record of each channel: ``Trade`` of ``trades``, and so on."""
_LISTS: Final[Mapping[str, Any]] = {channel: list[kind] for channel, kind in KINDS.items()}  # type: ignore[valid-type]  # made at run time


def records(message: Message) -> Sequence[Any]:
    """
    Return a message's records, :class:`~gateway.model.market.Trade` and the like; none where it has no data.

    Of ``raw``, and of a channel that a newer gateway may have, it is what the message holds as it is. Fields
    that are not known are left out.

    Raises:
        ValueError: If it holds what the protocol does not allow.
    """
    try:
        return _records(message)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"{message['topic']}: {wrong}") from None
    except (AttributeError, LookupError, TypeError) as wrong:
        raise ValueError(f"no message of the protocol: {wrong!r:.200}") from None


def _records(message: Message) -> Sequence[Any]:
    if message["type"] not in DATA:
        return ()
    channel = message["topic"].split(":", 2)[1]
    kind = _LISTS.get(channel)
    if kind is None:
        return (message["data"],) if channel == RAW else tuple(message["data"])
    found: Sequence[Any] = msgspec.convert(message["data"], kind)
    return found
