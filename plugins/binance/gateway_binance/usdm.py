"""The plugin for Binance's USD-M futures: what sets them apart from the other markets."""

from collections.abc import Mapping

from gateway import spi
from gateway_binance import reference
from gateway_binance.book import futures_follows
from gateway_binance.categories import Category, category_of, misplaced
from gateway_binance.declared.usdm import USDM
from gateway_binance.market import MarketPlugin, Particulars
from gateway_binance.native.figures import USDM_DOORS
from gateway_binance.options import UsdmOptions
from gateway_binance.private.accounts import route
from gateway_binance.private.figures import FUTURES_CHANNELS
from gateway_binance.private.futures import FuturesAccounts
from gateway_binance.private.futures_state import USDM_PATHS
from gateway_binance.private.listenkey import usdm_place
from gateway_binance.readers import USDM_READERS
from gateway_binance.streams import USDM_STREAMS, stream_for


class BinanceUsdm(MarketPlugin):
    """The hooks."""

    @spi.hookimpl
    def gateway_route(self, target: spi.Target, subscription: spi.Subscription) -> spi.Route | None:
        """Name Binance's own stream, and the category of connections that brings it."""
        if subscription.account is not None:
            return route(subscription, FUTURES_CHANNELS)
        is_raw = subscription.channel == "raw"
        stream = subscription.symbol if is_raw else stream_for(USDM_STREAMS, subscription)
        return None if stream is None else spi.Route(category_of(stream, _moved(target)), stream)

    @spi.hookimpl
    def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
        """Open a bare combined connection of one category."""
        if target.account is not None:
            return (yield from self._own.accounts.handshake(target))
        url = target.urls[target.endpoint]
        if wrong := misplaced(url, target.endpoint):
            raise spi.LoginRefused(wrong)
        yield spi.Open(f"{url}/stream", cost={USDM.dials: 1})
        return spi.Session()


def _moved(target: spi.Target) -> Mapping[str, Category]:
    return target.options.categories if isinstance(target.options, UsdmOptions) else {}


plugin = BinanceUsdm(
    Particulars(
        market=USDM,
        doors=USDM_DOORS,
        accounts=FuturesAccounts(USDM, usdm_place, USDM_PATHS),
        readers=USDM_READERS,
        follows=futures_follows,
        named=reference.contract_name,
        universe=1,
    )
)
