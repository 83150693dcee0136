"""What is asked over HTTP and WS-API: keys, signatures, times, weights, bans, and what anybody may know."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from talk import KEY, NOW, SECRET, Talk, mac, signed, talking, tick

from gateway_binance.venue.calls.call import Params, Security
from gateway_binance.venue.calls.guard import Guard
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.private.credentials import proof
from gateway_binance.venue.private.orders import Wish
from gateway_binance.venue.refusals import RefusedError
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.rules import FUTURES_POOL, SPOT_POOL, Quota
from gateway_binance.venue.settings import Settings

SEED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RSA = rsa.generate_private_key(65537, 2048)


def private(key: Any) -> str:
    return str(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()).decode())


def public(key: Any) -> str:
    return str(key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo).decode())


def settings(**changes: Any) -> Settings:
    accounts = (
        Account("main", KEY, proof(SECRET)),
        Account("edward", "edKey", proof(private(SEED))),
        Account("ronald", "rsaKey", proof(public(RSA))),
    )
    return Settings(accounts=accounts, now=lambda: NOW, **changes)


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    async with talking(BinanceVenue(rate=None, settings=settings())) as opened:
        yield opened


# --- signatures


@pytest.mark.parametrize(
    ("secret", "payload", "signature"),
    [
        (
            SECRET,
            "apiKey=demoKey123&recvWindow=5000&timestamp=1764547200000",
            "183e372b67ae0832689a7a68dbf32009f7a2d4564f8b21679d27f7895c1c4c3c",
        ),
        (
            SECRET,
            "apiKey=demoKey123&timestamp=1764547200000",
            "4FDD7B2F39AE6F8F6B0B433CABFA2F17498834914249372F253F88E77CB6EC28",
        ),
        (
            SECRET,
            "symbol=%EF%BC%91%EF%BC%92&timestamp=1764547200000",
            "6a99f6cd3a2167ae97b81a849c4b44ae30d0b8ac29d18041dcc8d2bce6126435",
        ),
        (
            private(SEED),
            "apiKey=demoKey123&timestamp=1764547200000",
            "Klska3B3qZGofivdJTp2UrzkGrBUhH0HUgwNJ8oRYX+sE9KJXtKahq0YxJ9aPdQ01M4wSCRkkd146MIqHhs+Ag==",
        ),
        (
            public(SEED),
            "apiKey=demoKey123&recvWindow=5000&timestamp=1764547200000",
            "1upHIHap8uLDSnRJZ+cWPYgCC/PLhxOIVvAB59w04cGs310aUY4Wwu2g2EQPPeVy3t3C0eRGbkZO77bavj22Bg==",
        ),
    ],
)
def test_a_known_signature_holds_and_another_does_not(secret: str, payload: str, signature: str) -> None:
    one = proof(secret)
    assert one.holds(payload.encode(), signature)
    assert not one.holds(payload.encode() + b"&", signature)
    assert not one.holds(payload.encode(), signature[:-4] + "AAA=")
    assert not one.holds(payload.encode(), "no signature: ü")


def test_rsa_signatures_are_those_of_its_key() -> None:
    import base64

    signature = base64.b64encode(RSA.sign(b"payload", padding.PKCS1v15(), hashes.SHA256())).decode()
    for secret in (private(RSA), public(RSA)):
        assert proof(secret).holds(b"payload", signature)
        assert not proof(secret).holds(b"other", signature)


def test_only_ed25519_keys_may_log_on_and_other_kinds_are_no_keys() -> None:
    assert [proof(one).may_log_on for one in (SECRET, private(RSA), private(SEED))] == [False, False, True]
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    with pytest.raises(ValueError, match="neither an RSA nor an Ed25519 key"):
        proof(private(X25519PrivateKey.generate()))


async def test_rest_is_signed_as_it_is_sent(talk: Talk) -> None:
    query = f"symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&timestamp={talk.venue.now_ms()}"
    status, orders, _ = await talk.send("GET /api/v3/openOrders", f"{query}&signature={mac(query)}")
    assert (status, orders) == (200, [])
    plain = query.replace("%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F", "币安人生")
    status, refusal, _ = await talk.send("GET /api/v3/openOrders", f"{query}&signature={mac(plain)}")
    assert (status, refusal["code"]) == (400, -1022)


async def test_the_query_and_the_body_are_signed_together(talk: Talk) -> None:
    query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC"
    body = f"quantity=1&price=20000&timestamp={talk.venue.now_ms()}"
    status, order, _ = await talk.send("POST /api/v3/order/test", query, f"{body}&signature={mac(query + body)}")
    assert (status, order) == (200, {})
    status, order, _ = await talk.send("POST /api/v3/order/test", query, f"{body}&signature={mac(body)}")
    assert (status, order["code"]) == (400, -1022)


async def test_every_kind_of_key_signs_over_rest(talk: Talk) -> None:
    import base64

    query = f"timestamp={talk.venue.now_ms()}"
    by_rsa = base64.b64encode(RSA.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    by_ed = base64.b64encode(SEED.sign(query.encode())).decode()
    for key, signature in (("rsaKey", by_rsa), ("edKey", by_ed)):
        for spelled in (signature, urlencode({"": signature})[1:]):
            status, _, _ = await talk.send("GET /api/v3/account", f"{query}&signature={spelled}", key=key)
            assert status == 200


# --- who asks, and when


@pytest.mark.parametrize(
    ("key", "query", "status", "code"),
    [
        ("", "timestamp=1764547200000&signature=x", 401, -2014),
        ("no key", "timestamp=1764547200000&signature=x", 401, -2014),
        ("nobodysKey", "timestamp=1764547200000&signature=x", 401, -2015),
        (KEY, "timestamp=1764547200000&signature=x", 400, -1022),
        (KEY, "timestamp=1764547200000", 400, -1102),
        (KEY, "signature=x", 400, -1102),
        (KEY, "timestamp=soon&signature=x", 400, -1100),
        (KEY, "timestamp=1764547201000&signature=x", 400, -1021),
        (KEY, "timestamp=1764547194999&signature=x", 400, -1021),
        (KEY, "timestamp=1764547194999&recvWindow=60000&signature=x", 400, -1022),
        (KEY, "timestamp=1764547200000&recvWindow=60001&signature=x", 400, -1131),
        (KEY, "timestamp=1764547200000&recvWindow=long&signature=x", 400, -1100),
        (KEY, "timestamp=1764547200000000&signature=x", 400, -1022),
        (KEY, "timestamp=1764547201000000&signature=x", 400, -1021),
    ],
)
async def test_a_request_without_a_right_to_be_heard_is_refused(
    talk: Talk, key: str, query: str, status: int, code: int
) -> None:
    found, refusal, _ = await talk.send("GET /api/v3/account", query, key=key)
    assert (found, refusal["code"]) == (status, code)


async def test_a_revoked_key_is_nobodys(talk: Talk) -> None:
    assert (await talk.sign("GET /fapi/v2/account"))[0] == 200
    talk.venue.accounts.revoke("main")
    status, refusal, _ = await talk.sign("GET /fapi/v2/account")
    assert (status, refusal) == (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."})


async def test_a_clock_that_is_wrong_refuses_until_it_is_asked(talk: Talk) -> None:
    talk.venue.clock.shift = 30.0
    query = f"timestamp={int(NOW * 1000)}"
    status, refusal, _ = await talk.send("GET /api/v3/account", f"{query}&signature={mac(query)}")
    assert (status, refusal["code"]) == (400, -1021)
    _, time, _ = await talk.call("GET /api/v3/time")
    query = f"timestamp={time['serverTime']}"
    assert (await talk.send("GET /api/v3/account", f"{query}&signature={mac(query)}"))[0] == 200


# --- weight and bans


class Hand:
    """A clock that is set by hand."""

    now = NOW

    def __call__(self) -> float:
        return self.now


def refused(guard: Guard, weight: int = 1) -> RefusedError | None:
    try:
        guard.admit(weight)
    except RefusedError as refusal:
        return refusal
    return None


def test_a_minute_ends_with_the_clocks_and_its_weight_with_it() -> None:
    clock = Hand()
    guard = Guard(SPOT_POOL, clock)
    clock.now = NOW + 59
    assert refused(guard, 6000) is None
    refusal = refused(guard)
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.until) == (429, -1003, int((NOW + 60) * 1000))
    clock.now = NOW + 60
    assert refused(guard) is None
    assert (guard.weight.count, guard.weight.most) == (1, 6001)


def test_whoever_goes_on_is_banned_and_each_time_for_twice_as_long() -> None:
    clock = Hand()
    guard = Guard(SPOT_POOL, clock)
    bans = []
    for _ in range(14):
        refused(guard, 6000)
        statuses = [refusal.status for refusal in (refused(guard) for _ in range(7)) if refusal]
        assert statuses == [429] * 5 + [418] * 2
        last = refused(guard)
        assert last is not None
        assert last.until is not None
        assert f"IP banned until {last.until}. " in last.text
        bans.append(last.until / 1000 - clock.now)
        clock.now = last.until / 1000 - 1
        assert refused(guard) is not None
        clock.now += 61
        assert refused(guard) is None
        clock.now += 120 - clock.now % 60
    assert bans[:4] == [120.0, 240.0, 480.0, 960.0]
    assert max(bans) == bans[-1] == 3 * 86_400


def test_raw_requests_are_counted_whatever_they_weigh() -> None:
    guard = Guard(replace(SPOT_POOL, raw=Quota("MINUTE", 5, 3)), Hand())
    assert [refused(guard, 0) is None for _ in range(4)] == [True, True, True, False]


async def test_a_ban_is_told_in_seconds_over_rest_and_as_a_time_over_ws_api(talk: Talk) -> None:
    talk.venue.guards[Market.SPOT].ban(120)
    status, refusal, headers = await talk.call("GET /api/v3/ping")
    assert (status, refusal["code"], headers["retry-after"]) == (418, -1003, "120")
    async with talk.line("/ws-api/v3") as line:
        answer = await line.ask("ping")
        until = int((NOW + 120) * 1000)
        assert (answer["status"], answer["error"]["code"]) == (418, -1003)
        assert answer["error"]["data"] == {"serverTime": int(NOW * 1000), "retryAfter": until}
    assert (await talk.call("GET /fapi/v1/ping"))[0] == 200


async def test_rest_and_ws_api_draw_on_one_pool_and_so_do_both_futures(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as line:
        answer = await line.ask("depth", {"symbol": "BTCUSDT", "limit": 5000})
        [used] = answer["rateLimits"]
        assert (used["limit"], used["count"]) == (6000, 2 + 250)
    assert (await talk.call("GET /api/v3/ping"))[2]["x-mbx-used-weight-1m"] == "253"
    await talk.call("GET /fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 1000})
    assert (await talk.call("GET /dapi/v1/ping"))[2]["x-mbx-used-weight-1m"] == "21"


@pytest.mark.parametrize(
    ("route", "params", "weight"),
    [
        ("GET /fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 5}, 2),
        ("GET /fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 100}, 5),
        ("GET /fapi/v1/depth", {"symbol": "BTCUSDT"}, 10),
        ("GET /dapi/v1/depth", {"symbol": "BTCUSD_PERP", "limit": 1000}, 20),
        ("GET /fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 99}, 1),
        ("GET /fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1500}, 10),
        ("GET /fapi/v1/exchangeInfo", {}, 1),
        ("GET /fapi/v1/aggTrades", {"symbol": "BTCUSDT"}, 20),
        ("GET /fapi/v1/ticker/24hr", {}, 40),
        ("GET /api/v3/aggTrades", {"symbol": "BTCUSDT"}, 4),
        ("GET /api/v3/historicalTrades", {"symbol": "BTCUSDT"}, 25),
        ("GET /api/v3/ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("GET /api/v3/ticker/24hr", {}, 80),
    ],
)
async def test_a_request_weighs_what_the_documents_say(talk: Talk, route: str, params: Any, weight: int) -> None:
    status, _, headers = await talk.call(route, params)
    assert (status, headers["x-mbx-used-weight-1m"]) == (200, str(weight))


async def test_orders_are_counted_for_each_account() -> None:
    pool = replace(SPOT_POOL, orders=(Quota("SECOND", 10, 2), Quota("DAY", 1, 3)))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 1, "price": 9}
    async with talking(BinanceVenue(rate=None, settings=settings(spot_pool=pool))) as talk:
        for count in (1, 2):
            _, _, headers = await talk.sign("POST /api/v3/order", **order)
            told = headers["x-mbx-order-count-10s"], headers["x-mbx-order-count-1d"]
            assert told == (str(count), str(count))
        assert headers["x-mbx-used-weight-1m"] == "0"
        status, refusal, headers = await talk.sign("POST /api/v3/order", **order)
        assert (status, refusal["code"], headers["retry-after"]) == (429, -1015, "10")
        assert "x-mbx-order-count-10s" not in headers
        assert headers["x-mbx-used-weight-1m"] == "1"
        used = await talk.order("GET /api/v3/rateLimit/order")
        assert [(row["limit"], row["count"]) for row in used] == [(2, 3), (3, 2)]


def test_futures_limits_are_those_of_the_integration() -> None:
    assert FUTURES_POOL.weight.count == 2400
    assert [(one.suffix, one.count) for one in FUTURES_POOL.orders] == [("10S", 300), ("1M", 1200)]


# --- what anybody may ask


async def test_exchange_info_tells_the_symbols_and_the_limits(talk: Talk) -> None:
    _, info, _ = await talk.call("GET /api/v3/exchangeInfo", {"symbols": '["BTCUSDT","ETHBTC"]'})
    assert [one["symbol"] for one in info["symbols"]] == ["BTCUSDT", "ETHBTC"]
    limits = {
        (one["rateLimitType"], one["interval"], one["intervalNum"]): one["limit"] for one in info["rateLimits"]
    }
    assert limits == {
        ("REQUEST_WEIGHT", "MINUTE", 1): 6000,
        ("ORDERS", "SECOND", 10): 100,
        ("ORDERS", "DAY", 1): 200_000,
        ("RAW_REQUESTS", "MINUTE", 5): 300_000,
    }
    for symbols, code in (("BTCUSDT", -1100), ('["NOPE"]', -1121), ("[7]", -1121)):
        status, refusal, _ = await talk.call("GET /api/v3/exchangeInfo", {"symbols": symbols})
        assert (status, refusal["code"]) == (400, code)


async def test_futures_tell_their_contracts(talk: Talk) -> None:
    _, linear, _ = await talk.call("GET /fapi/v1/exchangeInfo")
    rows = {one["symbol"]: one for one in linear["symbols"]}
    dated = rows["BTCUSDT_270326"]
    assert (dated["pair"], dated["contractType"], dated["deliveryDate"]) == (
        "BTCUSDT",
        "CURRENT_QUARTER",
        1_806_048_000_000,
    )
    assert (rows["BTCUSDT"]["pricePrecision"], rows["BTCUSDT"]["quantityPrecision"]) == (1, 3)
    _, inverse, _ = await talk.call("GET /dapi/v1/exchangeInfo")
    rows = {one["symbol"]: one for one in inverse["symbols"]}
    bitcoin = rows["BTCUSD_PERP"]
    assert (bitcoin["contractStatus"], bitcoin["contractSize"], bitcoin["marginAsset"]) == ("TRADING", 100, "BTC")
    assert rows["ETHUSD_PERP"]["contractSize"] == 10


async def test_what_was_traded_can_be_asked_for_by_id_and_time(talk: Talk) -> None:
    async with talk.line("/ws/btcusdt@trade/btcusdt@aggTrade") as line:
        tick(talk.venue, 100)
        told = {"trade": [], "aggTrade": []}
        await line.ask("LIST_SUBSCRIPTIONS")
        for one in line._data:
            told[one["e"]].append(one)
    _, recent, _ = await talk.call("GET /api/v3/trades", {"symbol": "BTCUSDT", "limit": 5})
    assert [one["id"] for one in recent] == [one["t"] for one in told["trade"][-5:]]
    _, old, _ = await talk.call("GET /api/v3/historicalTrades", {"symbol": "BTCUSDT", "fromId": 3, "limit": 2})
    assert [(one["id"], one["price"], one["qty"]) for one in old] == [
        (one["t"], one["p"], one["q"]) for one in told["trade"][2:4]
    ]
    _, parts, _ = await talk.call("GET /api/v3/aggTrades", {"symbol": "BTCUSDT", "fromId": 2, "limit": 3})
    assert parts == [{name: one[name] for name in "apqflTmM"} for one in told["aggTrade"][1:4]]
    at = int(NOW * 1000)
    _, all_of_it, _ = await talk.call(
        "GET /api/v3/aggTrades", {"symbol": "BTCUSDT", "startTime": at, "endTime": at}
    )
    assert len(all_of_it) == len(told["aggTrade"])
    _, none_of_it, _ = await talk.call("GET /api/v3/aggTrades", {"symbol": "BTCUSDT", "startTime": at + 1})
    assert none_of_it == []
    _, [candle], _ = await talk.call("GET /api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"})
    assert (candle[0], candle[8]) == (at, len(told["trade"]))
    for query, code in (({"interval": "1m"}, -1102), ({"symbol": "BTCUSDT", "interval": "7m"}, -1120)):
        assert (await talk.call("GET /api/v3/klines", query))[1]["code"] == code


async def test_futures_need_a_key_for_old_trades_and_a_listed_limit_for_depth(talk: Talk) -> None:
    assert (await talk.call("GET /fapi/v1/historicalTrades", {"symbol": "BTCUSDT"}, key=""))[1]["code"] == -2014
    assert (await talk.call("GET /fapi/v1/historicalTrades", {"symbol": "BTCUSDT"}))[0] == 200
    status, refusal, _ = await talk.call("GET /fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 7})
    assert (status, refusal["code"]) == (400, -4021)


async def test_prices_agree_with_the_streams(talk: Talk) -> None:
    async with talk.line("/market/ws/btcusdt@ticker/btcusdt@markPrice@1s") as line:
        tick(talk.venue, 40)
        await line.ask("LIST_SUBSCRIPTIONS")
        newest = {one["e"]: one for one in line._data}
    _, day, _ = await talk.call("GET /fapi/v1/ticker/24hr", {"symbol": "BTCUSDT"})
    ticker = newest["24hrTicker"]
    assert (day["lastPrice"], day["volume"], day["count"]) == (ticker["c"], ticker["v"], ticker["n"])
    _, mark, _ = await talk.call("GET /fapi/v1/premiumIndex", {"symbol": "BTCUSDT"})
    assert (mark["markPrice"], mark["nextFundingTime"]) == (
        newest["markPriceUpdate"]["p"],
        newest["markPriceUpdate"]["T"],
    )
    _, best, _ = await talk.call("GET /fapi/v1/ticker/bookTicker", {"symbol": "BTCUSDT"})
    _, book, _ = await talk.call("GET /fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 5})
    assert [best["bidPrice"], best["bidQty"]] == book["bids"][0]
    _, rows, _ = await talk.call("GET /dapi/v1/ticker/price", {"symbol": "BTCUSD_PERP"})
    assert [(row["symbol"], row["ps"]) for row in rows] == [("BTCUSD_PERP", "BTCUSD")]


async def test_times_come_in_microseconds_to_whoever_asks(talk: Talk) -> None:
    _, time, _ = await talk.call("GET /api/v3/time", X_MBX_TIME_UNIT="MICROSECOND")
    assert time == {"serverTime": int(NOW * 1_000_000)}


@pytest.mark.parametrize("path", ["/api/v3/userDataStream", "/sapi/v1/userDataStream/isolated"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_what_was_removed_is_gone_with_a_page(talk: Talk, method: str, path: str) -> None:
    status, page, _ = await talk.call(f"{method} {path}")
    assert status == 410
    assert b"410 Gone" in page


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("limit", "0", -1100),
        ("limit", "-1", -1100),
        ("limit", "", -1100),
        ("price", "dear", -1100),
        ("price", "-1", -1013),
    ],
)
def test_a_parameter_is_a_number_or_refused(name: str, value: str, code: int) -> None:
    params = Params({name: value})
    with pytest.raises(RefusedError) as refusal:
        params.limit(500, 1000) if name == "limit" else params.amount(name)
    assert refusal.value.code == code


# --- WS-API


@pytest.mark.parametrize(
    "frame", ["{no json", "[]", "7", '{"id":{},"method":"ping"}', '{"id":1}', '{"method":"ping","params":[1]}']
)
async def test_a_frame_that_is_no_request_is_refused(talk: Talk, frame: str) -> None:
    async with talk.line("/ws-api/v3") as line:
        await line.ws.send_str(frame)
        answer = await line.answer()
        assert (answer["status"], answer["error"]["code"]) == (400, -1135)
        assert (await line.ask("v3/time"))["result"] == {"serverTime": int(NOW * 1000)}
        assert (await line.ask("dance"))["error"]["code"] == -1020


async def test_rate_limits_are_told_unless_they_are_unwanted(talk: Talk) -> None:
    async with talk.line("/ws-api/v3?returnRateLimits=false") as line:
        assert (await line.ask("ping")).keys() == {"id", "status", "result"}


async def test_numbers_are_signed_as_they_are_spelled(talk: Talk) -> None:
    params = signed(talk.venue, symbol="BTCUSDT")
    async with talk.line("/ws-api/v3") as line:
        assert (await line.ask("openOrders.status", params))["result"] == []
        text = f"apiKey={KEY}&recvWindow=5000.50&timestamp={talk.venue.now_ms()}"
        stamp = f'"timestamp":{talk.venue.now_ms()},"apiKey":"{KEY}","signature":"{mac(text)}"'
        await line.ws.send_str(
            '{"id":"7","method":"account.status","params":{"recvWindow":5000.50,' + stamp + "}}"
        )
        answer = await line.answer()
        assert (answer["id"], answer["status"]) == ("7", 200)
        refused_one = await line.ask("account.status", {**params, "symbol": "ETHUSDT"})
        assert (refused_one["status"], refused_one["error"]["code"]) == (400, -1022)


# --- all of them


DOOR = {Market.SPOT: "", Market.USDM: "/public", Market.COINM: "/dstream.binance.com"}
VALUES = {Market.SPOT: "BTCUSDT", Market.USDM: "BTCUSDT", Market.COINM: "BTCUSD_PERP"}


@pytest.mark.parametrize("market", Market)
async def test_everything_that_can_be_asked_is_answered(talk: Talk, market: Market) -> None:
    """With and without what may be left out: with a symbol, and with that of its pair for those of a pair."""
    symbol = VALUES[market]
    placed = talk.venue.floors[market].desk
    wish = Wish(symbol, "BUY", "LIMIT", Decimal(1), Decimal(9000))
    order = placed.place(talk.venue.accounts.named("main"), wish)
    for kind in ("trade", "markPrice@1s"):
        async with talk.line(f"{DOOR[market]}/ws/{symbol.lower()}@{kind}"):
            tick(talk.venue, 40)
    asked = set()
    for call in talk.venue.floors[market].calls():
        method, _, path = call.route.partition(" ")
        if method != "GET":
            continue
        params = {"symbol": symbol, "interval": "1m", "orderId": order.id}
        pair = {"pair": symbol.partition("_")[0], "contractType": "PERPETUAL"}
        if "PriceKlines" in path or "continuous" in path:
            params = {"interval": "1m", **pair}
        if path.endswith(("allOrders", "userTrades", "myTrades", "rateLimit/order")):
            params = {"symbol": symbol, "startTime": 0, "endTime": 2**40 * 2}
        if path.endswith("rpiDepth"):
            params["limit"] = 1000
        if call.security is Security.SIGNED:
            status, result, _ = await talk.sign(call.route, **params)
        else:
            status, result, _ = await talk.call(call.route, params)
        assert status == 200, (call.route, result)
        asked.add(path.rpartition("/")[2])
    assert {"depth", "klines", "24hr", "bookTicker"} <= asked
    assert len(asked) > 12


async def test_trades_of_each_market_have_its_other_size(talk: Talk) -> None:
    for market, path, name in (
        (Market.SPOT, "/api/v3", "quoteQty"),
        (Market.USDM, "/fapi/v1", "quoteQty"),
        (Market.COINM, "/dapi/v1", "baseQty"),
    ):
        symbol = VALUES[market]
        async with talk.line(f"{DOOR[market]}/ws/{symbol.lower()}@trade"):
            tick(talk.venue, 40)
        _, [row, *_], _ = await talk.call(f"GET {path}/trades", {"symbol": symbol})
        price, size = Decimal(row["price"]), Decimal(row["qty"])
        worth = size * 100 / price if market is Market.COINM else price * size
        assert Decimal(row[name]) == round(worth, 8)
