"""Who is connected can be seen, and closed, by whoever may."""

import asyncio
from typing import Any

from structlog.testing import capture_logs

PATH = "/api/v1/clients"


async def test_a_client_is_told_with_what_it_has_and_what_waits_for_it(rig: Any) -> None:
    assert await rig.get(PATH) == (200, {"clients": []})
    client = await rig.client()
    await client.subscribe("BTC-USDT", "ETH-USDT")
    await client.many(2)
    status, told = await rig.get(PATH)
    [one] = told["clients"]
    assert status == 200
    assert one.pop("since_us") > 1e15
    assert one == {
        "id": "c1",
        "kind": "stream",
        "address": "127.0.0.1",
        "token_id": None,
        "topics": 2,
        "queue_bytes": 0,
        "lagging": False,
        "sent": 2,
        "dropped": 0,
    }
    _, alone = await rig.get(f"{PATH}/c1")
    assert alone.pop("since_us")
    assert alone == {**one, "topic_names": ["mock:quotes:BTC-USDT", "mock:quotes:ETH-USDT"]}


async def test_clients_are_told_in_the_order_in_which_they_came(rig: Any) -> None:
    clients = [await rig.client() for _ in range(12)]
    await clients[3].ws.close()
    await rig.until(lambda: rig.server.clients == 11)
    _, told = await rig.get(PATH)
    assert [one["id"] for one in told["clients"]] == [f"c{n}" for n in range(1, 13) if n != 4]


async def test_one_that_does_not_read_is_told_to_lag(rig: Any) -> None:
    deaf = await rig.deaf()
    await deaf.subscribe("BTC-USDT", "trades")
    await deaf.message()
    topic = rig.topic("BTC-USDT", "trades")
    [visitor] = rig.server._arrivals.visitors
    while not visitor.facts().lagging:  # its socket takes what it can
        topic.publish("update", ["x" * 50_000], 1, 2)
        await asyncio.sleep(0)
    _, told = await rig.get(f"{PATH}/c1")
    assert told["lagging"]
    assert told["queue_bytes"] > 1 << 16
    assert told["sent"] == topic.offset + 1


async def test_an_operator_closes_one_and_it_is_told_not_to_come_back(rig: Any) -> None:
    client, other = await rig.client(), await rig.client()
    with capture_logs() as lines:
        assert await rig.get(f"{PATH}/c1", method="DELETE") == (204, None)
        assert await client.closed() == 4510
    assert [line["action"] for line in lines if line["event"] == "audit"] == ["close_client"]
    assert lines[0]["target"] == "c1"
    await rig.until(lambda: rig.server.clients == 1)
    assert not other.ws.closed
    status, problem = await rig.problem(f"{PATH}/c1", method="DELETE")
    assert (status, problem["code"]) == (404, "unknown_client")
    status, problem = await rig.problem(f"{PATH}/c1")
    assert (status, problem["code"]) == (404, "unknown_client")
