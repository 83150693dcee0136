"""A socket: how its client says who it is, what it may subscribe to, and when it is closed for it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from gateway.engine.hub import LINGER
from gateway.serving import Limits

Issue = Callable[..., Any]
TICKETS = "/api/v1/tickets"


async def outcome(client: Any) -> str:
    """Return what became of what was asked last: nothing, or the error's code."""
    answer = await client.next()
    return "" if answer["success"] else answer["error"]["code"]


async def refused(rig: Any, **options: Any) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await rig.client(**options)
    return refusal.value.status


async def test_a_token_is_shown_in_a_header(start: Any, issue: Issue) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept])
    client = await rig.client(headers=one.bearer)
    await client.subscribe("A")
    assert await outcome(client) == ""
    assert await refused(rig, headers=issue("admin").bearer) == 401


async def test_a_token_is_shown_as_a_subprotocol_which_is_not_sent_back(start: Any, issue: Issue) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept])
    client = await rig.client(protocols=("gateway.v1", f"gateway.token.{one.text}"))
    assert client.ws.protocol == "gateway.v1"
    assert one.text not in str(client.ws._response.headers)
    await client.subscribe("A")
    assert await outcome(client) == ""
    assert await refused(rig, protocols=(f"gateway.token.{one.text}",)) == 400
    assert await refused(rig, protocols=("gateway.v1", f"gateway.token.{issue('admin').text}")) == 401


async def test_a_ticket_is_got_with_a_token_and_is_good_once(start: Any, asking: Any, issue: Issue) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept])
    assert await asking(rig, TICKETS, "POST") == (401, "unauthorized")
    status, answer = await asking(rig, TICKETS, "POST", token=one)
    assert (status, answer["expires_in"]) == (201, 30.0)
    shown = {"protocols": ("gateway.v1", f"gateway.ticket.{answer['ticket']}")}
    client = await rig.client(**shown)
    await client.subscribe("A")
    assert await outcome(client) == ""
    assert await refused(rig, **shown) == 401
    answers = [(await asking(rig, TICKETS, "POST", token=one))[1] for _ in range(2)]
    assert answers[0] != answers[1]
    by_ticket = {"headers": {"Authorization": f"Bearer {answers[0]['ticket']}"}}
    assert await asking(rig, TICKETS, "POST", **by_ticket) == (401, "unauthorized"), "else it would have no end"


async def test_what_a_ticket_is_asked_for_with_is_checked(start: Any, asking: Any, issue: Issue) -> None:
    one = issue("metrics")
    rig = await start(tokens=[one.kept], commands_burst=1000)
    text = {"headers": {"Content-Type": "text/plain"}}
    assert await asking(rig, TICKETS, "POST", token=one, **text) == (415, "unsupported_media_type")
    assert await asking(rig, TICKETS, "POST", token=one, data=b'{"a":1}') == (400, "bad_request")
    for _ in range(100):
        assert (await asking(rig, TICKETS, "POST", token=one))[0] == 201
    assert await asking(rig, TICKETS, "POST", token=one) == (429, "too_many_tickets")


@pytest.mark.parametrize("by_ticket", [False, True])
async def test_a_client_may_say_who_it_is_in_its_first_message(
    start: Any, asking: Any, issue: Issue, by_ticket: bool
) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept])
    shown = (await asking(rig, TICKETS, "POST", token=one))[1]["ticket"] if by_ticket else one.text
    client = await rig.client()
    for method, params in (
        ("list", {}),
        ("subscribe", {"exchange": "mock", "channel": "quotes", "symbols": ["A"]}),
    ):
        await client.send(method, **params)
        assert await outcome(client) == "unauthorized"
    assert rig.hub.topics == {}
    await client.send("ping")
    assert await outcome(client) == ""
    await client.send("auth", token=shown)
    assert await outcome(client) == ""
    await client.subscribe("A")
    assert await outcome(client) == ""
    await client.send("auth", token=shown)
    assert await outcome(client) == "bad_request", "it is known already"


async def test_a_wrong_one_in_the_first_message_closes_the_socket(start: Any, issue: Issue) -> None:
    rig = await start(tokens=[issue("market:read").kept])
    client = await rig.client()
    await client.send("auth", token=issue("admin").text)
    assert await outcome(client) == "unauthorized"
    assert await client.closed() == 4501


async def test_who_does_not_say_who_they_are_in_time_is_closed(start: Any, issue: Issue) -> None:
    rig = await start(tokens=[issue("market:read").kept], introduction=0.1)
    client = await rig.client()
    for _ in range(3):
        await client.send("ping")
        await client.next()
    assert await client.closed() == 4501
    assert Limits().introduction == 5.0


async def test_where_no_token_is_needed_saying_one_is_fine(rig: Any) -> None:
    client = await rig.client()
    await client.send("auth", token="gw1_whatever")
    assert await outcome(client) == ""
    await client.subscribe("A")
    assert await outcome(client) == ""
    await client.send("auth")
    assert await outcome(client) == "bad_request"


ACCOUNT = {"exchange": "mock", "channel": "orders"}
RAW = {"exchange": "mock", "channel": "raw"}
MARKET = {"exchange": "mock", "channel": "quotes", "symbols": ["A"]}


@pytest.mark.parametrize(
    ("scopes", "market", "main", "other"),
    [
        (["market:read"], "", "forbidden", "forbidden"),
        (["account:main:read"], "forbidden", "", "forbidden"),
        (["market:read", "account:main:read", "account:other:read"], "", "", ""),
        (["admin"], "", "forbidden", "forbidden"),
        (["connection:write", "metrics"], "forbidden", "forbidden", "forbidden"),
    ],
)
async def test_each_subscription_needs_its_scope(
    start: Any, issue: Issue, scopes: list[str], market: str, main: str, other: str
) -> None:
    one = issue(*scopes)
    rig = await start(tokens=[one.kept])
    client = await rig.client(headers=one.bearer)
    wanted = (
        *((MARKET, market), ({**ACCOUNT, "account": "main"}, main), ({**ACCOUNT, "account": "other"}, other)),
        *(
            ({**RAW, "streams": ["a"]}, market),
            ({**RAW, "account": "main"}, main),
            ({**RAW, "account": "other"}, other),
        ),
    )
    for params, expected in wanted:
        await client.send("subscribe", **params)
        assert await outcome(client) == expected
    assert len(rig.hub.topics) == 2 * [market, main, other].count("")


async def test_a_refused_subscription_is_told_which_scope_it_needs(start: Any, issue: Issue) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept])
    client = await rig.client(headers=one.bearer)
    await client.send("subscribe", **ACCOUNT, account="main")
    answer = await client.next()
    assert answer["topic"] == "mock:orders:@main"
    assert answer["error"]["message"] == "the token lacks the scope account:main:read"


# --- the end of it


async def test_revocation_closes_its_sockets_and_no_others(start: Any, issue: Issue) -> None:
    one, other = issue("market:read"), issue("market:read")
    rig = await start(tokens=[one.kept, other.kept])
    mine = [await rig.client(headers=one.bearer) for _ in range(2)]
    theirs = await rig.client(headers=other.bearer)
    await mine[0].subscribe("A")
    await mine[0].next()
    rig.server.know([replace(one.kept, revoked_us=1), other.kept])
    assert [await client.closed() for client in mine] == [4501, 4501]
    await theirs.send("ping")
    assert await outcome(theirs) == ""
    assert rig.topic("A").listeners == 0


async def test_nothing_that_waits_is_sent_to_who_is_closed_for_it(start: Any, issue: Issue) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept])
    client = await rig.client(headers=one.bearer)
    await client.subscribe("BTC-USDT")
    await client.next()
    rig.publish("1")
    rig.server.know([])
    rig.publish("2")
    seen = []
    async with asyncio.timeout(10):
        while (message := await client.ws.receive()).type is aiohttp.WSMsgType.TEXT:
            seen.append(message.data)
    assert client.ws.close_code == 4501
    assert not any('"2"' in text and '"bid":"2"' in text for text in seen)


async def test_a_token_that_expires_closes_its_sockets(start: Any, issue: Issue, now_us: int) -> None:
    one = issue("market:read", expires_us=now_us + 1_500_000)
    rig = await start(tokens=[one.kept])
    client = await rig.client(headers=one.bearer)
    assert rig.server.next_end_us == one.kept.expires_us
    rig.server.expire()
    await client.send("ping")
    assert await outcome(client) == "", "not yet"
    await asyncio.sleep(1.51)  # the wall clock is the thing tested
    rig.server.expire()
    assert await client.closed() == 4501


async def test_the_first_token_closes_who_came_without(rig: Any, issue: Issue) -> None:
    client = await rig.client()
    await client.send("ping")
    await client.next()
    rig.server.know([issue("market:read").kept])
    assert await client.closed() == 4501


async def test_one_that_is_revoked_during_the_upgrade_gets_no_socket(
    start: Any, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept])
    prepare = aiohttp.web.WebSocketResponse.prepare

    async def slowly(self: Any, request: Any) -> Any:
        rig.server.know([replace(one.kept, revoked_us=1)])
        return await prepare(self, request)

    monkeypatch.setattr(aiohttp.web.WebSocketResponse, "prepare", slowly)
    assert await (await rig.client(headers=one.bearer)).closed() == 4501


# --- limits


async def test_a_token_has_so_many_sockets_however_it_is_shown(start: Any, issue: Issue) -> None:
    one, other = issue("market:read"), issue("market:read")
    rig = await start(tokens=[one.kept, other.kept], sockets=2)
    first = await rig.client(headers=one.bearer)
    await rig.client(headers=one.bearer)
    assert await refused(rig, headers=one.bearer) == 429
    await first.ws.close()
    await rig.until(lambda: rig.server.clients == 1)
    late = await rig.client()
    await late.send("auth", token=one.text)
    assert await outcome(late) == ""
    assert await refused(rig, headers=other.bearer) == 429, "the address is full"


async def test_one_that_says_so_late_is_told_that_its_token_is_full(start: Any, issue: Issue) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept], sockets=3)
    late = await rig.client()
    rig.server._reception.shares.of(one.kept.id, Limits()).sockets = 3
    await late.send("auth", token=one.text)
    assert await outcome(late) == "too_many_sockets"
    await late.subscribe("A")
    assert await outcome(late) == "unauthorized"


async def test_all_sockets_of_a_token_share_its_topics(start: Any, issue: Issue) -> None:
    one, other = issue("market:read"), issue("market:read")
    rig = await start(tokens=[one.kept, other.kept], topics=2)
    first, second = await rig.client(headers=one.bearer), await rig.client(headers=one.bearer)
    third = await rig.client(headers=other.bearer)
    for client, symbol, expected in (
        (first, "A", ""),
        (second, "B", ""),
        (first, "C", "too_many_topics"),
        (second, "C", "too_many_topics"),
        (third, "C", ""),
    ):
        await client.subscribe(symbol)
        assert await outcome(client) == expected
    await second.ws.close()
    await rig.until(lambda: rig.server.clients == 2)
    await first.subscribe("C")
    assert await outcome(first) == "too_many_lingering"
    rig.hub.sweep(rig.hub.topics["mock:quotes:B"].idle_since + LINGER)
    await first.subscribe("C")
    assert await outcome(first) == "", "what the closed socket had is given back"


async def test_coming_again_gives_a_token_no_new_openings(start: Any, issue: Issue) -> None:
    one = issue("market:read")
    rig = await start(tokens=[one.kept], topics=2, openings_per_second=1e6)
    first = await rig.client(headers=one.bearer)
    await first.subscribe("A", "B")
    await first.many(2)
    await first.ws.close()
    await rig.until(lambda: rig.server.clients == 0)
    second = await rig.client(headers=one.bearer)
    await second.subscribe("C")
    assert await outcome(second) == "too_many_lingering"
    await second.subscribe("A")
    assert await outcome(second) == ""


async def test_all_sockets_of_a_token_share_its_rate(start: Any, issue: Issue) -> None:
    one, other = issue("market:read"), issue("market:read")
    rig = await start(tokens=[one.kept, other.kept], commands_burst=2, commands_per_second=0.001)
    clients = [await rig.client(headers=token.bearer) for token in (one, one, other)]
    for client, expected in zip(
        (*clients[:2], *clients), ("", "", "rate_limited", "rate_limited", ""), strict=True
    ):
        await client.send("ping")
        assert await outcome(client) == expected
