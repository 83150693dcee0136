"""Steps are values; a reply is read as JSON only if it was a success."""

import pytest

from gateway.errors import Reason, ReplyRefused
from gateway.spi.steps import Fetch, HttpReply, Open, Receive, Send


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_success_is_read(status: int) -> None:
    assert HttpReply(status, body=b'{"a":[1,"0.10"]}').json() == {"a": [1, "0.10"]}


@pytest.mark.parametrize("status", [100, 199, 300, 304, 400, 418, 429, 500, 599, 0])
def test_anything_else_is_refused_with_all_that_was_answered(status: int) -> None:
    reply = HttpReply(status, {"retry-after": "7"}, b'{"code":-1003}')
    with pytest.raises(ReplyRefused, match=f"^HTTP status {status}$") as caught:
        reply.json()
    assert (caught.value.status, caught.value.headers, caught.value.body) == (status, reply.headers, reply.body)
    assert caught.value.reason is Reason.FETCH_REFUSED


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"NaN", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        HttpReply(200, body=body).json()


def test_no_step_shows_a_secret() -> None:
    """Steps are traced and told in errors."""
    canary = "canary"
    steps = [
        Fetch("POST", f"https://x?signature={canary}", {"X-KEY": canary}, canary.encode()),
        Open(f"wss://x/{canary}", {"X-KEY": canary}),
        Send(canary),
        Send(canary.encode()),
        HttpReply(200, {"set-cookie": canary}, canary.encode()),
    ]
    assert not [step for step in steps if canary in repr(step)]


def test_a_step_costs_nothing_unless_it_says_so() -> None:
    assert Fetch("GET", "u").cost == Open("u").cost == Send("f").cost == {}
    assert Fetch("GET", "u").headers == Open("u").headers == HttpReply(200).headers == {}
    assert (Open("u").subprotocols, Open("u").compress, Receive().within) == ((), False, 5.0)
    assert Fetch("GET", "u").cost is not Fetch("GET", "u").cost, "no two steps share one"
