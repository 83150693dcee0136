"""Requests and their acks, over a real socket."""

import asyncio
from typing import Any

import pytest

from gateway.engine.messages import TopicStatus


async def test_the_ack_comes_before_the_first_datum_even_if_that_is_published_while_the_topic_opens(
    rig: Any,
) -> None:
    client = await rig.client()
    other = await rig.client()
    rig.upstream.on_open = lambda topic: topic.publish("update", [], 5, 6)
    await client.subscribe("BTC-USDT", snapshot=False)
    ack = await client.next()
    assert (ack["success"], ack["topic"], ack["offset"], ack["req_id"]) == (True, "mock:quotes:BTC-USDT", 1, 1)
    await other.subscribe("BTC-USDT", snapshot=False)
    await rig.until(lambda: rig.topic().listeners == 2)
    rig.publish("10")
    assert [message.get("offset") for message in await other.many(2)] == [1, 2]
    assert (await client.next())["offset"] == 2


async def test_each_symbol_has_an_ack_of_its_own_in_the_order_of_the_request(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("A", "NOPE-USDT", "B")
    a, nope, b = await client.many(3)
    assert (a["topic"], b["topic"]) == ("mock:quotes:A", "mock:quotes:B")
    assert (a["status"], a["reason"]) == ("live", "subscribed")
    assert nope["time_in"] <= nope.pop("time_out")
    del nope["time_in"]
    assert nope == {
        "method": "subscribe",
        "req_id": 1,
        "success": False,
        "topic": "mock:quotes:NOPE-USDT",
        "error": {"code": "unknown_symbol", "message": "mock has no symbol NOPE-USDT", "temporary": False},
    }


async def test_the_exchanges_own_spelling_is_answered_with_the_gateways_topic(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("BTCUSDT")
    assert (await client.next())["topic"] == "mock:quotes:BTC-USDT"
    await client.send("unsubscribe", exchange="mock", channel="quotes", symbols=["BTCUSDT"])
    ack = await client.next()
    assert (ack["success"], ack["topic"]) == (True, "mock:quotes:BTC-USDT")
    assert rig.topic().listeners == 0


async def test_an_exchange_that_is_not_loaded_is_named(rig: Any) -> None:
    client = await rig.client()
    await client.send("subscribe", exchange="acme", channel="quotes", symbols=["A"])
    assert (await client.next())["error"]["code"] == "unknown_exchange"


async def test_a_snapshot_follows_the_ack_and_carries_its_offset(rig: Any) -> None:
    first, late = await rig.client(), await rig.client()
    await first.subscribe("BTC-USDT")
    await first.next()
    rig.publish("10")
    rig.publish("11")
    await late.subscribe("BTC-USDT")
    ack, snapshot = await late.many(2)
    assert (ack["offset"], snapshot["offset"], snapshot["type"]) == (2, 2, "snapshot")
    assert snapshot["data"][0]["bid"] == "11"
    assert "recovered" not in ack


async def test_resume_delivers_exactly_what_was_missed(rig: Any) -> None:
    first, back = await rig.client(), await rig.client()
    await first.subscribe("BTC-USDT")
    epoch = (await first.next())["epoch"]
    for bid in ("10", "11", "12"):
        rig.publish(bid)
    await back.subscribe("BTC-USDT", resume={"BTC-USDT": {"epoch": epoch, "offset": 1}})
    ack, *missed = await back.many(3)
    assert (ack["recovered"], ack["offset"]) == (True, 3)
    assert [(m["type"], m["offset"], m["data"][0]["bid"]) for m in missed] == [
        ("update", 2, "11"),
        ("update", 3, "12"),
    ]
    rig.publish("13")
    assert (await back.next())["offset"] == 4


@pytest.mark.parametrize(("epoch", "offset"), [("other", 1), ("e1", 99), ("e1", 0)])
async def test_what_cannot_be_recovered_whole_is_a_fresh_snapshot(rig: Any, epoch: str, offset: int) -> None:
    first, back = await rig.client(), await rig.client()
    rig.upstream.on_open = lambda topic: topic.publish("update", [], 5, 6)  # before the ring: lost to it
    await first.subscribe("BTC-USDT", snapshot=False)
    await first.next()
    rig.publish("10")
    await back.subscribe("BTC-USDT", resume={"BTC-USDT": {"epoch": epoch, "offset": offset}})
    ack, snapshot = await back.many(2)
    assert (ack["recovered"], snapshot["type"], snapshot["offset"]) == (False, "snapshot", ack["offset"])


async def test_subscribing_twice_is_harmless_and_doubles_nothing(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("BTC-USDT")
    await client.next()
    rig.publish("10")
    await client.next()
    await client.subscribe("BTC-USDT", resume={"BTC-USDT": {"epoch": "e1", "offset": 0}})
    ack, snapshot = await client.many(2)
    assert (ack["success"], ack["recovered"], snapshot["type"]) == (True, False, "snapshot")
    rig.publish("11")
    await client.send("ping")
    assert [message.get("offset") for message in await client.many(2)] == [2, None]


async def test_after_unsubscribing_nothing_more_comes_and_doing_it_again_is_an_error(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("A", "B")
    await client.many(2)
    await client.send("unsubscribe", exchange="mock", channel="quotes", symbols=["A", "C"])
    gone, never = await client.many(2)
    assert (gone["success"], gone["topic"], never["error"]["code"]) == (True, "mock:quotes:A", "not_subscribed")
    rig.publish("10", "A")
    rig.publish("10", "B")
    assert (await client.next())["topic"] == "mock:quotes:B"
    await client.send("list")
    assert [one["topic"] for one in (await client.next())["topics"]] == ["mock:quotes:B"]


async def test_a_status_comes_between_the_data_that_it_was_told_between(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("BTC-USDT")
    await client.next()
    rig.publish("10")
    rig.topic().become(TopicStatus.STALE, "data_stalled", 7)
    rig.publish("11")
    told = await client.many(3)
    assert [message.get("offset", message.get("status")) for message in told] == [1, "stale", 2]


async def test_raw_takes_streams(rig: Any) -> None:
    client = await rig.client()
    await client.send("subscribe", exchange="mock", channel="raw", streams=["btcusdt@trade:x"])
    assert (await client.next())["topic"] == "mock:raw:btcusdt@trade:x"
    rig.topic("btcusdt@trade:x", "raw").publish_raw(b'{"a":1}', False, 5)
    assert (await client.next())["data"] == {"a": 1}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"channel": "orders", "symbols": ["A"]}, "bad_request"),
        ({"channel": "trades", "account": "main"}, "bad_request"),
        ({"channel": "orders", "account": "main", "variant": "agg"}, "bad_request"),
        ({"channel": "trades", "symbols": ["A"], "on_lag": "conflate"}, "cannot_conflate"),
        ({"channel": "orders", "account": "main", "on_lag": "conflate"}, "cannot_conflate"),
        ({"channel": "orders", "account": "main", "on_lag": "drop_oldest"}, "cannot_drop"),
        ({"channel": "orders", "account": "main", "conflate_ms": 100}, "cannot_conflate"),
        ({"channel": "trades", "symbols": ["A"], "conflate_ms": 100}, "cannot_conflate"),
        ({"channel": "quotes", "symbols": ["A"], "conflate_ms": -1}, "bad_request"),
        ({"channel": "quotes", "symbols": ["A"], "conflate_ms": 60_001}, "bad_request"),
        ({"channel": "quotes", "symbols": ["A"], "conflate_ms": 0.5}, "bad_request"),
        ({"channel": "quotes", "streams": ["A"]}, "bad_request"),
        ({"channel": "raw", "symbols": ["A"]}, "bad_request"),
        ({"channel": "raw", "streams": ["@main"]}, "bad_request"),
        ({"channel": "raw", "account": "main", "streams": ["a@trade"]}, "bad_request"),
        ({"channel": "raw", "account": "main", "symbols": ["A"]}, "bad_request"),
        ({"channel": "raw", "account": "main", "on_lag": "drop_oldest"}, "cannot_drop"),
        ({"channel": "raw", "account": "main", "on_lag": "conflate"}, "cannot_conflate"),
        ({"channel": "raw", "account": "main", "conflate_ms": 100}, "cannot_conflate"),
        ({"channel": "quotes"}, "bad_request"),
        ({"channel": "quotes", "symbols": "A"}, "bad_request"),
        ({"channel": "quotes", "symbols": ["A:B"]}, "bad_request"),
        ({"channel": "quotes", "symbols": ["@main"]}, "bad_request"),
        ({"channel": "quotes", "symbols": ["A"], "on_lag": "explode"}, "bad_request"),
        ({"channel": "quotes", "symbols": ["A"], "snapshots": True}, "bad_request"),
        ({"channel": "quotes", "symbols": [f"S{i}" for i in range(1001)]}, "bad_request"),
    ],
)
async def test_what_cannot_be_had_is_refused_as_a_whole(rig: Any, params: dict[str, Any], code: str) -> None:
    client = await rig.client()
    await client.send("subscribe", 9, exchange="mock", **params)
    refusal = await client.next()
    assert (refusal["method"], refusal["req_id"], refusal["success"]) == ("subscribe", 9, False)
    assert (refusal["error"]["code"], "topic" in refusal) == (code, False)
    assert rig.hub.topics == {}


@pytest.mark.parametrize("channel", ["orders", "raw"])
async def test_an_account_is_subscribed_to_by_its_name(rig: Any, channel: str) -> None:
    client = await rig.client()
    await client.send("subscribe", exchange="mock", channel=channel, account="main")
    assert (await client.next())["topic"] == f"mock:{channel}:@main"
    await client.send("unsubscribe", exchange="mock", channel=channel, account="main")
    assert (await client.next())["success"]


async def test_one_client_may_not_have_more_topics_than_its_limit(start: Any) -> None:
    rig = await start(topics=2)
    client = await rig.client()
    await client.subscribe("A", "B", "C", "A")
    codes = [ack.get("error", {}).get("code") for ack in await client.many(4)]
    assert codes == [None, None, "too_many_topics", None]
    assert rig.upstream.opened == ["mock:quotes:A", "mock:quotes:B"]


async def test_an_exchange_that_does_not_answer_costs_a_temporary_error(start: Any) -> None:
    rig = await start(resolving=0.02)
    rig.upstream.patience = asyncio.Event()
    client = await rig.client()
    await client.subscribe("A", "B")
    for ack in await client.many(2):
        assert (ack["error"]["code"], ack["error"]["temporary"]) == ("timeout", True)


async def test_a_client_that_leaves_is_detached_from_everything(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("A", "B")
    await client.many(2)
    await client.ws.close()
    await rig.until(lambda: rig.server.clients == 0)
    assert [topic.listeners for topic in rig.hub.topics.values()] == [0, 0]


async def test_a_client_that_breaks_off_while_it_waits_for_an_exchange_is_gone_too(rig: Any) -> None:
    rig.upstream.patience = asyncio.Event()
    deaf = await rig.deaf()
    await deaf.subscribe("A", "quotes")
    await rig.until(lambda: rig.server.clients == 1)
    deaf.sock.close()
    await rig.until(lambda: rig.server.clients == 0)
    assert rig.hub.topics == {}
