"""The client without an event loop, on a thread beside a real server."""

import asyncio
import threading

import pytest

from gateway.client import BlockingClient, records
from gateway.client.blocking import Loop, follow
from gateway.errors import SubscriptionError, TransportLost
from gateway.model.market import Quote

BTC = "mock:quotes:BTC-USDT"


async def on_a_thread(work):
    """Run a program without an event loop; nothing of it is left afterwards."""
    async with asyncio.timeout(20):
        result = await asyncio.to_thread(work)
    assert not [one for one in threading.enumerate() if one.name == "gateway-client"]
    return result


@pytest.fixture
async def publish(rig):
    """Publish from any thread."""
    loop = asyncio.get_running_loop()

    def publish(bid):
        done = threading.Event()
        loop.call_soon_threadsafe(lambda: (rig.publish(bid), done.set()))
        assert done.wait(5)

    return publish


async def test_a_program_subscribes_and_iterates(rig, publish):
    def program():
        with BlockingClient(rig.url) as client:
            [ack] = client.subscribe(BTC)
            for number in range(500):
                publish(f"{number}.5")
            found = []
            for message in client:
                found += records(message)
                if len(found) == 500:
                    break
            listed = [one["topic"] for one in client.topics()]
            assert client.ping()["success"]
            positions = client.positions
            [left] = client.unsubscribe(BTC)
            return ack, found, listed, positions, left["success"]

    ack, found, listed, positions, left = await on_a_thread(program)
    assert (ack["topic"], ack["success"], left) == (BTC, True, True)
    assert found == [Quote(f"{number}.5", "1", "2", "1") for number in range(500)]
    assert listed == [BTC]
    assert positions == {BTC: ("e1", 500)}


async def test_what_the_client_raises_is_raised_here(rig):
    def program():
        with BlockingClient(rig.url) as client:
            client.subscribe("mock:quotes:NOPE")

    with pytest.raises(SubscriptionError, match="no symbol NOPE"):
        await on_a_thread(program)
    with pytest.raises(OSError, match="127"):
        await on_a_thread(BlockingClient("ws://127.0.0.1:1").__enter__)


async def test_messages_that_came_before_a_loss_are_read_first(scripted, acknowledge):
    async def script(ws):
        await acknowledge(ws, {"offset": 11}, {"offset": 12})
        await ws.close(code=1001)

    url = await scripted(script)
    found = []

    def program():
        with BlockingClient(url) as client:
            client.subscribe("mock:trades:A")
            for message in client:
                found.append(message["offset"])  # noqa: PERF401  # what was read before the error counts

    with pytest.raises(TransportLost, match="1001"):
        await on_a_thread(program)
    assert found == [11, 12]


async def test_topics_are_followed(rig, publish):
    def program():
        messages = follow([BTC, "mock:quotes:ETH-USDT"], rig.url)
        publishing.start()
        message = next(messages)
        messages.close()
        publishing.join()
        return message

    def until_heard():
        while BTC not in rig.hub.topics:
            threading.Event().wait(0.001)
        publish("10")

    publishing = threading.Thread(target=until_heard)
    assert (await on_a_thread(program))["offset"] == 1


async def test_whoever_is_interrupted_ends_what_was_waited_for():
    ended = threading.Event()

    async def for_ever():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    class Interrupted(BaseException):
        pass

    def program():
        with Loop() as loop:
            real = asyncio.run_coroutine_threadsafe

            loop_is_there = threading.Event()

            def raising():
                loop_is_there.wait(5)
                raise Interrupted

            def interrupted(work, on):
                future = real(work, on)
                future.result = raising
                return future

            loop._loop.call_soon_threadsafe(lambda: loop._loop.call_soon(loop_is_there.set))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(asyncio, "run_coroutine_threadsafe", interrupted)
                with pytest.raises(Interrupted):
                    loop.do(for_ever())
            return ended.is_set()

    assert await on_a_thread(program)
