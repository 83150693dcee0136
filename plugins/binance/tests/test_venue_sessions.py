"""WS-API connections and accounts: logging on, subscribing in each way, and every way in which that ends."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from talk import KEY, SECRET, Line, Talk, mac, signed, talking, tick

from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.private.credentials import proof
from gateway_binance.venue.private.sessions import MOST_EVER, Session
from gateway_binance.venue.refusals import RefusedError
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings

SEED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEM = SEED.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo).decode()
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "9"}


class Hand:
    now = 1_764_547_200.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
async def talk(clock: Hand) -> AsyncIterator[Talk]:
    accounts = (Account("main", KEY, proof(SECRET)), Account("edward", "edKey", proof(PEM)))
    async with talking(BinanceVenue(rate=None, settings=Settings(accounts=accounts, now=clock))) as opened:
        yield opened


def logon(talk: Talk) -> dict[str, Any]:
    text = f"apiKey=edKey&timestamp={talk.venue.now_ms()}"
    signature = base64.b64encode(SEED.sign(text.encode())).decode()
    return {"apiKey": "edKey", "timestamp": talk.venue.now_ms(), "signature": signature}


async def subscribe(talk: Talk, line: Line) -> int:
    answer = await line.ask("userDataStream.subscribe.signature", signed(talk.venue))
    assert answer["status"] == 200
    return int(answer["result"]["subscriptionId"])


async def test_a_signed_subscription_gets_its_accounts_events_and_no_others(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as mine, talk.line("/ws-api/v3") as others:
        assert await subscribe(talk, mine) == 0
        await others.ask("session.logon", logon(talk))
        await others.ask("userDataStream.subscribe")
        await talk.order("POST /api/v3/order", **ORDER)
        events = await mine.data(2)
        assert [one["event"]["e"] for one in events] == ["executionReport", "outboundAccountPosition"]
        assert {one["subscriptionId"] for one in events} == {0}
        assert (await others.ask("session.subscriptions"))["result"] == [{"subscriptionId": 0}]
        assert not others._data


async def test_only_an_ed25519_key_logs_on(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as line:
        refused = await line.ask("session.logon", signed(talk.venue))
        assert (refused["status"], refused["error"]["code"]) == (400, -4056)
        nobody = await line.ask("session.status")
        assert (nobody["result"]["apiKey"], nobody["result"]["authorizedSince"]) == (None, None)
        somebody = await line.ask("session.logon", logon(talk))
        now = talk.venue.now_ms()
        assert somebody["result"] == {
            "apiKey": "edKey",
            "authorizedSince": now,
            "connectedSince": now,
            "returnRateLimits": True,
            "serverTime": now,
            "userDataStream": False,
        }


async def test_whoever_is_logged_on_needs_no_signature_any_more(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as line:
        stamped = {"timestamp": talk.venue.now_ms()}
        assert (await line.ask("account.status", stamped))["error"]["code"] == -1102
        assert (await line.ask("userDataStream.subscribe"))["status"] == 401
        await line.ask("session.logon", logon(talk))
        assert (await line.ask("account.status", stamped))["result"]["canTrade"] is True
        assert (await line.ask("account.status"))["error"]["code"] == -1102
        assert (await line.ask("account.status", {"timestamp": 1}))["error"]["code"] == -1021
        order = await line.ask("order.place", {**ORDER, **stamped})
        assert order["result"]["status"] == "NEW"
        assert talk.venue.floors["spot"].desk.orders("edward")


async def test_logging_out_ends_what_the_logon_opened_and_nothing_else(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as line:
        await line.ask("session.logon", logon(talk))
        assert (await line.ask("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
        assert await subscribe(talk, line) == 1
        status = await line.ask("session.logout")
        assert (status["result"]["apiKey"], status["result"]["userDataStream"]) == (None, True)
        ended = {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": talk.venue.now_ms()}}
        assert await line.datum() == ended
        assert (await line.ask("session.subscriptions"))["result"] == [{"subscriptionId": 1}]


async def test_subscriptions_are_refused_and_ended_by_their_numbers(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as line:
        await subscribe(talk, line)
        again = await line.ask("userDataStream.subscribe.signature", signed(talk.venue))
        assert (again["status"], again["error"]["code"]) == (400, -2035)
        unknown = await line.ask("userDataStream.unsubscribe", {"subscriptionId": 9})
        assert unknown["error"]["code"] == -2036
        assert (await line.ask("userDataStream.unsubscribe", {"subscriptionId": 0}))["result"] == {}
        assert (await line.datum())["event"]["e"] == "eventStreamTerminated"
        assert await subscribe(talk, line) == 1
        assert (await line.ask("userDataStream.unsubscribe"))["result"] == {}
        assert (await line.datum())["subscriptionId"] == 1


def test_a_connection_runs_out_of_numbers() -> None:
    session = Session(0, returns_limits=True)
    for number in range(MOST_EVER):
        assert session.subscribe("main").number == number
        session.unsubscribe(None)
    with pytest.raises(RefusedError) as refusal:
        session.subscribe("main")
    assert refusal.value.code == -2042


@pytest.mark.parametrize(
    ("params", "code"), [({"apiKey": "nobody"}, -2015), ({"timestamp": 1}, -1021), ({}, -1022)]
)
async def test_a_subscription_by_nobody_late_or_forged_is_refused(talk: Talk, params: Any, code: int) -> None:
    async with talk.line("/ws-api/v3") as line:
        wrong = {**signed(talk.venue, **params), "signature": mac("something else")}
        answer = await line.ask("userDataStream.subscribe.signature", wrong)
        assert (answer["status"], answer["error"]["code"]) == (401 if code == -2015 else 400, code)


async def test_a_test_refuses_logins(talk: Talk) -> None:
    talk.venue.faults.clear()
    talk.venue.faults.refuse_logins.arm("not today", 2)
    async with talk.line("/ws-api/v3") as line:
        for method, params in (
            ("session.logon", logon(talk)),
            ("userDataStream.subscribe.signature", signed(talk.venue)),
        ):
            answer = await line.ask(method, params)
            assert (answer["status"], answer["error"]) == (401, {"code": -2015, "msg": "not today"})
        assert await subscribe(talk, line) == 0


async def test_a_revoked_key_is_told_to_whoever_is_logged_on(talk: Talk) -> None:
    async with talk.line("/ws-api/v3") as logged_on, talk.line("/ws-api/v3") as by_signature:
        await logged_on.ask("session.logon", logon(talk))
        await logged_on.ask("userDataStream.subscribe")
        await subscribe(talk, by_signature)
        for name in ("edward", "main"):
            talk.venue.accounts.revoke(name)
        told = await logged_on.answer()
        assert (told["id"], told["status"], told["error"]["code"]) == (None, 401, -2015)
        assert (await logged_on.ask("session.status"))["result"]["apiKey"] is None
        for line in (logged_on, by_signature):
            assert (await line.ask("session.subscriptions"))["result"] == []
        refused = await by_signature.ask("userDataStream.subscribe.signature", signed(talk.venue))
        assert refused["error"]["code"] == -2015


async def test_a_listen_token_opens_an_accounts_events_until_it_ends(talk: Talk, clock: Hand) -> None:
    _, made, _ = await talk.call("POST /sapi/v1/userListenToken", {"validity": 60_000})
    assert made["expirationTime"] == talk.venue.now_ms() + 60_000
    async with talk.line("/ws-api/v3") as line:
        unknown = await line.ask("userDataStream.subscribe.listenToken", {"listenToken": "x"})
        assert unknown["status"] == 400
        answer = await line.ask("userDataStream.subscribe.listenToken", {"listenToken": made["token"]})
        assert answer["result"] == {"subscriptionId": 0, "expirationTime": made["expirationTime"]}
        clock.now += 59
        tick(talk.venue)
        await talk.order("POST /api/v3/order", **ORDER)
        assert [one["event"]["e"] for one in await line.data(2)] == ["executionReport", "outboundAccountPosition"]
        clock.now += 1
        tick(talk.venue)
        assert (await line.datum())["event"] == {"e": "eventStreamTerminated", "E": talk.venue.now_ms()}
        assert (await line.ask("session.subscriptions"))["result"] == []


async def test_events_come_in_microseconds_where_the_address_says_so(talk: Talk) -> None:
    async with talk.line("/ws-api/v3?timeUnit=MICROSECOND") as line:
        assert (await line.ask("time"))["result"]["serverTime"] == talk.venue.now_ms() * 1000
        await subscribe(talk, line)
        await talk.order("POST /api/v3/order", **ORDER)
        report, position = [one["event"] for one in await line.data(2)]
        assert {report[name] for name in "ETOW"} == {position["E"], position["u"]} == {talk.venue.now_ms() * 1000}


async def test_futures_log_on_and_get_listen_keys_but_no_events(talk: Talk) -> None:
    async with talk.line("/ws-fapi/v1") as line:
        status = (await line.ask("session.logon", logon(talk)))["result"]
        assert (status["apiKey"], status["userDataStream"]) == ("edKey", None)
        assert (await line.ask("userDataStream.subscribe"))["error"]["code"] == -1020
        made = await line.ask("userDataStream.start", {"apiKey": KEY})
        assert (await line.ask("userDataStream.ping", {"apiKey": KEY}))["result"] == made["result"]
        assert (await line.ask("userDataStream.stop", {"apiKey": KEY}))["result"] == {}
        assert (await line.ask("userDataStream.ping", {"apiKey": KEY}))["error"]["code"] == -1125
