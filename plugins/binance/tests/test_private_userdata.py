"""Spot and margin accounts: how their stream is opened, what ends it, and what a refusal means."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from private import KEY, NOW_US, SECRET, converse, listed, pem, signer, target

from gateway import spi
from gateway_binance import spot
from gateway_binance.options import SpotOptions
from gateway_binance.private.api import MOST_EARLY, code_of
from gateway_binance.private.signing import signature

RETRY, STOP, RECONNECT, RESYNC = (
    spi.Action.RETRY,
    spi.Action.STOP,
    spi.Action.RECONNECT,
    spi.Action.RESYNC_CLOCK,
)
REQUEST, ACCOUNT, IP, ENDPOINT, CONNECTION = (
    spi.Scope.REQUEST,
    spi.Scope.ACCOUNT,
    spi.Scope.IP,
    spi.Scope.ENDPOINT,
    spi.Scope.CONNECTION,
)
OPEN = "wss://api.example/ws-api/v3?returnRateLimits=false"
EVENT = {"subscriptionId": 4, "event": {"e": "balanceUpdate", "E": 2, "a": "BTC", "d": "1", "T": 1}}
LOGGED_ON = {"id": 1, "status": 200, "result": {"apiKey": KEY, "authorizedSince": 1}}


def subscribed(number: int = 4, **more: Any) -> Any:
    return {"id": 2, "status": 200, "result": {"subscriptionId": number, **more}}


def refusal(code: int, status: int = 400, number: int | None = 2, **data: Any) -> Any:
    error = {"code": code, "msg": "no", **({"data": data} if data else {})}
    return {"id": number, "status": status, "error": error}


def shake(*replies: Any, **parts: Any) -> Any:
    return converse(spot.plugin.gateway_handshake(target(**parts)), *replies)


def sent(step: Any) -> Any:
    return json.loads(step.frame)


def fault(*replies: Any, **parts: Any) -> Any:
    """Return what a login fails with."""
    with pytest.raises(spi.ConnectionFault) as caught:
        shake(*replies, **parts)
    return caught.value


# --- a signed subscription


@pytest.mark.parametrize("kind", ["hmac", "rsa", "ed25519"])
def test_every_kind_of_key_subscribes_with_a_signature(kind: str) -> None:
    secrets = {"hmac": SECRET, "rsa": pem(generate_private_key(65537, 2048)), "ed25519": pem()}
    who = signer(secrets[kind])
    said = shake(subscribed(), signer=who)
    opened, asked, _ = said.steps
    assert (opened.url, opened.cost) == (OPEN, {"binance-spot-dials": 1, "binance-spot-weight": 2})
    request = sent(asked)
    params = request.pop("params")
    payload = f"apiKey={KEY}&recvWindow=60000&timestamp={NOW_US // 1000}"
    assert request == {"id": 2, "method": "userDataStream.subscribe.signature"}
    assert params["signature"] == signature(who, payload)
    assert asked.cost == {"binance-spot-weight": 2}
    assert said.value.details == {"subscription": 4}
    assert (said.value.expires_in, said.value.early) == (None, ())


def test_microseconds_are_asked_for_where_they_are_wanted() -> None:
    opened = shake(subscribed(), options=SpotOptions(time_unit="microsecond")).steps[0]
    assert opened.url == f"{OPEN}&timeUnit=MICROSECOND"


def test_events_that_come_before_the_answer_are_kept_for_the_dialect() -> None:
    session = shake(EVENT, subscribed()).value
    assert [json.loads(payload) for payload in session.early] == [EVENT]
    [data] = dialect(session).decode(session.early[0], False)
    assert data.records == (spi.Balance("BTC", 1000, change="1"),)


def test_an_answer_to_something_else_is_none_to_this() -> None:
    other = {"id": 9, "status": 200, "result": {"subscriptionId": 1}}
    session = shake(other, subscribed()).value
    assert session.details == {"subscription": 4}
    assert [json.loads(payload) for payload in session.early] == [other]


def test_a_flood_instead_of_an_answer_is_no_login() -> None:
    with pytest.raises(ValueError, match="events instead of an answer"):
        shake(*([EVENT] * MOST_EARLY))


# --- logging on first


LOGS_ON = {"options": SpotOptions(session_logon=("main",))}


def test_an_account_may_log_on_first() -> None:
    who = signer(pem())
    said = shake(LOGGED_ON, subscribed(), signer=who, **LOGS_ON)
    _, logon, _, subscribe, _ = said.steps
    asked = sent(logon)
    assert (asked["id"], asked["method"]) == (1, "session.logon")
    assert asked["params"]["signature"] == signature(
        who, f"apiKey={KEY}&recvWindow=60000&timestamp={NOW_US // 1000}"
    )
    assert sent(subscribe) == {"id": 2, "method": "userDataStream.subscribe", "params": {}}


def test_the_others_do_not() -> None:
    asked = sent(shake(subscribed(), account="other", **LOGS_ON).steps[1])
    assert asked["method"] == "userDataStream.subscribe.signature"


def test_a_logon_that_is_refused_is_not_followed_by_a_subscription() -> None:
    assert isinstance(fault(refusal(-4056, number=1), **LOGS_ON), spi.ReplyRefused)
    assert isinstance(fault(refusal(-2015, 401, number=1), **LOGS_ON), spi.LoginRefused)


# --- margin accounts: with a token


def token(isolated: bool = False) -> Any:
    options = SpotOptions(isolated_margin={"main": "BTCUSDT"}) if isolated else SpotOptions(cross_margin=("main",))
    return {"options": options}


GRANTED = {"token": "tok-en", "expirationTime": 1}


def test_a_cross_margin_account_subscribes_with_a_token_that_ends() -> None:
    ends = NOW_US // 1000 + 86_400_000
    said = shake(GRANTED, subscribed(expirationTime=ends), **token())
    fetched, opened, asked, _ = said.steps
    assert (fetched.method, fetched.url) == ("POST", "https://rest.example/sapi/v1/userListenToken")
    assert fetched.headers == {"X-MBX-APIKEY": KEY}
    assert (fetched.cost, opened.url) == ({"binance-margin-weight": 1}, OPEN)
    params = {"listenToken": "tok-en"}
    assert sent(asked) == {"id": 2, "method": "userDataStream.subscribe.listenToken", "params": params}
    assert said.value.expires_in == 86_400.0


def test_an_isolated_margin_account_names_its_symbol() -> None:
    [fetched, *_] = shake(GRANTED, subscribed(), **token(isolated=True)).steps
    assert fetched.url == "https://rest.example/sapi/v1/userListenToken?isIsolated=true&symbol=BTCUSDT"


def test_a_margin_account_has_milliseconds_whatever_is_wanted_of_the_others() -> None:
    options = SpotOptions(cross_margin=("main",), time_unit="microsecond")
    said = shake(GRANTED, subscribed(expirationTime=NOW_US // 1000 + 1000), options=options)
    assert (said.steps[1].url, said.value.expires_in) == (OPEN, 1.0)


def test_a_token_that_has_ended_already_is_not_for_ever() -> None:
    said = shake(GRANTED, subscribed(expirationTime=1), **token())
    assert said.value.expires_in == 1.0


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (spi.HttpReply(401, {}, b'{"code":-2015,"msg":"Invalid API-key"}'), spi.LoginRefused),
        (spi.HttpReply(400, {}, b'{"code":-1022,"msg":"Signature"}'), spi.LoginRefused),
        (spi.HttpReply(503, {}, b"<html>"), spi.ReplyRefused),
        (spi.HttpReply(429, {"retry-after": "5"}, b"{}"), spi.ReplyRefused),
    ],
)
def test_a_token_that_is_refused_ends_the_login_for_good_where_only_a_person_can_help(
    reply: Any, kind: Any
) -> None:
    assert type(fault(reply, **token())) is kind


# --- nobody to log in


def test_there_are_no_accounts_where_there_is_market_data_alone() -> None:
    assert "no accounts" in str(fault(environment="data"))


@pytest.mark.parametrize("exchange", ["binance"])
def test_without_credentials_there_is_no_login(exchange: str) -> None:
    assert isinstance(fault(exchange=exchange, signer=None), spi.LoginRefused)


# --- refusals


def test_a_subscription_that_is_there_already_is_the_one() -> None:
    there = {"id": 3, "status": 200, "result": [{"subscriptionId": 9}]}
    said = shake(refusal(-2035), there)
    assert sent(said.steps[3]) == {"id": 3, "method": "session.subscriptions", "params": {}}
    assert said.value.details == {"subscription": 9}


@pytest.mark.parametrize("result", [[], [{"subscriptionId": 1}, {"subscriptionId": 2}], {"subscriptionId": 1}])
def test_unless_it_cannot_be_told_which_one_it_is(result: Any) -> None:
    with pytest.raises(ValueError):
        shake(refusal(-2035), {"id": 3, "status": 200, "result": result})


# What WS-API answers a login with; facts of the documents' error tables.
ERRORS = {
    -1000: (RETRY, ENDPOINT),
    -1002: (STOP, ACCOUNT),
    -1008: (RETRY, ENDPOINT),
    -1021: (RESYNC, REQUEST),
    -1022: (STOP, ACCOUNT),
    -1099: (STOP, ACCOUNT),
    -2014: (STOP, ACCOUNT),
    -2015: (STOP, ACCOUNT),
    -2042: (RECONNECT, CONNECTION),
    -9999: None,
}


@pytest.mark.parametrize("code", ERRORS)
def test_a_refused_login_is_fatal_where_only_a_person_can_help_and_else_judged_as_over_rest(code: int) -> None:
    refused = fault(refusal(code))
    expected = ERRORS[code]
    if expected is not None and expected[0] is STOP:
        assert isinstance(refused, spi.LoginRefused)
        return
    assert isinstance(refused, spi.ReplyRefused)
    verdict = spot.plugin.gateway_classify(refused)
    assert (verdict and (verdict.action, verdict.scope)) == expected


def test_a_refusal_without_an_id_is_of_the_login_too() -> None:
    assert isinstance(fault(refusal(-2015, 401, None)), spi.LoginRefused)
    assert isinstance(fault(refusal(-1000, 500, None)), spi.ReplyRefused)


@pytest.mark.parametrize(("status", "waits"), [(429, 12.0), (418, 12.0)])
def test_a_limit_says_until_when_nothing_is_to_be_asked(status: int, waits: float) -> None:
    refused = fault(refusal(-1003, status, serverTime=1_000, retryAfter=12_500 + 500))
    verdict = spot.plugin.gateway_classify(refused)
    assert verdict is not None
    assert (verdict.action, verdict.scope, verdict.after) == (RETRY, IP, waits)


def test_a_limit_is_as_long_where_times_are_written_in_microseconds() -> None:
    """Taken for milliseconds, two minutes would be a day and a half."""
    at = 1_771_000_000_000_000
    refused = fault(refusal(-1003, 418, serverTime=at, retryAfter=at + 120_000_000))
    verdict = spot.plugin.gateway_classify(refused)
    assert verdict is not None
    assert verdict.after == 120.0


def test_a_limit_that_does_not_say_is_waited_for_as_long_as_over_rest() -> None:
    verdict = spot.plugin.gateway_classify(fault(refusal(-1003, 429)))
    assert verdict is not None
    assert verdict.after == 60.0


@pytest.mark.parametrize(
    "reply",
    [
        b"{",
        b"[]",
        {"id": 2, "status": 200, "result": {"subscriptionId": "4"}},
        {"id": 2, "status": 200, "result": None},
        {"id": 2, "status": 400, "error": {"msg": "no code"}},
        {"id": 2, "status": 400, "error": None},
    ],
)
def test_an_answer_that_makes_no_sense_is_no_login(reply: Any) -> None:
    with pytest.raises(ValueError):
        shake(reply)


# --- what comes afterwards


def dialect(session: spi.Session | None = None) -> Any:
    session = session or spi.Session(details={"subscription": 4})
    return spot.plugin.gateway_dialect(target(), session, listed(("btc_usdt", "BTCUSDT")))


def decode(one: Any, message: Any) -> Any:
    return list(one.decode(json.dumps(message).encode(), False))


def test_every_message_is_decoded() -> None:
    assert dialect().stream(b"anything", False) is None


@pytest.mark.parametrize("kind", ["executionReport", "outboundAccountPosition", "listStatus", "somethingNew"])
def test_an_event_is_known_for_one_before_it_is_read(kind: str) -> None:
    """What makes no sense can be had raw then."""
    frame = f'{{"subscriptionId":4,"event":{{"e":"{kind}","E":"senseless"'.encode()
    assert dialect().stream(frame, False) == "user"
    assert dialect().stream(frame, True) is None


@pytest.mark.parametrize(
    "frame",
    [
        b'{"subscriptionId":4,"event":{"e":"eventStreamTerminated","E":1}}',
        b'{"event":{"e":"serverShutdown","E":1}}',
        b'{"id":3,"status":200,"result":[]}',
        b'{"subscriptionId":4,"event":{"e":"x',
        b"",
    ],
)
def test_what_is_of_the_session_is_read_always(frame: bytes) -> None:
    assert dialect().stream(frame, False) is None
    [data] = decode(dialect(), EVENT)
    assert data.stream == "user"


def test_a_terminated_stream_ends_the_session() -> None:
    ended = {"e": "eventStreamTerminated", "E": 1}
    [lost] = decode(dialect(), {"subscriptionId": 4, "event": ended})
    assert lost == spi.SessionLost(spi.Scope.SESSION, "eventStreamTerminated")
    assert decode(dialect(), {"subscriptionId": 3, "event": ended}) == [], "another one, of long ago"
    assert decode(dialect(spi.Session()), {"subscriptionId": 3, "event": ended}) == [lost], "it may be ours"


def test_a_shutdown_that_is_announced_is_left_at_once() -> None:
    assert decode(dialect(), {"event": {"e": "serverShutdown", "E": 1}}) == [spi.Draining()]


def test_a_revoked_key_stops_the_account() -> None:
    [problem] = decode(dialect(), refusal(-2015, 401, None))
    assert (problem.verdict.action, problem.verdict.scope) == (STOP, ACCOUNT)


def test_a_limit_that_was_passed_keeps_the_address_quiet() -> None:
    [problem] = decode(dialect(), refusal(-1003, 429, None, serverTime=1_000, retryAfter=61_000))
    assert (problem.verdict.scope, problem.verdict.after) == (IP, 60.0)


@pytest.mark.parametrize(
    "message",
    [
        {"event": {"e": "balanceUpdate", "E": 2, "a": "BTC", "d": "1", "T": 1}},
        {"subscriptionId": 4, "event": {"E": 1}},
        {"subscriptionId": 4, "event": []},
        {"subscriptionId": "4", "event": {"e": "x"}},
        {},
        {"id": 3, "status": 500, "result": []},
        {"id": "3", "status": 200, "result": []},
        {"status": 200, "result": []},
        {"id": 3, "status": 200, "result": [{}]},
        {"id": 3, "status": 200, "result": {}},
        [],
        1,
    ],
)
def test_what_is_neither_an_event_nor_an_answer_makes_no_sense(message: Any) -> None:
    with pytest.raises(ValueError):
        decode(dialect(), message)


def test_neither_a_binary_message_nor_absurd_depth_nor_broken_text_makes_sense() -> None:
    with pytest.raises(ValueError, match="binary"):
        list(dialect().decode(b"{}", True))
    with pytest.raises(ValueError):
        list(dialect().decode(b'{"subscriptionId":4,"event":{"e":"x","z":' + b"[" * 100_000, False))
    with pytest.raises(ValueError):
        list(dialect().decode(b'{"subscriptionId":4,"event":{"e":"x"},"\x80":1}', False))


# --- whether the subscription is still there


def test_the_subscription_is_looked_after() -> None:
    session = shake(subscribed()).value
    [audit] = session.keepalives
    request = audit.make()
    assert (audit.every, request.op, request.cost) == (60.0, "other", {"binance-spot-weight": 2})
    assert sent(request) == {"id": 3, "method": "session.subscriptions", "params": {}}
    one = dialect(session)
    assert decode(one, {"id": 3, "status": 200, "result": [{"subscriptionId": 4}]}) == []
    assert decode(dialect(spi.Session()), {"id": 3, "status": 200, "result": []}) == []
    [lost] = decode(one, {"id": 3, "status": 200, "result": [{"subscriptionId": 5}]})
    assert (type(lost), lost.scope) == (spi.SessionLost, spi.Scope.SESSION)


def test_a_look_that_is_refused_is_told_and_ends_nothing() -> None:
    [problem] = decode(dialect(), refusal(-1000, 500, 3))
    assert (problem.verdict.action, problem.verdict.scope) == (RETRY, ENDPOINT)


def test_to_subscribe_is_to_see_that_the_subscription_is_there() -> None:
    one = dialect()
    [request] = one.subscribe(["user"])
    assert (request.streams, request.op, request.id) == (("user",), "subscribe", 4)
    assert sent(request) == {"id": 4, "method": "session.subscriptions", "params": {}}
    assert decode(one, {"id": 4, "status": 200, "result": [{"subscriptionId": 4}]}) == [spi.Ack(4)]
    [again] = one.unsubscribe(["user"])
    assert (again.op, again.id) == ("unsubscribe", 5)
    [lost] = decode(one, {"id": 5, "status": 200, "result": []})
    assert isinstance(lost, spi.SessionLost)
    assert (list(one.subscribe([])), list(one.unsubscribe([]))) == ([], [])


def test_a_request_that_is_refused_is_judged() -> None:
    one = dialect()
    [request] = one.subscribe(["user"])
    [nack] = decode(one, refusal(-1008, 503, request.id))
    assert isinstance(nack, spi.Nack)
    assert (nack.id, nack.op, nack.verdict.action) == (request.id, "subscribe", RETRY)
    one.subscribe(["user"])
    [problem] = decode(one, refusal(-2015, 401, 5))
    assert isinstance(problem, spi.Problem), "whatever it was asked for: the key is worth nothing"


def test_there_are_no_books_and_pings_are_the_protocols() -> None:
    assert (dialect().ping(1), dialect().book("user")) == (spi.Ping.WEBSOCKET, None)


# --- what may be seen of it


def test_no_secret_is_in_what_a_login_says_and_makes() -> None:
    who = signer("canary-secret", "canary-key")
    said = shake({"token": "canary-token"}, subscribed(), signer=who, **token())
    seen = repr([*said.steps, said.value, who, [one.make() for one in said.value.keepalives]])
    assert "canary" not in seen
    seen = repr(shake(subscribed(), signer=who))
    assert signature(who, f"apiKey=canary-key&recvWindow=60000&timestamp={NOW_US // 1000}") not in seen
    assert "canary" not in seen


def test_an_answer_that_is_nested_too_deeply_is_no_login() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        shake(b'{"id":2,"status":200,"zz":' + b"[" * 100_000)


def test_a_refusal_that_is_nested_too_deeply_has_no_code() -> None:
    assert code_of(spi.ReplyRefused(400, {}, b'{"code":-2013,"zz":' + b"[" * 100_000)) == 0
