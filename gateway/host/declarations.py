"""Whether what a plugin declares of its exchange can be worked with; checked once, when it is loaded."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.errors import PluginError
from gateway.host import rules
from gateway.spi.contract import Channel, Endpoint, ExchangeInfo, Limit
from gateway.spi.hookspecs import SPI_VERSION

_KINDS: Final[Mapping[str, bool]] = {"ws": True, "wss": True, "http": False, "https": False}
"""Schemes, and whether they are of WebSockets."""


def checked(exchange: str, info: object) -> ExchangeInfo:
    """
    Return ``info`` if it holds together.

    Raises:
        PluginError: The first thing that is wrong with it.
    """
    if not isinstance(info, ExchangeInfo):
        raise PluginError(
            exchange, f"gateway_exchange_info must return an ExchangeInfo, not {type(info).__name__}"
        )
    for problem in _problems(info):
        raise PluginError(exchange, problem)
    return info


def version_problem(info: object) -> str:
    """Return what is wrong with the version that ``info`` is written for, nothing if that is ours or unknown."""
    version = getattr(info, "spi_version", SPI_VERSION)
    if type(version) is int and version == SPI_VERSION:
        return ""
    return f"is written for version {version!r} of the plugin contract; this gateway speaks version {SPI_VERSION}"


def is_streaming(endpoint: Endpoint) -> bool:
    """Whether the connections of ``endpoint`` are WebSockets; false if it is a REST host."""
    return all(_KINDS[url.partition(":")[0]] for url in endpoint.urls.values())


def _problems(info: ExchangeInfo) -> Iterator[str]:
    if problem := version_problem(info):
        yield problem
    if not rules.are_names(info.environments):
        yield "environments must be a tuple of names"
    yield from _distinct("environment", info.environments)
    for what, kind in (("endpoints", Endpoint), ("channels", Channel), ("limits", Limit)):
        yield from _listed(what, kind, getattr(info, what))
    for endpoint in info.endpoints:
        yield from (f"endpoint {endpoint.name}: {one}" for one in _endpoint(endpoint, info.environments))
    for limit in info.limits:
        yield from (f"limit {limit.name}: {one}" for one in rules.broken(limit, rules.LIMIT))
    for channel in info.channels:
        yield from (f"channel {channel.name}: {one}" for one in rules.broken(channel, rules.CHANNEL))
    if info.options is not None and not hasattr(info.options, "model_validate"):
        yield "options must be a pydantic model or None"


def _listed(what: str, kind: type, values: Any) -> Iterator[str]:
    if not isinstance(values, tuple) or not all(isinstance(one, kind) for one in values):
        yield f"{what} must be a tuple of {kind.__name__}"
    names = tuple(one.name for one in values)
    if not rules.are_names(names):
        yield f"{what} must have names"
    if names or kind is not Limit:
        yield from _distinct(kind.__name__.lower(), names)


def _distinct(what: str, names: tuple[str, ...]) -> Iterator[str]:
    if not names:
        yield f"declares no {what}"
    for at, name in enumerate(names):
        if name in names[:at]:
            yield f"declares the {what} {name!r} twice"


def _endpoint(endpoint: Endpoint, environments: tuple[str, ...]) -> Iterator[str]:
    yield from rules.broken(endpoint, rules.ENDPOINT)
    for environment in environments:
        if environment not in endpoint.urls:
            yield f"has no URL for the environment {environment!r}"
    for environment, url in endpoint.urls.items():
        if not _is_url(url):
            yield f"need a URL of ws, wss, http or https with a host for {environment!r}, got {url!r}"
    if len({_KINDS[url.partition(":")[0]] for url in endpoint.urls.values()}) > 1:
        yield "is a WebSocket in one environment and REST in another"


def _is_url(url: object) -> bool:
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        return (
            url.startswith(tuple(f"{scheme}://" for scheme in _KINDS)) and bool(parts.hostname) and parts.port != 0
        )
    except ValueError:
        return False
