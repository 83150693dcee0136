"""What a changed configuration changes: which keys take effect while the gateway runs, which need a restart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from gateway.config.settings import Settings

LIVE: Final = frozenset(
    {
        "exchanges.*.heartbeat_interval",
        "exchanges.*.ping_timeout",
        "exchanges.*.message_timeout",
        "accounts.*",
        "accounts.*.api_key",
        "accounts.*.secret",
        "subscriptions",
        "log.level",
    }
)
"""Keys that take effect without a restart, with ``*`` in an id's place."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One key that differs; ``is_live`` tells that it needs no restart."""

    key: str
    is_live: bool


def changes(before: Settings, after: Settings) -> tuple[Changed, ...]:
    """Return every key in which the two differ, in the order of the documentation; never a value."""
    return tuple(_tables(before, after, "", ""))


def _tables(before: BaseModel, after: BaseModel, key: str, pattern: str) -> Iterator[Changed]:
    for name in type(before).model_fields:
        yield from _values(getattr(before, name), getattr(after, name), key + name, pattern + name)


def _values(before: Any, after: Any, key: str, pattern: str) -> Iterator[Changed]:
    if before == after:
        return
    if isinstance(before, BaseModel) and isinstance(after, BaseModel):
        inside = tuple(_tables(before, after, f"{key}.", f"{pattern}."))
        yield from inside or (Changed(key, pattern in LIVE),)  # a table may have keys of others' choosing
    elif _has_ids(before) and _has_ids(after):
        for one in dict.fromkeys((*before, *after)):
            yield from _values(before.get(one), after.get(one), f"{key}.{one}", f"{pattern}.*")
    else:
        yield Changed(key, pattern in LIVE)


def _has_ids(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(one, BaseModel) for one in value.values())
