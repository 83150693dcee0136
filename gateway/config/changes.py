"""
What a changed configuration changes: which keys take effect while the gateway runs, which need a restart.

Keys are told in the order of the documentation, and never a value.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from gateway.config.settings import Settings

LIVE: Final = frozenset(
    {
        "server.allowed_origins",
        "server.allowed_hosts",
        "server.limits.topics",
        "server.limits.sockets",
        "server.limits.commands_per_second",
        "server.limits.burst",
        "exchanges.*.heartbeat_interval",
        "exchanges.*.ping_timeout",
        "exchanges.*.message_timeout",
        "exchanges.*.rollover",
        "exchanges.*.rollover.window",
        "accounts.*",
        "accounts.*.exchange",
        "accounts.*.api_key",
        "accounts.*.secret",
        "accounts.*.key_type",
        "subscriptions",
        "store.retention",
        "retention.changes",
        "retention.connections",
        "retention.most_connections",
        "retention.topics",
        "retention.most_topics",
        "retention.messages",
        "retention.bytes",
        "log.level",
        "log.format",
    }
)
"""Keys that take effect without a restart, with ``*`` in an id's place; ``accounts.*`` comes or goes."""

Table = TypeVar("Table", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Difference:
    """
    What becomes of a changed configuration while the gateway runs.

    ``settings`` is what holds from then on, ``live`` the keys that it changes,
    ``restart`` those that differ from it still.
    """

    settings: Settings
    live: tuple[str, ...]
    restart: tuple[str, ...]


def difference(before: Settings, after: Settings, running: Collection[str]) -> Difference:
    """
    Return what can take effect of ``after``, where ``before`` holds.

    ``running`` are the exchanges that run: what concerns another one waits for the restart with it.
    """
    settings = _table(before, _reachable(before, after, running), "")
    return Difference(settings, changed(before, settings), changed(settings, after))


def changed(before: Settings, after: Settings) -> tuple[str, ...]:
    """Return every key in which the two differ; an entry of a list that is new has its own."""
    return tuple(_keys(before, after, ""))


def _reachable(before: Settings, after: Settings, running: Collection[str]) -> Settings:
    """Return ``after``, with whatever concerns exchanges that do not run as it was before."""
    exchanges = {
        name: one if name in running else before.exchanges.get(name, one) for name, one in after.exchanges.items()
    }
    unreachable = {name for name, one in after.accounts.items() if one.exchange not in running}
    accounts = {name: one for name, one in after.accounts.items() if name not in unreachable}
    accounts |= {name: one for name, one in before.accounts.items() if name in unreachable}
    present = frozenset(before.subscriptions)
    wishes = tuple(one for one in after.subscriptions if one.exchange in running or one in present)
    return after.model_copy(update={"exchanges": exchanges, "accounts": accounts, "subscriptions": wishes})


# --- what holds from then on


def _table(before: Table, after: Table, place: str) -> Table:
    values = {
        name: _value(getattr(before, name), getattr(after, name), place + name)
        for name in type(before).model_fields
    }
    new = {name: value for name, value in values.items() if value is not getattr(before, name)}
    return before.model_copy(update=new)


def _value(before: Any, after: Any, pattern: str) -> Any:
    if isinstance(before, BaseModel) and isinstance(after, BaseModel):
        return before if before == after else _table(before, after, f"{pattern}.")
    if _has_tables(before) and _has_tables(after) and f"{pattern}.*" in LIVE:
        return {one: _value(before.get(one, table), table, f"{pattern}.*") for one, table in after.items()}
    if _has_tables(before) and _has_tables(after):
        return {one: _value(table, after.get(one, table), f"{pattern}.*") for one, table in before.items()}
    return after if pattern in LIVE else before


# --- the keys that differ


def _keys(before: Any, after: Any, key: str) -> Iterator[str]:
    if before == after:
        return
    parts, others = _parts(before), _parts(after)
    if parts is not None and others is not None:
        inner = key and f"{key}."
        for name in dict.fromkeys((*parts, *others)):
            yield from _keys(parts.get(name), others.get(name), f"{inner}{name}")
        return
    if _is_list(before) and _is_list(after):
        old, new = frozenset(before), frozenset(after)
        yield from (f"{key}[{number}]" for number, one in enumerate(after) if one not in old)
        if old <= new:
            return
    yield key


def _parts(value: object) -> Mapping[str, Any] | None:
    """Return what a table holds, under keys of its own or of others' choosing; :obj:`None` if it is none."""
    if isinstance(value, BaseModel):
        return {**{name: getattr(value, name) for name in type(value).model_fields}, **(value.model_extra or {})}
    return value if isinstance(value, Mapping) else None


def _has_tables(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(one, BaseModel) for one in value.values())


def _is_list(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(one, BaseModel) for one in value)
