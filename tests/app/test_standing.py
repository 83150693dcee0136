"""The wishes of the configuration are open whether anybody listens or not; what cannot be is told."""

import asyncio

from gateway.app.standing import wishes
from gateway.config import SubscriptionSettings
from gateway.testing.virtual import virtually

KNOWN = "(it has: trades, quotes, book, ticker, raw, orders, balances)"


def tables(*subscriptions: dict) -> dict:
    return {"subscriptions": list(subscriptions)}


def test_each_symbol_stream_and_account_is_a_wish() -> None:
    several = SubscriptionSettings(exchange="mock", channel="book", symbols=("A", "B"), variant="5")
    assert [wish.topic for wish in wishes(several)] == ["mock:book:A:5", "mock:book:B:5"]
    account = SubscriptionSettings(exchange="mock", channel="orders", account="main")
    assert [wish.topic for wish in wishes(account)] == ["mock:orders:@main"]
    raw = SubscriptionSettings(exchange="mock", channel="raw", streams=("x", "y"))
    assert [wish.topic for wish in wishes(raw)] == ["mock:raw:x", "mock:raw:y"]


@virtually
async def test_what_stands_is_open_without_a_listener_and_never_swept(running) -> None:
    wanted = tables(
        {"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT", "ETH-USDT"]},
        {"exchange": "mock", "channel": "raw", "streams": ["quotes.sol_usdt"]},
        {"exchange": "mock", "channel": "orders", "account": "main"},
    )
    async with running(tables=wanted) as one:
        await asyncio.sleep(3600)
        assert {stream for _, stream in one.venue.streams()} == {
            "trades.btc_usdt",
            "trades.eth_usdt",
            "quotes.sol_usdt",
            "orders",
        }
        assert one.gateway.problems() == []


@virtually
async def test_one_that_cannot_be_had_is_told_and_keeps_none_of_the_others(running) -> None:
    wanted = tables(
        {"exchange": "mock", "channel": "trades", "symbols": ["NO-SUCH", "BTC-USDT"]},
        {"exchange": "mock", "channel": "nothing", "symbols": ["BTC-USDT"]},
    )
    async with running(tables=wanted) as one:
        await asyncio.sleep(10)
        assert one.gateway.problems() == [
            "mock:trades:NO-SUCH cannot be had: mock has no symbol NO-SUCH",
            f"mock:nothing:BTC-USDT cannot be had: mock has no channel nothing {KNOWN}",
        ]
        assert [stream for _, stream in one.venue.streams()] == ["trades.btc_usdt"]
