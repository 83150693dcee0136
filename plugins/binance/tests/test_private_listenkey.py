"""Futures accounts: the key that opens their stream and is kept alive, what comes by it, and what ends it."""

import json
from typing import Any

import pytest
from private import KEY, converse, listed, signer, target

from gateway import spi
from gateway_binance import coinm, usdm
from gateway_binance.private.listenkey import EVENTS

PLUGINS: Any = {"binance-usdm": usdm.plugin, "binance-coinm": coinm.plugin}
MARKETS = list(PLUGINS)
PATHS = {"binance-usdm": "/fapi/v1/listenKey", "binance-coinm": "/dapi/v1/listenKey"}
GRANTED = {"listenKey": "the+key"}
EXPIRED = {"e": "listenKeyExpired", "E": 1, "listenKey": "the+key"}


def shake(*replies: Any, exchange: str = "binance-usdm", **parts: Any) -> Any:
    return converse(PLUGINS[exchange].gateway_handshake(target(exchange, **parts)), *replies)


def refused(status: int, body: bytes = b"", **headers: str) -> spi.HttpReply:
    return spi.HttpReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


# --- how it is opened


@pytest.mark.parametrize("exchange", MARKETS)
def test_the_key_is_asked_for_and_the_stream_opened_with_it(exchange: str) -> None:
    said = shake(GRANTED, exchange=exchange)
    fetched, opened = said.steps
    assert (fetched.method, fetched.url) == ("POST", f"https://rest.example{PATHS[exchange]}")
    assert (fetched.headers, fetched.body) == ({"X-MBX-APIKEY": KEY}, b"")
    assert fetched.cost == {"binance-futures-weight": 1}
    assert opened.cost == {"binance-futures-dials": 1}
    assert said.value.details == {"key": "the+key"}


def test_usdm_names_the_key_and_every_event_in_the_query() -> None:
    url = shake(GRANTED).steps[1].url
    assert url == f"wss://f.example/private/ws?listenKey=the%2Bkey&events={'/'.join(EVENTS)}"
    assert len(set(EVENTS)) == len(EVENTS) == 10


def test_coinm_names_the_key_in_the_path() -> None:
    assert shake(GRANTED, exchange="binance-coinm").steps[1].url == "wss://d.example/ws/the%2Bkey"


@pytest.mark.parametrize("reply", [{}, {"listenKey": ""}, {"listenKey": 1}, [], b"{", None])
def test_no_key_is_no_login(reply: Any) -> None:
    answer = reply if not isinstance(reply, bytes) else refused(200, reply)
    with pytest.raises(ValueError):
        shake(answer)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (
            refused(401, b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'),
            spi.LoginRefused,
        ),
        (refused(400, b'{"code":-2014,"msg":"API-key format invalid."}'), spi.LoginRefused),
        (refused(401), spi.LoginRefused),
        (refused(400, b'{"code":-1001,"msg":"DISCONNECTED"}'), spi.ReplyRefused),
        (refused(429, b'{"code":-1003,"msg":"Too many"}', retry_after="7"), spi.ReplyRefused),
        (refused(502, b"<html>"), spi.ReplyRefused),
    ],
)
def test_a_refusal_is_final_where_only_a_person_can_help(reply: Any, kind: Any) -> None:
    with pytest.raises(spi.ConnectionFault) as caught:
        shake(reply)
    assert type(caught.value) is kind


@pytest.mark.parametrize("exchange", MARKETS)
def test_without_credentials_there_is_no_login(exchange: str) -> None:
    with pytest.raises(spi.LoginRefused):
        shake(exchange=exchange, signer=None)


# --- how it is kept


def keepalive(exchange: str = "binance-usdm") -> Any:
    [one] = shake(GRANTED, exchange=exchange).value.keepalives
    return one


@pytest.mark.parametrize("exchange", MARKETS)
def test_the_key_is_kept_alive_well_before_it_ends(exchange: str) -> None:
    one = keepalive(exchange)
    request = one.make()
    assert (one.every, one.lasts) == (600.0, 3600.0)
    assert (request.method, request.url) == ("PUT", f"https://rest.example{PATHS[exchange]}")
    assert (request.headers, request.cost) == ({"X-MBX-APIKEY": KEY}, {"binance-futures-weight": 1})


@pytest.mark.parametrize("body", [b"{}", b'{"listenKey":"the+key"}'])
def test_an_extension_that_succeeded_is_no_news(body: bytes) -> None:
    assert keepalive().judge(refused(200, body)) is None


@pytest.mark.parametrize(
    ("reply", "action", "scope"),
    [
        (refused(400, b'{"code":-1125,"msg":"This listenKey does not exist."}'), "RECONNECT", "SESSION"),
        (refused(401, b'{"code":-2015,"msg":"Invalid API-key"}'), "STOP", "ACCOUNT"),
        (refused(503, b"<html>"), "RETRY", "ENDPOINT"),
        (refused(429, b"{}", retry_after="7"), "RETRY", "IP"),
        (refused(400, b'{"code":-1021,"msg":"time"}'), "RESYNC_CLOCK", "REQUEST"),
        (refused(400, b'{"code":-7777,"msg":"?"}'), "RETRY", "CONNECTION"),
    ],
)
def test_an_extension_that_was_refused_is_judged(reply: Any, action: str, scope: str) -> None:
    verdict = keepalive().judge(reply)
    assert (verdict.action, verdict.scope) == (spi.Action[action], spi.Scope[scope])


def test_an_extension_that_was_answered_with_nonsense_is_a_failure() -> None:
    with pytest.raises(ValueError):
        keepalive().judge(refused(200, b"<html>"))


# --- what comes by it


def dialect(exchange: str = "binance-usdm", session: spi.Session | None = None) -> Any:
    session = session or spi.Session(details={"key": "the+key"})
    return PLUGINS[exchange].gateway_dialect(target(exchange), session, listed(("btc_usdt", "BTCUSDT")))


def decode(one: Any, message: Any) -> Any:
    return list(one.decode(json.dumps(message).encode(), False))


BALANCE = {
    "e": "ACCOUNT_UPDATE",
    "E": 2,
    "T": 1,
    "a": {"m": "DEPOSIT", "B": [{"a": "USDT", "wb": "5", "cw": "5", "bc": "5"}], "P": []},
}


@pytest.mark.parametrize("exchange", MARKETS)
@pytest.mark.parametrize("message", [BALANCE, {"stream": "the+key", "data": BALANCE}, {**BALANCE, "i": "SfsR"}])
def test_an_event_may_come_by_itself_or_wrapped(exchange: str, message: Any) -> None:
    [data] = decode(dialect(exchange), message)
    assert data.stream == "user"
    assert data.records == (spi.Balance("USDT", 1000, total="5", change="5", reason="DEPOSIT"),)
    assert dialect(exchange).stream(b"anything", False) is None


@pytest.mark.parametrize("exchange", MARKETS)
@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_is_known_for_one_before_it_is_read_unless_somebody_must_be_told(
    exchange: str, kind: str
) -> None:
    """What makes no sense can be had raw then; what is the connection's own matter never is."""
    frame = f'{{"e":"{kind}","E":"senseless"'.encode()
    said = {"MARGIN_CALL", "CONDITIONAL_ORDER_TRIGGER_REJECT", "listenKeyExpired"}
    assert dialect(exchange).stream(frame, False) == (None if kind in said else "user")
    assert dialect(exchange).stream(frame, True) is None


@pytest.mark.parametrize(
    "frame",
    [b'{"e":"serverShutdown","E":1}', b'{"id":1,"result":[]}', b'{"e":"x', b'{"E":1,"e":"ALGO_UPDATE"}', b""],
)
def test_whatever_is_not_plainly_an_event_is_read(frame: bytes) -> None:
    assert dialect().stream(frame, False) is None


@pytest.mark.parametrize(
    "message", [EXPIRED, {"stream": "the+key", "data": EXPIRED}, {"e": "listenKeyExpired", "E": 1}]
)
def test_a_key_that_expired_ends_the_session(message: Any) -> None:
    assert decode(dialect(), message) == [spi.SessionLost(spi.Scope.SESSION, "listenKeyExpired")]


def test_another_key_that_expired_does_not() -> None:
    other = {**EXPIRED, "listenKey": "of long ago"}
    assert decode(dialect(), other) == []
    assert decode(dialect(session=spi.Session()), other) != [], "it may be ours"


def test_a_shutdown_that_is_announced_is_left_at_once() -> None:
    assert decode(dialect(), {"e": "serverShutdown", "E": 1}) == [spi.Draining()]


@pytest.mark.parametrize(
    "message",
    [
        {},
        [],
        1,
        {"stream": "x"},
        {"data": []},
        {"data": {"E": 1}},
        {"e": 1},
        {"id": 1, "result": []},
        {"id": "1", "result": []},
        {"result": None},
        {"id": 1},
        {"code": "x"},
    ],
)
def test_what_is_neither_an_event_nor_an_answer_makes_no_sense(message: Any) -> None:
    with pytest.raises(ValueError):
        decode(dialect(), message)


def test_neither_a_binary_message_nor_absurd_depth_nor_broken_text_makes_sense() -> None:
    with pytest.raises(ValueError, match="binary"):
        list(dialect().decode(b"{}", True))
    with pytest.raises(ValueError):
        list(dialect().decode(b'{"data":{"e":"x","z":' + b"[" * 100_000, False))
    with pytest.raises(ValueError):
        list(dialect().decode(b'{"e":"x","\x80":1}', False))


# --- what is asked


@pytest.mark.parametrize("op", ["subscribe", "unsubscribe"])
def test_what_is_asked_is_a_question_that_changes_nothing(op: str) -> None:
    one = dialect()
    [request] = getattr(one, op)(["user"])
    assert json.loads(request.frame) == {"method": "LIST_SUBSCRIPTIONS", "id": 1}
    assert (request.op, request.streams, request.cost) == (op, ("user",), {"binance-futures-messages": 1})
    assert decode(one, {"id": 1, "result": ["the+key"]}) == [spi.Ack(1)]
    with pytest.raises(ValueError):
        decode(one, {"id": 1, "result": ["the+key"]})
    assert list(getattr(one, op)([])) == []


@pytest.mark.parametrize("answer", [{"error": {"code": -1000, "msg": "no"}}, {"code": -1000, "msg": "no"}])
def test_a_question_that_is_refused_is_judged(answer: Any) -> None:
    one = dialect()
    one.subscribe(["user"])
    [nack] = decode(one, {"id": 1, **answer})
    assert (nack.id, nack.op, nack.verdict.action) == (1, "subscribe", spi.Action.RETRY)
    [problem] = decode(one, {"id": None, **answer})
    assert isinstance(problem, spi.Problem)


def test_there_are_no_books_and_pings_are_the_protocols() -> None:
    assert (dialect().ping(1), dialect().book("user")) == (spi.Ping.WEBSOCKET, None)


# --- what may be seen of it


@pytest.mark.parametrize("exchange", MARKETS)
def test_no_secret_is_in_what_a_login_says_and_makes(exchange: str) -> None:
    who = signer("canary-secret", "canary-key")
    said = shake({"listenKey": "canary-listen"}, exchange=exchange, signer=who)
    made = [one.make() for one in said.value.keepalives]
    assert "canary" not in repr([*said.steps, said.value, made, who])
