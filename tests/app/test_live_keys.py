"""Each key that is said to take effect without a restart does so: one test for each shows it."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway import Gateway, spi
from gateway.app import Reloaded
from gateway.app.process import ServingProcess
from gateway.config.changes import LIVE
from gateway.errors import Reason
from gateway.model.subscriptions import Subscription
from gateway.serving import Server
from gateway.store import Ban
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import MockVenue

SHOWN: dict[str, Callable[..., Any]] = {}
ID, PRIVATE = "mock/stream/0", "mock/private@main"
HOUR = 3600
MEMORY = {
    "stream": "ws://memory",
    "private": "ws://memory/private",
    "rest": "http://memory",
    "allow_plaintext": True,
}


def shows(key: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark the test that shows the effect of ``key``."""

    def marked(test: Callable[..., Any]) -> Callable[..., Any]:
        SHOWN[key] = test
        return test

    return marked


def test_no_key_is_promised_that_no_test_shows() -> None:
    assert set(SHOWN) == LIVE
    assert all(globals()[test.__name__] is test for test in SHOWN.values()), "and every one of them runs"


async def reloaded(one: Any, key: str, **values: Any) -> None:
    """Have it take effect, and demand that it is said to."""
    told = await one.gateway.reload(one.changed(**values))
    assert told == Reloaded((key,), ())


# --- exchanges


@shows("exchanges.*.heartbeat_interval")
@virtually
async def test_the_venue_sees_another_pace(running) -> None:
    async with running(mock={"heartbeat_interval": 20}) as one:
        await one.gateway.connect_account("mock")
        await asyncio.sleep(101)
        assert one.venue.counts.pings == 5
        await reloaded(one, "exchanges.mock.heartbeat_interval", exchanges__mock__heartbeat_interval=0.5)
        await asyncio.sleep(100)
        assert 5 + 190 < one.venue.counts.pings <= 5 + 200
        await reloaded(one, "exchanges.mock.heartbeat_interval", exchanges__mock__heartbeat_interval=None)
        details = one.gateway.get_connection_details()[ID]
        assert (details["heartbeat_interval"], details["epoch"], details["is_healthy"]) == (5, 1, True)
        assert one.venue.counts.upgrades == 1


class Lenient(MockExchange):
    """Its sessions wait long for a pong, so that the threshold of health is what is seen."""

    @spi.hookimpl
    def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
        yield spi.Open(target.urls[target.endpoint])
        return spi.Session(heartbeat_interval=5, heartbeat_timeout=500)


@shows("exchanges.*.ping_timeout")
@virtually
async def test_a_pong_may_be_older_or_younger(running) -> None:
    async with running(plugins={"mock": Lenient()}) as one:
        await one.gateway.connect_account("mock")
        one.faults.mute = True
        await asyncio.sleep(50.1)
        assert one.gateway.get_unhealthy_connections() == {}
        await reloaded(one, "exchanges.mock.ping_timeout", exchanges__mock__ping_timeout=30)
        unhealthy = one.gateway.get_unhealthy_connections()
        assert unhealthy[ID]["unhealthy_because"] == "no pong for 50 s"
        await reloaded(one, "exchanges.mock.ping_timeout", exchanges__mock__ping_timeout=300)
        assert one.gateway.get_unhealthy_connections() == {}
        assert one.venue.counts.upgrades == 1


@shows("exchanges.*.message_timeout")
@virtually
async def test_a_message_may_be_older_or_younger(running) -> None:
    async with running() as one:
        await one.gateway.listen("mock:quotes:BTC-USDT", lambda _: None)
        await asyncio.sleep(50.1)
        assert one.gateway.get_unhealthy_connections() == {}
        await reloaded(one, "exchanges.mock.message_timeout", exchanges__mock__message_timeout=30)
        unhealthy = one.gateway.get_unhealthy_connections()
        assert unhealthy[ID]["unhealthy_because"] == "no message for 49 s", "the ack came within the first second"
        await reloaded(one, "exchanges.mock.message_timeout", exchanges__mock__message_timeout=300)
        assert one.gateway.get_unhealthy_connections() == {}
        assert one.venue.counts.upgrades == 1


class Aging(MockExchange):
    """Its connections end after a day."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        stream, *others = INFO.endpoints
        return replace(INFO, endpoints=(replace(stream, max_age=24.0 * HOUR), *others))


async def rolled_at(one: Any) -> float:
    """Return at what time of day the connection is replaced next; the clock begins at midnight."""
    changes = len(one.gateway.registry.history(ID))
    while len(one.gateway.registry.history(ID)) == changes:  # noqa: ASYNC110  # time brings it about
        await asyncio.sleep(60)
    return one.gateway.registry.history(ID)[-1].at_us / 1e6 / HOUR % 24


@shows("exchanges.*.rollover")
@virtually
async def test_connections_are_replaced_in_a_window_that_came_while_they_were_open(running) -> None:
    async with running(plugins={"mock": Aging()}) as one:
        await one.gateway.connect_account("mock")
        await asyncio.sleep(HOUR)
        await reloaded(one, "exchanges.mock.rollover", exchanges__mock__rollover={"window": "02:00-04:00"})
        assert 2 < await rolled_at(one) < 4.1
        await reloaded(one, "exchanges.mock.rollover")
        assert await rolled_at(one) < 4, "a day after it was opened, nearly"


@shows("exchanges.*.rollover.window")
@virtually
async def test_a_window_may_be_moved(running) -> None:
    async with running(plugins={"mock": Aging()}, mock={"rollover": {"window": "02:00-04:00"}}) as one:
        await one.gateway.connect_account("mock")
        await asyncio.sleep(HOUR)
        await reloaded(one, "exchanges.mock.rollover.window", exchanges__mock__rollover__window="05:00-06:00")
        assert 5 < await rolled_at(one) < 6.1


# --- accounts


@shows("accounts.*")
@virtually
async def test_an_account_that_comes_is_usable_and_one_that_goes_is_not(running) -> None:
    async with running(tables={"accounts": {}}) as one:
        account = {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}
        await reloaded(one, "accounts.main", accounts__main=account)
        assert await one.gateway.connect_account("main") is True
        await reloaded(one, "accounts.main")
        await asyncio.sleep(5)
        assert (one.gateway.get_connection_details(), len(one.venue.sockets)) == ({}, 0)


@shows("accounts.*.exchange")
@virtually
async def test_an_account_may_move_to_another_exchange(running) -> None:
    both = {name: {"endpoints": MEMORY} for name in ("mock", "other")}
    plugins = {"mock": MockExchange(), "other": MockExchange()}
    async with running(plugins=plugins, tables={"exchanges": both}) as one:
        heard: list[Any] = []
        await one.gateway.listen("mock:orders:@main", heard.append)
        await asyncio.sleep(1)
        await reloaded(one, "accounts.main.exchange", accounts__main__exchange="other")
        await one.gateway.listen("other:orders:@main", heard.append)
        await asyncio.sleep(5)
        told = [(notice.subscription.exchange, notice.status) for notice in heard]
        assert told == [("mock", "live"), ("mock", "closed"), ("other", "live")]
        assert list(one.gateway.get_connection_details()) == ["other/private@main"]


@shows("accounts.*.api_key")
@virtually
async def test_a_connection_logs_in_with_another_key(running) -> None:
    async with running(environ={"KEY": "mock-key", "SECRET": "mock-secret", "NEW": "new-key"}) as one:
        one.venue._accounts = {"mock-key": "mock-secret", "new-key": "mock-secret"}
        await one.gateway.connect_account("main")
        await reloaded(one, "accounts.main.api_key", accounts__main__api_key="env:NEW")
        await asyncio.sleep(10)
        assert [socket.account for socket in one.venue.sockets.values()] == ["new-key"]
        history = [change.reason for change in one.gateway.registry.history(PRIVATE)]
        assert history == ["asked", "handshake_done", "rollover"], "without a gap"


@shows("accounts.*.secret")
@virtually
async def test_what_had_stopped_on_a_wrong_secret_logs_in_with_the_right_one(running) -> None:
    async with running(environ={"KEY": "mock-key", "SECRET": "wrong", "NEW": "mock-secret"}) as one:
        await one.gateway.listen("mock:orders:@main", lambda _: None)
        await asyncio.sleep(600)
        assert one.state(PRIVATE) == "DISCONNECTED"
        await reloaded(one, "accounts.main.secret", accounts__main__secret="env:NEW")
        await asyncio.sleep(1)
        assert one.state(PRIVATE) == "CONNECTED"


@shows("accounts.*.key_type")
@virtually
async def test_a_secret_is_used_as_another_type_of_key(running) -> None:
    """The mock exchange wants HMAC signatures, and what looks like a private key is taken for one unless told."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    async with running(environ={"KEY": "mock-key", "SECRET": pem}) as one:
        one.venue._accounts = {"mock-key": pem}
        await one.gateway.listen("mock:orders:@main", lambda _: None)
        await asyncio.sleep(600)
        assert one.state(PRIVATE) == "DISCONNECTED"
        await reloaded(one, "accounts.main.key_type", accounts__main__key_type="hmac")
        await asyncio.sleep(1)
        assert one.state(PRIVATE) == "CONNECTED"


# --- subscriptions


@shows("subscriptions")
@virtually
async def test_what_stands_is_another(running) -> None:
    def wish(channel: str) -> dict[str, Any]:
        return {"exchange": "mock", "channel": channel, "symbols": ["BTC-USDT"]}

    async with running(tables={"subscriptions": [wish("trades"), wish("quotes")]}) as one:
        await asyncio.sleep(1)
        told = await one.gateway.reload(one.changed(subscriptions=[wish("quotes"), wish("ticker")]))
        assert told == Reloaded(("subscriptions[1]", "subscriptions"), ()), "one that came, and one that is gone"
        await asyncio.sleep(60)
        assert one.venue.wanted() == {"quotes.btc_usdt", "ticker.btc_usdt"}
        assert one.venue.counts.upgrades == 1


# --- store


@shows("store.retention")
async def test_bans_are_forgotten_sooner(tmp_path: Path) -> None:
    tables = {"store": {"path": str(tmp_path / "db")}}
    now_us = time.time_ns() // 1000
    ban = Ban(
        exchange="mock", scope=spi.Scope.IP, until_us=now_us - 10**9, reason=Reason.BANNED, noted_us=now_us - 10**9
    )
    async with Gateway(tables) as gateway:
        store = gateway._assembly._store
        await store.note_ban(ban)
        assert await store.ban_history() == (ban,)
        tables["store"]["retention"] = "10m"
        assert await gateway.reload() == Reloaded(("store.retention",), ())
        assert await store.ban_history() == ()


# --- what is remembered of what is over


@shows("retention.changes")
@virtually
async def test_fewer_changes_are_kept_of_a_connection(running) -> None:
    async with running() as one:
        await one.gateway.connect_account("mock")
        assert len(one.gateway.get_connection_details()[ID]["history"]) == 2
        await reloaded(one, "retention.changes", retention__changes=1)
        assert len(one.gateway.get_connection_details()[ID]["history"]) == 1


async def come_and_gone(one: Any, *ids: str) -> list[str]:
    """Have connections up and down again, and return of which there is anything to be told."""
    for id_ in ids:
        await one.gateway.connect_account(id_)
        await one.gateway.disconnect_account(id_)
        await asyncio.sleep(5)
    return list(one.gateway.get_connection_details())


@shows("retention.connections")
@virtually
async def test_a_connection_that_is_over_can_be_asked_about(running) -> None:
    async with running() as one:
        assert await come_and_gone(one, "main") == []
        await reloaded(one, "retention.connections", retention__connections="1m")
        assert await come_and_gone(one, "main") == [PRIVATE]
        await asyncio.sleep(30)
        await reloaded(one, "retention.connections")
        assert one.gateway.get_connection_details() == {}


@shows("retention.most_connections")
@virtually
async def test_fewer_connections_that_are_over_can_be_asked_about(running) -> None:
    async with running(tables={"retention": {"connections": "1h"}}) as one:
        assert await come_and_gone(one, "mock/stream/0", "mock/stream/1") == ["mock/stream/0", "mock/stream/1"]
        await reloaded(one, "retention.most_connections", retention__most_connections=1)
        assert list(one.gateway.get_connection_details()) == ["mock/stream/1"]
        assert await come_and_gone(one, "mock/stream/2") == ["mock/stream/2"]


async def left(one: Any, *symbols: str) -> None:
    """Have topics that nobody listens to any more."""
    for symbol in symbols:
        (await one.gateway.listen(f"mock:trades:{symbol}", lambda _: None))()


@shows("retention.topics")
@virtually
async def test_a_topic_outlives_its_last_listener_for_longer(running) -> None:
    async with running() as one:
        await reloaded(one, "retention.topics", retention__topics="1h")
        await left(one, "BTC-USDT")
        await asyncio.sleep(3500)
        assert len(one.gateway.hub.topics) == 1
        await reloaded(one, "retention.topics")
        await asyncio.sleep(2)
        assert len(one.gateway.hub.topics) == 0


@shows("retention.most_topics")
@virtually
async def test_fewer_topics_may_have_no_listener(running) -> None:
    async with running() as one:
        await left(one, "BTC-USDT", "ETH-USDT")
        await reloaded(one, "retention.most_topics", retention__most_topics=1)
        assert list(one.gateway.hub.topics) == ["mock:trades:ETH-USDT"]
        await left(one, "SOL-USDT")
        assert list(one.gateway.hub.topics) == ["mock:trades:SOL-USDT"]


class Client:
    """A listener that may come back, so that messages are kept for it."""

    wants_frames = True

    def put(self, message: object, /) -> None:
        pass

    def notify(self, notice: object, frame: bytes, /) -> None:
        pass


async def kept(one: Any) -> int:
    """Have a client hear five trades, and return how many of these it could resume from."""
    topic = one.gateway.hub.attach(Subscription("mock", "trades", "BTC-USDT"), Client())
    await asyncio.sleep(1)
    for _ in range(5):
        one.venue.emit_trade("BTC-USDT")
    await asyncio.sleep(1)
    return sum(topic.ring.after(topic.offset - number) is not None for number in range(1, 6))


@shows("retention.messages")
@virtually
async def test_fewer_messages_are_kept_for_clients_that_come_back(running) -> None:
    async with running() as one:
        assert await kept(one) == 5
        await reloaded(one, "retention.messages", retention__messages=2)
        assert await kept(one) == 2


@shows("retention.bytes")
@virtually
async def test_fewer_bytes_are_kept_for_clients_that_come_back(running) -> None:
    async with running() as one:
        assert await kept(one) == 5
        await reloaded(one, "retention.bytes", retention__bytes=1)
        assert await kept(one) == 1


# --- the process: its log, and who may come


class Serving:
    """A server in front of a gateway, and the tables that both are given."""

    def __init__(self, gateway: Gateway, tables: dict[str, Any], base: str, http: aiohttp.ClientSession) -> None:
        self.gateway = gateway
        self.tables = tables
        self.base = base
        self.http = http

    async def change(self, key: str, value: Any) -> None:
        *path, last = key.split(".")
        table = self.tables
        for part in path:
            table = table.setdefault(part, {})
        table[last] = value
        assert await self.gateway.reload() == Reloaded((key,), ())

    async def status(self, path: str = "/livez", **headers: str) -> int:
        async with self.http.get(self.base + path, headers=headers) as reply:
            return reply.status

    @asynccontextmanager
    async def client(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with self.http.ws_connect(f"{self.base}/v1/ws") as ws:
            yield ws

    async def codes(self, *requests: dict[str, Any]) -> list[str]:
        """Send all of ``requests`` at once as a new client and return the errors' codes, empty for a success."""
        async with self.client() as ws, asyncio.timeout(10):
            for request in requests:
                await ws.send_json(request)
            replies: list[dict[str, Any]] = []
            while len(replies) < len(requests):
                message = await ws.receive_json()
                replies += [message] if "success" in message else []
        return [reply.get("error", {}).get("code", "") for reply in replies]


@pytest.fixture
async def serving() -> AsyncIterator[Callable[..., Any]]:
    @asynccontextmanager
    async def started(**server: Any) -> AsyncIterator[Serving]:
        async with MockVenue() as venue, aiohttp.ClientSession() as http:
            tables: dict[str, Any] = {"server": {"listen": "127.0.0.1:0"}}
            if server:
                tables["server"]["limits"] = server
            tables["exchanges"] = {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}}
            async with Gateway(tables) as gateway:
                made = Server(
                    gateway.hub,
                    gateway.operations,
                    host="127.0.0.1",
                    port=0,
                    now=time.monotonic,
                    wall_us=lambda: 1,
                    version="1",
                )
                process = ServingProcess(made)
                process.change(gateway.settings.model_copy(update={"server": None}), gateway.settings)
                gateway.configuration.process = process
                await made.start()
                host, port = made.address
                yield Serving(gateway, tables, f"http://{host}:{port}", http)
                await made.stop(1)

    return started


PING = {"method": "ping"}


def subscribe(*symbols: str) -> dict[str, Any]:
    params = {"exchange": "mock", "channel": "trades", "symbols": list(symbols)}
    return {"method": "subscribe", "params": params}


@shows("server.allowed_origins")
async def test_a_page_may_come(serving) -> None:
    async with serving() as one:
        assert await one.status(Origin="https://app.example") == 403
        await one.change("server.allowed_origins", ["https://app.example"])
        assert await one.status(Origin="https://app.example") == 200


@shows("server.allowed_hosts")
async def test_we_may_be_reached_under_another_name(serving) -> None:
    async with serving() as one:
        assert await one.status(Host="gateway.example") == 403
        await one.change("server.allowed_hosts", ["gateway.example"])
        assert await one.status(Host="gateway.example") == 200


@shows("server.limits.topics")
async def test_a_client_may_have_fewer_topics(serving) -> None:
    async with serving() as one:
        assert await one.codes(subscribe("BTC-USDT"), subscribe("ETH-USDT")) == ["", ""]
        await one.change("server.limits.topics", 1)
        assert await one.codes(subscribe("BTC-USDT"), subscribe("ETH-USDT")) == ["", "too_many_topics"]


@shows("server.limits.sockets")
async def test_an_address_may_have_fewer_sockets(serving) -> None:
    async with serving() as one, one.client(), one.client():
        await one.change("server.limits.sockets", 2)
        assert await one.status("/v1/ws") == 429
        await one.change("server.limits.sockets", 3)
        async with one.client():
            pass


@shows("server.limits.commands_per_second")
async def test_a_client_may_ask_more_slowly(serving) -> None:
    async with serving(burst=1, commands_per_second=10**9) as one:
        assert await one.codes(*[PING] * 5) == [""] * 5
        await one.change("server.limits.commands_per_second", 1)
        assert await one.codes(*[PING] * 5) == ["", *["rate_limited"] * 4]


@shows("server.limits.burst")
async def test_a_client_may_ask_less_at_once(serving) -> None:
    async with serving(commands_per_second=1) as one:
        assert await one.codes(*[PING] * 5) == [""] * 5
        await one.change("server.limits.burst", 2)
        assert await one.codes(*[PING] * 5) == ["", "", *["rate_limited"] * 3]


@pytest.fixture
def log() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Write a line of each level and return what comes of it."""
    capsys.readouterr()
    for level in ("debug", "info", "warning"):
        getattr(structlog.get_logger("gateway"), level)("hello")
    return capsys.readouterr().err.splitlines()


@pytest.mark.usefixtures("log")
@shows("log.level")
async def test_more_and_less_is_logged(serving, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving() as one:
        for level, written in (("debug", 3), ("warning", 1), ("error", 0)):
            await one.change("log.level", level)
            assert len(lines(capsys)) == written


@pytest.mark.usefixtures("log")
@shows("log.format")
async def test_lines_look_otherwise(serving, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving() as one:
        await one.change("log.format", "console")
        assert all(line.startswith("timestamp=") for line in lines(capsys))
        await one.change("log.format", "json")
        assert {json.loads(line)["event"] for line in lines(capsys)} == {"hello"}
