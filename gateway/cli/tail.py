"""How messages look in a live tail: a coloured line each on a terminal, the message as JSON otherwise."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Message = Mapping[str, Any]
Show = Callable[[Message], None]

ALARMING = frozenset({"gap", "stale", "disconnected", "closed", "lag", "jump"})


def json_lines(write: Callable[[str], object]) -> Show:
    """Return what writes each message as one line of JSON."""

    def show(message: Message) -> None:
        write(json.dumps(message, separators=(",", ":")) + "\n")

    return show


def coloured(console: Any) -> Show:
    """Return what prints each message to a rich console, each record on a line of its own."""
    from gateway.cli.plain import plain  # noqa: PLC0415  # rich is slow, and only terminals need it

    def show(message: Message) -> None:
        colour = style(message)
        for line in lines(message):
            text = plain(line, style=colour)
            text.highlight_words([str(message.get("topic", ""))], "cyan")
            console.print(text, soft_wrap=True, highlight=False)

    return show


def lines(message: Message) -> list[str]:
    """Return what a person reads of ``message``."""
    head = f"{_clock(message)} {message.get('topic', '')}"
    if message.get("type") in {"update", "snapshot"}:
        kind = "" if message["type"] == "update" else " snapshot"
        data = message.get("data")
        return [f"{head}{kind} {_record(one)}" for one in (data if isinstance(data, list) else [data])]
    told = message.get("status", message.get("type", ""))
    rest = {key: value for key, value in message.items() if key not in {"topic", "type", "status", "ts"}}
    return [f"{head} -- {told} {_record(rest)}".rstrip()]


def style(message: Message) -> str:
    """Return how a line that says ``message`` is coloured."""
    told = message.get("status", message.get("type"))
    if message.get("type") in {"update", "snapshot"}:
        return ""
    return "bold red" if told in ALARMING else "yellow"


def _clock(message: Message) -> str:
    """Return when it happened, by the exchange's clock where it told, as local time."""
    at_us = message.get("ts", message.get("recv"))
    if not isinstance(at_us, int):
        return "--:--:--.---"
    at = datetime.fromtimestamp(at_us / 1e6, UTC).astimezone()
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def _record(record: object) -> str:
    if not isinstance(record, Mapping):
        return json.dumps(record)
    return " ".join(f"{key}={_value(value)}" for key, value in record.items() if key != "ts")


def _value(value: object) -> str:
    """Return ``value`` in short: the best level of a book's side stands for all of it."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return f"{'x'.join(map(str, value[0]))}(+{len(value) - 1})"
    return value if isinstance(value, str) else json.dumps(value)
