"""One market of the exchange: its data, its desk, and everything that may be asked of either."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any, Final

from gateway_binance.venue.calls import keys as key_calls
from gateway_binance.venue.calls.call import Call
from gateway_binance.venue.calls.futures_account import FuturesAccount
from gateway_binance.venue.calls.futures_orders import FuturesOrders
from gateway_binance.venue.calls.guard import Guard
from gateway_binance.venue.calls.public import BEGINNINGS, Public
from gateway_binance.venue.calls.spot_account import SpotAccount
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.accounts import Accounts
from gateway_binance.venue.private.desk import Tell
from gateway_binance.venue.private.futures_desk import FuturesDesk
from gateway_binance.venue.private.keys import Keys
from gateway_binance.venue.private.spot_desk import SpotDesk
from gateway_binance.venue.source import Source

Gone = key_calls.Gone
_ROOTS: Final = {Market.USDM: "/fapi", Market.COINM: "/dapi"}


class Floor:
    """
    A market where accounts trade.

    Args:
        source: its data.
        guard: counts what is asked.
        accounts: who trades.
        keys: what opens their streams.
        tell: where their events go.
        gone: told of listenKeys that are deleted.
        now: milliseconds since 1970.
        seed: of the ids that clients do not choose.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # all that a market needs
        self,
        source: Source,
        guard: Guard,
        accounts: Accounts,
        keys: Keys,
        tell: Callable[[Market, str, dict[str, Any]], None],
        gone: Gone,
        now: Callable[[], int],
        seed: int,
    ) -> None:
        self.source = source
        self.guard = guard
        self._keys = keys
        self._gone = gone
        self._now = now
        own = Random(f"{seed}:{source.market}:desk")  # noqa: S311  # the same seed, the same ids
        told: Tell = partial(tell, source.market)
        self.desk: SpotDesk | FuturesDesk
        if source.market.is_futures:
            self.desk = FuturesDesk(source, now, own, told, accounts)
        else:
            self.desk = SpotDesk(source, now, own, told, accounts)

    def calls(self) -> Iterator[Call]:
        """Yield everything that may be asked."""
        market = self.source.market
        yield from Public(self.source, self.guard.rules, self._now).calls()
        if isinstance(self.desk, SpotDesk):
            yield from SpotAccount(self.desk, self.guard).calls()
            yield from key_calls.margin(self._keys)
            yield from key_calls.wallet(self._assets)
        else:
            start = BEGINNINGS[market]
            yield from FuturesOrders(self.desk, self.guard, start).calls()
            yield from FuturesAccount(self.desk, _ROOTS[market]).calls()
            yield from key_calls.futures(market, self._keys, start, self._gone)

    def _assets(self) -> list[str]:
        listed = self.source.listed.values()
        return sorted({asset for one in listed for asset in (one.base, one.quote)})
