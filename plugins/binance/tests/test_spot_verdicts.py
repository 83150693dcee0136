"""What the exchange's refusals are taken to mean."""

import json
from typing import Any

import pytest

from gateway import spi
from gateway_binance import coinm, spot, usdm
from gateway_binance.spot import plugin
from gateway_binance.verdicts import Refusal, judge

IP, ENDPOINT, REQUEST, ACCOUNT = spi.Scope.IP, spi.Scope.ENDPOINT, spi.Scope.REQUEST, spi.Scope.ACCOUNT
SESSION, CONNECTION, STREAM = spi.Scope.SESSION, spi.Scope.CONNECTION, spi.Scope.STREAM
RETRY, STOP, RESYNC = spi.Action.RETRY, spi.Action.STOP, spi.Action.RESYNC_CLOCK
RECONNECT = spi.Action.RECONNECT
CODES = {
    **dict.fromkeys((-1000, -1001, -1006, -1007), (RETRY, ENDPOINT, None)),
    **dict.fromkeys((-1008, -1034), (RETRY, ENDPOINT, 60)),
    **dict.fromkeys((-1002, -1022, -1099, -2008, -2014, -2015), (STOP, ACCOUNT, None)),
    **dict.fromkeys((-1020, -1100, -1102, -1120, -1121, -1130, -1194, -1220), (STOP, REQUEST, None)),
    -1003: (RETRY, IP, 60),
    -1015: (RETRY, ACCOUNT, 10),
    -1016: (RECONNECT, CONNECTION, None),
    -1021: (RESYNC, REQUEST, 1.0),
    -1125: (RECONNECT, SESSION, None),
    -1191: (RETRY, STREAM, 60),
    -2042: (RECONNECT, CONNECTION, None),
}
PLUGINS = [spot.plugin, usdm.plugin, coinm.plugin]


@pytest.mark.parametrize("kind", [spi.UpgradeRefused, spi.ReplyRefused])
@pytest.mark.parametrize(
    ("status", "headers", "body", "action", "scope", "after"),
    [
        (429, {"retry-after": "17"}, b"", RETRY, IP, 17),
        (429, {}, b"", RETRY, IP, 60),
        (429, {"retry-after": "soon"}, b"not json", RETRY, IP, 60),
        (418, {"retry-after": "7200"}, b"", RETRY, IP, 7200),
        (418, {}, b"", RETRY, IP, 120),
        (400, {}, b'{"code":-1003,"msg":"Too many requests"}', RETRY, IP, 60),
        (403, {}, b"<html>", RETRY, IP, 300),
        (451, {}, b"", STOP, ENDPOINT, None),
        (500, {}, b"", RETRY, ENDPOINT, None),
        (503, {}, b'{"code":-1008,"msg":"busy"}', RETRY, ENDPOINT, 60),
        (400, {}, b'{"code":-1034,"msg":"connections"}', RETRY, ENDPOINT, 60),
        (400, {}, b'{"code":-1121,"msg":"Invalid symbol."}', STOP, REQUEST, None),
        (400, {}, b'{"code":-1100,"msg":""}', STOP, REQUEST, None),
        (400, {}, b'{"code":-1130,"msg":""}', STOP, REQUEST, None),
        (400, {}, b'{"code":-1021,"msg":"time"}', RESYNC, REQUEST, 1.0),
        (401, {}, b'{"code":-2015,"msg":"key"}', STOP, ACCOUNT, None),
        (401, {}, b"", STOP, ACCOUNT, None),
        (429, {"retry-after": "17"}, b'{"code":-1121,"msg":""}', RETRY, IP, 17),
    ],
)
def test_a_refusal_has_its_verdict(
    kind: Any, status: Any, headers: Any, body: Any, action: Any, scope: Any, after: Any
) -> None:
    verdict: Any = plugin.gateway_classify(kind(status, headers, body))
    assert (verdict.action, verdict.scope, verdict.after) == (action, scope, after)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("asked", PLUGINS)
def test_a_code_has_its_verdict_in_every_market(asked: Any, code: int) -> None:
    body = b'{"code":%d,"msg":"its words"}' % code
    verdict: Any = asked.gateway_classify(spi.ReplyRefused(400, {}, body))
    assert (verdict.action, verdict.scope, verdict.after) == CODES[code]
    assert "its words" in verdict.text


def test_the_websocket_api_says_until_when_in_milliseconds_of_the_clock() -> None:
    verdict: Any = judge(Refusal(418, -1003, "banned", until_us=1771000120000_000))
    assert (verdict.action, verdict.scope) == (RETRY, IP)
    assert (verdict.until_us, verdict.after, verdict.reason) == (1771000120000_000, None, spi.Reason.BANNED)
    limited: Any = judge(Refusal(429, -1003, "slow down", until_us=1771000060000_000))
    assert (limited.until_us, limited.reason) == (1771000060000_000, spi.Reason.RATE_LIMITED)
    assert judge(Refusal(400, -9999)) is None


@pytest.mark.parametrize("until", ["1771000120000", "1771000120000000"])
def test_a_ban_ends_when_the_exchange_says_in_either_unit(until: str) -> None:
    words = f"Way too many requests; IP banned until {until}. Use the websocket."
    body = json.dumps({"code": -1003, "msg": words}).encode()
    verdict: Any = plugin.gateway_classify(spi.ReplyRefused(418, {}, body))
    assert (verdict.until_us, verdict.after) == (1771000120000_000, None)
    assert verdict.reason is spi.Reason.BANNED
    assert "-1003" in verdict.text


@pytest.mark.parametrize(("seconds", "after", "until_us"), [("20", 20.0, None), ("0", 0.0, 1771000120000_000)])
def test_seconds_are_believed_before_a_time_by_another_clock(seconds: str, after: float, until_us: Any) -> None:
    body = b'{"code":-1003,"msg":"IP banned until 1771000120000."}'
    verdict: Any = plugin.gateway_classify(spi.ReplyRefused(418, {"retry-after": seconds}, body))
    assert (verdict.after, verdict.until_us) == (after, until_us)


def test_a_limit_and_a_ban_are_told_apart() -> None:
    verdicts: list[Any] = [plugin.gateway_classify(spi.UpgradeRefused(status)) for status in (429, 418)]
    assert [verdict.reason for verdict in verdicts] == [spi.Reason.RATE_LIMITED, spi.Reason.BANNED]


@pytest.mark.parametrize(
    "fault",
    [
        spi.TransportLost("gone"),
        spi.UpgradeRefused(404),
        spi.ReplyRefused(400, {}, b'{"code":-1131,"msg":""}'),
        spi.ReplyRefused(400, {}, b'{"x":' + b"[" * 200_000),
        spi.ReplyRefused(400, {}, b'{"code":"x"}'),
    ],
)
def test_what_the_documents_do_not_name_is_left_to_the_core(fault: Any) -> None:
    assert plugin.gateway_classify(fault) is None


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_close_frame_that_says_too_many_requests_is_about_what_we_send(plugin: Any) -> None:
    said = "closed by the peer with code 1008 (Too many requests)"
    verdict = plugin.gateway_classify(spi.TransportLost(said, code=1008))
    assert (verdict.action, verdict.scope, verdict.reason) == (RETRY, CONNECTION, spi.Reason.RATE_LIMITED)
    assert verdict.text == said
    for other in (
        spi.TransportLost("closed by the peer with code 1008 (Pong timeout)", code=1008),
        spi.TransportLost("closed by the peer with code 1011 (Too many requests)", code=1011),
        spi.TransportLost("Too many requests"),
    ):
        assert plugin.gateway_classify(other) is None
