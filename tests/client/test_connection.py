"""The client against a real server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway.client import Client, connect
from gateway.errors import SubscriptionError, TransportLost, UpgradeRefused

BTC = "mock:quotes:BTC-USDT"


async def test_acks_are_returned_and_messages_follow(rig: Any) -> None:
    async with asyncio.timeout(10), connect(rig.url + "/v1/ws") as client:
        [ack] = await client.subscribe(BTC)
        assert (ack["success"], ack["topic"], ack["status"], ack["offset"]) == (True, BTC, "live", 0)
        rig.publish("10")
        message = await anext(client)
        assert (message["type"], message["offset"], message["data"][0]["bid"]) == ("update", 1, "10")
        assert client.positions == {BTC: ("e1", 1)}


async def test_a_subscription_can_be_iterated_over_from_the_gateways_address_alone(rig: Any) -> None:
    async with asyncio.timeout(10), Client(rig.url.replace("ws:", "http:")) as client:
        messages = aiter(client.subscribe([BTC, "mock:trades:A"]))
        first = asyncio.ensure_future(anext(messages))
        while len(rig.hub.topics) < 2:  # noqa: ASYNC110  # the server signals nobody
            await asyncio.sleep(0)
        rig.publish("10")
        assert (await first)["offset"] == 1
        await messages.aclose()


async def test_topics_can_be_given_by_their_parts_and_acks_tell_them_apart(rig: Any) -> None:
    async with asyncio.timeout(10), connect(rig.url) as client:
        acks = await client.subscribe(exchange="mock", channel="quotes", symbols=["BTC-USDT", "NOPE", "C"])
        assert [ack["success"] for ack in acks] == [True, False, True]
        [raw] = await client.subscribe(exchange="mock", channel="raw", streams=["a@b:c"])
        assert raw["topic"] == "mock:raw:a@b:c"
        [candles] = await client.subscribe("mock:candles:A:1m")
        assert candles["topic"] == "mock:candles:A:1m"
        assert [one["topic"] for one in await client.topics()] == [
            BTC,
            "mock:quotes:C",
            "mock:raw:a@b:c",
            "mock:candles:A:1m",
        ]


async def test_more_symbols_than_one_request_may_name_are_several_requests(rig: Any) -> None:
    async with asyncio.timeout(10), connect(rig.url) as client:
        acks = await client.subscribe([f"mock:quotes:S{i}" for i in range(1500)])
        assert [ack["topic"] for ack in acks] == [f"mock:quotes:S{i}" for i in range(1500)]


async def test_if_everything_is_refused_that_is_an_error(rig: Any) -> None:
    async with asyncio.timeout(10), connect(rig.url) as client:
        with pytest.raises(SubscriptionError, match="has no symbol NOPE1") as refused:
            await client.subscribe(["mock:quotes:NOPE1", "mock:quotes:NOPE2"])
        assert refused.value.code == "unknown_symbol"
        with pytest.raises(SubscriptionError, match="cannot be conflated"):
            await client.subscribe("mock:trades:A", on_lag="conflate")


async def test_a_refusal_is_raised_to_whoever_iterates_though_other_topics_are_fine(rig: Any) -> None:
    async with asyncio.timeout(10), connect(rig.url) as client:
        with pytest.raises(SubscriptionError, match="has no symbol NOPE"):
            await anext(aiter(client.subscribe([BTC, "mock:quotes:NOPE"])))


@pytest.mark.parametrize("topics", [[], "mock", "mock:quotes", ["mock:quotes:A", ""]])
async def test_what_is_no_topic_is_an_error_before_anything_is_sent(topics: Any) -> None:
    with pytest.raises(ValueError, match="topic"):
        connect().subscribe(topics)


async def test_a_later_connection_resumes_where_an_earlier_one_stood(rig: Any) -> None:
    async with asyncio.timeout(10):
        async with connect(rig.url) as client:
            await client.subscribe(BTC)
            rig.publish("10")
            await anext(client)
            positions = dict(client.positions)
        rig.publish("11")
        rig.publish("12")
        async with connect(rig.url) as client:
            [ack] = await client.subscribe(BTC, resume=positions)
            assert ack["recovered"] is True
            rig.publish("13")
            got = [await anext(client) for _ in range(3)]
            assert [(message["type"], message["offset"]) for message in got] == [
                ("update", 2),
                ("update", 3),
                ("update", 4),
            ]


async def test_unsubscribing_forgets_the_topic(rig: Any) -> None:
    async with asyncio.timeout(10), connect(rig.url) as client:
        await client.subscribe([BTC, "mock:trades:A"])
        [gone, never] = await client.unsubscribe([BTC, "mock:quotes:NEVER"])
        assert (gone["success"], never["success"]) == (True, False)
        assert list(client.positions) == ["mock:trades:A"]
        assert rig.topic().listeners == 0


async def test_a_ping_is_answered_with_the_gateways_times(rig: Any) -> None:
    async with asyncio.timeout(10), connect(rig.url) as client:
        pong = await client.ping()
        assert 0 < pong["time_in"] <= pong["time_out"]


async def test_a_program_that_does_not_read_stops_reading_the_socket_and_loses_nothing_it_took(rig: Any) -> None:
    wide = "9" * 4000
    async with asyncio.timeout(20), connect(rig.url, queue=8) as client:
        await client.subscribe(BTC)
        for number in range(6000):
            rig.publish(wide + str(number))
            if number % 10 == 0:
                await asyncio.sleep(0)
        assert len(client._link._inbox) == 8
        previous, conflated = 0, False
        while previous < 6000:
            message = await anext(client)
            assert message["type"] != "jump"
            conflated = conflated or "first" in message
            previous = message["offset"]
        assert conflated


async def test_an_answer_is_received_though_the_inbox_is_full(rig: Any) -> None:
    async with asyncio.timeout(10), connect(rig.url, queue=8) as client:
        await client.subscribe(BTC)
        for number in range(50):
            rig.publish(str(number))
        while len(client._link._inbox) < 8:  # noqa: ASYNC110  # nobody is signalled
            await asyncio.sleep(0)
        assert (await client.ping())["success"]
        assert [(await anext(client))["offset"] for _ in range(50)] == list(range(1, 51))


async def test_closing_ends_the_iteration_after_what_was_received(rig: Any) -> None:
    async with asyncio.timeout(10), connect(rig.url) as client:
        await client.subscribe(BTC)
        rig.publish("10")
        await client.ping()
        await client.close()
        assert [message["offset"] async for message in client] == [1]
        with pytest.raises(TransportLost, match="closed"):
            await client.ping()
        await client.close()


async def test_a_gateway_that_stops_is_an_error_that_tells_the_code(rig: Any) -> None:
    async with asyncio.timeout(10), connect(rig.url) as client:
        await client.subscribe(BTC)
        rig.publish("10")
        await rig.server.stop()
        assert (await anext(client))["offset"] == 1
        with pytest.raises(TransportLost, match="1001: the gateway is shutting down") as lost:
            await anext(client)
        assert lost.value.code == 1001


async def test_nobody_there_is_an_os_error_and_another_server_an_upgrade_refused(rig: Any) -> None:
    with pytest.raises(aiohttp.ClientConnectorError) as nobody:
        async with connect("ws://127.0.0.1:1"):
            pass
    assert isinstance(nobody.value, OSError)
    with pytest.raises(UpgradeRefused, match="404"):
        async with connect(rig.url + "/elsewhere"):
            pass


ORDERS = "mock:orders:@main"


@pytest.mark.parametrize("channel", ["orders", "raw"])
async def test_an_account_is_subscribed_to_by_its_topic_or_its_name(rig: Any, channel: str) -> None:
    topic = f"mock:{channel}:@main"
    async with asyncio.timeout(10), connect(rig.url) as client:
        [ack] = await client.subscribe(topic)
        [again] = await client.subscribe(exchange="mock", channel=channel, account="main")
        assert ack["topic"] == again["topic"] == topic
        rig.publish("10", topic)
        assert (await anext(client))["offset"] == 1
        [gone] = await client.unsubscribe(exchange="mock", channel=channel, account="main")
        assert gone["success"]
        assert client.positions == {}


async def test_an_account_is_resumed_where_an_earlier_connection_stood(rig: Any) -> None:
    async with asyncio.timeout(10):
        async with connect(rig.url) as client:
            await client.subscribe(ORDERS)
            rig.publish("10", ORDERS)
            await anext(client)
            positions = dict(client.positions)
        rig.publish("11", ORDERS)
        async with connect(rig.url) as client:
            [ack] = await client.subscribe(ORDERS, resume=positions)
            assert ack["recovered"] is True
            assert (await anext(client))["offset"] == 2


@pytest.mark.parametrize("topic", [ORDERS, "mock:raw:@main"])
@pytest.mark.parametrize("options", [{"on_lag": "drop_oldest"}, {"on_lag": "conflate"}, {"conflate_ms": 100}])
async def test_nothing_of_an_account_is_merged_or_dropped(rig: Any, topic: str, options: dict[str, Any]) -> None:
    async with asyncio.timeout(10), connect(rig.url) as client:
        with pytest.raises(SubscriptionError) as refused:
            await client.subscribe(topic, **options)
        assert refused.value.code in {"cannot_drop", "cannot_conflate"}


async def test_a_program_that_drops_the_oldest_is_told_what_it_lost_and_of_no_jump(rig: Any) -> None:
    wide, trades = "9" * 4000, "mock:trades:A"
    async with asyncio.timeout(20), connect(rig.url, queue=8) as client:
        await client.subscribe(trades, on_lag="drop_oldest")
        for number in range(6000):
            rig.publish(wide + str(number), trades)
            if number % 10 == 0:
                await asyncio.sleep(0)
        seen = [message async for message in until(client, 6000)]
        assert {message["type"] for message in seen} == {"update", "lag"}
        assert client.positions == {trades: ("e1", 6000)}


async def test_a_program_that_conflates_gets_few_messages_and_no_jump(rig: Any) -> None:
    async with asyncio.timeout(20), connect(rig.url) as client:
        await client.subscribe(BTC, conflate_ms=50)
        for number in range(1, 101):
            rig.publish(str(number))
        seen = [message async for message in until(client, 100)]
        assert [(one.get("first"), one["offset"], one["data"][0]["bid"]) for one in seen] == [
            (None, 1, "1"),
            (2, 100, "100"),
        ]


async def until(client: Client, offset: int) -> AsyncIterator[dict[str, Any]]:
    async for message in client:
        yield message
        if message.get("offset", message.get("to")) == offset:
            return


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n"])
async def test_whoever_does_not_answer_the_upgrade_is_no_gateway(answer: bytes) -> None:
    """An OSError as where nobody listens, whatever the library calls it; its own error would hold our token."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        place = "{}:{}".format(*server.sockets[0].getsockname())
        with pytest.raises(ConnectionResetError, match="did not answer the upgrade") as raised:
            async with Client(f"ws://{place}"):
                pass
    assert raised.value.__context__ is None
