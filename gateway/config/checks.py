"""What several keys must be together: thresholds that can be met, endpoints that are safe, names that exist."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from gateway.config.addresses import parse_listen
from gateway.config.complaints import suggest
from gateway.config.settings import ExchangeSettings, Settings, SubscriptionSettings
from gateway.config.visitors import check_hosts, check_origins
from gateway.engine.liveness import DEAD_AFTER
from gateway.errors import ConfigError

PLAIN: Final = frozenset({"ws", "http"})
SCHEMES: Final = PLAIN | {"wss", "https"}


def check(settings: Settings) -> None:
    """
    Check what no key can be checked for alone.

    Raises:
        ConfigError: For the first that is wrong, in the order of the documentation.
    """
    parse_listen(settings.server.listen)
    check_origins(settings.server.allowed_origins)
    check_hosts(settings.server.allowed_hosts)
    for name, exchange in settings.exchanges.items():
        _check_exchange(f"exchanges.{name}", exchange)
    for name, account in settings.accounts.items():
        _check_named(f"accounts.{name}.exchange", account.exchange, settings.exchanges, "exchange")
    for number, wish in enumerate(settings.subscriptions):
        _check_subscription(f"subscriptions[{number}]", wish, settings)


def _check_exchange(key: str, exchange: ExchangeSettings) -> None:
    interval = exchange.heartbeat_interval
    if interval is not None and exchange.ping_timeout < DEAD_AFTER * interval:
        raise ConfigError(
            f"{key}.ping_timeout",
            f"need at least {DEAD_AFTER:g} times {key}.heartbeat_interval, which is {interval:g} s, "
            f"so {DEAD_AFTER * interval:g} s; got {exchange.ping_timeout:g} s",
        )
    for name, url in exchange.endpoints.urls.items():
        _check_url(f"{key}.endpoints", name, url, exchange.endpoints.allow_plaintext)


def _check_url(table: str, name: str, url: str, plaintext: bool) -> None:
    key = f"{table}.{name}"
    parts = _split(url)
    if parts is None:
        raise ConfigError(key, "need a URL that starts with wss://, https://, ws:// or http:// and names a host")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(key, "need a URL without user, password, query or fragment")
    if parts.scheme in PLAIN and not plaintext:
        raise ConfigError(key, f"{parts.scheme}:// is refused unless {table}.allow_plaintext is true")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def _check_named(key: str, name: str, known: Iterable[str], what: str) -> None:
    if name not in (names := list(known)):
        raise ConfigError(key, f"names no {what} that is configured" + suggest(name, names))


def _check_subscription(key: str, wish: SubscriptionSettings, settings: Settings) -> None:
    _check_named(f"{key}.exchange", wish.exchange, settings.exchanges, "exchange")
    if wish.account is not None:
        _check_named(f"{key}.account", wish.account, settings.accounts, "account")
        if (at := settings.accounts[wish.account].exchange) != wish.exchange:
            raise ConfigError(
                f"{key}.account", f"need an account at {wish.exchange}; {wish.account} is one at {at}"
            )
    elif not (wish.symbols or wish.streams):
        raise ConfigError(key, "need symbols, streams or an account")
