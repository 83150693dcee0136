"""
The documents against a running gateway, which is asked whatever can be made of them.

Everything that is asked for is harmless here: the exchange is a simulated one. What its
clients are sent meanwhile is held against the AsyncAPI document, and that one is read by the parser
of its own project, where there is Node.js.
"""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from process import Process

from gateway_mock.venue import MockVenue

sys.path.append(str(Path(__file__).parents[1] / "serving"))
from documented import closed, message_of, wrong_message, wrongs

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
EXAMPLES = 85 if FULL else 4
"""For each operation, in each way of making them: more than 2,000 cases in full size."""
CASES = 2000 if FULL else 200
ROOT = Path(__file__).parents[2]
MODULES = ROOT / ".venv/node_modules"
"""Where .ci/run installs what Node.js needs; NODE_PATH may name another place."""
ACCOUNTS = {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}}
SECRETS = {"KEY": "mock-key", "SECRET": "mock-secret"}
CHANNELS = ("trades", "quotes", "book", "raw")
ACCOUNT_CHANNELS = ("orders", "balances")
LAST = ({"gap"}, {"gap", "ordersData", "balancesData"})
"""What does not come by itself: without a cut, or unless something happens to the account."""
DATA = ("tradesData", "quotesData", "bookData", "rawData", "ordersData", "balancesData")
UNASKED = ("/v1/ws", "/v1/sse", "/api/v1/events", "/native/{exchange}{path}")
"""Sockets and responses that do not end, and what is the exchange's own."""
CONFIGURATION = """
[checks.positive_data_acceptance]
# Whether a name is that of something, and whether what is asked is possible now, no schema can say.
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "422", "429", "503"]
[[operations]]
# Which of symbols, streams and account a channel takes, no schema says either.
include-path = "/api/v1/subscriptions"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "409", "422", "429", "503"]
[checks.not_a_server_error]
# The only one that is described: there is no book that can be trusted, or the gateway is not ready.
expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""

pytestmark = pytest.mark.timeout(600 if FULL else 240)


@dataclass
class Stage:
    """A gateway in a process of its own, and a way to ask it."""

    base: str
    http: aiohttp.ClientSession
    venue: MockVenue

    async def get(self, path: str) -> Any:
        """Return the JSON at ``path``."""
        async with self.http.get(self.base + path) as reply:
            assert reply.status == 200, await reply.text()
            return json.loads(await reply.read())


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with MockVenue(rate=50) as venue:
        tables = {
            "server": {"listen": "127.0.0.1:0"},
            "exchanges": {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}},
            "accounts": ACCOUNTS,
        }
        async with Process(tmp_path, tables, **SECRETS) as process, aiohttp.ClientSession() as http:
            yield Stage(f"http://{await process.address()}", http, venue)


async def subscribe(ws: aiohttp.ClientWebSocketResponse) -> None:
    """Ask for something of every channel, and for what is refused."""
    for channel in CHANNELS:
        names = {"streams": ["trades.btc_usdt"]} if channel == "raw" else {"symbols": ["BTC-USDT", "NOPE-USDT"]}
        params = {"exchange": "mock", "channel": channel, **names}
        await ws.send_json({"method": "subscribe", "req_id": 1, "params": params})
    for channel in ACCOUNT_CHANNELS:
        params = {"exchange": "mock", "channel": channel, "account": "main"}
        await ws.send_json({"method": "subscribe", "req_id": 2, "params": params})
    paced = {"exchange": "mock", "channel": "ticker", "symbols": ["ETH-USDT"], "conflate_ms": 50}
    await ws.send_json({"method": "subscribe", "params": paced})
    for method in ("list", "ping", "nothing"):
        await ws.send_json({"method": method})
    await ws.send_str("{")


def happen(venue: MockVenue) -> None:
    """Have something happen to the account."""
    order = {"order_id": "1", "symbol": "btc_usdt", "side": "buy", "status": "new", "price": "1", "size": "2"}
    venue.emit_order(order)
    venue.emit_balance({"asset": "USDT", "free": "10", "locked": "0"})


async def test_every_message_is_as_the_document_says(stage: Stage) -> None:
    """A cut brings statuses and gaps; all is compared with schemas that allow nothing else."""
    document = closed(await stage.get("/asyncapi.json"))
    missing = {"subscribed", "refused", "listed", "done", "status", "gap", *DATA}
    asleep = {f"mock:{channel}:@main" for channel in ACCOUNT_CHANNELS}
    async with stage.http.ws_connect(f"{stage.base}/v1/ws") as ws, asyncio.timeout(60):
        await subscribe(ws)
        acts = [stage.venue.drop, partial(happen, stage.venue)]
        while missing:
            told = json.loads(await ws.receive_str())
            assert wrong_message(document, told) == [], told
            missing.discard(message_of(document, told))
            if told.get("status") == "live":
                asleep.discard(told["topic"])
            if acts and not asleep and missing <= LAST[len(acts) - 1]:
                acts.pop()()


async def test_every_answer_is_as_the_document_says(stage: Stage) -> None:
    """With schemas that allow no field that they do not name."""
    document = closed(await stage.get("/openapi.json"))
    async with stage.http.ws_connect(f"{stage.base}/v1/ws") as ws:
        await subscribe(ws)
        for _ in range(10):
            await ws.receive()
        asked = 0
        for path, item in document["paths"].items():
            schema = (
                item.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json")
            )
            if schema is None or path in UNASKED:
                continue
            told = await stage.get(_example(path, item["get"]))
            assert wrongs(document, schema["schema"], told) == [], path
            asked += 1
    assert asked >= 18


def _example(path: str, operation: dict[str, Any]) -> str:
    """Return ``path`` with examples in the places of its parameters."""
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["schema"]["examples"][0]))
    return f"{path}?verbose" if path == "/readyz" else path


async def test_whatever_is_asked_is_answered_as_the_document_says(stage: Stage, tmp_path: Path) -> None:
    """Schemathesis makes requests of the document, right ones and wrong ones, and judges the answers."""
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    excluded = [word for path in UNASKED for word in ("--exclude-path", path)]
    async with stage.http.ws_connect(f"{stage.base}/v1/ws") as ws:
        await subscribe(ws)  # so that there is something to be told of
        said, status = await _run(
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("--config-file", str(tmp_path / "schemathesis.toml"), "run", f"{stage.base}/openapi.json"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--no-color"),
            *("--seed", "1", "--generation-database", "none", "--suppress-health-check", "all"),
            *("--warnings", "off", *excluded),
            where=tmp_path,
        )
    found = re.search(r"(\d+) generated", said)
    assert status == 0, said
    assert found is not None, said
    assert int(found[1]) >= CASES


async def test_the_parser_of_its_own_project_has_nothing_to_say_of_the_stream(stage: Stage) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node.js")
    paths = [MODULES, *map(Path, filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)))]
    if not any((path / "@asyncapi/parser").is_dir() for path in paths):
        pytest.skip("@asyncapi/parser is not installed; .ci/run does it")
    document = await stage.get("/asyncapi.json")
    environ = {**os.environ, "NODE_PATH": os.pathsep.join(map(str, paths))}
    script = str(Path(__file__).with_name("asyncapi.cjs"))
    wrong = json.loads(json.dumps(document))
    wrong["operations"]["tell"]["action"] = "sing"
    said, status = await _run(node, script, told=json.dumps([document, wrong]), environ=environ)
    assert status == 0, said
    of_ours, of_wrong = json.loads(said)
    assert of_ours == []
    assert any("action" in one for one in of_wrong)


async def _run(
    *command: str, where: Path | None = None, told: str = "", environ: dict[str, str] | None = None
) -> tuple[str, int | None]:
    """Return what a command said, and its status."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=where,
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(told.encode())
    return said.decode(), process.returncode
