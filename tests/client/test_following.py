"""Topics that are followed whatever becomes of the connection."""

import asyncio
import json
from contextlib import aclosing
from random import Random

import pytest
from aiohttp import web

from gateway.client import Following
from gateway.errors import SubscriptionError, TransportLost, UpgradeRefused

TOPIC = "mock:trades:A"
REAL = "mock:quotes:BTC-USDT"


class Pauses:
    """Takes note of the waits and is over at once."""

    def __init__(self):
        self.seconds = []

    async def __call__(self, seconds):
        self.seconds.append(seconds)
        assert len(self.seconds) < 50
        await asyncio.sleep(0)


@pytest.fixture
def pause():
    return Pauses()


def following(url, pause, topics=TOPIC, **more):
    return Following(topics, url, rng=Random(7), pause=pause, **more)


async def taken(messages, count):
    """Return the next few messages."""
    return [await anext(messages) for _ in range(count)]


def update(offset, **more):
    return {"topic": TOPIC, "type": "update", "epoch": "e1", "data": [], "offset": offset, **more}


class Gateway:
    """Plays one script for each connection, and notes what each asked for."""

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.asked = []

    async def __call__(self, ws):
        asked = json.loads(await ws.receive_str())
        self.asked.append(asked["params"])
        ack, *rest = self.scripts.pop(0)
        head = {"method": "subscribe", "req_id": asked["req_id"], "success": True, "topic": TOPIC}
        await ws.send_json({**head, "epoch": "e1", "offset": 10, "status": "live", **ack})
        for one in rest:
            if isinstance(one, int):
                await ws.close(code=one)
            elif one is None:
                ws._req.transport.abort()
            else:
                await ws.send_json(one)


async def test_a_lost_connection_is_told_dialled_again_and_resumed(scripted, pause):
    gateway = Gateway(
        ({}, update(11), update(12), None), ({"recovered": True, "offset": 13}, update(13), update(14))
    )
    async with asyncio.timeout(10), aclosing(aiter(following(await scripted(gateway), pause))) as messages:
        told = await taken(messages, 6)
    assert [(one["type"], one.get("offset")) for one in told] == [
        ("update", 11), ("update", 12), ("away", None), ("back", 13), ("update", 13), ("update", 14),
    ]  # fmt: skip
    assert told[3] == {
        "topic": TOPIC, "type": "back", "recovered": True, "status": "live", "epoch": "e1", "offset": 13,
    }  # fmt: skip
    assert "resume" not in gateway.asked[0]
    assert gateway.asked[1]["resume"] == {"A": {"epoch": "e1", "offset": 12}}
    assert len(pause.seconds) == 1


async def test_what_could_not_be_resumed_is_told_as_missing(scripted, pause):
    gateway = Gateway(({}, update(11), 1001), ({"recovered": False, "offset": 90}, update(91)))
    async with asyncio.timeout(10), aclosing(aiter(following(await scripted(gateway), pause))) as messages:
        told = await taken(messages, 4)
    assert [one["type"] for one in told] == ["update", "away", "back", "update"]
    assert "1001" in told[1]["text"]
    assert told[2]["recovered"] is False


async def test_whoever_had_no_snapshot_yet_asks_for_one_again(scripted, pause):
    quotes = "mock:quotes:A"
    snapshot = update(20, topic=quotes, type="snapshot")
    gateway = Gateway(({"topic": quotes}, None), ({"topic": quotes, "offset": 20}, snapshot))
    async with asyncio.timeout(10), aclosing(aiter(following(await scripted(gateway), pause, quotes))) as messages:
        told = await taken(messages, 3)
    assert [(one["type"], one.get("offset")) for one in told] == [("away", None), ("back", 20), ("snapshot", 20)]
    assert told[1]["recovered"] is False
    assert "resume" not in gateway.asked[1]


async def test_a_connection_that_breaks_before_the_answer_costs_no_message(scripted, pause):
    gateway = Gateway(({}, update(11), None), ({"recovered": True}, update(12)))
    answered = gateway.__call__
    connections = 0

    async def script(ws):
        nonlocal connections
        connections += 1
        if connections == 2:
            ws._req.transport.abort()
        else:
            await answered(ws)

    async with asyncio.timeout(10), aclosing(aiter(following(await scripted(script), pause))) as messages:
        told = await taken(messages, 4)
    assert [one["type"] for one in told] == ["update", "away", "back", "update"]  # told once
    assert gateway.asked[1]["resume"] == {"A": {"epoch": "e1", "offset": 11}}
    assert len(pause.seconds) == 2


@pytest.mark.parametrize("code", [1009, 4501, 4503, 4999])
async def test_after_a_close_that_is_final_nobody_comes_back(scripted, pause, code):
    gateway = Gateway(({}, update(11), code))
    async with asyncio.timeout(10), aclosing(aiter(following(await scripted(gateway), pause))) as messages:
        await anext(messages)
        with pytest.raises(TransportLost) as caught:
            await anext(messages)
    assert caught.value.code == code
    assert pause.seconds == []


@pytest.mark.parametrize("code", [1001, 1011, 4408, 4409])
async def test_after_any_other_close_it_does(scripted, pause, code):
    gateway = Gateway(({}, update(11), code), ({"recovered": True}, update(12)))
    async with asyncio.timeout(10), aclosing(aiter(following(await scripted(gateway), pause))) as messages:
        assert [one["type"] for one in await taken(messages, 4)] == ["update", "away", "back", "update"]


@pytest.mark.parametrize("temporary", [True, False])
async def test_a_topic_that_is_refused_later_is_asked_for_again_only_if_that_can_help(scripted, pause, temporary):
    error = {"code": "timeout", "message": "not now", "temporary": temporary}
    refused = ({"success": False, "error": error},)
    gateway = Gateway(({}, update(11), None), refused, ({"recovered": True}, update(12)))
    async with asyncio.timeout(10), aclosing(aiter(following(await scripted(gateway), pause))) as messages:
        await taken(messages, 2)
        if temporary:
            assert [one["type"] for one in await taken(messages, 2)] == ["back", "update"]
        else:
            with pytest.raises(SubscriptionError, match="not now"):
                await anext(messages)


async def test_what_fails_at_first_is_not_tried_again(rig, pause):
    with pytest.raises(SubscriptionError, match="no symbol NOPE"):
        await anext(aiter(following(rig.url, pause, [REAL, "mock:quotes:NOPE"])))
    with pytest.raises(OSError, match="127"):
        await anext(aiter(following("ws://127.0.0.1:1", pause)))
    assert pause.seconds == []


@pytest.mark.parametrize(("status", "comes"), [(401, False), (403, False), (429, True), (503, True)])
async def test_a_gateway_that_refuses_is_asked_again_only_if_that_can_help(pause, status, comes):
    gateway = Gateway(({}, update(11), None), ({"recovered": True}, update(12)))
    connections = 0

    async def serve(request):
        nonlocal connections
        connections += 1
        if connections == 2:
            return web.Response(status=status)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await gateway(ws)
        await ws.receive()
        return ws

    app = web.Application()
    app.router.add_get("/v1/ws", serve)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with asyncio.timeout(10), aclosing(aiter(following(url, pause))) as messages:
            await taken(messages, 2)
            if comes:
                assert [one["type"] for one in await taken(messages, 2)] == ["back", "update"]
            else:
                with pytest.raises(UpgradeRefused):
                    await anext(messages)
    finally:
        await runner.cleanup()


def test_what_is_no_topic_and_a_token_in_the_clear_are_said_at_once():
    with pytest.raises(ValueError, match="is no topic"):
        Following("nonsense")
    with pytest.raises(ValueError, match="in the clear"):
        Following(TOPIC, "ws://gateway.example", token="x")


async def test_a_real_gateway_is_followed_and_where_it_stood_is_known_afterwards(rig, pause):
    follower = following(rig.url, pause, REAL)
    async with asyncio.timeout(20), aclosing(aiter(follower)) as messages:
        first = asyncio.ensure_future(anext(messages))
        while REAL not in rig.hub.topics:  # noqa: ASYNC110  # the server signals nobody
            await asyncio.sleep(0)
        rig.publish("10")
        assert (await first)["offset"] == 1
    assert follower.positions == {REAL: ("e1", 1)}
