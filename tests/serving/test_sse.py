"""Topics as server-sent events: what comes, how it is resumed, what is refused, and how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from event_source import Source, deaf

from gateway.engine.messages import TopicStatus
from gateway.engine.topics import Topic
from gateway.model.market import Book
from gateway.serving.auth.tokens import mint
from gateway.serving.sse import outbox, wire

WIDE = "9" * 4000


@asynccontextmanager
async def listening(rig: Any, *topics: str, last_id: str = "", **query: Any) -> AsyncIterator[Source]:
    headers = {**query.pop("headers", {}), **({"Last-Event-ID": last_id} if last_id else {})}
    params = [("topic", topic) for topic in topics] + [(name, str(value)) for name, value in query.items()]
    async with rig.http.get(f"{rig.base}/v1/sse", params=params, headers=headers) as reply:
        assert reply.status == 200, await reply.text()
        yield Source(reply)


async def refusal(rig: Any, *topics: str, headers: Any = None, **query: Any) -> tuple[int, str]:
    params = [("topic", topic) for topic in topics] + list(query.items())
    async with rig.http.get(f"{rig.base}/v1/sse", params=params, headers=headers) as reply:
        assert reply.content_type == "application/problem+json"
        status, code = reply.status, json.loads(await reply.read())["code"]
    assert code in await documented(rig, status)
    return status, code


async def documented(rig: Any, status: int) -> list[str]:
    """Return the codes that the document has for that status."""
    async with rig.http.get(f"{rig.base}/openapi.json") as reply:
        answers = (await reply.json())["paths"]["/v1/sse"]["get"]["responses"]
    schema = answers[str(status)]["content"]["application/problem+json"]["schema"]
    codes: list[str] = schema["allOf"][1]["properties"]["code"]["enum"]
    return codes


async def test_a_message_is_the_websockets_with_its_type_as_the_event_and_its_place_as_the_id(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("BTC-USDT")
    ack = await client.next()
    async with listening(rig, "mock:quotes:BTC-USDT") as source:
        first = await source.next()
        assert first.kind == "subscribed"
        assert {
            name: first.data[name] for name in ("method", "success", "topic", "epoch", "offset", "status")
        } == {name: ack[name] for name in ("method", "success", "topic", "epoch", "offset", "status")}
        rig.publish("1")
        rig.publish("2")
        events = await source.many(2)
        messages = await client.many(2)
        assert [event.data for event in events] == messages
        assert [(event.kind, event.last_id) for event in events] == [("update", "e1:1"), ("update", "e1:2")]
        rig.topic().become(TopicStatus.STALE, "data_stalled", 7)
        status = await source.next()
        assert (status.kind, status.last_id, status.data) == ("status", "e1:2", await client.next())
        assert source.retry is not None


async def test_the_response_may_neither_be_compressed_nor_kept_by_anybody_on_its_way(rig: Any) -> None:
    async with listening(rig, "mock:quotes:A", headers={"Accept-Encoding": "gzip, deflate, br"}) as source:
        headers = source.reply.headers
        assert headers["Content-Type"] == "text/event-stream"
        assert headers["X-Accel-Buffering"] == "no"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Transfer-Encoding"] == "chunked"
        assert headers["Connection"] == "close"
        assert "Content-Encoding" not in headers
        assert "Access-Control-Allow-Origin" not in headers


async def test_a_message_is_spelled_once_for_all_who_follow_its_topic_alone(
    rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spelled: list[bytes] = []
    real = wire.event_of

    def counting(payload: bytes) -> wire.Event:
        spelled.append(payload)
        return real(payload)

    async with listening(rig, "mock:quotes:A") as one, listening(rig, "mock:quotes:A") as other:
        await one.next()
        await other.next()
        monkeypatch.setattr(wire, "event_of", counting)
        for number in range(20):
            rig.publish(str(number), "A")
        assert [event.data for event in await one.many(20)] == [event.data for event in await other.many(20)]
    assert len(spelled) == 20


async def test_several_topics_come_in_one_stream_and_each_id_says_where_all_of_them_stand(rig: Any) -> None:
    async with listening(rig, "mock:quotes:A", "mock:trades:B", "mock:quotes:BTCUSDT") as source:
        acks = await source.many(3)
        assert [ack.data["topic"] for ack in acks] == ["mock:quotes:A", "mock:trades:B", "mock:quotes:BTC-USDT"]
        rig.publish("1", "B", "trades")
        rig.publish("2", "A")
        rig.publish("3", "B", "trades")
        rig.publish("4")
        ids = [(event.data["topic"], event.last_id) for event in await source.many(4)]
    assert ids == [
        ("mock:trades:B", "e1:0,e2:1,e3:0"),
        ("mock:quotes:A", "e1:1,e2:1,e3:0"),
        ("mock:trades:B", "e1:1,e2:2,e3:0"),
        ("mock:quotes:BTC-USDT", "e1:1,e2:2,e3:1"),
    ]


TOPICS = [("mock:quotes:A",), ("mock:quotes:A", "mock:trades:B")]


@pytest.mark.parametrize("topics", TOPICS)
async def test_who_comes_back_with_the_last_id_gets_every_message_once(rig: Any, topics: tuple[str, ...]) -> None:
    """Broken off after each single event: what was sent meanwhile follows, in order, and nothing twice."""
    seen: dict[str, list[int]] = {topic: [] for topic in topics}
    last_id, published = "", 0
    keep = await rig.client()
    for topic in topics:
        await keep.subscribe(topic.split(":")[2], channel=topic.split(":")[1])
    await rig.until(lambda: set(rig.hub.topics) == set(topics))
    while min(len(offsets) for offsets in seen.values()) < 20:
        async with listening(rig, *topics, last_id=last_id) as source:
            for topic in topics if published < 20 else ():
                rig.publish(str(published), *topic.split(":")[:0:-1])
            published += 1
            assert published <= 60, "nothing new comes"
            while (event := await source.next()).kind == "subscribed":
                assert event.data.get("recovered") is (True if last_id else None)
            seen[event.data["topic"]].append(event.data["offset"])
            last_id = event.last_id
    assert all(offsets == list(range(1, len(offsets) + 1)) for offsets in seen.values())


async def test_an_id_that_is_gone_is_said_to_be_and_a_snapshot_follows(rig: Any) -> None:
    rig.upstream.on_open = lambda topic: setattr(topic, "snapshot_of", lambda: ([Book([("1", "2")], [])], None))
    async with listening(rig, "mock:book:A", last_id="other:7") as source:
        ack, snapshot = await source.many(2)
        assert (ack.data["recovered"], ack.last_id) == (False, ""), "not before it has what it stands for"
        assert (snapshot.kind, snapshot.data["data"], snapshot.last_id) == (
            "snapshot",
            [{"bids": [["1", "2"]], "asks": []}],
            "e1:0",
        )


async def test_an_id_that_is_gone_is_forgotten_at_once(rig: Any) -> None:
    async with listening(rig, "mock:trades:A", "mock:trades:B", last_id="other:7,other:8") as source:
        acks = await source.many(2)
        assert [ack.data["recovered"] for ack in acks] == [False, False]
        await rig.until(lambda: rig.topic("B", "trades").listeners == 1)
        rig.publish("1", "A", "trades")
        assert (await source.next()).last_id == "e1:1,e2:0"


async def test_who_breaks_off_before_the_snapshot_of_one_of_its_topics_gets_it_when_it_comes_back(
    rig: Any,
) -> None:
    rig.upstream.on_open = lambda topic: setattr(topic, "snapshot_of", lambda: ([Book([("1", "2")], [])], None))
    async with listening(rig, "mock:book:A", "mock:book:B") as source:
        _, snapshot = await source.many(2)
        assert snapshot.last_id == "e1:0,"
    async with listening(rig, "mock:book:A", "mock:book:B", last_id=snapshot.last_id) as source:
        first, second, snapshot = await source.many(3)
    assert (first.data["recovered"], "recovered" in second.data) == (True, False)
    assert (snapshot.data["topic"], snapshot.last_id) == ("mock:book:B", "e1:0,e2:0")


async def test_where_nothing_must_follow_the_answer_the_place_is_said_at_once(rig: Any) -> None:
    async with listening(rig, "mock:trades:A") as source:
        await source.next()
        await rig.until(lambda: rig.topic("A", "trades").listeners == 1)
        rig.topic("A", "trades").become(TopicStatus.STALE, "data_stalled", 7)
        assert (await source.next()).last_id == "e1:0"


async def test_raw_json_with_line_breaks_is_one_line_of_the_same_value(rig: Any) -> None:
    async with listening(rig, 'mock:raw:a"b:c') as source:
        await source.next()
        topic = rig.hub.topics['mock:raw:a"b:c']
        topic.publish_raw(b'{\r\n "a": [1,\n2],\r "b": "x\\ny"\n}', False, 3)
        topic.publish_raw(b"no\nJSON\r", False, 3)
        first, second = await source.many(2)
    assert (first.data["data"], first.last_id) == ({"a": [1, 2], "b": "x\ny"}, "e1:1")
    assert second.data["data"] == "no\nJSON\r"


async def test_options_of_the_stream_protocol_hold_for_all_topics(rig: Any) -> None:
    rig.upstream.on_open = lambda topic: setattr(topic, "snapshot_of", lambda: ([Book([], [])], None))
    async with listening(rig, "mock:book:A", snapshot="false", conflate_ms=50, on_lag="drop_oldest") as source:
        await source.next()
        for price in "123":
            rig.topic("A", "book").publish("update", [Book([(price, "1")], [])], None, 1)
        first, folded = await source.many(2)
    assert (first.kind, first.data["offset"]) == ("update", 1)
    assert (folded.data["first"], folded.data["offset"], folded.last_id) == (2, 3, "e1:3")


@pytest.mark.parametrize(
    ("topics", "query", "status", "code"),
    [
        ((), {}, 400, "bad_request"),
        (("quotes",), {}, 400, "bad_request"),
        (("mock:quotes:",), {}, 400, "bad_request"),
        (("mock:orders:A",), {}, 400, "bad_request"),
        (("mock:quotes:@main",), {}, 400, "bad_request"),
        (("m ck:quotes:A",), {}, 400, "bad_request"),
        (("mock:quotes:A", "mock:quotes:A"), {}, 400, "bad_request"),
        (("mock:quotes:BTCUSDT", "mock:quotes:BTC-USDT"), {}, 400, "bad_request"),
        (tuple(f"mock:quotes:S{i}" for i in range(51)), {}, 400, "bad_request"),
        (("mock:quotes:A",), {"conflate_ms": "-1"}, 400, "bad_request"),
        (("mock:quotes:A",), {"conflate_ms": "soon"}, 400, "bad_request"),
        (("mock:quotes:A",), {"snapshot": "perhaps"}, 400, "bad_request"),
        (("mock:quotes:A",), {"topics": "mock:quotes:B"}, 400, "bad_request"),
        (("mock:trades:A",), {"conflate_ms": "5"}, 422, "cannot_conflate"),
        (("mock:orders:@main",), {"on_lag": "drop_oldest"}, 422, "cannot_drop"),
        (("mock:quotes:A", "mock:quotes:NOPE"), {}, 422, "unknown_symbol"),
        (("elsewhere:quotes:A",), {}, 422, "unknown_exchange"),
    ],
)
async def test_what_cannot_be_had_is_refused_before_the_response_begins_and_nothing_is_opened(
    rig: Any, topics: tuple[str, ...], query: dict[str, str], status: int, code: str
) -> None:
    assert await refusal(rig, *topics, **query) == (status, code)
    assert rig.upstream.opened == []
    assert rig.server.clients == 0


@pytest.mark.parametrize("last_id", ["e1", "e1:", "e1:x", "e1:-1", "e1:1,", "é:1", "e 1:1", "e1:" + "1" * 30])
async def test_an_id_that_is_none_of_this_stream_is_refused(rig: Any, last_id: str) -> None:
    assert await refusal(rig, "mock:quotes:A", headers={"Last-Event-ID": last_id}) == (400, "bad_request")


async def test_an_older_http_is_refused_since_its_bodies_have_no_end(rig: Any) -> None:
    reader, writer = await asyncio.open_connection(*rig.server.address)
    writer.write(b"GET /v1/sse?topic=mock:quotes:A HTTP/1.0\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    assert b" 505 " in answer.split(b"\r\n")[0]


async def test_a_foreign_page_gets_nothing_and_one_that_is_allowed_may_read(start: Any) -> None:
    rig = await start(origins=("https://app.example",))
    foreign = {"Origin": "https://evil.example"}
    assert await refusal(rig, "mock:quotes:A", headers=foreign) == (403, "origin_not_allowed")
    assert await refusal(rig, "mock:quotes:A", headers={"Host": "evil.example"}) == (403, "host_not_allowed")
    async with listening(rig, "mock:quotes:A", headers={"Origin": "https://app.example"}) as source:
        assert source.reply.headers["Access-Control-Allow-Origin"] == "https://app.example"


@pytest.mark.parametrize("path", ["/v1/sse?topic=mock:quotes:A", "/api/v1/events"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_foreign_page_cannot_open_topics_by_naming_us_in_an_image(rig: Any, path: str, site: str) -> None:
    """Browsers say no Origin then, but that the page is another's."""
    assert (await rig.problem(path, **{"Sec-Fetch-Site": site}))[1]["code"] == "origin_not_allowed"
    assert rig.upstream.opened == []
    for own in ("same-origin", "none"):
        async with listening(rig, "mock:quotes:A", headers={"Sec-Fetch-Site": own}) as source:
            await source.next()


async def test_each_topic_needs_its_scope_and_revocation_ends_the_stream_at_once(start: Any) -> None:
    market, owner = (
        mint(["market:read"], name="a", now_us=1, expires_us=None),
        mint(["account:main:read"], name="b", now_us=1, expires_us=None),
    )
    rig = await start(tokens=[market[1], owner[1]])
    bearer = [{"Authorization": f"Bearer {text.reveal()}"} for text, _ in (market, owner)]
    assert await refusal(rig, "mock:quotes:A") == (401, "unauthorized")
    assert await refusal(rig, "mock:quotes:A", "mock:orders:@main", headers=bearer[0]) == (403, "forbidden")
    assert await refusal(rig, "mock:raw:@main", headers=bearer[0]) == (403, "forbidden")
    assert await refusal(rig, "mock:quotes:A", headers=bearer[1]) == (403, "forbidden")
    assert rig.upstream.opened == []
    async with listening(rig, "mock:orders:@main", headers=bearer[1]) as source:
        await source.next()
        await rig.until(lambda: rig.hub.topics["mock:orders:@main"].listeners == 1)
        rig.publish("before", "@main", "orders")
        rig.server.know([market[1]])
        rig.publish("after", "@main", "orders")
        last = await source.last()
    assert (last.kind, last.data["code"]) == ("close", 4501)
    assert not any(b"event: update" in block for block in source.chunks)
    assert await refusal(rig, "mock:orders:@main", headers=bearer[1]) == (401, "unauthorized")


async def test_a_ticket_opens_one_stream_in_a_header_and_none_in_the_url(start: Any) -> None:
    text, kept = mint(["market:read"], name="a", now_us=1, expires_us=None)
    rig = await start(tokens=[kept])
    headers = {"Authorization": f"Bearer {text.reveal()}", "Content-Type": "application/json"}
    async with rig.http.post(f"{rig.base}/api/v1/tickets", headers=headers) as reply:
        ticket = (await reply.json())["ticket"]
    assert await refusal(rig, "mock:quotes:A", ticket=ticket) == (400, "token_in_url")
    bearer = {"Authorization": f"Bearer {ticket}"}
    async with listening(rig, "mock:quotes:A", headers=bearer) as source:
        await source.next()
    assert await refusal(rig, "mock:quotes:A", headers=bearer) == (401, "unauthorized")


async def test_streams_count_as_sockets_of_their_address(start: Any) -> None:
    rig = await start(sockets=1)
    async with listening(rig, "mock:quotes:A") as source:
        await source.next()
        assert await refusal(rig, "mock:quotes:A") == (429, "too_many_sockets")
    await rig.until(lambda: rig.server.clients == 0)
    async with listening(rig, "mock:quotes:A") as source:
        await source.next()


async def test_topics_count_as_those_of_any_client(start: Any) -> None:
    rig = await start(topics=2)
    assert await refusal(rig, *(f"mock:quotes:{name}" for name in "ABC")) == (422, "too_many_topics")
    await rig.until(lambda: all(topic.idle_since is not None for topic in rig.hub.topics.values()))
    async with listening(rig, "mock:quotes:A", "mock:quotes:B") as source:
        await source.many(2)
        assert [topic.listeners for topic in rig.hub.topics.values()] == [1, 1]


async def test_topics_that_were_opened_for_a_refused_stream_count_while_they_linger(start: Any) -> None:
    text, kept = mint(["market:read"], name="a", now_us=1, expires_us=None)
    rig = await start(topics=2, tokens=[kept])
    bearer = {"Authorization": f"Bearer {text.reveal()}"}
    three = tuple(f"mock:quotes:{name}" for name in "ABC")
    assert await refusal(rig, *three, headers=bearer) == (422, "too_many_topics")
    assert await refusal(rig, "mock:quotes:D", headers=bearer) == (422, "too_many_lingering")
    async with listening(rig, "mock:quotes:A", headers=bearer) as source:
        await source.next()


async def test_who_leaves_is_forgotten(rig: Any) -> None:
    async with listening(rig, "mock:quotes:A") as source:
        await source.next()
        assert rig.server.clients == 1
        source.reply.close()
    await rig.until(lambda: rig.server.clients == 0 and rig.topic("A").listeners == 0)


async def test_a_silent_topic_is_kept_alive_by_comments(start: Any) -> None:
    rig = await start(ping_interval=0.02)
    async with listening(rig, "mock:quotes:A") as source:
        await source.next()
        waiting = asyncio.create_task(source.next())
        await rig.until(lambda: source.comments >= 5)
        rig.publish("1", "A")
        assert (await waiting).kind == "update"


async def test_at_shutdown_what_waits_is_written_and_the_end_is_told(rig: Any) -> None:
    async with listening(rig, "mock:trades:A") as source:
        await source.next()
        for number in range(100):
            rig.publish(WIDE + str(number), "A", "trades")
        stopping = asyncio.create_task(rig.server.stop())
        events = await source.many(100)
        last = await source.last()
        await stopping
    assert [event.data["offset"] for event in events] == list(range(1, 101))
    assert (last.kind, last.data["code"], last.last_id) == ("close", 1001, "e1:100")
    assert rig.topic("A", "trades").listeners == 0


async def flood(rig: Any, channel: str, messages: int) -> None:
    for number in range(messages):
        rig.publish(WIDE + str(number), "A", channel)
        if number % 8 == 0:
            await asyncio.sleep(0)


async def test_who_does_not_read_is_cut_at_its_bound_and_costs_the_others_nothing(start: Any) -> None:
    rig = await start(queue=1 << 18, closing=0.1)
    await deaf(rig, "/v1/sse?topic=mock:trades:A")
    await rig.until(lambda: rig.server.clients == 1)
    async with listening(rig, "mock:trades:A") as source:
        await source.next()
        reading = asyncio.create_task(source.many(2000))
        await flood(rig, "trades", 2000)
        assert [event.data["offset"] for event in await reading] == list(range(1, 2001))
        await rig.until(lambda: rig.server.clients == 1)


async def test_who_conflates_and_takes_nothing_for_too_long_is_cut(start: Any) -> None:
    """Its queue never overflows, and nothing that it says could show that it is there."""
    rig = await start(ping_interval=0.02, silence=1.5, closing=0.1)
    await deaf(rig, "/v1/sse?topic=mock:quotes:A")
    await rig.until(lambda: rig.server.clients == 1)
    await flood(rig, "quotes", 2000)
    assert rig.server.clients == 1
    await rig.until(lambda: rig.server.clients == 0)
    assert rig.topic("A").listeners == 0


async def test_dropped_messages_are_told_and_count_for_the_id(start: Any) -> None:
    rig = await start(queue=1 << 18)
    sock = await deaf(rig, "/v1/sse?topic=mock:trades:A&on_lag=drop_oldest")
    await rig.until(lambda: rig.server.clients == 1)
    await flood(rig, "trades", 2000)
    rig.publish("end", "A", "trades")
    body = b""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(60):
        while b'"bid":"end"' not in body:
            body += await loop.sock_recv(sock, 1 << 16)
    at, lags = 0, 0
    for block in body.split(b"\n\n"):
        if b"data: " not in block:
            continue
        data = json.loads(block.partition(b"data: ")[2].partition(b"\r\n")[0])
        if b"event: subscribed" in block:
            at = data["offset"]
            continue
        last = data.get("offset", data.get("to"))
        assert data.get("offset", data.get("from")) == at + 1
        assert f"id: e1:{last}\n".encode() in block
        at, lags = last, lags + (data["type"] == "lag")
    assert (at, lags > 0) == (2001, True)


async def test_a_client_that_does_not_read_the_answers_to_its_own_url_is_cut(start: Any) -> None:
    rig = await start(stalled=0.1, closing=0.1, lag=1 << 12)
    whole = [Book([(WIDE, "1")] * 50, [])]
    rig.upstream.on_open = lambda topic: setattr(topic, "snapshot_of", lambda: (whole, None))
    await deaf(rig, "/v1/sse?" + "&".join(f"topic=mock:book:S{i}" for i in range(50)))
    await rig.until(lambda: rig.server.clients == 1)
    await rig.until(lambda: rig.server.clients == 0)
    assert not any(topic.listeners for topic in rig.hub.topics.values())


async def test_a_defect_ends_one_client_alone(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Topic, __: int) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patch:
        patch.setattr(Topic, "snapshot", broken)
        async with listening(rig, "mock:quotes:A") as source:
            last = await source.last()
    assert (last.kind, last.data["code"]) == ("close", 1011)
    async with listening(rig, "mock:quotes:A") as source:
        assert (await source.next()).kind == "subscribed"


def test_frames_of_all_sizes_are_taken_apart() -> None:
    from gateway.engine.frames import text_frame

    payloads = [b"x" * size for size in (0, 1, 125, 126, 65535, 65536)]
    assert list(wire.payloads(b"".join(map(text_frame, payloads)))) == payloads
    assert outbox.SPELLING.events(b"") == ()
