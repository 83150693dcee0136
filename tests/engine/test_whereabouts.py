"""What an operator is told names the key to look at, whose address it is, and no more of it than the host."""

from typing import Any

import pytest

from gateway.engine.whereabouts import Whereabouts
from gateway.errors import ReplyRefused, UpgradeRefused
from gateway.spi.contract import Endpoint, ExchangeInfo, Target

INFO = ExchangeInfo(
    spi_version=0,
    environments=("live",),
    endpoints=(Endpoint("stream", {"live": "wss://feed.acme.example:9443"}),),
    channels=(),
)


def whereabouts(url: str, endpoint: str = "stream") -> Whereabouts:
    clocks: dict[str, Any] = {"now": int, "nonce": int}
    target = Target(exchange="acme", environment="live", endpoint=endpoint, urls={"stream": url}, **clocks)
    return Whereabouts.of(target, INFO)


def test_where_the_plugin_says_it_is_a_newer_one_may_know_better() -> None:
    assert whereabouts("wss://feed.acme.example:9443").advice(UpgradeRefused(410)) == (
        "it was looked for at feed.acme.example, as the plugin has it: look for a newer version of the plugin "
        "('gateway plugins list' shows the one that is installed), or set [exchanges.acme.endpoints] stream"
    )


def test_where_the_operator_says_it_is_that_is_to_be_corrected() -> None:
    assert whereabouts("ws://127.0.0.1:9/path").advice() == (
        "it was looked for at 127.0.0.1, as [exchanges.acme.endpoints] stream has it: "
        "correct that, or leave it out"
    )


@pytest.mark.parametrize(("url", "endpoint"), [("nonsense", "stream"), ("wss://there.example", "rest")])
def test_one_that_is_nowhere_is_said_to_be(url: str, endpoint: str) -> None:
    assert whereabouts(url, endpoint).advice().startswith("it was looked for at an address that names no host")


def test_of_a_rest_request_no_endpoint_is_named() -> None:
    assert whereabouts("wss://feed.acme.example:9443").advice(ReplyRefused(301)) == (
        "look for a newer version of the plugin ('gateway plugins list' shows the one that is installed), "
        "and at [exchanges.acme.endpoints]"
    )


def test_one_that_has_moved_is_probably_that() -> None:
    assert whereabouts("ws://127.0.0.1:9").moved() == (
        "every stream is acknowledged and none delivers, and a new connection did not help: probably the endpoint "
        "stream has moved, or these streams belong to another one; it was looked for at 127.0.0.1, as "
        "[exchanges.acme.endpoints] stream has it: correct that, or leave it out"
    )
