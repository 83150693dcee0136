"""Whether settings fit what a plugin declares: its pings, accounts and subscriptions; and whose CAs it trusts."""

from collections.abc import Callable
from pathlib import Path
from ssl import SSLError
from typing import Final

from gateway.config import ExchangeSettings, Settings, SubscriptionSettings
from gateway.config.complaints import suggest
from gateway.engine.liveness import DEAD_AFTER
from gateway.errors import ConfigError
from gateway.model.subscriptions import RAW
from gateway.net.tls import client_context
from gateway.spi.contract import Channel, ExchangeInfo

SHARE: Final = 0.5
"""Of a limit that counts control frames, what our own pings may use; the rest is for requests and pongs."""


def check_pace(exchange: str, info: ExchangeInfo, settings: ExchangeSettings) -> None:
    """
    Check that our own pings leave a limit's better half to everything else.

    Raises:
        ConfigError: If they do not.
    """
    interval = settings.heartbeat_interval
    for limit in info.limits:
        least = limit.per / (SHARE * limit.count)
        if limit.counts_control_frames and interval is not None and interval < least:
            raise ConfigError(
                f"exchanges.{exchange}.heartbeat_interval",
                f"need at least {least:g} s: a ping each {interval:g} s would use more than half of the limit "
                f"{limit.name}, which is {limit.count} in {limit.per:g} s",
            )


def check_timeout(exchange: str, settings: ExchangeSettings, pace: Callable[[], float]) -> None:
    """
    Check that a ``ping_timeout`` that is configured does not call a connection dead before a dead one is noticed.

    Args:
        exchange: whose.
        settings: the operator's; where they have an interval, it was compared with that.
        pace: asks the plugin for its own.

    Raises:
        ConfigError: If it does.
        PluginError: If the plugin cannot say.
    """
    if settings.heartbeat_interval is not None or "ping_timeout" not in settings.model_fields_set:
        return
    interval = pace()
    if settings.ping_timeout < DEAD_AFTER * interval:
        raise ConfigError(
            f"exchanges.{exchange}.ping_timeout",
            f"need at least {DEAD_AFTER:g} times what is between two pings, which is {interval:g} s unless "
            f"exchanges.{exchange}.heartbeat_interval says otherwise, so {DEAD_AFTER * interval:g} s; "
            f"got {settings.ping_timeout:g} s",
        )


def ca_file_of(exchange: str, settings: ExchangeSettings) -> Path | None:
    """
    Return the file of the authorities to trust, after a look at it.

    Raises:
        ConfigError: If it cannot be read or holds no certificate.
    """
    if settings.ca_file is None:
        return None
    ca_file = Path(settings.ca_file)
    try:
        client_context(ca_file)
    except OSError as exc:
        problem = "holds no certificate" if isinstance(exc, SSLError) else exc.strerror
        raise ConfigError(f"exchanges.{exchange}.ca_file", f"{ca_file} cannot be used: {problem}") from exc
    return ca_file


def check_accounts(exchange: str, info: ExchangeInfo, settings: Settings) -> None:
    """
    Check that there is somewhere to log the exchange's accounts in.

    Raises:
        ConfigError: If there is not.
    """
    for name, account in settings.accounts.items():
        if account.exchange == exchange and not any(endpoint.private for endpoint in info.endpoints):
            raise ConfigError(f"accounts.{name}.exchange", f"the plugin of {exchange} knows no accounts")


def check_subscription(key: str, wish: SubscriptionSettings, info: ExchangeInfo) -> None:
    """
    Check that the exchange offers what ``wish`` asks for, but for its symbols: those are asked of the exchange.

    Raises:
        ConfigError: If it does not; the keys begin with ``key``.
    """
    channels = {channel.name: channel for channel in info.channels}
    if wish.channel not in channels:
        raise ConfigError(
            f"{key}.channel", f"{wish.exchange} has no channel {wish.channel!r}" + suggest(wish.channel, channels)
        )
    if wish.streams and RAW not in channels:
        raise ConfigError(f"{key}.streams", f"{wish.exchange} has no channel {RAW!r}")
    channel = channels[wish.channel]
    _check_account(key, wish, channel)
    if wish.symbols and channel.name != RAW and wish.variant not in channel.variants:
        known = sorted(variant for variant in channel.variants if variant is not None)
        problem = "needs one" if wish.variant is None else f"has no {wish.variant!r}"
        hint = f"known are {', '.join(known)}" if known else "it has none"
        raise ConfigError(f"{key}.variant", f"channel {channel.name} of {wish.exchange} {problem}; {hint}")


def _check_account(key: str, wish: SubscriptionSettings, channel: Channel) -> None:
    what = f"channel {channel.name} of {wish.exchange}"
    if wish.account is not None and not channel.private and channel.name != RAW:
        raise ConfigError(f"{key}.account", f"{what} has no account")
    if wish.symbols and channel.private:
        if wish.account is None:
            raise ConfigError(f"{key}.account", f"{what} needs an account")
        raise ConfigError(f"{key}.symbols", f"{what} takes no symbols")
