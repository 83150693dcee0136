"""The plugin for Binance's COIN-M futures: what sets them apart from the other markets."""

from gateway import spi
from gateway_binance import reference
from gateway_binance.book import futures_follows
from gateway_binance.declared.coinm import COINM, STREAM
from gateway_binance.market import MarketPlugin, Particulars
from gateway_binance.native.figures import COINM_DOORS
from gateway_binance.private.accounts import route
from gateway_binance.private.figures import FUTURES_CHANNELS
from gateway_binance.private.futures import FuturesAccounts
from gateway_binance.private.futures_state import COINM_PATHS
from gateway_binance.private.listenkey import coinm_place
from gateway_binance.readers import COINM_READERS
from gateway_binance.streams import COINM_STREAMS, stream_for


class BinanceCoinm(MarketPlugin):
    """The hooks."""

    @spi.hookimpl
    def gateway_route(self, subscription: spi.Subscription) -> spi.Route | None:
        """Name Binance's own stream; one host brings them all."""
        if subscription.account is not None:
            return route(subscription, FUTURES_CHANNELS)
        is_raw = subscription.channel == "raw"
        stream = subscription.symbol if is_raw else stream_for(COINM_STREAMS, subscription)
        return None if stream is None else spi.Route(STREAM, stream)


plugin = BinanceCoinm(
    Particulars(
        market=COINM,
        doors=COINM_DOORS,
        accounts=FuturesAccounts(COINM, coinm_place, COINM_PATHS),
        readers=COINM_READERS,
        follows=futures_follows,
        named=reference.contract_name,
        universe=2,
    )
)
