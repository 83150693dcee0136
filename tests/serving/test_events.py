"""What happens in the gateway: who hears of it, as a stream and as a list, and how that is resumed."""

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import pytest
from event_source import Source, deaf

from gateway.serving import events_tell
from gateway.serving.auth.tokens import mint
from gateway.serving.events_model import EventType

PATH = "/api/v1/events"


@asynccontextmanager
async def hearing(rig: Any, **headers: str) -> Any:
    async with rig.http.get(rig.base + PATH, headers={"Accept": "text/event-stream", **headers}) as reply:
        assert reply.status == 200, await reply.text()
        yield Source(reply)


async def listed(rig: Any, query: str = "format=json", **headers: str) -> dict[str, Any]:
    async with rig.http.get(f"{rig.base}{PATH}?{query}", headers=headers) as reply:
        assert (reply.status, reply.content_type) == (200, "application/json")
        return json.loads(await reply.read())


async def test_events_come_with_their_type_and_an_id_from_which_they_are_resumed(rig: Any) -> None:
    rig.events.add(EventType.CONNECTION, "error", connection="mock/stream/0", facts={"from": "connected"})
    async with hearing(rig) as source:
        start, first, came = await source.many(3)
        assert (start.kind, start.data["recovered"]) == ("start", False)
        assert (first.kind, first.last_id) == ("connection", "r:1")
        assert first.data == {
            "id": "r:1",
            "at_us": first.data["at_us"],
            "type": "connection",
            "what": "error",
            "connection": "mock/stream/0",
            "facts": {"from": "connected"},
        }
        assert (came.kind, came.data["what"], came.data["facts"]) == ("client", "connected", {"kind": "sse"})
        rig.events.add(EventType.GAP, "gap", topic="mock:trades:A")
        gap = await source.next()
    await rig.until(lambda: rig.server.clients == 0)
    rig.events.add(EventType.PLUGIN, "plugin_error", level="error")
    async with hearing(rig, **{"Last-Event-ID": gap.last_id}) as source:
        start, *missed = await source.many(4)
    assert start.data["recovered"] is True
    assert [event.data["what"] for event in missed] == ["disconnected", "plugin_error", "connected"]


async def test_the_list_is_what_is_kept_or_what_came_after_an_id(rig: Any) -> None:
    for number in range(3):
        rig.events.add(EventType.NOTICE, f"n{number}")
    whole = await listed(rig)
    assert (whole["recovered"], whole["last"]) == (False, "r:3")
    assert [event["what"] for event in whole["events"]] == ["n0", "n1", "n2"]
    later = await listed(rig, "format=json&after=r:1")
    assert (later["recovered"], [event["what"] for event in later["events"]]) == (True, ["n1", "n2"])
    assert await listed(rig, "after=r:3", Accept="application/json") == {
        "recovered": True,
        "last": "r:3",
        "events": [],
    }
    for unknown in ("r:4", "other:1", "r:-1", "r", "", "r:x"):
        told = await listed(rig, f"format=json&after={unknown}")
        assert (told["recovered"], len(told["events"])) == (False, 3)


@pytest.mark.parametrize("query", ["format=xml", "since=1", "after=" + "x" * 129, "format=json&format=sse"])
async def test_a_query_that_means_nothing_is_refused(rig: Any, query: str) -> None:
    assert (await rig.problem(f"{PATH}?{query}"))[1]["code"] == "bad_request"


async def test_addresses_and_ids_of_tokens_are_for_admins_alone(start: Any) -> None:
    some = {
        scope: mint([scope], name=scope, now_us=1, expires_us=None)
        for scope in ("admin", "market:read", "metrics")
    }
    rig = await start(tokens=[kept for _, kept in some.values()])
    bearer = {scope: {"Authorization": f"Bearer {text.reveal()}"} for scope, (text, _) in some.items()}
    rig.events.add(EventType.CONTROL, "reload", remote="192.0.2.7", token_id="abc", facts={"outcome": "done"})
    [event] = (await listed(rig, **bearer["market:read"]))["events"]
    assert (event["what"], "remote" in event, "token_id" in event) == ("reload", False, False)
    [event] = (await listed(rig, **bearer["admin"]))["events"]
    assert (event["remote"], event["token_id"]) == ("192.0.2.7", "abc")
    async with hearing(rig, **bearer["market:read"]) as one, hearing(rig, **bearer["admin"]) as other:
        await one.many(2)
        assert "remote" not in (await one.next()).data
        assert [(await other.next()).kind for _ in range(2)] == ["start", "control"]
        assert (await other.next()).data["remote"] == "127.0.0.1"
    assert (await rig.problem(PATH, **bearer["metrics"]))[1]["code"] == "forbidden"
    assert (await rig.problem(PATH))[1]["code"] == "unauthorized"


async def test_who_comes_goes_and_is_closed_is_told_and_what_is_asked_for_too(start: Any) -> None:
    rig = await start(idle=0.05)
    client = await rig.client()
    assert await client.closed() == 4508
    await rig.until(lambda: rig.server.clients == 0)
    await rig.get(
        "/api/v1/connections/mock/stream/1:reconnect", method="POST", **{"Content-Type": "application/json"}
    )
    events = (await listed(rig))["events"]
    assert [(event["type"], event["what"], event.get("client")) for event in events] == [
        ("client", "connected", "c1"),
        ("client", "closed", "c1"),
        ("client", "disconnected", "c1"),
        ("control", "reconnect", None),
    ]
    assert (events[0]["facts"], events[0]["remote"]) == ({"kind": "stream"}, "127.0.0.1")
    assert (events[1]["facts"], events[1]["text"]) == ({"code": 4508}, "no subscription for too long")
    assert events[3]["facts"]["target"] == "mock/stream/1"
    assert events[3]["facts"]["outcome"] == "done"


async def test_clients_that_come_and_go_do_not_push_everything_else_out(rig: Any) -> None:
    clock = [0.0]
    tell = events_tell.ServerEvents(rig.events, lambda: clock[0])
    for _ in range(1000):
        tell.closed("c1", 1001, "shutting down")  # type: ignore[arg-type]
    assert len(rig.events.after(None)[1]) == events_tell.A_MINUTE
    clock[0] = 61.0
    tell.closed("c1", 1001, "shutting down")  # type: ignore[arg-type]
    suppressed = rig.events.after(None)[1][-2]
    assert (suppressed.what, suppressed.facts) == ("suppressed", {"of": "client, closed", "events": 940})


async def test_an_event_is_spelled_once_for_all_who_may_see_the_same(
    rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.serving import events

    spelled: list[Any] = []
    real = events.encode

    def counting(value: Any) -> bytes:
        spelled.append(value)
        return real(value)

    async with hearing(rig) as one, hearing(rig) as other:
        await one.many(3)
        await other.many(3)
        monkeypatch.setattr(events, "encode", counting)
        for number in range(20):
            rig.events.add(EventType.NOTICE, f"n{number}")
        assert [event.last_id for event in await one.many(20)] == [event.last_id for event in await other.many(20)]
    assert len(spelled) == 20


async def test_who_does_not_read_is_cut_at_its_bound_and_forgotten(start: Any) -> None:
    rig = await start(queue=1 << 18, closing=0.1)
    await deaf(rig, PATH)
    await rig.until(lambda: rig.server.clients == 1)
    for number in range(2000):
        rig.events.add(EventType.NOTICE, "n", text="9" * 4000)
        if number % 8 == 0:
            await asyncio.sleep(0)
    await rig.until(lambda: rig.server.clients == 0)
    assert rig.events._listeners == ()


async def test_revocation_ends_it_at_once(start: Any) -> None:
    text, kept = mint(["market:read"], name="a", now_us=1, expires_us=None)
    rig = await start(tokens=[kept])
    async with hearing(rig, Authorization=f"Bearer {text.reveal()}") as source:
        await source.many(2)
        rig.server.know([])
        rig.events.add(EventType.NOTICE, "secret")
        last = await source.last()
    assert (last.kind, last.data["code"]) == ("close", 4501)
    assert not any(b"secret" in block for block in source.chunks)


async def test_an_older_http_gets_the_list_alone(rig: Any) -> None:
    for query, status in (("", b"505"), ("?format=json", b"200")):
        reader, writer = await asyncio.open_connection(*rig.server.address)
        writer.write(f"GET {PATH}{query} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        assert answer.split()[1] == status
