"""An account's stream with the whole gateway: trades, cuts, what happened in between, and what ends it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from private import pem
from trading import MARKETS, SYMBOLS, Trading, account, trading

from gateway.testing.faults import Refusal
from gateway.testing.virtual import virtually
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private import keys
from gateway_binance.venue.rules import SOCKET_RULES

EVERYWHERE = pytest.mark.parametrize("exchange", MARKETS)
FUTURES = pytest.mark.parametrize("exchange", [one for one in MARKETS if one != "binance"])
UP = ["CONNECTING subscribed", "CONNECTED handshake_done"]
BACK = ["disconnected", "restored", "gap", "resyncing"]
WITHOUT_A_KEY = "HTTP status 401, -2015: Invalid API-key, IP, or permissions for action."


def private(exchange: str, name: str | None = None) -> str:
    return f"{exchange}/private@{name or MARKETS[exchange]}"


def orders(exchange: str = "binance", name: str | None = None) -> str:
    return f"{exchange}:orders:@{name or MARKETS[exchange]}"


# --- trading


@EVERYWHERE
@virtually
async def test_an_account_hears_of_its_orders(exchange: str) -> None:
    market = MARKETS[exchange]
    async with trading(exchange) as one:
        ear = await one.hear(orders(exchange))
        assert ear.take() == ["snapshot", "live"]
        first, second = one.place("a", market, size="2"), one.place("b", market)
        one.fill(first, "1", market)
        one.cancel(second, market)
        one.fill(first, "1", market)
        await asyncio.sleep(1)
        assert [record.symbol for record in ear.records] == [ear.records[0].symbol] * 5
        assert ear.take() == ["a new", "b new", "a partially_filled 1", "b canceled", "a filled 2"]
        assert one.story(private(exchange)) == UP
        assert one.gateway.problems() == []


@virtually
async def test_a_spot_account_hears_of_what_it_has() -> None:
    async with trading() as one:
        ear = await one.hear("binance:balances:@spot")
        assert ear.take() == ["snapshot USDT 100000, BTC 10, ETH 100, BNB 50", "live"]
        one.fill(one.place("a"), "1")
        one.transfer("USDT", "-500")
        await asyncio.sleep(1)
        assert ear.take() == [
            "BTC 10, USDT 99000, BNB 50",
            "BTC 10.999, USDT 99000, BNB 50",
            "USDT -500",
            "USDT 98500",
        ]


@FUTURES
@virtually
async def test_a_futures_account_hears_of_what_it_has_and_holds(exchange: str) -> None:
    market = MARKETS[exchange]
    async with trading(exchange) as one:
        ear = await one.hear(f"{exchange}:balances:@{market}", f"{exchange}:positions:@{market}")
        [money, *_] = ear.records
        ear.take()
        one.fill(one.place("a", market), "1", market)
        await asyncio.sleep(1)
        balance, position = ear.records
        assert (balance.asset, balance.reason, position.size, position.side) == (money.asset, "ORDER", "1", "both")
        assert float(balance.total) < float(money.total), "the fee"


@virtually
async def test_what_was_open_before_is_told_first() -> None:
    async with trading() as one:
        one.fill(one.place("a", size="2"), "1")
        ear = await one.hear(orders())
        assert ear.take() == ["snapshot a partially_filled 1", "live"]


# --- being blind


@EVERYWHERE
@virtually
async def test_what_was_filled_while_nobody_heard_is_fetched_and_told_before_anything_else(exchange: str) -> None:
    market = MARKETS[exchange]
    async with trading(exchange) as one:
        ear = await one.hear(orders(exchange))
        first, second = one.place("a", market, size="2"), one.place("b", market, size="2")
        one.fill(first, "1", market)
        await asyncio.sleep(1)
        ear.take()
        cut_us = one.now_us
        one.venue.drop()
        one.fill(first, "1", market)
        one.fill(second, "0.5", market)
        one.place("c", market)
        await asyncio.sleep(5)
        [gap] = [notice for notice in ear.notices if notice.status == "gap"]
        assert gap.after_us is not None
        assert gap.before_us is not None
        assert gap.after_us <= cut_us < gap.before_us <= cut_us + 5_000_000
        assert gap.recoverable is False
        [told] = [message for message in ear.heard if getattr(message, "kind", "") == "snapshot"]
        assert sorted(f"{one.client_order_id} {one.status}" for one in told.records) == [
            "a filled",
            "b partially_filled",
            "c new",
        ]
        story = ear.take()
        assert story[:4] == BACK
        assert story[5:] == ["synced", "live"]
        one.cancel(second, market)
        await asyncio.sleep(1)
        assert ear.take() == ["b canceled 0.5"]


@virtually
async def test_what_happens_while_the_account_is_fetched_waits_and_nothing_goes_backwards() -> None:
    async with trading() as one:
        ear = await one.hear(orders())
        first = one.place("a", size="3")
        await asyncio.sleep(1)
        ear.take()
        one.venue.drop()
        one.fill(first, "1")
        await asyncio.sleep(0.5)
        one.venue.faults.reply_delay = 2.0
        await asyncio.sleep(2)
        one.fill(first, "1")
        await asyncio.sleep(0.1)
        assert ear.take() == BACK, "the fill waits"
        await asyncio.sleep(10)
        assert ear.take() == ["snapshot a partially_filled 2", "synced", "live", "a partially_filled 2"]
        one.fill(first, "1")
        await asyncio.sleep(1)
        assert ear.take() == ["a filled 3"]


@virtually
async def test_an_account_that_cannot_be_fetched_is_fetched_as_soon_as_it_can() -> None:
    async with trading() as one:
        ear = await one.hear(orders())
        one.place("a")
        await asyncio.sleep(1)
        ear.take()
        one.venue.faults.refuse_requests.arm(Refusal(503))
        one.venue.drop()
        await asyncio.sleep(30)
        one.place("b")
        await asyncio.sleep(1)
        assert ear.take() == [*BACK, "b new"], "after a while events do not wait any more"
        one.venue.faults.clear()
        await asyncio.sleep(60)
        assert ear.take() == ["snapshot a new, b new", "synced", "live"]


# --- what ends it, and what does not


@virtually
async def test_a_stream_that_is_terminated_is_opened_anew() -> None:
    async with trading() as one:
        ear = await one.hear(orders())
        ear.take()
        one.venue.end_subscriptions("main")
        await asyncio.sleep(5)
        assert ear.take() == [*BACK, "snapshot", "synced", "live"]
        assert one.story(private("binance"))[2] == "ERROR session_lost"
        one.place("a")
        await asyncio.sleep(1)
        assert ear.take() == ["a new"]


@FUTURES
@virtually
async def test_a_key_that_expired_is_replaced(exchange: str) -> None:
    market = MARKETS[exchange]
    async with trading(exchange) as one:
        ear = await one.hear(orders(exchange))
        ear.take()
        for key in one.venue.keys.expire("main"):
            one.venue.key_expired(key)
        await asyncio.sleep(5)
        assert ear.take() == [*BACK, "snapshot", "synced", "live"]
        assert one.story(private(exchange))[2] == "ERROR session_lost"
        one.place("a", market)
        await asyncio.sleep(1)
        assert ear.take() == ["a new"]


@FUTURES
@virtually
async def test_a_key_is_kept_alive_for_as_long_as_the_stream_is(exchange: str) -> None:
    async with trading(exchange) as one:
        ear = await one.hear(orders(exchange))
        ear.take()
        await asyncio.sleep(5 * 3600)
        assert one.story(private(exchange)) == UP
        assert len(one.asked("PUT", "/listenKey")) == 30, "each ten minutes"
        one.place("a", MARKETS[exchange])
        await asyncio.sleep(1)
        assert ear.take() == ["a new"]


@pytest.mark.parametrize("answers", [True, False])
@virtually
async def test_a_key_that_cannot_be_extended_for_a_while_ends_nothing(answers: bool) -> None:
    async with trading("binance-usdm") as one:
        await one.hear(orders("binance-usdm"))
        await asyncio.sleep(550)
        if answers:
            one.venue.faults.refuse_requests.arm(Refusal(503))
        else:
            one.venue.faults.hang_requests.arm()
        await asyncio.sleep(1800)
        one.venue.faults.clear()
        await asyncio.sleep(7200)
        assert one.story(private("binance-usdm")) == UP


@virtually
async def test_a_key_that_cannot_be_extended_for_an_hour_is_given_up() -> None:
    async with trading("binance-usdm") as one:
        await one.hear(orders("binance-usdm"))
        await asyncio.sleep(550)
        one.venue.faults.refuse_requests.arm(Refusal(503))
        await asyncio.sleep(3060)
        given_up = one.gateway.registry.history(private("binance-usdm"))[2]
        assert (str(given_up.after), given_up.text) == ("ERROR", "the session could not be kept alive")
        one.venue.faults.clear()
        await asyncio.sleep(300)
        assert one.state(private("binance-usdm")) == "CONNECTED"


@virtually
async def test_an_account_moves_to_a_fresh_connection_before_the_old_one_is_too_old() -> None:
    sockets = {market: replace(rules, max_age=3600.0) for market, rules in SOCKET_RULES.items()}
    async with trading(venue={"sockets": sockets}) as one:
        ear = await one.hear(orders())
        first = one.place("a", size="100")
        for _ in range(89):
            await asyncio.sleep(60)
            one.fill(first, "1")
        await asyncio.sleep(60)
        one.fill(first, "1")
        await asyncio.sleep(1)
        filled = [float(record.filled) for record in ear.records]
        assert filled == sorted(filled)
        assert set(range(91)) <= {int(number) for number in filled}


# --- keys


async def revoked(one: Trading, exchange: str, within: float) -> Any:
    """Revoke the account's key; return what the program was told, and see that nobody tries again."""
    ear = await one.hear(orders(exchange))
    ear.take()
    one.venue.accounts.revoke("main")
    await asyncio.sleep(within)
    assert one.gateway.problems() == [f"{private(exchange)} is DISCONNECTED: {WITHOUT_A_KEY}"]
    tries = one.tries
    await asyncio.sleep(24 * 3600)
    assert one.tries == tries, "nobody tries again"
    return ear


@EVERYWHERE
@virtually
async def test_a_key_that_is_revoked_stops_the_account_alone_and_for_good(exchange: str) -> None:
    async with trading(exchange) as one:
        ear = await revoked(one, exchange, within=700)
        assert ear.take()[-1] == "closed"
        assert ear.heard == []


@virtually
async def test_a_key_that_logged_on_and_is_revoked_stops_the_account_at_once() -> None:
    own = {"accounts": [account(secret=pem())]}
    options = {"binance": {"session_logon": ["spot"]}}
    async with trading(venue=own, options=options, environ={"SECRET": pem()}) as one:
        ear = await revoked(one, "binance", within=1)
        [closed] = [notice for notice in ear.notices if notice.status == "closed"]
        assert closed.reason == "HTTP status 401, -2015: Invalid API-key, IP, or permissions for action."


@EVERYWHERE
@virtually
async def test_a_wrong_secret_is_refused_once(exchange: str) -> None:
    async with trading(exchange, environ={"SECRET": "another"}) as one:
        ear = await one.hear(orders(exchange))
        await asyncio.sleep(3600)
        assert ear.take()[-1] == "closed"
        assert [problem[: problem.index(":")] for problem in one.gateway.problems()] == [
            f"{private(exchange)} is DISCONNECTED"
        ]
        assert "-1022" in one.gateway.problems()[0]
        assert one.venue.counts.upgrades == 1


@EVERYWHERE
@virtually
async def test_a_key_that_nobody_knows_is_refused_once(exchange: str) -> None:
    async with trading(exchange, environ={"KEY": "unknown"}) as one:
        ear = await one.hear(orders(exchange))
        await asyncio.sleep(3600)
        assert ear.take() == ["closed"]
        assert one.gateway.problems() == [f"{private(exchange)} is DISCONNECTED: {WITHOUT_A_KEY}"]
        assert one.venue.counts.upgrades == (1 if exchange == "binance" else 0)


# --- clocks


@pytest.mark.parametrize("skew", [-300.0, 300.0])
@EVERYWHERE
@virtually
async def test_a_clock_that_is_wrong_is_put_right(exchange: str, skew: float) -> None:
    async with trading(exchange, skew=skew) as one:
        ear = await one.hear(orders(exchange))
        await asyncio.sleep(10)
        assert ear.take() == ["snapshot", "live"]
        assert one.gateway.problems() == []


@pytest.mark.parametrize("shift", [-300.0, 300.0])
@EVERYWHERE
@virtually
async def test_an_exchange_that_puts_its_clock_right_is_followed(exchange: str, shift: float) -> None:
    market = MARKETS[exchange]
    async with trading(exchange) as one:
        ear = await one.hear(orders(exchange))
        ear.take()
        one.venue.clock.shift = shift
        one.venue.drop()
        await asyncio.sleep(30)
        assert ear.take() == [*BACK, "snapshot", "synced", "live"]
        one.place("a", market)
        await asyncio.sleep(1)
        assert ear.take() == ["a new"]
        assert one.gateway.problems() == []


# --- several accounts


@virtually
async def test_every_account_hears_of_itself_alone() -> None:
    own = [account(), account("second", "key2", pem())]
    tables = {
        "main": {"exchange": "binance", "api_key": "env:KEY", "secret": "env:SECRET"},
        "second": {"exchange": "binance", "api_key": "env:KEY2", "secret": "env:PEM"},
        "futures": {"exchange": "binance-usdm", "api_key": "env:KEY2", "secret": "env:PEM"},
    }
    environ = {"KEY2": "key2", "PEM": pem()}
    async with trading(
        "binance", "binance-usdm", accounts=tables, venue={"accounts": own}, environ=environ
    ) as one:
        first, second = await one.hear(orders(name="main")), await one.hear(orders(name="second"))
        third = await one.hear(orders("binance-usdm", "futures"))
        one.place("a")
        one.place("b", account="second")
        one.place("c", Market.USDM, account="second")
        await asyncio.sleep(1)
        assert [ear.take() for ear in (first, second, third)] == [
            ["snapshot", "live", "a new"],
            ["snapshot", "live", "b new"],
            ["snapshot", "live", "c new"],
        ]
        one.venue.accounts.revoke("second")
        await asyncio.sleep(900)
        assert [ear.take()[-1:] for ear in (first, second, third)] == [[], ["closed"], ["closed"]]
        assert one.story(private("binance", "main")) == UP, "whose own key is as good as ever"


# --- margin


@virtually
async def test_a_margin_account_has_another_token_before_the_first_one_ends(monkeypatch: Any) -> None:
    monkeypatch.setattr(keys, "DAY", 900.0)
    async with trading(options={"binance": {"cross_margin": ["spot"]}}) as one:
        ear = await one.hear(orders())
        await asyncio.sleep(3600)
        assert len(one.asked("POST", "/userListenToken")) >= 4
        assert [change for change in one.story(private("binance")) if change.startswith("ERROR")] == []
        assert "disconnected" not in ear.take()
        one.place("a")
        await asyncio.sleep(1)
        assert ear.take() == ["a new"]


# --- what else is there


@virtually
async def test_usdm_says_nothing_unless_events_are_named() -> None:
    """An exchange that is strict about it."""
    async with trading("binance-usdm", venue={"needs_events": True}) as one:
        ear = await one.hear(orders("binance-usdm"))
        ear.take()
        one.place("a", Market.USDM)
        await asyncio.sleep(1)
        assert ear.take() == ["a new"]


@virtually
async def test_public_data_and_accounts_do_not_need_each_other() -> None:
    async with trading(environ={"SECRET": "wrong"}) as one:
        closed = await one.hear(orders())
        trades = await one.hear("binance:trades:BTC-USDT")
        assert closed.take()[-1] == "closed"
        assert trades.take() == ["live"]
        assert SYMBOLS[Market.SPOT] in {stream.partition("@")[0].upper() for _, stream in one.venue.streams()}
