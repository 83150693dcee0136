"""
A whole installation in which everything goes wrong, and no secret is in what it writes, keeps, shows or sends.

Accounts of exchanges whose refusals repeat the credentials; tokens that are wrong, in the wrong place, used twice
or revoked; requests that cannot be understood; TLS, a debug log, traces and metrics for a collector.
"""

import asyncio
import contextlib
import gzip
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web

from gateway.client import connect
from gateway.errors import TransportLost
from gateway.recording.zstd import Frames
from gateway.testing.faults import Refusal
from gateway.testing.leaks import Leaks
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.private.credentials import proof
from gateway_binance.venue.private.orders import Wish
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings
from gateway_mock.venue import MockVenue

GATEWAY = ".venv/bin/python -m gateway"
PATIENCE = 60.0
ENVIRON = {
    "BINANCE_KEY": "canaryKey" + "7" * 55,
    "BINANCE_SECRET": "canarySecret" + "8" * 52,
    "MOCK_KEY": "canary-mock/key+1",
    "MOCK_SECRET": "canary mock&secret=1",
    "WRONG_SECRET": "canary-that-nobody-knows",
}
REFUSED = "gw1_canary_" + "c4n4ry" * 7
"""Looks like a token."""
ACCOUNTS = {
    "spot": ("binance", "BINANCE_KEY", "BINANCE_SECRET"),
    "usdm": ("binance-usdm", "BINANCE_KEY", "BINANCE_SECRET"),
    "mock": ("mock", "MOCK_KEY", "MOCK_SECRET"),
    "wrong": ("mock", "MOCK_KEY", "WRONG_SECRET"),
}
MARKETS = {"binance": Market.SPOT, "binance-usdm": Market.USDM}
TOPICS = (
    "binance:orders:@spot",
    "binance:raw:@spot",
    "binance-usdm:orders:@usdm",
    "mock:orders:@mock",
    "mock:trades:BTC-USDT",
)
PAGES = (
    "/openapi.json", "/asyncapi.json", "/metrics", "/readyz?verbose", "/livez", "/api", "/", "/api/v1/info",
    "/api/v1/plugins", "/api/v1/exchanges", "/api/v1/connections", "/api/v1/accounts", "/api/v1/clients",
    "/api/v1/subscriptions", "/api/v1/topics", "/api/v1/config", "/api/v1/events?format=json",
    "/api/v1/exchanges/binance/instruments", "/api/v1/exchanges/nobody", "/api/v1/books/mock/NOPE-USDT",
    "/nowhere",
)  # fmt: skip


class Collector:
    """Takes traces and metrics over HTTP."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {}

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        packed = request.headers.get("Content-Encoding") == "gzip"
        self.bodies.setdefault(request.path, []).append(
            gzip.decompress(body) if packed and body[:2] == b"\x1f\x8b" else body
        )
        return web.Response()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/{any:.*}", self.take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()


class Stage:
    """An installation, the exchanges that it knows, and whatever comes out of it."""

    def __init__(self, run: Any, room: Path) -> None:
        self.run = run
        self.room = room
        self.secrets = dict(ENVIRON) | {"refused token": REFUSED.rpartition("_")[2]}
        self.written: dict[str, bytes] = {}
        """All that came out, by where."""
        self.binance = BinanceVenue(
            settings=Settings(accounts=[Account("main", ENVIRON["BINANCE_KEY"], proof(ENVIRON["BINANCE_SECRET"]))])
        )
        self.mock = MockVenue(accounts={ENVIRON["MOCK_KEY"]: ENVIRON["MOCK_SECRET"]}, rate=20)
        self.collector = Collector()

    def keep(self, where: str, what: bytes | str) -> None:
        self.written[where] = self.written.get(where, b"") + (what.encode() if isinstance(what, str) else what)

    # --- the installation

    def configure(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.room / "ca.pem")
        issued = authority.issue_cert("127.0.0.1", "localhost")
        issued.cert_chain_pems[0].write_to_path(self.room / "cert.pem")
        issued.private_key_pem.write_to_path(self.room / "key.pem")
        tables = [
            '[server]\nlisten = "127.0.0.1:0"\n[server.tls]\ncert = "cert.pem"\nkey = "key.pem"',
            '[store]\npath = "gateway.db"\n[log]\nlevel = "debug"\nformat = "json"',
            '[telemetry]\ntraces = "otlp"\nmetrics = "otlp"',
        ]
        addresses = {name: self.binance.addresses_of(market) for name, market in MARKETS.items()}
        for name, urls in {**addresses, "mock": self.mock.addresses}.items():
            lines = "\n".join(f'{endpoint} = "{url}"' for endpoint, url in urls.items())
            tables.append(f"[exchanges.{name}.endpoints]\n{lines}\nallow_plaintext = true")
        for name, (exchange, key, secret) in ACCOUNTS.items():
            tables.append(
                f'[accounts.{name}]\nexchange = "{exchange}"\napi_key = "env:{key}"\nsecret = "env:{secret}"'
            )
        (self.room / "gateway.toml").write_text("\n".join(tables))

    async def do(self, words: str, *, ok: tuple[int, ...] = (0,), shows: bool = True, **environ: str) -> str:
        """Run a command to its end and return what it printed."""
        process = await asyncio.create_subprocess_shell(
            f"exec {sys.executable} -m gateway {words}",
            cwd=self.room,
            env={**os.environ, **ENVIRON, **environ},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            out, errors = await process.communicate()
        assert process.returncode in ok, errors.decode()
        self.keep(f"gateway {words.partition(' --')[0]}", errors + (out if shows else b""))
        return out.decode().strip()

    async def token(self, *scopes: str) -> str:
        """Make a token, which is shown this once."""
        made = await self.do("token create " + " ".join(f"--scope {scope}" for scope in scopes), shows=False)
        self.secrets[f"token {len(self.secrets)}"] = made.rpartition("_")[2]
        return made

    def note_keys(self) -> None:
        """Remember the listenKeys that there are now."""
        for number, key in enumerate(self.binance.keys._keys.values()):
            self.secrets[f"listenKey {number}"] = key.text

    # --- what is looked at

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """Yield all that came out, and all files but where secrets come from."""
        yield from self.written.items()
        for path, bodies in self.collector.bodies.items():
            yield f"OTLP {path}", b"\n".join(bodies)
        for file in self.room.rglob("*"):
            if file.is_file() and file.suffix != ".pem":
                yield str(file.relative_to(self.room)), unpacked(file)
        yield "the venues' URLs", "\n".join(self.urls()).encode()

    def urls(self) -> Iterator[str]:
        """Yield what the exchanges were asked for, but signatures and what names a stream of events."""
        for request in (*self.binance.requests, *self.mock.requests):
            rest = {name: value for name, value in request.query.items() if name not in {"signature", "listenKey"}}
            yield f"{request.path} {rest}"

    def leaks(self) -> list[str]:
        """Return where there is a secret."""
        assert "listenKey 0" in self.secrets
        leaks = Leaks(self.secrets)
        return [f"{where}: {leak}" for where, what in self.everything() for leak in leaks.found(what)]


def unpacked(file: Path) -> bytes:
    if file.suffix == ".zst":
        with file.open("rb") as packed:
            return b"".join(Frames(packed, file.name))
    return file.read_bytes()


def arguments(process: int) -> bytes:
    """Return how a process was started, as everybody on the machine may read it."""
    return Path(f"/proc/{process}/cmdline").read_bytes()


class Visits:
    """
    What clients do at a gateway that listens at ``address``, and what they are answered.

    Args:
        stage: keeps the answers.
        address: host and port.
        http: trusts its certificate.
        token: may do everything.
    """

    def __init__(self, stage: Stage, address: str, http: aiohttp.ClientSession, token: str) -> None:
        self.stage = stage
        self.url = f"https://{address}"
        self.http = http
        self.badge = {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, bytes]:
        async with self.http.request(method, self.url + path, **more) as reply:
            body = await reply.read()
            self.stage.keep(f"{method} {path.partition('?')[0]}", body + str(dict(reply.headers)).encode())
            return reply.status, body

    async def look(self) -> None:
        """Read every page."""
        for path in PAGES:
            status, _ = await self.ask("GET", path, headers=self.badge)
            assert status in {200, 404, 422, 503}, path

    async def misbehave(self) -> None:
        """Show tokens that are wrong, in the wrong place, twice; and say what nobody can understand."""
        bearer = {"Authorization": f"Bearer {REFUSED}"}
        assert (await self.ask("GET", "/api/v1/info", headers=bearer))[0] == 401
        good = self.badge["Authorization"].partition(" ")[2]
        for token in (REFUSED, good):
            assert (await self.ask("GET", f"/api/v1/info?token={token}"))[0] >= 400
            assert (await self.ask("GET", f"/v1/sse?topic=mock:trades:BTC-USDT&access_token={token}"))[0] >= 400
            status, _ = await self.ask("POST", "/api/v1/subscriptions", headers=self.badge, json={"token": token})
            assert status >= 400
            broken = f'{{"token": "{token}", '.encode()
            headers = {**self.badge, "Content-Type": "application/json"}
            assert (await self.ask("POST", "/api/v1/config:reload", headers=headers, data=broken))[0] >= 400
            await self.say({"method": "auth", "params": {"token": [token]}}, f'{{"token": "{token}"', token)
        await self.say({"method": "auth", "params": {"token": REFUSED}})
        await self.say(protocols=("gateway.v1", f"gateway.token.{REFUSED}"))
        _, body = await self.ask_for_a_ticket()
        ticket = json.loads(body)["ticket"]
        self.stage.secrets["ticket"] = ticket
        for _ in range(2):
            await self.say({"method": "list"}, protocols=("gateway.v1", f"gateway.ticket.{ticket}"))
        status, _ = await self.ask("POST", "/api/v1/config:reload", headers=self.badge, json={"dry_run": True})
        assert status == 200

    async def ask_for_a_ticket(self) -> tuple[int, bytes]:
        """Ask for one; the answer is where it is shown."""
        async with self.http.post(f"{self.url}/api/v1/tickets", headers=self.badge, json={}) as reply:
            return reply.status, await reply.read()

    async def say(self, *messages: Any, protocols: tuple[str, ...] = ()) -> None:
        """Say something on a socket and keep what is answered."""
        heard = []
        try:
            async with self.http.ws_connect(f"{self.url}/v1/ws", protocols=protocols) as ws:
                for message in messages:
                    await ws.send_str(message if isinstance(message, str) else json.dumps(message))
                    heard.append((await ws.receive()).data)
        except aiohttp.WSServerHandshakeError as refused:
            heard.append(refused.status)
        self.stage.keep("/v1/ws", repr(heard))


async def trade(stage: Stage, token: str, address: str) -> None:
    """Have accounts trade, then the exchanges break off and refuse them, in words that repeat the credentials."""
    told = json.dumps({"code": -2015, "msg": "Invalid API-key: " + " ".join(ENVIRON.values())}).encode()
    async with connect(f"wss://{address}", token=token, ca_file=str(stage.room / "ca.pem")) as client:
        await client.subscribe(TOPICS)
        heard: set[str] = set()
        numbers = count(1)
        async with asyncio.timeout(PATIENCE):
            while len(heard) < len(TOPICS):
                if stage.binance.keys._keys and any(
                    one.query.get("listenKey") for one in stage.binance.sockets.values()
                ):
                    place(stage, next(numbers))
                message = await anext(client)
                stage.keep("client", json.dumps(message))
                heard.add(message["topic"])
        for fault in (stage.binance.faults.refuse_requests, stage.mock.faults.refuse_requests):
            fault.arm(Refusal(401, body=told), times=3)
        stage.binance.faults.refuse_upgrades.arm(Refusal(403, body=told), times=2)
        stage.mock.faults.refuse_logins.arm(f"bad key {ENVIRON['MOCK_KEY']}", times=2)
        stage.mock.faults.refuse_subscribes.arm(f"not for {ENVIRON['MOCK_SECRET']}", times=2)
        stage.note_keys()
        for venue in (stage.binance, stage.mock):
            venue.drop()
        stage.binance.accounts.revoke("main")
        with contextlib.suppress(TimeoutError, TransportLost):
            async with asyncio.timeout(3):
                while True:
                    stage.keep("client", json.dumps(await anext(client)))


def place(stage: Stage, number: int) -> None:
    """Have both accounts of Binance place an order, and the mock's."""
    for market in MARKETS.values():
        wish = Wish("BTCUSDT", "BUY", "LIMIT", Decimal("0.1"), Decimal(1000), client_id=f"o{number}")
        stage.binance.floors[market].desk.place(stage.binance.accounts.named("main"), wish)
    order = {"order_id": number, "symbol": "btc_usdt", "side": "buy", "status": "new", "ts": 1}
    stage.mock.emit_order(order, key=ENVIRON["MOCK_KEY"])


async def live(stage: Stage) -> None:
    """Everything, from the installation to its end."""
    stage.configure()
    scopes = [f"account:{name}:read" for name in ACCOUNTS]
    token = await stage.token("admin", "market:read", "metrics", "connection:write", *scopes)
    other = await stage.token("market:read")
    await stage.do("check-config", ok=(0, 1, 78))
    await stage.do("plugins list")
    trust = ssl.create_default_context(cafile=str(stage.room / "ca.pem"))
    async with contextlib.AsyncExitStack() as stack:
        place_of_collector = await stack.enter_async_context(stage.collector.listening())
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)))
        telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": place_of_collector, "OTEL_METRIC_EXPORT_INTERVAL": "500"}
        serve = f"{GATEWAY} serve --config gateway.toml"
        started = await stack.enter_async_context(stage.run(serve, **ENVIRON, **telemetry))
        address = await started.told(r"Listening on https://(.+)")
        stage.keep("arguments", arguments(started._process.pid))
        visits = Visits(stage, address, http, token)
        reach = f"--url wss://{address} --ca-file ca.pem"
        record = f"{GATEWAY} record {' '.join(TOPICS)} --to recordings {reach}"
        recording = await stack.enter_async_context(stage.run(record, GATEWAY_TOKEN=token))
        await trade(stage, token, address)
        await visits.misbehave()
        await stage.do(f"token revoke {other.split('_')[1]}")
        await stage.do("token list")
        await visits.look()
        await stage.do(f"status {reach}", ok=(0, 1), GATEWAY_TOKEN=token)
        await stage.do(f"doctor --online {reach}", ok=(0, 1), GATEWAY_TOKEN=token)
        await stage.do(f"doctor {reach}", ok=(0, 1), GATEWAY_TOKEN=REFUSED)
        assert not recording.has_ended


@pytest.fixture
async def stage(run: Any, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(run, tmp_path)
    async with stage.binance, stage.mock:
        yield stage


@pytest.mark.timeout(240)
async def test_no_secret_is_in_anything_that_is_written_kept_shown_or_sent(stage: Stage) -> None:
    await live(stage)
    places = dict(stage.everything())
    for where in (
        "/v1/ws",
        "client",
        "arguments",
        "OTLP /v1/traces",
        "OTLP /v1/metrics",
        "gateway.db",
        "GET /api/v1/config",
    ):
        assert places[where], where
    assert any(where.startswith("recordings/") for where in places)
    assert b"login_refused" in places["GET /api/v1/connections"] or b"login_refused" in places["said-0"]
    leaks = stage.leaks()
    assert not leaks, "; ".join(leaks)
