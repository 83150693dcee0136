"""What is no request, and how often a client may be wrong or ask."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("text", "code", "req_id"),
    [
        ("{", "bad_json", None),
        ("[" * 60_000, "bad_request", None),
        ('{"method":"ping","params":' + "[" * 60_000, "bad_json", None),
        ('{"method":"ping","req_id":' + "[" * 500 + "]" * 500 + "}", "bad_request", None),
        ("[]", "bad_request", None),
        ('{"req_id":7}', "bad_request", 7),
        ('{"method":"ping","req_id":"7"}', "bad_request", None),
        ('{"method":"ping","req_id":7,"extra":1}', "bad_request", 7),
        ('{"method":"ping","req_id":7,"params":[]}', "bad_request", 7),
        ('{"method":"ping","req_id":7,"params":{"x":1}}', "bad_request", 7),
        ('{"method":"fly","req_id":7}', "unknown_method", 7),
        (r'{"method":"\ud800","req_id":7}', "bad_json", None),
    ],
)
async def test_what_is_no_request_is_answered_with_an_error(
    rig: Any, text: str, code: str, req_id: int | None
) -> None:
    client = await rig.client()
    await client.ws.send_str(text)
    answer = await client.next()
    assert (answer["success"], answer["error"]["code"], answer.get("req_id")) == (False, code, req_id)
    await client.send("ping", 8)
    pong = await client.next()
    assert (pong["success"], pong["req_id"], pong["method"]) == (True, 8, "ping")


async def test_of_a_name_that_is_there_twice_the_last_counts_for_scope_and_deed_alike(rig: Any) -> None:
    client = await rig.client()
    selection = '"exchange":"mock","channel":"quotes","symbols":["A"],"symbols":["BTC-USDT"]'
    twice = (
        f'"method":"fly","method":"subscribe","req_id":1,"req_id":2,"params":{{"x":1}},"params":{{{selection}}}'
    )
    await client.ws.send_str(f"{{{twice}}}")
    answer = await client.next()
    assert (answer["success"], answer["req_id"]) == (True, 2)
    assert [*rig.hub.topics] == ["mock:quotes:BTC-USDT"]


@pytest.mark.parametrize(
    "name", ["BTC\n", "BTC USDT", "a\x1cb", "a\x00", "a\x85b", "a\u3000b", "a\ufeffb", "@a", "a:b"]
)
async def test_a_name_has_nothing_in_it_that_cannot_be_seen(rig: Any, name: str) -> None:
    """Not even at its end, where a pattern of Python's would allow a line break."""
    client = await rig.client()
    await client.subscribe(name)
    answer = await client.next()
    assert answer["error"]["code"] == "bad_request"
    await client.send("subscribe", exchange="mock\n", channel="quotes", symbols=["BTC-USDT"])
    assert (await client.next())["error"]["code"] == "bad_request"


async def test_a_client_that_goes_on_being_wrong_is_closed_and_told_not_to_come_back(start: Any) -> None:
    rig = await start(protocol_errors=3)
    client = await rig.client()
    await client.ws.send_bytes(b"{}")
    await client.ws.send_str("{")
    await client.send("fly")
    codes = [message["error"]["code"] for message in await client.many(3)]
    assert codes == ["bad_request", "bad_json", "unknown_method"]
    assert await client.closed() == 4503


async def test_errors_about_topics_are_no_protocol_errors(start: Any) -> None:
    rig = await start(protocol_errors=1)
    client = await rig.client()
    await client.subscribe("NOPE")
    await client.next()
    await client.send("ping")
    assert (await client.next())["success"]


async def test_a_message_beyond_the_limit_ends_the_client(rig: Any) -> None:
    client = await rig.client()
    await client.ws.send_str("x" * (64 * 1024 + 1))
    assert await client.closed() == 1009


async def test_a_message_as_large_as_the_limit_is_fine(rig: Any) -> None:
    client = await rig.client()
    await client.ws.send_str('{"method":"ping"}'.ljust(64 * 1024))
    assert (await client.next())["success"]


async def test_requests_beyond_the_rate_are_refused_for_now(start: Any) -> None:
    rig = await start(commands_burst=3, commands_per_second=0.001)
    client = await rig.client()
    for number in range(4):
        await client.send("ping", number)
    *fine, refused = await client.many(4)
    assert all(one["success"] for one in fine)
    assert (refused["req_id"], refused["error"]["code"], refused["error"]["temporary"]) == (
        3,
        "rate_limited",
        True,
    )


async def test_symbols_do_not_count_as_requests(start: Any) -> None:
    rig = await start(commands_burst=1, commands_per_second=0.001)
    client = await rig.client()
    await client.subscribe(*(f"S{i}" for i in range(1000)))
    assert all(ack["success"] for ack in await client.many(1000))


async def test_one_address_may_not_have_more_sockets_than_its_limit(start: Any) -> None:
    rig = await start(sockets=1)
    client = await rig.client()
    status, problem = await rig.problem("/v1/ws")
    assert (status, problem["code"]) == (429, "too_many_sockets")
    await client.ws.close()
    await rig.until(lambda: rig.server.clients == 0)
    await rig.client()


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"channel": "quotes", "symbols": ["A"]}, "mock:quotes:A"),
        ({"channel": "quotes", "symbols": ["A"]}, "B"),
        ({"channel": "quotes", "symbols": ["A"]}, "N" * 200),
        ({"channel": "raw", "streams": ["a@b"]}, "mock:raw:a@b"),
        ({"channel": "orders", "account": "main"}, "@main"),
    ],
)
async def test_a_place_of_what_is_not_asked_for_is_no_place(rig: Any, params: dict[str, Any], name: str) -> None:
    client = await rig.client()
    resume = {name: {"epoch": "e1", "offset": 1}}
    await client.send("subscribe", 7, exchange="mock", resume=resume, **params)
    refused = await client.next()
    assert (refused["req_id"], refused["error"]["code"], "topic" in refused) == (7, "bad_request", False)
    assert refused["error"]["message"] == (
        f"resume has {name[:64]!r}, and the request names no symbol, stream or account so"
    )
