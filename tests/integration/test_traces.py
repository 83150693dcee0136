"""
A collector is told the lives of some connections, by a gateway that serves: exactly the spans that are documented.

The exchange is Binance's venue, the collector a real receiver of OTLP over HTTP, and the gateway a process that
is ended right after the last thing that was asked of it.
"""

import asyncio
import json
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from process import Process, ask
from received import Collector, Received, received, traces, tree

from gateway.client import Client, connect
from gateway.errors import Reason
from gateway.testing.faults import Refusal
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.orders import Wish
from gateway_binance.venue.replay import BinanceVenue

STREAM, NEXT, PRIVATE = "binance/stream/0", "binance/stream/1", "binance/private@main"
FUTURES = "binance-usdm/private@futures"
BOOK, TRADES, ORDERS = "binance:book:BTC-USDT", "binance:trades:BTC-USDT", "binance:orders:@main"
SECRETS = {"KEY": "demoKey123", "SECRET": "demoSecret456"}
PAGE = (Path(__file__).parents[2] / "docs/telemetry.md").read_text()
HEADER = "of-the-collector-1234"

LIVES = """
connect
  close
  dial
    step.fetch 200
    step.open
  login
  reconcile 200
  restore

connect login_refused
  close
  dial
    step.open
  login login_refused
    step.receive
    step.send

connect
  account_event balances x 3
  account_event orders
  close
  dial
    step.open
  first_data
  login
    step.receive
    step.send
  lost closed_by_peer
  reconcile 200
  restore

connect
  account_event balances x 3
  account_event orders
  close
  dial
    step.open
  first_data
  login
    step.receive
    step.send
  reconcile 200
  restore

connect
  close x 2
  control_action reconnect done
  control_action rollover done
  dial
    step.open
  first_data x 2
  login
  lost asked
  restore
  resync 200
  rollover
    step.open

connect upgrade_refused
  dial upgrade_refused
    step.open upgrade_refused 503

connect
  close
  control_action drain done
  dial
    step.open
  drain
  first_data
  login
  restore
  resync 200

connect
  backfill 200
  close
  dial
    step.open
  first_data
  login
  restore
"""
"""Each trace, as :func:`received.tree` shows it, in the order of :func:`received.traces`."""
ELSEWHERE = {"gateway.diagnosis", "gateway.late_message"}
"""What does not happen here; tests of their own have it."""

pytestmark = pytest.mark.timeout(60)


@dataclass(frozen=True)
class Told:
    """What the collector got, as it came and taken apart, and the log."""

    sent: bytes
    spans: list[Received]
    lines: list[dict[str, Any]]
    port: int


class Story:
    """The exchange, the gateway, and a client of it."""

    def __init__(self, venue: BinanceVenue, process: Process, address: str, client: Client) -> None:
        self.venue = venue
        self.process = process
        self.client = client
        self._address = address
        self._orders = count()

    async def details(self, id_: str) -> dict[str, Any]:
        return (await ask("GET", self._address, f"/api/v1/connections/{id_}"))[1]

    async def until(self, id_: str, holds: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until it holds of what is told of a connection."""
        async with asyncio.timeout(20):
            while not holds(await self.details(id_)):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)

    async def changed(self, id_: str, reason: str, times: int = 1) -> None:
        """Wait until a connection has changed so many times for that reason."""
        await self.until(id_, lambda it: [one["reason"] for one in it.get("history", ())].count(reason) == times)

    async def told(self, what: str, topic: str = BOOK) -> None:
        """Wait until the client is told a status, or sent a message of that type."""
        async with asyncio.timeout(10):
            async for message in self.client:
                if message["topic"] == topic and what in {message.get("status"), message["type"]}:
                    return

    async def act(self, id_: str, action: str) -> None:
        status, told = await ask("POST", self._address, f"/api/v1/connections/{id_}:{action}", {})
        assert status < 300, told

    def cut(self, path: str) -> None:
        for socket in self.venue.sockets.values():
            if socket.path.startswith(path):
                socket.close(1006)

    async def order(self) -> None:
        """Place an order, and wait until the client is told."""
        wish = Wish("BTCUSDT", "BUY", "LIMIT", Decimal(1), Decimal(1000), client_id=f"a{next(self._orders)}")
        self.venue.floors[Market.SPOT].desk.place(self.venue.accounts.named("main"), wish)
        await self.told("update", ORDERS)


def tables_of(venue: BinanceVenue, path: Path) -> dict[str, Any]:
    return {
        "server": {"listen": "127.0.0.1:0"},
        "store": {"path": str(path / "gateway.db")},
        "retention": {"topics": 0.1, "connections": 60},
        "exchanges": {
            "binance": {"endpoints": {**venue.addresses, "allow_plaintext": True}},
            "binance-usdm": {"endpoints": {**venue.addresses_of(Market.USDM), "allow_plaintext": True}},
        },
        "accounts": {
            "main": {"exchange": "binance", "api_key": "env:KEY", "secret": "env:SECRET"},
            "futures": {"exchange": "binance-usdm", "api_key": "env:KEY", "secret": "env:SECRET"},
        },
        "telemetry": {"traces": "otlp"},
    }


@asynccontextmanager
async def staged(path: Path, collector: Collector) -> AsyncIterator[Story]:
    async with BinanceVenue(rate=20) as venue:
        venue.faults.refuse_logins.arm("no", 1)
        tables = {
            **tables_of(venue, path),
            "subscriptions": [
                {"exchange": "binance", "channel": "orders", "account": "main"},
                {"exchange": "binance-usdm", "channel": "orders", "account": "futures"},
            ],
        }
        environ = {**SECRETS, **collector.environ, "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={HEADER}"}
        async with Process(path, tables, **environ) as process:
            address = await process.address()
            async with connect(f"ws://{address}") as client:
                yield Story(venue, process, address, client)


async def lived(story: Story) -> None:
    """Have all of it happen, one after the other; the last of it in the moment before the end."""
    await story.until(PRIVATE, lambda it: it.get("fatal", False))
    story.process.tell(signal.SIGHUP)
    await story.changed(PRIVATE, "handshake_done")
    await story.client.subscribe(ORDERS)
    await story.told("snapshot", ORDERS)
    await story.order()
    story.cut("/ws-api")
    await story.changed(PRIVATE, "handshake_done", 2)
    await story.told("live", ORDERS)
    await story.client.subscribe(BOOK)
    await story.told("live")
    story.venue.faults.lose("btcusdt@depth@100ms", 1)
    await story.told("resyncing")
    await story.told("live")
    await story.act(STREAM, "rollover")
    await story.changed(STREAM, "rollover")
    story.venue.faults.refuse_upgrades.arm(Refusal(503), 1)
    await story.act(STREAM, "reconnect")
    await story.changed(STREAM, "handshake_done", 2)
    await story.told("live")
    await story.act(STREAM, "drain")
    await story.client.subscribe(TRADES)
    await story.told("update", TRADES)
    story.venue.faults.lose("btcusdt@trade", 2)
    await story.until(NEXT, lambda _: any("rades" in asked.path for asked in story.venue.requests))
    await story.client.unsubscribe(BOOK)
    await story.until(STREAM, lambda it: it.get("state") == "DISCONNECTED")
    await story.order()
    story.process.tell(signal.SIGTERM)


async def played(path: Path) -> Told:
    with Collector() as collector:
        async with staged(path, collector) as story:
            await lived(story)
            began = time.monotonic()
            end = await story.process.end()
            assert end.status == 0, end.said
            assert time.monotonic() - began < 3
        bodies = [body for path, body in collector.bodies.queue if path == "/v1/traces"]
    lines = [json.loads(line) for line in end.said.splitlines()]
    return Told(b"".join(bodies), received(bodies), lines, story.venue.port)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Have it all happen, once, and return what was told of it."""
    return asyncio.run(played(tmp_path_factory.mktemp("traces")))


def test_exactly_what_happened_is_told_and_nothing_is_lost_at_the_end(told: Told) -> None:
    found = [tree(trace) for trace in traces(told.spans)]
    assert "\n\n".join("\n".join(lines) for lines in found) == LIVES.strip()


def test_every_trace_is_of_one_connection_and_every_span_hangs_in_it(told: Told) -> None:
    for trace in traces(told.spans):
        [root] = [span for span in trace if not span.parent_id]
        ids = {span.span_id for span in trace}
        assert len(ids) == len(trace)
        assert {span.parent_id for span in trace} <= {"", *ids}
        assert root.name == "gateway.connect"
        assert {span.attributes["gateway.connection.id"] for span in trace} == {
            root.attributes["gateway.connection.id"]
        }
        epochs = [span.attributes["gateway.epoch"] for span in trace]
        assert min(epochs) == root.attributes["gateway.epoch"]
        assert all(span.begun_ns <= span.ended_ns for span in trace)


def test_each_reconnect_links_to_the_attempt_before_it_and_nothing_else_does(told: Told) -> None:
    roots = [span for span in sorted(told.spans, key=lambda one: one.begun_ns) if not span.parent_id]
    linked = {
        (root.trace_id, before.trace_id)
        for before, root in pairwise(roots_of(roots, PRIVATE)[1:])
    } | {(root.trace_id, before.trace_id) for before, root in pairwise(roots_of(roots, STREAM))}  # fmt: skip
    spans = {span.span_id: span for span in roots}
    found = {(span.trace_id, to) for span in told.spans for to, _ in span.links}
    assert found == linked
    assert all(spans[at].trace_id == to for span in told.spans for to, at in span.links)


def roots_of(roots: list[Received], id_: str) -> list[Received]:
    return [root for root in roots if root.attributes["gateway.connection.id"] == id_]


def test_names_and_parents_are_those_of_the_documentation(told: Told) -> None:
    below = {name: parent for name, parent, _ in table("Spans")}
    assert {span.name for span in told.spans} == set(below) - ELSEWHERE
    names = {span.span_id: span.name for span in told.spans}
    for span in told.spans:
        parent = names.get(span.parent_id, "nothing")
        if below[span.name] == "its phase":
            assert parent in {"gateway.dial", "gateway.login", "gateway.rollover"}
        else:
            assert parent in below[span.name], span.name


def test_attributes_are_where_the_documentation_has_them(told: Told) -> None:
    for cell, places, _ in table("Attributes", whole=True):
        for attribute in re.findall(r"`([^`]+)`", cell):
            must, may = split(places)
            have = {span.name for span in told.spans if attribute in span.attributes}
            lack = {span.name for span in told.spans if attribute not in span.attributes}
            assert have <= must | may, attribute
            assert not lack & must, attribute
    known = {name for cell, _, _ in table("Attributes", whole=True) for name in re.findall(r"`([^`]+)`", cell)}
    assert {name for span in told.spans for name in span.attributes} <= known


def split(places: str) -> tuple[set[str], set[str]]:
    """Return which spans must have an attribute, and which may."""
    every = {name for name, _, _ in table("Spans")}
    must, may = set[str](), set[str]()
    for part in places.split("; "):
        named = set(re.findall(r"`([^`]+)`", part))
        if "where known" in part:
            may |= every if part == "where known: all" else named
        else:
            must |= every - named if part.startswith("all") else named
    return must - may, may


def table(heading: str, *, whole: bool = False) -> list[tuple[str, str, str]]:
    """Return the rows of the table below a heading: the name, or all of the first cell, and two cells more."""
    section = re.split(r"^#+ ", PAGE.split(f"# {heading}\n")[1], flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \| (.+) \|$", section, re.MULTILINE)
    assert rows
    return [(cell if whole else cell.strip("`"), place.strip(), rest) for cell, place, rest in rows]


def test_what_failed_says_why_by_a_code_and_nothing_else_does(told: Told) -> None:
    for span in told.spans:
        assert bool(span.error_type) is span.failed
        assert span.words == ""
        assert not span.failed or span.error_type in set(Reason)


def test_whom_something_was_asked_is_told_by_host_and_port(told: Told) -> None:
    for span in told.spans:
        if "server.address" in span.attributes:
            assert span.attributes["server.address"] == "127.0.0.1"
            assert span.attributes["server.port"] == told.port
            rest = {"gateway.backfill", "gateway.resync", "gateway.reconcile", "gateway.step.fetch"}
            assert span.attributes["network.protocol.name"] == ("http" if span.name in rest else "websocket")


def test_one_process_tells_of_itself(told: Told) -> None:
    [resource] = {tuple(sorted(span.resource.items())) for span in told.spans}
    of = dict(resource)
    assert (of["service.name"], of["service.version"]) == ("exchange-gateway", version("exchange-gateway"))
    assert re.fullmatch(r"[0-9a-f-]{36}", of["service.instance.id"])


@pytest.mark.parametrize("secret", [*SECRETS.values(), HEADER, "BTC", "://", "/api/", "signature"])
def test_no_span_and_no_line_shows_what_it_must_not(told: Told, secret: str) -> None:
    assert secret.encode() not in told.sent
    assert secret == "BTC" or secret not in json.dumps(told.lines)


def test_every_line_is_documented_and_has_the_trace_of_its_connection(told: Told) -> None:
    documented = set(re.findall(r"^\| `([^`]+)` \|", PAGE.split("\n## Logs\n")[1], re.MULTILINE))
    of = {(span.attributes["gateway.connection.id"], span.trace_id) for span in told.spans}
    for line in told.lines:
        assert line["event"] in documented
        assert {"timestamp", "level", "logger"} <= set(line)
        if "/" in line.get("connection", ""):
            assert (line["connection"], line["trace_id"]) in of, line
        else:
            assert "trace_id" not in line
    assert {line["connection"] for line in told.lines if line["event"] == "connection_changed"} == {
        STREAM,
        NEXT,
        PRIVATE,
        FUTURES,
    }


async def test_a_collector_that_is_away_delays_no_end_and_what_it_did_not_get_is_told(tmp_path: Path) -> None:
    async with BinanceVenue(rate=20) as venue:
        tables = {
            **tables_of(venue, tmp_path),
            "subscriptions": [{"exchange": "binance", "channel": "trades", "symbols": ["BTC-USDT"]}],
        }
        collector = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "OTEL_EXPORTER_OTLP_HEADERS": f"x={HEADER}",
        }
        async with Process(tmp_path, tables, **SECRETS, **collector) as process:
            address = await process.address()
            await venue.wait_for(lambda: any(venue.streams()))
            status, page = await ask("GET", address, "/metrics")
            assert (status, "\ngateway_spans_lost_total 0\n" in page) == (200, True)
            process.tell(signal.SIGTERM)
            end = await process.end()
    assert end.status == 0, end.said
    assert end.seconds < 3
    assert HEADER not in end.said
    [told] = [line for line in map(json.loads, end.said.splitlines()) if line["event"] == "spans_lost"]
    assert told["spans"] >= 5
    assert (told["level"], told["connection"]) == ("warning", "gateway")
