"""Account channels inside a program: logged in with what the configuration refers to."""

import asyncio
from contextlib import aclosing

import pytest

from gateway.errors import SubscriptionError
from gateway.testing.virtual import virtually

ORDERS, BALANCES, PRIVATE = "mock:orders:@main", "mock:balances:@main", "mock/private@main"
ORDER = {"order_id": "1", "symbol": "btc_usdt", "side": "buy", "status": "new", "price": "1", "size": "2"}


@virtually
async def test_orders_and_balances_come_over_the_accounts_own_connection(running) -> None:
    async with running() as one, one.gateway.subscribe(ORDERS, BALANCES) as listening:
        await asyncio.sleep(0.1)
        assert [topic.status for topic in listening.topics] == ["live", "live"]
        assert list(one.gateway.get_connection_details()) == [PRIVATE]
        [socket] = one.venue.sockets.values()
        assert (socket.path, socket.account) == ("/private", "mock-key")
        one.venue.emit_order(ORDER)
        one.venue.emit_balance({"asset": "USDT", "free": "10", "locked": "0"})
        await asyncio.sleep(0.1)
        async with asyncio.timeout(10), aclosing(listening.__aiter__()) as records:
            order, balance = await anext(records), await anext(records)
        assert (order.symbol, order.status) == ("BTC-USDT", "new"), "spelled as the gateway does"
        assert balance.asset == "USDT"


@virtually
async def test_what_concerns_another_account_is_not_heard(running) -> None:
    async with running() as one:
        heard = []
        await one.gateway.listen(ORDERS, heard.append)
        await asyncio.sleep(0.1)
        one.venue.emit_order(ORDER, key="another")
        await asyncio.sleep(0.1)
        assert [message.status for message in heard] == ["live"]


@virtually
async def test_after_a_cut_it_logs_in_anew_with_a_fresh_signature(running) -> None:
    async with running() as one:
        heard = []
        await one.gateway.listen(ORDERS, heard.append)
        await asyncio.sleep(0.1)
        one.venue.drop()
        await asyncio.sleep(3)
        one.venue.emit_order(ORDER)
        await asyncio.sleep(0.1)
        story = [getattr(message, "status", "order") for message in heard]
        assert story == ["live", "disconnected", "restored", "gap", "live", "order"]
        logins = [frame for peer in one.network.peers for frame in peer.sent if '"login"' in frame]
        assert len(logins) == len(set(logins)) == 2


@virtually
async def test_a_wrong_secret_stops_the_account_and_is_told_everywhere(running) -> None:
    async with running(
        tables={"accounts": {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:KEY"}}}
    ) as one:
        heard = []
        await one.gateway.listen(ORDERS, heard.append)
        await asyncio.sleep(600)
        assert [(notice.status, notice.reason) for notice in heard] == [("closed", "bad key or signature")]
        assert one.gateway.problems() == ["mock/private@main is DISCONNECTED: bad key or signature"]
        assert one.venue.counts.upgrades == 1, "a wrong key is not tried again"
        told = f"{one.gateway.get_connection_details()}{one.gateway.problems()}{heard}"
        assert "mock-key" not in told


@pytest.mark.parametrize(
    ("topic", "code"), [("mock:orders:@nobody", "unknown_account"), ("mock:trades:@main", "bad_request")]
)
@virtually
async def test_what_the_account_cannot_have_is_refused(running, topic: str, code: str) -> None:
    async with running() as one:
        with pytest.raises(SubscriptionError) as caught:
            await one.gateway.listen(topic, lambda _: None)
        assert caught.value.code == code
