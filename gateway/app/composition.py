"""
How one exchange's plugin, settings and accounts become the ground that its connections stand on.

What only the plugin can know to be wrong is refused here: its environments, its
endpoints' names, its options.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.app.fitting import check_pace, check_timeout
from gateway.app.signers import Signers, signers_at
from gateway.config import ExchangeSettings, Settings
from gateway.config.complaints import suggest
from gateway.engine.absence import Names
from gateway.engine.budgets import Budgets
from gateway.engine.observer import Observer
from gateway.engine.registry import ConnectionRegistry
from gateway.errors import ConfigError, PluginError
from gateway.host import Binding
from gateway.host.declarations import is_streaming
from gateway.net.transport import Network
from gateway.runtime.clock import ExchangeClock
from gateway.runtime.exchange import Exchange
from gateway.runtime.ground import Ground, Pace, Quiet
from gateway.spi.contract import ExchangeInfo, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """
    What all exchanges of a gateway share. ``now`` is monotonic seconds, ``wall_us`` microseconds since 1970.

    ``signers``, by exchange, are filled in when one is composed, and may be replaced afterwards.
    """

    settings: Settings
    environ: Mapping[str, str]
    network: Network
    budgets: Budgets
    names: Names
    registry: ConnectionRegistry
    observer: Observer
    now: Callable[[], float]
    wall_us: Callable[[], int]
    rng: Random
    banned: Callable[[Quiet], None]
    departs: Callable[[str], None]
    signers: dict[str, Signers]


def compose(world: World, binding: Binding) -> Exchange:
    """
    Return the exchange of ``binding``, not started. Needs a running event loop.

    Raises:
        ConfigError: If a setting is wrong for this plugin, or a secret cannot be had.
        PluginError: If the plugin's limits contradict another's.
    """
    exchange = binding.exchange
    settings = world.settings.exchanges.get(exchange, ExchangeSettings())
    info = _carrying(binding.info, settings.streams_per_connection)
    check_pace(exchange, info, settings)
    clock = ExchangeClock(world.wall_us)
    targets = _Targets(world, binding, settings, clock)
    try:
        world.budgets.register(info.limits)
    except ValueError as exc:
        raise PluginError(exchange, str(exc)) from exc
    ground = Ground(
        exchange=exchange,
        environment=settings.environment,
        info=info,
        binding=binding,
        network=world.network,
        budgets=world.budgets,
        names=world.names,
        registry=world.registry,
        observer=world.observer,
        target=targets.target,
        now=world.now,
        wall_us=world.wall_us,
        rng=world.rng,
        banned=world.banned,
        departs=world.departs,
        pace=pace_of(settings),
    )
    with suppress(PluginError):  # its connections say so
        check_timeout(exchange, settings, partial(usual_pace, ground))
    return Exchange(ground, clock, frozenset(world.signers[exchange]))


def _carrying(info: ExchangeInfo, streams: int | None) -> ExchangeInfo:
    """Return ``info`` with as many streams on a connection for everybody as the operator wants."""
    if streams is None:
        return info
    endpoints = (one if one.private else replace(one, max_streams=streams) for one in info.endpoints)
    return replace(info, endpoints=tuple(endpoints))


def usual_pace(ground: Ground) -> float:
    """
    Return the seconds between two pings that the plugin asks for; settings and the session come first.

    Raises:
        PluginError: If it cannot say.
    """
    endpoint = next((one for one in ground.info.endpoints if is_streaming(one)), ground.info.endpoints[0])
    return ground.binding.heartbeat_interval(ground.target(endpoint.name, None))


def pace_of(settings: ExchangeSettings) -> Pace:
    """Return the settings that may change while the exchange runs."""
    return Pace(
        heartbeat_interval=settings.heartbeat_interval,
        ping_timeout=settings.ping_timeout,
        message_timeout=settings.message_timeout,
        rollover_window=None if settings.rollover is None else settings.rollover.seconds,
    )


class _Targets:
    """Makes the targets of one exchange; everything that can be wrong is found when it is made."""

    def __init__(self, world: World, binding: Binding, settings: ExchangeSettings, clock: ExchangeClock) -> None:
        self._exchange = binding.exchange
        self._environment = settings.environment
        self._urls = urls_of(binding.exchange, binding.info, settings)
        self._options = options_of(binding.exchange, binding.info, world.settings)
        self._clock = clock
        self._signers = world.signers
        self._signers[binding.exchange] = signers_at(binding.exchange, world.settings.accounts, world.environ)

    def target(self, endpoint: str, account: str | None) -> Target:
        """Return what is to be reached at ``endpoint`` for ``account``."""
        return Target(
            exchange=self._exchange,
            environment=self._environment,
            endpoint=endpoint,
            urls=self._urls,
            now=self._clock.now,
            nonce=self._clock.nonce,
            account=account,
            options=self._options,
            signer=None if account is None else self._signers[self._exchange].get(account),
        )


def urls_of(exchange: str, info: ExchangeInfo, settings: ExchangeSettings) -> Mapping[str, str]:
    """
    Return the base URL of each endpoint, the operator's before the plugin's.

    Raises:
        ConfigError: If the plugin has no such environment or endpoint.
    """
    key, environment = f"exchanges.{exchange}", settings.environment
    if environment not in info.environments:
        hint = suggest(environment, info.environments)
        raise ConfigError(f"{key}.environment", f"the plugin has no environment {environment!r}" + hint)
    urls = {endpoint.name: endpoint.urls[environment] for endpoint in info.endpoints}
    for name, url in settings.endpoints.urls.items():
        if name not in urls:
            raise ConfigError(f"{key}.endpoints.{name}", "the plugin has no such endpoint" + suggest(name, urls))
        if _is_socket(url) != _is_socket(urls[name]):
            need = "ws:// or wss://" if _is_socket(urls[name]) else "http:// or https://"
            raise ConfigError(f"{key}.endpoints.{name}", f"need a URL that starts with {need}")
        urls[name] = url.rstrip("/")
    return MappingProxyType(urls)


def _is_socket(url: str) -> bool:
    return url.startswith(("ws://", "wss://"))


def options_of(exchange: str, info: ExchangeInfo, settings: Settings) -> Any:
    """
    Return the plugin's options as an instance of its model, nothing if it has none.

    Raises:
        ConfigError: If its model refuses them.
        PluginError: If its model breaks on them.
    """
    key = f"plugins.options.{exchange}"
    given = settings.plugins.options.get(exchange)
    if info.options is None:
        if given:
            raise ConfigError(key, "the plugin takes no options")
        return None
    model: type[BaseModel] = info.options
    try:
        return model.model_validate(dict(given or {}))
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
        place, problem = ".".join(map(str, (key, *first["loc"]))), str(first["msg"])
    except Exception as exc:  # noqa: BLE001  # whatever a plugin's own validator raises
        raise PluginError(exchange, f"its options' model raised {type(exc).__name__}") from None
    raise ConfigError(place, problem)  # outside: pydantic's own error shows values, and would be its context
