"""ccxt pro: public streams and books of all three markets, and orders, fills and balances as it tells them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt.pro
import pytest
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from place import KEY, SECRET, Place, levels

from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.private.credentials import proof
from gateway_binance.venue.settings import Settings

SYMBOLS = {
    "BTC/USDT": (Market.SPOT, "BTCUSDT"),
    "BTC/USDT:USDT": (Market.USDM, "BTCUSDT"),
    "BTC/USD:BTC": (Market.COINM, "BTCUSD_PERP"),
}
KINDS = {
    "BTC/USDT": {"type": "spot"},
    "BTC/USDT:USDT": {"type": "swap", "subType": "linear"},
    "BTC/USD:BTC": {"type": "swap", "subType": "inverse"},
}


def client_of(place: Place, key: str = KEY, secret: str = SECRET) -> Any:
    client = ccxt.pro.binance({"apiKey": key, "secret": secret})
    client.urls["api"] = replaced(place, client.urls["api"])
    return client


def replaced(place: Place, urls: Any) -> Any:
    return {k: replaced(place, v) for k, v in urls.items()} if isinstance(urls, dict) else place.there(urls)


@pytest.fixture
async def client(place: Place) -> AsyncIterator[Any]:
    opened = client_of(place)
    yield opened
    await opened.close()


async def test_every_symbol_is_there(place: Place, client: Any) -> None:
    markets = await client.load_markets()
    listed = {one for source in place.venue.made.values() for one in source.listed}
    assert {one["id"] for one in markets.values()} == listed
    assert markets["BTC/USD:BTC"]["contractSize"] == 100
    assert markets["BTC/USDT:USDT"]["precision"]["price"] == 0.1


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_public_streams_bring_trades_candles_and_tickers(client: Any, symbol: str) -> None:
    trades = await client.watch_trades(symbol)
    candles = await client.watch_ohlcv(symbol, "1m")
    ticker = await client.watch_ticker(symbol)
    assert trades[-1]["symbol"] == ticker["symbol"] == symbol
    assert candles[-1][3] <= trades[-1]["price"] <= candles[-1][2]
    assert ticker["last"] > 0


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_the_clients_book_is_the_exchanges(place: Place, client: Any, symbol: str) -> None:
    market, native = SYMBOLS[symbol]
    for _ in range(30):
        book = await client.watch_order_book(symbol)
    place.hold()
    last = place.number(market, native)
    while book["nonce"] < last:
        book = await client.watch_order_book(symbol)
    assert {side: levels(book[side]) for side in ("bids", "asks")} == place.book(market, native)


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_an_account_is_told_of_its_orders_fills_and_balances(client: Any, symbol: str) -> None:
    await client.load_markets()
    amount = 1 if symbol == "BTC/USD:BTC" else 0.01
    balances = asyncio.create_task(client.watch_balance(KINDS[symbol]))
    fills = asyncio.create_task(client.watch_my_trades(symbol))
    orders = asyncio.create_task(client.watch_orders(symbol))
    await asyncio.sleep(0.5)  # until it has subscribed, of which it tells nobody
    placed = await client.create_order(symbol, "limit", "buy", amount, 30_000)
    assert placed["status"] == "open"
    assert [(one["id"], one["status"]) for one in await orders] == [(placed["id"], "open")]
    bought = await client.create_order(symbol, "market", "buy", amount)
    [fill] = await fills
    assert (fill["order"], fill["amount"], fill["price"]) == (bought["id"], amount, bought["average"])
    changed = await balances
    assert changed["USDT" if "USDT" in symbol else "BTC"]["total"] > 0
    assert [one["id"] for one in await client.fetch_open_orders(symbol)] == [placed["id"]]
    assert (await client.cancel_order(placed["id"], symbol))["status"] == "canceled"
    assert await client.fetch_open_orders(symbol) == []


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "BTC/USD:BTC"])
async def test_a_position_is_what_was_bought(client: Any, symbol: str) -> None:
    bought = await client.create_order(symbol, "market", "buy", 1)
    [held] = await client.fetch_positions([symbol], KINDS[symbol])
    assert (held["contracts"], held["side"], held["entryPrice"]) == (1, "long", bought["average"])


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
async def test_other_keys_sign_too(kind: str) -> None:
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else Ed25519PrivateKey.generate()
    secret = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()).decode()
    account = Account("main", "otherKey", proof(secret))
    async with asyncio.timeout(30), Place(Settings(accounts=(account,))) as place:
        client = client_of(place, "otherKey", secret)
        try:
            await client.load_markets()
            orders = asyncio.create_task(client.watch_orders("BTC/USDT"))
            await asyncio.sleep(0.5)  # as above
            placed = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 30_000)
            assert [one["id"] for one in await orders] == [placed["id"]]
        finally:
            await client.close()


@pytest.mark.parametrize(
    ("key", "secret", "error"),
    [("nobodysKey", SECRET, "AuthenticationError"), (KEY, "wrong", "AuthenticationError")],
)
async def test_a_wrong_key_is_named(place: Place, key: str, secret: str, error: str) -> None:
    client = client_of(place, key, secret)
    client.options["fetchCurrencies"] = False
    try:
        with pytest.raises(getattr(ccxt, error)):
            await client.fetch_balance()
    finally:
        await client.close()
