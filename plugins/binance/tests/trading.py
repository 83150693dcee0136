"""A whole gateway and the exchange in memory, in virtual time: accounts trade here and are heard there."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random
from typing import Any, Final

from private import KEY, SECRET

from gateway import Gateway, spi
from gateway.engine.messages import Message, Notice
from gateway.testing.memory_venue import MemoryVenue
from gateway_binance import coinm, spot, usdm
from gateway_binance.venue.exchange import INFOS
from gateway_binance.venue.hosts import Market, endpoints
from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.private.credentials import proof
from gateway_binance.venue.private.orders import Order, Wish
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings

EPOCH: Final = 1_764_547_200.0
"""When every test begins, in seconds since 1970."""
PLUGINS: Final = {"binance": spot.plugin, "binance-usdm": usdm.plugin, "binance-coinm": coinm.plugin}
MARKETS: Final = {"binance": Market.SPOT, "binance-usdm": Market.USDM, "binance-coinm": Market.COINM}
SYMBOLS: Final = {Market.SPOT: "BTCUSDT", Market.USDM: "BTCUSDT", Market.COINM: "BTCUSD_PERP"}
FAR: Final = Decimal(1000)
"""A price that the made-up markets never meet from below."""


class Ear:
    """What a program is told of its topics, in the order in which it is."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.news = asyncio.Event()

    def __call__(self, message: Any) -> None:
        self.heard.append(message)
        self.news.set()

    @property
    def notices(self) -> list[Notice]:
        return [message for message in self.heard if isinstance(message, Notice)]

    @property
    def records(self) -> list[Any]:
        return [record for message in self.heard if isinstance(message, Message) for record in message.records]

    def take(self) -> list[str]:
        """Return all that was told since the last time, each in a few words."""
        story = [_words(message) for message in self.heard]
        self.heard.clear()
        self.news.clear()
        return story


def _words(message: Any) -> str:
    if isinstance(message, Notice):
        return str(message.status)
    records = ", ".join(map(_word, message.records))
    return f"snapshot {records}".strip() if message.kind == "snapshot" else records


def _word(record: Any) -> str:
    match record:
        case spi.Order():
            filled = Decimal(record.filled or 0).normalize()
            return f"{record.client_order_id} {record.status}" + (f" {filled:f}" if filled else "")
        case spi.Balance():
            return f"{record.asset} {Decimal(record.total or record.free or record.change or 0).normalize():f}"
        case spi.Position():
            return f"{record.symbol} {Decimal(record.size).normalize():f}"
        case _:
            return type(record).__name__


class Trading:
    """The two ends."""

    def __init__(self, gateway: Gateway, network: MemoryVenue) -> None:
        self.gateway = gateway
        self.network = network
        self.venue: BinanceVenue = network.venue  # type: ignore[assignment]

    @property
    def now_us(self) -> int:
        return round((EPOCH + asyncio.get_running_loop().time()) * 1e6)

    async def hear(self, *topics: str) -> Ear:
        """Listen to topics, and wait until all is quiet."""
        ear = Ear()
        for topic in topics:
            await self.gateway.listen(topic, ear)
        await asyncio.sleep(2)
        return ear

    # --- what accounts do

    def place(self, name: str, market: Market = Market.SPOT, account: str = "main", size: str = "1") -> Order:
        """Have an account place an order that rests; ``name`` is the client's for it."""
        wish = Wish(SYMBOLS[market], "BUY", "LIMIT", Decimal(size), FAR, client_id=name)
        order: Order = self._desk(market).place(self.venue.accounts.named(account), wish)
        return order

    def fill(self, order: Order, size: str, market: Market = Market.SPOT) -> None:
        self._desk(market).fill(order, Decimal(size), order.wish.price)

    def cancel(self, order: Order, market: Market = Market.SPOT) -> None:
        order.cancelled_by = "canceller"
        self._desk(market).end(order, "CANCELED")

    def transfer(self, asset: str, amount: str, market: Market = Market.SPOT) -> None:
        self._desk(market).transfer("main", asset, Decimal(amount))

    def _desk(self, market: Market) -> Any:
        return self.venue.floors[market].desk

    # --- what becomes of the connection

    def story(self, id_: str) -> list[str]:
        """Return the states of a connection and why, oldest first."""
        return [f"{change.after} {change.reason}" for change in self.gateway.registry.history(id_)]

    def state(self, id_: str) -> str:
        return str(self.gateway.registry.snapshot.supervised[id_].state)

    def asked(self, method: str, end: str) -> list[Any]:
        """Return the requests by a method to a path that ends so."""
        return [one for one in self.venue.requests if one.method == method and one.path.endswith(end)]

    @property
    def tries(self) -> tuple[int, int]:
        """How many connections there were ever, and how many requests that need a key."""
        public = ("/exchangeInfo", "/time")
        return self.venue.counts.upgrades, sum(not one.path.endswith(public) for one in self.venue.requests)


def account(name: str = "main", key: str = KEY, secret: str = SECRET) -> Account:
    return Account(name, key, proof(secret))


@asynccontextmanager
async def trading(
    *exchanges: str,
    accounts: Mapping[str, Any] | None = None,
    venue: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    observers: Any = (),
    skew: float = 0.0,
) -> AsyncIterator[Trading]:
    """
    Run both ends.

    Args:
        exchanges: ids of plugins, spot's if there are none; each has an account that is called like its market.
        accounts: tables of the configuration instead.
        venue: settings of the exchange.
        options: of the plugins, by exchange.
        environ: secrets besides those of the account that the exchange has.
        observers: of the gateway.
        skew: seconds by which the gateway's clock is ahead.
    """
    loop = asyncio.get_running_loop()
    exchanges = exchanges or ("binance",)
    given = {"now": lambda: EPOCH + loop.time(), "accounts": [account()], **(venue or {})}
    async with MemoryVenue(BinanceVenue(settings=Settings(**given), rate=None)) as network:
        tables = {
            "exchanges": {one: {"endpoints": _addresses(MARKETS[one])} for one in exchanges},
            "accounts": accounts or {str(MARKETS[one]): _table(one) for one in exchanges},
            "plugins": {"options": dict(options or {})},
        }
        gateway = Gateway(
            tables,
            plugins={one: PLUGINS[one] for one in exchanges},
            environ={"KEY": KEY, "SECRET": SECRET, **(environ or {})},
            network=network,
            observers=observers,
            now=loop.time,
            wall_us=lambda: round((EPOCH + skew + loop.time()) * 1e6),
            rng=Random(1),
        )
        keeping = asyncio.create_task(_housekeep(network))
        async with gateway:
            yield Trading(gateway, network)
        keeping.cancel()
        await asyncio.wait({keeping})
        assert network.held == ()


async def _housekeep(network: MemoryVenue) -> None:
    assert isinstance(network.venue, BinanceVenue)
    while True:
        await asyncio.sleep(10)
        network.venue.housekeep()


def _addresses(market: Market) -> dict[str, Any]:
    places = endpoints(INFOS[market], named=True)
    return {
        **{name: f"{scheme}://memory{path}" for name, (scheme, path) in places.items()},
        "allow_plaintext": True,
    }


def _table(exchange: str, key: str = "env:KEY", secret: str = "env:SECRET") -> dict[str, str]:
    return {"exchange": exchange, "api_key": key, "secret": secret}
