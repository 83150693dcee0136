"""Which topics are open, over REST: what is told of each, and to whom."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.model.subscriptions import Subscription
from gateway.serving.topics import MOST

PATH = "/api/v1/topics"


async def test_each_is_told_with_where_it_stands(rig: Any, asking: Any) -> None:
    client = await rig.client()
    await client.subscribe("BTC-USDT", "ETH-USDT")
    await client.many(2)
    rig.publish("1")
    status, told = await asking(rig, PATH)
    assert status == 200
    assert told["total"] == 2
    first, second = told["topics"]
    assert first == {
        "topic": "mock:quotes:BTC-USDT",
        "status": rig.topic().status,
        "epoch": rig.topic().epoch,
        "offset": 1,
        "listeners": 1,
        "reason": "subscribed",
        "recv": 6,
    }
    assert "recv" not in second


async def test_they_are_found_by_a_part_of_their_names_and_counted_beyond_the_limit(rig: Any, asking: Any) -> None:
    client = await rig.client()
    await client.subscribe("BTC-USDT", "ETH-USDT", "ETH-BTC")
    await client.many(3)
    _, told = await asking(rig, f"{PATH}?filter=eth&limit=1")
    assert [one["topic"] for one in told["topics"]] == ["mock:quotes:ETH-USDT"]
    assert told["total"] == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [("btc%20quotes", 2), ("ETH-BTC%20live", 1), ("subscribed", 3), ("eth%20stale", 0), ("%20", 3)],
)
async def test_every_word_of_a_filter_is_in_name_status_or_reason(
    rig: Any, asking: Any, text: str, found: int
) -> None:
    client = await rig.client()
    await client.subscribe("BTC-USDT", "ETH-USDT", "ETH-BTC")
    await client.many(3)
    _, told = await asking(rig, f"{PATH}?filter={text}")
    assert told["total"] == found


@pytest.mark.parametrize("limit", ["0", "-1", "x", str(MOST + 1), "", "1e3", "²"])
async def test_a_limit_that_is_none_is_refused(rig: Any, asking: Any, limit: str) -> None:
    assert await asking(rig, f"{PATH}?limit={limit}") == (400, "bad_request")


async def test_an_accounts_topics_are_told_to_those_who_may_read_it(
    start: Any, issue: Callable[..., Any], asking: Any
) -> None:
    market, owner = issue("market:read"), issue("market:read", "account:main:read")
    rig = await start(tokens=(market.kept, owner.kept))
    rig.hub.find(Subscription("mock", "orders", account="main"))
    rig.hub.find(Subscription("mock", "trades", "BTC-USDT"))
    for token, names in (
        (market, ["mock:trades:BTC-USDT"]),
        (owner, ["mock:orders:@main", "mock:trades:BTC-USDT"]),
    ):
        _, told = await asking(rig, PATH, token=token)
        assert [one["topic"] for one in told["topics"]] == names
        assert told["total"] == len(names)
