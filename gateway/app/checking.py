"""What of a configuration only the plugins can know to be wrong, found without starting anything."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from gateway.app.composition import options_of, urls_of
from gateway.app.exposure import check_exposure
from gateway.app.fitting import ca_file_of, check_accounts, check_pace, check_subscription, check_timeout
from gateway.config import ExchangeSettings, Settings
from gateway.config.complaints import suggest
from gateway.errors import ConfigError, PluginError
from gateway.host import Binding, PluginHost
from gateway.host.declarations import is_streaming
from gateway.spi.contract import ExchangeInfo, Target


def check(settings: Settings, *, despite_broken: bool = False) -> Mapping[str, float]:
    """
    Load every plugin that is named and check what it is given; secrets are not looked for.

    Args:
        settings: the configuration.
        despite_broken: leave out plugins that cannot be used, as a gateway does that has others.

    Returns:
        Seconds between two pings that each plugin asks for; what is configured and the session come first.

    Raises:
        ConfigError: For the first that is wrong, a plugin that cannot be used among it.
        UnsafeError: If other machines could reach the address to listen on, and tokens or TLS are missing.
    """
    check_exposure(settings)
    host = PluginHost()
    infos: dict[str, ExchangeInfo] = {}
    paces: dict[str, float] = {}
    for exchange, given in settings.exchanges.items():
        try:
            host.load(exchange, settings.plugins.allow)
            binding = host.bind(exchange)
            paces[exchange] = _check_exchange(binding, given, settings)
            infos[exchange] = binding.info
        except PluginError as broken:
            if not despite_broken:
                problem = f"its plugin cannot be used: {broken.problem}"
                raise ConfigError(f"exchanges.{exchange}", problem) from broken
    _check_names(settings, infos)
    return paces


def check_running(settings: Settings, infos: Mapping[str, ExchangeInfo], paces: Mapping[str, float]) -> None:
    """
    Check what the plugins that run are given, as :func:`check` does; the others are asked at the next start.

    ``paces`` has the seconds between two pings that each asks for, as far as it can say.

    Raises:
        ConfigError: For the first that is wrong.
    """
    for exchange, info in infos.items():
        if (given := settings.exchanges.get(exchange)) is not None:
            try:
                _check_given(exchange, info, given, settings)
                if exchange in paces:
                    check_timeout(exchange, given, partial(paces.__getitem__, exchange))
            except PluginError as broken:
                problem = f"its plugin could not be used: {broken.problem}"
                raise ConfigError(f"exchanges.{exchange}", problem) from broken
    _check_names(settings, infos)


def _check_given(
    exchange: str, info: ExchangeInfo, given: ExchangeSettings, settings: Settings
) -> tuple[Any, Any]:
    """Return the exchange's URLs and options."""
    urls = urls_of(exchange, info, given)
    options = options_of(exchange, info, settings)
    check_pace(exchange, info, given)
    ca_file_of(exchange, given)
    check_accounts(exchange, info, settings)
    return urls, options


def _check_exchange(binding: Binding, given: ExchangeSettings, settings: Settings) -> float:
    exchange, info = binding.exchange, binding.info
    urls, options = _check_given(exchange, info, given, settings)
    target = Target(
        exchange=exchange,
        environment=given.environment,
        endpoint=next((one.name for one in info.endpoints if is_streaming(one)), info.endpoints[0].name),
        urls=urls,
        now=lambda: time.time_ns() // 1000,
        nonce=time.time_ns,
        options=options,
    )
    pace = binding.heartbeat_interval(target)
    check_timeout(exchange, given, lambda: pace)
    return pace


def _check_names(settings: Settings, infos: Mapping[str, ExchangeInfo]) -> None:
    for name in settings.plugins.options:
        if name not in settings.exchanges:
            hint = suggest(name, settings.exchanges)
            raise ConfigError(f"plugins.options.{name}", "names no exchange that is configured" + hint)
    for number, wish in enumerate(settings.subscriptions):
        if wish.exchange in infos:
            check_subscription(f"subscriptions[{number}]", wish, infos[wish.exchange])
