"""Native clients are sent what raw topics bring, in their exchange's own words, and share it with everybody."""

import asyncio

import aiohttp
import pytest

from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.errors import SubscriptionError


async def test_the_streams_of_an_address_come_at_once(doorway):
    client = await doorway.client("a b")
    assert await client.ask("?") == "plain: a b"
    doorway.publish("a", b"1")
    doorway.publish("b", b"2")
    assert await client.many(2) == ["a|1", "b|2"]


async def test_what_is_asked_for_is_answered_before_it_comes(doorway):
    doorway.rig.upstream.on_open = lambda topic: asyncio.get_running_loop().call_soon(
        topic.publish_raw, b"first", False, 1
    )
    client = await doorway.client()
    assert await client.ask("+a") == "added"
    assert await client.next() == "a|first"


async def test_what_is_given_up_comes_no_more(doorway):
    client = await doorway.client("a b")
    assert await client.ask("-a nobodys") == "removed"
    assert await client.ask("?") == "plain: b"
    doorway.publish("a", b"1")
    doorway.publish("b", b"2")
    assert await client.next() == "b|2"
    assert doorway.topic("a").idle_since is not None


async def test_asking_twice_is_harmless(doorway):
    client = await doorway.client("a a")
    assert await client.ask("+a a b") == "added"
    doorway.publish("a", b"1")
    doorway.publish("b", b"2")
    assert await client.many(2) == ["a|1", "b|2"]
    assert await client.ask("-a") == "removed"
    assert doorway.topic("a").listeners == 0


async def test_a_message_may_ask_for_nothing_and_be_answered_with_nothing(doorway):
    client = await doorway.client("a")
    await client.ws.send_str(".")
    assert await client.ask("?") == "plain: a"


async def test_another_shape_holds_from_then_on_and_nothing_is_missed(doorway):
    client = await doorway.client("a")
    doorway.publish("a", b"x")
    assert await client.next() == "a|x"
    assert await client.ask("=wide") == "shaped"
    doorway.publish("a", b"y")
    assert await client.next() == "A|Y"
    assert await client.ask("+b") == "added"
    doorway.publish("b", b"z")
    assert await client.next() == "B|Z"
    assert doorway.topic("a").listeners == 1
    assert await client.ask("?") == "wide: a b"


async def test_one_stream_is_open_however_many_want_it_and_a_datum_is_written_once_for_each_shape(doorway):
    plain = [await doorway.client("a") for _ in range(5)]
    wide = [await doorway.client("a", shape="wide") for _ in range(5)]
    other = await doorway.rig.client()
    await other.send("subscribe", exchange="mock", channel="raw", streams=["a"])
    assert (await other.next())["success"]
    doorway.publish("a", b'"x"')
    assert {await one.next() for one in plain} == {'a|"x"'}
    assert {await one.next() for one in wide} == {'A|"X"'}
    assert (await other.next())["data"] == "x"
    assert doorway.rig.upstream.opened == ["mock:raw:a"]
    assert doorway.spoken.written == {("plain", b'"x"'): 1, ("wide", b'"x"'): 1}


async def test_all_of_a_shape_are_sent_the_very_same_bytes(doorway):
    for _ in range(3):
        await doorway.client("a")
    doorway.publish("a", b"1")
    frames = [list(one.pipe.outbox._frames) for one in doorway.visitors]
    assert len({id(frame) for [frame] in frames}) == 1


async def test_while_only_native_clients_listen_nothing_is_kept_to_resume_from(doorway):
    await doorway.client("a")
    doorway.publish("a", b"1")
    assert doorway.topic("a").ring is None


async def test_what_makes_no_sense_is_answered_and_too_much_of_it_ends_the_socket(opened):
    doorway = await opened(protocol_errors=3)
    client = await doorway.client("a")
    assert await client.ask("what") == "nonsense"
    await client.ws.send_bytes(b"?")
    assert await client.next() == "refused None: bad_request"
    assert await client.ask("?") == "plain: a"
    assert await client.ask("what") == "nonsense"
    assert await client.closed() == 4503


async def test_a_request_that_cannot_be_had_as_a_whole_is_refused_as_a_whole(opened):
    doorway = await opened(topics=2)
    client = await doorway.client("a")
    assert await client.ask("+b c") == "refused +b c: too_many_topics"
    assert await client.ask("?") == "plain: a"
    assert doorway.topic("b").listeners == 0
    assert await client.ask("+b") == "added"


async def test_what_the_exchange_does_not_offer_is_refused(doorway):
    client = await doorway.client()
    assert await client.ask("+NOPE") == "refused +NOPE: unknown_symbol"
    assert await client.ask(f"+{'x' * 513}") == f"refused +{'x' * 513}: bad_request"

    def refuse(topic):
        raise SubscriptionError("not_offered", "no")

    doorway.rig.upstream.on_open = refuse
    assert await client.ask("+b") == "refused +b: not_offered"
    assert await client.ask("?") == "plain: "


async def test_an_address_with_streams_that_cannot_be_had_is_closed(opened):
    doorway = await opened(topics=1)
    client = await doorway.client("a b")
    assert await client.closed() == 4508
    await doorway.rig.until(lambda: not doorway.visitors)
    assert doorway.topic("a").listeners == 0


async def test_who_leaves_before_its_streams_are_there_leaves_nothing_behind(doorway):
    doorway.rig.upstream.patience = asyncio.Event()
    client = await doorway.client("a")
    await client.ws.close()
    await doorway.rig.until(lambda: not doorway.visitors)
    doorway.rig.upstream.patience.set()
    assert not doorway.rig.hub.topics
    assert not doorway.rig.server.figures._pipes


async def test_an_exchange_that_does_not_say_in_time_what_it_has_is_told(opened):
    doorway = await opened(resolving=0.01)
    client = await doorway.client()
    doorway.rig.upstream.patience = asyncio.Event()
    assert await client.ask("+a") == "refused +a: timeout"


async def test_streams_that_were_left_count_while_they_linger(opened):
    doorway = await opened(topics=2)
    client = await doorway.client("a b")
    assert await client.ask("-a") == "removed"
    assert await client.ask("+c") == "refused +c: too_many_lingering"
    assert await client.ask("+a") == "added"


# --- holes


@pytest.mark.parametrize("way", ["gap", "disconnected"])
async def test_after_a_hole_nothing_comes_whoever_was_sent_something_loses_the_socket(doorway, way):
    heard, new = await doorway.client("a"), await doorway.client("b")
    doorway.publish("a", b"1")
    late = await doorway.client("a b")
    topic = doorway.topic("a")
    if way == "gap":
        topic.tell(TopicEvent.GAP, "connection_reset", 5)
    else:
        topic.become(TopicStatus.DISCONNECTED, "connection_reset", 5)
    doorway.publish("a", b"2")
    assert await heard.next() == "a|1"
    last = await heard.ws.receive()
    assert (last.type, last.data) == (aiohttp.WSMsgType.CLOSE, 1012)
    assert last.extra == "something of a stream is missing: connection_reset"
    assert await late.next() == "a|2"
    assert await new.ask("?") == "plain: b"


async def test_who_came_after_the_last_datum_has_lost_nothing(doorway):
    first = await doorway.client("a")
    doorway.publish("a", b"1")
    assert await first.next() == "a|1"
    assert await first.ask("-a") == "removed"
    assert await first.ask("+a") == "added"
    doorway.topic("a").tell(TopicEvent.GAP, "why", 5)
    assert await first.ask("?") == "plain: a"


@pytest.mark.parametrize("status", [TopicStatus.STALE, TopicStatus.CLOSED, TopicStatus.LIVE])
async def test_what_is_no_hole_is_as_silent_as_at_the_exchange(doorway, status):
    client = await doorway.client("a")
    doorway.publish("a", b"1")
    doorway.topic("a").become(TopicStatus.RESYNCING, "", 4)
    doorway.topic("a").become(status, "why", 5)
    doorway.publish("a", b"2")
    assert await client.many(2) == ["a|1", "a|2"]


async def test_a_reason_in_the_exchanges_own_words_fits_into_a_close(doorway):
    client = await doorway.client("a")
    doorway.publish("a", b"1")
    doorway.topic("a").become(TopicStatus.DISCONNECTED, "ö" * 500, 5)
    assert await client.closed() == 1012


# --- the plugin's mistakes


async def test_a_datum_that_cannot_be_written_ends_those_who_wanted_it_so_and_nobody_else(doorway):
    plain, wide = await doorway.client("a"), await doorway.client("a", shape="wide")
    doorway.spoken.breaks_at = b"2"
    doorway.publish("a", b"1")
    doorway.publish("a", b"2")
    doorway.publish("a", b"3")
    assert await plain.many(3) == ["a|1", "a|2", "a|3"]
    assert await wide.next() == "A|1"
    assert await wide.closed() == 1011


async def test_a_plugin_that_fails_at_a_message_ends_its_client(doorway):
    client, other = await doorway.client("a"), await doorway.client("a")
    await client.ws.send_str("!")
    assert await client.closed() == 1011
    assert await other.ask("?") == "plain: a"
