"""
A collector is told the lives of some connections, by a gateway that serves: exactly the spans that are documented.

The exchange is Binance's venue, the collector a real receiver of OTLP over HTTP, and the gateway a process that
is ended right after the last thing that was asked of it.
"""

import asyncio
import json
import re
import signal
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest
from process import Process, ask
from received import Received, traces, tree
from story import FUTURES, HEADER, NEXT, PRIVATE, SECRETS, STREAM, Told, played, tables_of

from gateway.errors import Reason
from gateway_binance.venue.replay import BinanceVenue

PAGE = (Path(__file__).parents[2] / "docs/telemetry.md").read_text()

LIVES = """
connect
  close
  dial
    step.fetch 200
    step.open
  key_rights 200
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
  key_rights 200
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

pytestmark = pytest.mark.timeout(240)


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
            rest = {f"gateway.{name}" for name in ("backfill", "resync", "reconcile", "key_rights", "step.fetch")}
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
    assert end.seconds < 10
    assert HEADER not in end.said
    [told] = [line for line in map(json.loads, end.said.splitlines()) if line["event"] == "spans_lost"]
    assert told["spans"] >= 5
    assert (told["level"], told["connection"]) == ("warning", "gateway")
