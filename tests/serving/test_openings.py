"""What one client may make the gateway open, while what it leaves lingers."""

from typing import Any

from gateway.engine.hub import LINGER
from gateway.serving import Limits

SLOWLY = 0.001
"""Openings a second: none within a test beyond those at once."""


async def subscribe(client: Any, *symbols: str) -> list[str]:
    """Return what became of each symbol: nothing, or the error's code."""
    await client.subscribe(*symbols)
    return [ack.get("error", {}).get("code", "") for ack in await client.many(len(symbols))]


async def leave(client: Any, *symbols: str) -> None:
    await client.send("unsubscribe", exchange="mock", channel="quotes", symbols=symbols)
    assert all(ack["success"] for ack in await client.many(len(symbols)))


async def test_as_many_topics_as_a_client_may_have_can_be_opened_at_once(rig: Any) -> None:
    client = await rig.client()
    for part in range(5):
        assert not any(await subscribe(client, *(f"S{part}-{i}" for i in range(1000))))
    assert len(rig.upstream.opened) == len(rig.hub.topics) == Limits().topics == 5000
    assert await subscribe(client, "X") == ["too_many_topics"]


async def test_topics_that_a_client_left_count_while_they_linger(start: Any) -> None:
    rig = await start(topics=3, openings_per_second=1e6)
    client = await rig.client()
    assert await subscribe(client, "A", "B", "C") == ["", "", ""]
    await leave(client, "A", "B")
    await client.subscribe("D")
    refused = (await client.next())["error"]
    assert (refused["code"], refused["temporary"]) == ("too_many_lingering", True)
    assert "2 that it left" in refused["message"]
    assert await subscribe(client, "A") == [""], "its own may be had again"
    assert await subscribe(client, "D") == ["too_many_lingering"]
    rig.hub.sweep(rig.hub.topics["mock:quotes:B"].idle_since + LINGER)
    assert await subscribe(client, "D") == [""]
    assert rig.upstream.opened == [f"mock:quotes:{name}" for name in "ABCD"]


async def test_a_topic_that_another_client_goes_on_hearing_counts_for_that_one_alone(start: Any) -> None:
    rig = await start(topics=1, openings_per_second=SLOWLY)
    client, other = await rig.client(), await rig.client()
    assert await subscribe(client, "A") == await subscribe(other, "A") == [""]
    await leave(client, "A")
    assert await subscribe(client, "B") == ["rate_limited"], "it opened one already"
    assert await subscribe(client, "A") == [""]


async def test_a_topic_that_another_client_took_over_counts_no_more_for_the_one_that_left_it(start: Any) -> None:
    rig = await start(topics=2, openings_per_second=1e6)
    client, other = await rig.client(), await rig.client()
    await subscribe(client, "A")
    await leave(client, "A")
    await subscribe(other, "A")
    assert await subscribe(client, "B", "C") == ["", ""]


async def test_opening_topics_has_a_rate_and_joining_those_that_are_open_has_none(start: Any) -> None:
    rig = await start(topics=4, openings_per_second=SLOWLY)
    first, second = await rig.client(), await rig.client()
    assert await subscribe(first, "A", "B", "C") == ["", "", ""]
    for _ in range(3):
        assert await subscribe(second, "A", "B", "C") == ["", "", ""]
        await leave(second, "A", "B", "C")
    assert await subscribe(second, "D", "E", "F", "G") == ["", "", "", ""]
    await leave(second, "D", "E", "F", "G")
    for topic in tuple(rig.hub.topics.values()):
        if topic.idle_since is not None:
            rig.hub.sweep(topic.idle_since + LINGER)
    await second.subscribe("H", "A")
    refused, fine = await second.many(2)
    assert (refused["error"]["code"], refused["error"]["temporary"]) == ("rate_limited", True)
    assert fine["success"]
    assert "mock:quotes:H" not in rig.upstream.opened


async def test_a_client_that_comes_and_goes_holds_no_more_topics_than_it_may_have(start: Any) -> None:
    rig = await start(topics=50, openings_per_second=1e6)
    client = await rig.client()
    for turn in range(20):
        names = [f"T{turn}-{i}" for i in range(10)]
        had = [name for name, code in zip(names, await subscribe(client, *names), strict=True) if not code]
        if had:
            await leave(client, *had)
    assert len(rig.hub.topics) == len(rig.upstream.opened) == 50
