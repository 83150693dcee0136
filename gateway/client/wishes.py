"""How topics become requests: one for each exchange, channel and variant, none with too many symbols."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypedDict

from gateway.client.contiguity import Position
from gateway.model.subscriptions import RAW, Subscription, parse_topic

SYMBOLS: Final = 1000
"""Symbols that one request may name."""


class Selection(TypedDict, total=False):
    """Topics by parts: ``account`` for an account's, ``streams`` for other ``raw`` ones, else ``symbols``."""

    exchange: str
    channel: str
    symbols: Sequence[str]
    streams: Sequence[str]
    account: str
    variant: str | None


def selected(topics: str | Sequence[str], parts: Selection) -> list[Subscription]:
    """
    Return what is meant by topics, by parts, or by both.

    Raises:
        ValueError: If nothing is, or a topic is none.
    """
    wishes = [parse_topic(topic) for topic in ([topics] if isinstance(topics, str) else topics)]
    exchange, channel = parts.get("exchange", ""), parts.get("channel", "")
    names = [*parts.get("symbols", ()), *parts.get("streams", ())]
    wishes += [Subscription(exchange, channel, name, parts.get("variant")) for name in names]
    if "account" in parts:
        wishes.append(Subscription(exchange, channel, account=parts["account"]))
    if not wishes:
        raise ValueError("name a topic, or an exchange, a channel and symbols, streams or an account")
    return wishes


def requests(wishes: Sequence[Subscription]) -> Iterator[tuple[dict[str, Any], list[Subscription]]]:
    """Yield the params of each request that is needed, with the wishes that it stands for."""
    groups: dict[tuple[str, str, str | None, str | None], list[Subscription]] = {}
    for wish in wishes:
        groups.setdefault((wish.exchange, wish.channel, wish.variant, wish.account), []).append(wish)
    for (exchange, channel, variant, account), group in groups.items():
        params: dict[str, Any] = {"exchange": exchange, "channel": channel}
        if variant is not None:
            params["variant"] = variant
        if account is not None:
            yield {**params, "account": account}, group
            continue
        for start in range(0, len(group), SYMBOLS):
            part = group[start : start + SYMBOLS]
            names = "streams" if channel == RAW else "symbols"
            yield {**params, names: [wish.symbol for wish in part]}, part


def resumes(group: Sequence[Subscription], positions: Mapping[str, Position]) -> dict[str, Any]:
    """Return where ``group`` resumes, as a request has it; ``positions`` are by topic."""
    found = ((wish.account or wish.symbol, positions.get(wish.topic)) for wish in group)
    return {name: {"epoch": at[0], "offset": at[1]} for name, at in found if at is not None}
