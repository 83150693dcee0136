"""The plugin for Binance's spot market: what sets it apart from the others."""

from gateway import spi
from gateway_binance import backfill, reference
from gateway_binance.book import spot_follows
from gateway_binance.declared.spot import SPOT, STREAM
from gateway_binance.market import MarketPlugin, Particulars
from gateway_binance.native.figures import SPOT_DOORS
from gateway_binance.options import in_microseconds, spot_options
from gateway_binance.private.accounts import route
from gateway_binance.private.figures import SPOT_CHANNELS
from gateway_binance.private.spot import SpotAccounts
from gateway_binance.readers import SPOT_READERS
from gateway_binance.streams import SPOT_STREAMS, stream_for


class BinanceSpot(MarketPlugin):
    """The hooks."""

    @spi.hookimpl
    def gateway_route(self, subscription: spi.Subscription) -> spi.Route | None:
        """Name Binance's own stream; a book of any depth hangs off the one stream of changes."""
        if subscription.account is not None:
            return route(subscription, SPOT_CHANNELS)
        if subscription.channel == "raw":
            return spi.Route(STREAM, subscription.symbol)
        stream = stream_for(SPOT_STREAMS, subscription)
        return None if stream is None else spi.Route(STREAM, stream)

    @spi.hookimpl
    def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
        """Open a bare combined connection, in the unit of time that the operator wants."""
        if target.account is not None:
            return (yield from self._own.accounts.handshake(target))
        unit = "?timeUnit=MICROSECOND" if in_microseconds(target) else ""
        yield spi.Open(f"{target.urls[target.endpoint]}/stream{unit}", cost={SPOT.dials: 1})
        return spi.Session()

    def unit(self, target: spi.Target) -> str | None:
        """Follow the operator's wish."""
        return spot_options(target).time_unit


plugin = BinanceSpot(
    Particulars(
        market=SPOT,
        doors=SPOT_DOORS,
        accounts=SpotAccounts(SPOT),
        readers=SPOT_READERS,
        follows=spot_follows,
        named=reference.spot_name,
        pasts=backfill.SPOT,
    )
)
