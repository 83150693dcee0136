"""An exchange reaches the hosts of its endpoints in effect; what the operator named, wherever that is."""

from typing import Any

import pytest
from yarl import URL

from gateway import Gateway
from gateway.app.egress import egress_of
from gateway.config import ExchangeSettings
from gateway.errors import TransportLost
from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.net.egress import Egress
from gateway_binance.spot import plugin as binance
from gateway_mock.venue import MockVenue

INFO = binance.gateway_exchange_info()


def settings(**given: Any) -> ExchangeSettings:
    return ExchangeSettings.model_validate(given)


@pytest.mark.parametrize("environment", INFO.environments)
def test_only_hosts_of_the_environment_in_use_may_be_reached(environment: str) -> None:
    egress = egress_of("binance", INFO, settings(environment=environment))
    for endpoint in INFO.endpoints:
        for name, url in endpoint.urls.items():
            if name == environment:
                egress.check(URL(url))
            elif url not in {one.urls[environment] for one in INFO.endpoints}:
                with pytest.raises(TransportLost, match="does not declare"):
                    egress.check(URL(url))
            assert not egress.admits(str(URL(url).host), "192.168.0.1")


def test_an_endpoint_that_is_configured_takes_the_place_of_the_plugins() -> None:
    name = INFO.endpoints[0].name
    egress = egress_of("binance", INFO, settings(endpoints={name: "wss://proxy.lan"}))
    assert egress.admits("proxy.lan", "192.168.0.1")
    egress.check(URL("wss://proxy.lan/ws"))


def test_private_addresses_may_be_allowed() -> None:
    host = str(URL(INFO.endpoints[0].urls["live"]).host)
    assert egress_of("binance", INFO, settings(allow_private=True)).admits(host, "192.168.0.1")


async def test_a_gateway_gives_each_exchange_a_network_that_goes_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[Egress] = []

    class Spied(AiohttpNetwork):
        def __init__(self, *, egress: Egress, **more: Any) -> None:
            given.append(egress)
            super().__init__(egress=egress, **more)

    monkeypatch.setattr("gateway.app.assembly.AiohttpNetwork", Spied)
    async with MockVenue() as venue:
        endpoints = {**venue.addresses, "allow_plaintext": True}
        async with Gateway({"exchanges": {"mock": {"endpoints": endpoints}}}):
            pass
    here = frozenset({"127.0.0.1"})
    assert given == [Egress(here, here, private=False, clear=here)]
