"""Whom an exchange may reach: the hosts of its endpoints, and those that the operator named wherever they are."""

from gateway.app.composition import urls_of
from gateway.config import ExchangeSettings
from gateway.net.egress import Egress
from gateway.spi.contract import ExchangeInfo


def egress_of(exchange: str, info: ExchangeInfo, settings: ExchangeSettings) -> Egress:
    """
    Return whom the connections of ``exchange`` may reach.

    Raises:
        ConfigError: If the plugin has no such environment or endpoint.
    """
    named = settings.endpoints.urls
    urls = urls_of(exchange, info, settings)
    declared = [url for name, url in urls.items() if name not in named]
    return Egress.of(
        declared,
        tuple(named.values()),
        private=settings.allow_private,
        plaintext=settings.endpoints.allow_plaintext,
    )
