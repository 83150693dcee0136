"""A native client's socket lives and ends as any other's: limits, slowness, silence, revocation, shutdown."""

import asyncio

import pytest

WIDE = b"9" * 4000


async def test_one_client_that_does_not_read_is_closed_alone(opened):
    doorway = await opened(queue=1 << 18, closing=0.1)
    await doorway.deaf("a")
    [slow] = doorway.visitors
    others = [await doorway.client("a") for _ in range(5)]
    heard = [asyncio.create_task(other.many(1000)) for other in others]
    most = 0
    for number in range(1000):
        doorway.publish("a", WIDE + b"%d" % number)
        most = max(most, slow.pipe.outbox.size)
        await asyncio.sleep(0)
    for task in heard:
        assert await task == [f"a|{WIDE.decode()}{number}" for number in range(1000)]
    await doorway.rig.until(lambda: slow not in doorway.visitors)
    assert most < (1 << 18) + 2 * len(WIDE)  # the datum that is too much is counted, and dropped with the rest
    assert doorway.topic("a").listeners == 1
    assert len(doorway.visitors) == 5


async def test_who_asks_too_fast_is_read_no_faster_and_never_refused(opened):
    doorway = await opened(commands_per_second=50.0, commands_burst=2)
    client = await doorway.client("a")
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(7):
        await client.ws.send_str("?")
    assert await client.many(7) == ["plain: a"] * 7
    assert loop.time() - began >= 0.08


async def test_who_wants_nothing_is_closed_after_a_while(opened):
    doorway = await opened(idle=0.05, ping_interval=0.02)
    wanting, idle = await doorway.client("a"), await doorway.client()
    assert await idle.closed() == 4508
    assert await wanting.ask("-a") == "removed"
    assert await wanting.closed() == 4508


async def test_who_says_nothing_is_closed_after_a_while(opened):
    doorway = await opened(silence=0.1, ping_interval=0.02)
    deaf = await doorway.deaf("a")
    await doorway.rig.until(lambda: not doorway.visitors)
    assert deaf.fileno() >= 0


async def test_pings_are_answered(doorway):
    client = await doorway.client("a")
    await client.ws.ping(b"x")
    assert await client.ask("?") == "plain: a"


async def test_a_revoked_token_ends_the_socket_and_nothing_more_is_sent(opened, issue):
    text, kept = issue("market:read")
    doorway = await opened(tokens=[kept])
    client = await doorway.client("a", headers={"Authorization": f"Bearer {text}"})
    doorway.publish("a", b"1")
    assert await client.next() == "a|1"
    doorway.publish("a", b"2")
    doorway.rig.server.know([])
    assert doorway.topic("a").listeners == 0
    doorway.publish("a", b"3")
    last = await client.ws.receive()
    assert last.data == 4501


async def test_at_the_end_what_waits_is_written_and_everybody_is_told(doorway):
    clients = [await doorway.client("a") for _ in range(3)]
    doorway.publish("a", b"1")
    stopping = asyncio.create_task(doorway.rig.server.stop(1.0))
    for client in clients:
        assert await client.next() == "a|1"
        assert await client.closed() == 1001
    await stopping


async def test_who_leaves_is_forgotten(doorway):
    client = await doorway.client("a b")
    await client.ws.close()
    await doorway.rig.until(lambda: not doorway.visitors)
    assert [doorway.topic(one).listeners for one in "ab"] == [0, 0]
    again = await doorway.client("a")
    doorway.publish("a", b"1")
    assert await again.next() == "a|1"


async def test_what_a_token_may_have_its_sockets_share(opened, issue):
    text, kept = issue("market:read")
    doorway = await opened(tokens=[kept], topics=2, sockets=2)
    bearer = {"headers": {"Authorization": f"Bearer {text}"}}
    first, second = await doorway.client("a", **bearer), await doorway.client("b", **bearer)
    assert await first.ask("+c") == "refused +c: too_many_topics"
    assert await doorway.refused(Authorization=f"Bearer {text}") == 429
    assert await second.ask("-b") == "removed"


@pytest.mark.parametrize("stage", ["before", "after"])
async def test_a_native_client_is_seen_among_the_others(doorway, stage):
    client = await doorway.client("a" if stage == "before" else "")
    if stage == "after":
        await client.ask("+a")
    [seen] = doorway.visitors
    assert (seen.kind, list(seen.topics())) == ("native", ["mock:raw:a"])
