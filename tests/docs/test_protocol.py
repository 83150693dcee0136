"""docs/protocol.md tells what the server says: examples have the shape of the real thing, lists are whole."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway import Gateway
from gateway.engine.backlog import lag_frame
from gateway.engine.hub import Hub
from gateway.engine.lines import LagPolicy, Line
from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.engine.outbox import Outbox
from gateway.engine.topics import Topic
from gateway.errors import Reason, SubscriptionError
from gateway.model.account import ACCOUNT_RECORDS
from gateway.model.market import MARKET_RECORDS, Book, Quote, Trade
from gateway.model.subscriptions import Subscription, parse_topic
from gateway.serving import Server, requests
from gateway.serving.asks import ASKS
from gateway.serving.books import WRONG
from gateway.serving.codes import CloseCode
from gateway.serving.documents.codes import PROBLEMS
from gateway_mock.venue import MockVenue

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/protocol.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- example: ([\w ]+) -->\n```json\n(.*?)```", PAGE, re.DOTALL))
REQUESTS = [block for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if block not in EXAMPLES.values()]
SOURCES = [path.read_text() for path in (ROOT / "gateway").rglob("*.py")]
OVERSIZE = 1009
NAMED_BY_STATUS = {("not_found", 404), ("http_version_not_supported", 505)}
"""Codes that are their status's name, as the sentence after the table says."""
ELSEWHERE = {
    ("GET", "/v1/ws"),
    ("GET", "/v1/sse"),
    ("POST", "/api/v1/tickets"),
    ("GET", "/"),
    ("GET", "/dashboard/{file}"),
    ("GET", "/api/v1/topics"),
}
"""Routes that the page tells of outside the tables of REST, or that are for our own pages."""
TRADES, BOOK, QUOTES = (parse_topic(f"binance:{rest}:BTC-USDT") for rest in ("trades", "book", "quotes"))


class Upstream:
    """An exchange that has every symbol but one."""

    async def resolve(self, wish: Subscription, /) -> Subscription:
        if wish.symbol == "NOPE-USDT":
            raise SubscriptionError("unknown_symbol", "binance has no symbol NOPE-USDT")
        return wish

    def open(self, topic: Topic, /) -> None:
        topic.become(TopicStatus.LIVE, "", 1)
        if topic.subscription.channel == "book":
            topic.snapshot_of = lambda: ([Book([("60000.10", "1.5")], [("60000.20", "0.3")], 88123)], None)

    def close(self, topic: Topic, /) -> None:
        pass


class Running:
    """A gateway without connections."""

    def get_connection_details(self) -> dict[str, Any]:
        return {}

    def get_connection_info(self, connection_id: str) -> dict[str, Any]:
        return self.get_connection_details().get(connection_id, {})

    def get_exchange_details(self) -> dict[str, Any]:
        return {}

    def get_stats(self) -> dict[str, Any]:
        return {}

    def problems(self) -> list[str]:
        return []


def now_us() -> int:
    return time.time_ns() // 1000


@pytest.fixture
async def hub() -> Hub:
    hub = Hub(lambda: "k3f9")
    hub.connect("binance", Upstream())
    return hub


@pytest.fixture
async def address(hub) -> AsyncIterator[str]:
    server = Server(hub, Running(), host="127.0.0.1", port=0, now=time.monotonic, wall_us=now_us, version="0")
    await server.start()
    yield f"127.0.0.1:{server.address[1]}"
    await server.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def ws(session, address) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with session.ws_connect(f"ws://{address}/v1/ws", protocols=["gateway.v1"]) as ws:
        yield ws


def shape(value: Any) -> Any:
    """Return the keys and types of ``value``; a list is as its first element is."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


async def ask(ws: aiohttp.ClientWebSocketResponse, method: str, **params: Any) -> None:
    await ws.send_json({"method": method, "req_id": 1, "params": params})


def shown(name: str) -> Any:
    return json.loads(EXAMPLES[name])


async def same(ws: aiohttp.ClientWebSocketResponse, name: str) -> dict[str, Any]:
    """Check that what is received next has the shape of an example, key by key in order."""
    told: dict[str, Any] = await ws.receive_json()
    assert list(told) == list(shown(name))
    assert shape(told) == shape(shown(name))
    return told


async def test_subscribing_is_answered_as_shown(ws, hub):
    hub.find(Subscription("binance", "book", "BTC-USDT", "20")).attach(line_of(hub))
    resume = {"BTC-USDT": {"epoch": "k3f9", "offset": 0}}
    symbols = ["BTC-USDT", "NOPE-USDT"]
    await ask(ws, "subscribe", exchange="binance", channel="book", symbols=symbols, variant="20", resume=resume)
    told = await same(ws, "subscribed")
    assert told["recovered"]
    told = await same(ws, "refused")
    assert told["error"] == shown("refused")["error"]


def line_of(hub: Hub) -> Line:
    """Return another client's subscription, so that the topic keeps what it publishes."""
    topic = hub.find(Subscription("binance", "book", "BTC-USDT", "20"))
    return Line(topic, Outbox(lambda: None), LagPolicy.DISCONNECT)


async def test_a_request_that_is_refused_as_a_whole_has_no_topic(ws):
    await ask(ws, "subscribe", exchange="binance", channel="trades", symbols=["BTC-USDT"], conflate_ms=5)
    told = await same(ws, "refused request")
    assert told["error"] == shown("refused request")["error"]


async def test_other_requests_are_answered_as_shown(ws):
    await ask(ws, "subscribe", exchange="binance", channel="trades", symbols=["BTC-USDT"])
    assert (await ws.receive_json())["success"]
    await ask(ws, "list")
    await same(ws, "list")
    await ask(ws, "unsubscribe", exchange="binance", channel="trades", symbols=["BTC-USDT"])
    await same(ws, "unsubscribed")
    await ask(ws, "ping")
    await same(ws, "pong")


async def test_what_is_published_looks_as_shown(ws, hub):
    await ask(ws, "subscribe", exchange="binance", channel="trades", symbols=["BTC-USDT"])
    await ws.receive_json()
    topic = hub.find(TRADES)
    topic.publish("update", [Trade(4711, "60000.10", "0.00250", "buy", 1)], 1, now_us())
    topic.become(TopicStatus.DISCONNECTED, "connection_reset", now_us())
    bounds = {"first": 4712, "last": 4719, "after_us": 1764000000123000, "before_us": 1764000002871000}
    topic.tell(TopicEvent.GAP, "connection_reset", now_us(), **bounds)
    told = await same(ws, "update")
    assert told["data"] == [{**shown("update")["data"][0], "ts": 1}]
    assert (await same(ws, "status"))["status"] == shown("status")["status"]
    assert (await same(ws, "gap"))["status"] == "gap"


async def test_a_joining_client_gets_the_snapshot_that_is_shown(ws):
    await ask(ws, "subscribe", exchange="binance", channel="book", symbols=["BTC-USDT"])
    answer = await ws.receive_json()
    told = await same(ws, "snapshot")
    assert (told["type"], told["offset"]) == ("snapshot", answer["offset"])


def test_a_conflated_message_looks_as_shown():
    topic, outbox = Topic(QUOTES, "q7t1"), Outbox(lambda: None, lag_bytes=0)
    line = Line(topic, outbox, LagPolicy.CONFLATE)
    topic.attach(line)
    for seq in range(3):
        topic.publish("update", [Quote("60000.10", "1.5", "60000.20", "0.3", seq=seq, ts=1)], 1, 2)
    outbox.take()
    told = json.loads(outbox.take().partition(b"{")[2].join([b"{", b""]))
    assert list(told) == list(shown("conflated"))
    assert shape(told) == shape(shown("conflated"))
    assert (told["first"], told["offset"]) == (2, 3)


def test_what_is_said_of_dropped_messages_looks_as_shown():
    told = json.loads(lag_frame(Topic(TRADES, "p0x2"), 1051, 1099)[2:])
    assert told == shown("lag")


async def test_a_problem_document_looks_as_shown(session, address):
    async with session.get(f"http://{address}/api/v1/connections/mock/stream/9") as answer:
        assert answer.content_type == "application/problem+json"
        assert await answer.json(content_type=None) == shown("problem")


async def test_a_message_that_is_too_large_closes_the_socket(ws):
    await ws.send_str(" " * 65537)
    assert (await ws.receive()).data == OVERSIZE


@pytest.mark.parametrize("block", REQUESTS)
def test_every_request_that_is_shown_is_understood(block):
    asked = requests.params(requests.read(block))
    assert isinstance(asked, requests.Subscribe)
    assert asked.wishes()


def test_requests_and_examples_are_found():
    assert len(REQUESTS) == 2
    assert len(EXAMPLES) == 13


# --- what REST tells


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway with one connection."""
    async with asyncio.timeout(20), MockVenue(rate=50) as venue:
        endpoints = {**venue.addresses, "allow_plaintext": True}
        async with Gateway({"exchanges": {"mock": {"endpoints": endpoints}}}) as gateway:
            async for _ in gateway.subscribe("mock:trades:BTC-USDT"):
                break
            yield gateway


def fields(about: str) -> list[str]:
    """Return the words in the first column of the table after the sentence that begins with ``about``."""
    table = PAGE.split(f"\n**{about}** ", 1)[1].split("\n\n")[1]
    return re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)))


async def test_a_connection_has_the_fields_that_are_told(gateway):
    [connection] = gateway.get_connection_details().values()
    assert fields("A connection") == list(connection)
    told = PAGE.split("| `history` |", 1)[1].split("\n", 1)[0]
    assert re.findall(r"`(\w+)`", told) == list(connection["history"][0])


async def test_an_exchange_has_the_fields_that_are_told(gateway):
    [exchange] = gateway.operations.get_exchange_details().values()
    assert fields("An exchange") == ["id", *exchange]


async def test_the_gateway_tells_of_itself_what_is_told(session, address):
    async with session.get(f"http://{address}/api/v1/info") as answer:
        told = await answer.json()
    row = PAGE.split("| `/api/v1/info` |", 1)[1].split("\n", 1)[0]
    assert re.findall(r"`(\w+)`", row) == list(told)


# --- lists


def first_column(heading: str) -> list[str]:
    """Return the code-quoted words in the first column of the first table whose head begins with ``heading``."""
    table = PAGE.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [word for cell in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for word in cell_words(cell)]


def cell_words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell) or ([cell] if cell.isdecimal() else [])


def spoken(pattern: str) -> Iterator[str]:
    return (code for text in SOURCES for code in re.findall(pattern, text))


def test_the_methods_are_those_that_are_understood():
    assert set(first_column("method | params")) == set(requests._PARAMS)


def test_the_fields_of_subscribe_are_those_that_are_understood():
    assert set(first_column("field | default")) == set(requests.Subscribe.__struct_fields__)


def test_the_fields_of_each_channel_are_those_of_its_record():
    told = {
        channel: re.findall(r"`(\w+)`", fields)
        for channel, fields in re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|$", PAGE, re.MULTILINE)
    }
    records = {**MARKET_RECORDS, **ACCOUNT_RECORDS}
    assert told == {channel: list(record.__struct_fields__) for channel, record in records.items()}


def test_the_statuses_are_those_that_there_are():
    assert first_column("a topic *is*") == list(TopicStatus)
    assert first_column("a topic is *told*") == list(TopicEvent)


def test_the_reasons_are_those_that_there_are():
    table = PAGE.split("## Reasons", 1)[1]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(Reason)


def test_the_close_codes_are_those_that_there_are():
    assert {int(code) for code in first_column("code | means")} == {*CloseCode, OVERSIZE}


def test_the_error_codes_are_those_that_the_code_says():
    told = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (yes|no) \|$", PAGE, re.MULTILINE))
    raised = set(spoken(r"(?:SubscriptionError|BadFrameError|_refuse)\(\s*\"(\w+)\""))
    temporary = set(spoken(r"SubscriptionError\(\s*\"(\w+)\",[^()]*temporary=True"))
    assert set(told) == raised
    assert {code for code, answer in told.items() if answer == "yes"} == temporary


def told_problems() -> set[tuple[str, int]]:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (\d{3}) \|", PAGE, re.MULTILINE)
    return {(code, int(status)) for codes, status in rows for code in re.findall(r"`(\w+)`", codes)}


def test_the_problem_codes_are_those_that_the_code_says():
    said = {(code, int(status)) for status, code in spoken(r"(?:problem|ProblemError)\(\s*(\d{3}), \"(\w+)\"")}
    kinds = {(f"unknown_{kind}", 404) for kind in spoken(r"_one\(\"(\w+)\"")}
    books = {(code, PROBLEMS[code].status) for code in WRONG}
    asks = {(ask.code, 409) for ask in ASKS.values()}
    library = {("content_too_large", 413)}
    assert told_problems() == said - NAMED_BY_STATUS | kinds | books | asks | library


def test_the_documents_have_the_same_problem_codes():
    assert {(code, one.status) for code, one in PROBLEMS.items()} == told_problems() | NAMED_BY_STATUS


def served() -> set[tuple[str, str]]:
    anything: Any = Running()
    everything = {
        "standing": anything,
        "configuration": anything,
        "roster": anything,
        "metrics": anything,
        "events": anything,
    }
    server = Server(
        Hub(str), anything, host="127.0.0.1", port=0, now=time.monotonic, wall_us=now_us, version="0", **everything
    )
    routes = server._runner.app.router.routes()
    return {(route.method, route.resource.canonical) for route in routes if route.method != "HEAD"}


def test_the_paths_are_those_that_are_served():
    rows = re.findall(r"^\| `(?:([A-Z]+) )?(/[^`?]*)` \|", PAGE, re.MULTILINE)
    told = {(method or "GET", path) for method, path in rows}
    assert told == {route for route in served() if route not in ELSEWHERE and not route[1].startswith("/native/")}
