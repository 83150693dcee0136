"""What a configuration amounts to, fit to be shown to anybody, and which of its keys have no effect yet."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from gateway.config.credentials import HIDDEN, is_reference
from gateway.config.settings import ExchangeSettings, Settings
from gateway.engine.liveness import DEFAULT_HEARTBEAT

PENDING: Final = frozenset(
    {
        "exchanges.*.region",
    }
)
"""Keys that are accepted before their feature exists; whoever builds one takes its line away."""

_LARGEST: Final = 2**63
NOTHING: Final[Mapping[str, float]] = MappingProxyType({})


def effective(settings: Settings, paces: Mapping[str, float] = NOTHING) -> dict[str, Any]:
    """
    Return every setting that is in effect, ready for JSON.

    Secrets appear as their references. Of the plugins' options, which the core
    does not know, only numbers, truth values and references are shown. An
    exchange's ``heartbeat_interval`` says where it is from: unless it was
    configured, a session may still choose another.

    Args:
        settings: the configuration.
        paces: the intervals that plugins ask for, by exchange.
    """
    shown = settings.model_dump(mode="json", exclude={"plugins": {"options"}})
    for name, exchange in settings.exchanges.items():
        shown["exchanges"][name]["heartbeat_interval"] = _heartbeat(exchange, paces.get(name, DEFAULT_HEARTBEAT))
    shown["plugins"]["options"] = _guarded(settings.plugins.options)
    return shown


def pending(settings: Settings) -> list[str]:
    """Return a sentence for each key that somebody set and that has no effect yet."""
    return [f"{key} is known and has no effect yet" for key, pattern in _set(settings) if pattern in PENDING]


def _heartbeat(exchange: ExchangeSettings, pace: float) -> dict[str, Any]:
    if exchange.heartbeat_interval is None:
        return {"value": pace, "from": "default" if pace == DEFAULT_HEARTBEAT else "plugin"}
    return {"value": exchange.heartbeat_interval, "from": "configuration"}


def _guarded(value: object) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _guarded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_guarded(inner) for inner in value]
    if isinstance(value, (int, float)) and abs(value) < _LARGEST:
        return value
    return value if isinstance(value, str) and is_reference(value) else HIDDEN


def _set(table: BaseModel, key: str = "", pattern: str = "") -> Iterator[tuple[str, str]]:
    """Yield each key that was set and its pattern, which has ``*`` in an id's place."""
    for name in type(table).model_fields:
        if name in table.model_fields_set:
            value = getattr(table, name)
            yield key + name, pattern + name
            if isinstance(value, BaseModel):
                yield from _set(value, f"{key}{name}.", f"{pattern}{name}.")
            elif isinstance(value, Mapping):
                for inner, one in value.items():
                    if isinstance(one, BaseModel):
                        yield from _set(one, f"{key}{name}.{inner}.", f"{pattern}{name}.*.")
