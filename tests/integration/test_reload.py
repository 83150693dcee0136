"""
A process that serves has its configuration changed under traffic: the venue and the clients see what changed.

For a few seconds; with ``GATEWAY_FULL_SIZE`` a hundred changes, each as the venue sees it.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from operator import sub
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import pytest

from gateway.client import Client, connect
from gateway.testing.sockets import VenueSocket
from gateway_mock.venue import MockVenue

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
CHANGES = 100 if FULL else 2
RATE = 40.0
CHANNELS = ("trades", "quotes", "ticker", "book")
SYMBOLS = ("BTC-USDT", "ETH-USDT", "SOL-USDT")
COMMAND = ".venv/bin/python -m gateway serve"
ID, PRIVATE = "mock/stream/0", "mock/private@main"
JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.timeout(900 if FULL else 240)


class Heard:
    """What a client is told: every number of every topic once and in order, and nothing but data."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.messages = 0
        self.wrong: list[str] = []

    async def listen(self, client: Client) -> None:
        async for message in client:
            topic = message["topic"]
            if message["type"] == "status" and message["status"] != "live":
                self.wrong.append(f"{topic} is told {message['status']}")
            for record in message.get("data", ()):
                self.take(topic, next(record[name] for name in ("id", "seq", "ts") if name in record))

    def take(self, topic: str, number: int) -> None:
        before = self.last.get(topic)
        if before is not None and not (number > before if ":ticker:" in topic else number == before + 1):
            self.wrong.append(f"{topic}: {number} after {before}")
        self.last[topic] = number
        self.messages += 1


class Operator:
    """Whoever edits the file, sends signals and asks over REST; and what the venue and the log then show."""

    def __init__(
        self, command: Any, venue: MockVenue, file: Path, address: str, http: aiohttp.ClientSession
    ) -> None:
        self.venue = venue
        self.command = command
        self.heard = Heard()
        self.http = http
        self.url = f"http://{address}/api/v1"
        self._file = file

    # --- what is done

    def write(self, text: str) -> None:
        self._file.write_text(text)

    def write_pace(self, pace: float, more: str = "") -> None:
        self.write(configured(self.venue, f"heartbeat_interval = {pace}", more))

    def hang_up(self) -> None:
        self.command.signal(signal.SIGHUP)

    async def post(self, **body: Any) -> tuple[int, dict[str, Any]]:
        async with self.http.post(f"{self.url}/config:reload", json=body, headers=JSON) as reply:
            return reply.status, json.loads(await reply.read())

    async def get(self, path: str) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/{path}") as reply:
            found: dict[str, Any] = await reply.json()
            return found

    # --- what comes of it

    @property
    def public(self) -> VenueSocket:
        [socket] = [one for one in self.venue.sockets.values() if one.path == "/"]
        return socket

    @property
    def accounts(self) -> list[str | None]:
        return [one.account for one in self.venue.sockets.values() if one.path == "/private"]

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in self.command.errors.splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == event]

    async def until_paced(self, pace: float) -> None:
        """Wait until pings come at ``pace``, but for a fifth: machines are busy."""
        begun = len(self.public.pings)

        def paced() -> bool:
            times = [at for at, _ in list(self.public.pings)[begun + 1 :]][-4:]
            return len(times) == 4 and median(map(sub, times[1:], times)) == pytest.approx(pace, rel=0.2)

        await until(paced)

    async def check(self) -> None:
        """Demand that the public connection is the first there ever was, and that the client missed nothing."""
        details = await self.get(f"connections/{ID}")
        assert (details["state"], details["counters"]["dials"]) == ("CONNECTED", 1)
        assert [change["after"] for change in details["history"]] == ["CONNECTING", "CONNECTED"]
        assert [one.path for one in (*self.venue.sockets.values(), *self.venue.closed)].count("/") == 1
        assert self.heard.wrong == []


def configured(venue: MockVenue, *lines: str) -> str:
    endpoints = "\n".join(f'{name} = "{url}"' for name, url in venue.addresses.items())
    exchange, *more = lines
    return "\n".join(
        (
            "[exchanges.mock]",
            exchange,
            "[exchanges.mock.endpoints]",
            endpoints,
            "allow_plaintext = true",
            *more,
        )
    )


@pytest.fixture
async def operating(run: Any, tmp_path: Path) -> AsyncIterator[Operator]:
    """A gateway that serves one client, who hears twelve topics of a venue."""

    @asynccontextmanager
    async def started() -> AsyncIterator[Operator]:
        async with MockVenue(rate=RATE, accounts={"one": "first", "two": "second"}) as venue:
            file = tmp_path / "gateway.toml"
            file.write_text(configured(venue, "heartbeat_interval = 20"))
            async with run(f"{COMMAND} --listen 127.0.0.1:0") as command, aiohttp.ClientSession() as http:
                address = await command.told("Listening on http://(.+)")
                one = Operator(command, venue, file, address, http)
                async with connect(f"ws://{address}/v1/ws", queue=100_000) as client:
                    topics = [f"mock:{channel}:{symbol}" for channel in CHANNELS for symbol in SYMBOLS]
                    for topic in topics:
                        [ack] = await client.subscribe([topic], on_lag="disconnect")
                        assert ack["success"], ack
                    listening = asyncio.create_task(one.heard.listen(client))
                    await until(lambda: len(one.heard.last) == len(topics))
                    yield one
                    listening.cancel()
                    await asyncio.wait({listening})

    async with started() as one:
        yield one


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what messages, or another process, bring about."""
    async with asyncio.timeout(100):
        while not holds():  # noqa: ASYNC110  # nothing signals it
            await asyncio.sleep(0.01)


async def test_the_venue_sees_another_pace_and_the_client_misses_nothing(operating: Operator) -> None:
    """By a signal and over REST, in turns."""
    one = operating
    begun = one.heard.messages
    assert one.venue.counts.pings == 0
    for number in range(CHANGES):
        pace = (1.0, 0.7)[number % 2]  # a pong may take half of it
        one.write_pace(pace)
        if number % 2:
            assert await one.post(dry_run=True) == (200, answer("exchanges.mock.heartbeat_interval", dry_run=True))
            assert await one.post() == (200, answer("exchanges.mock.heartbeat_interval"))
        else:
            one.hang_up()
        await one.until_paced(pace)
        assert (await one.get(f"connections/{ID}"))["heartbeat_interval"] == pace
    assert await one.post() == (200, answer())
    await until(lambda: one.heard.messages - begun > 500)
    await one.check()
    lines = [line["keys"] for line in one.logged("reloaded")]
    assert lines[:2] == ["exchanges.mock.heartbeat_interval"] * 2
    assert len(lines) == CHANGES + 1 or FULL, "at most twenty a minute are written"


def answer(*applied: str, dry_run: bool = False, needs_restart: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"dry_run": dry_run, "applied": [*applied], "needs_restart": [*needs_restart]}


async def test_what_is_wrong_changes_nothing_and_what_needs_a_restart_is_said(operating: Operator) -> None:
    one = operating
    before = await one.get("config")
    for text, sentence in (
        ("[exchanges.mock", "is not TOML"),
        (configured(one.venue, "heartbeat_intervall = 0.1"), "did you mean 'heartbeat_interval'?"),
        (configured(one.venue, "heartbeat_interval = 0.1", '[[subscriptions]]\nexchange = "moc"'), "moc"),
    ):
        one.write(text)
        refused = len(one.logged("reload_refused"))
        one.hang_up()
        await until(lambda refused=refused: len(one.logged("reload_refused")) > refused)
        status, problem = await one.post()
        assert (status, problem["code"]) == (422, "bad_configuration")
        told = [line["text"] for line in one.logged("reload_refused")[-2:]]
        assert told == [problem["detail"]] * 2
        assert sentence in problem["detail"] or "is missing" in problem["detail"]
    assert await one.get("config") == before
    one.write_pace(20, '[server]\nlisten = "127.0.0.1:1"\n[telemetry]\ntraces = "console"')
    needs_restart = ("telemetry.traces",)
    assert await one.post() == (200, answer(needs_restart=needs_restart)), "the option --listen still holds"
    assert one.logged("restart_needed")[-1]["keys"] == "telemetry.traces"
    assert await one.get("config") == {**before, "needs_restart": [*needs_restart]}
    assert one.venue.counts.pings == 0
    await one.check()


async def test_accounts_subscriptions_and_the_log_change_beside_the_traffic(
    operating: Operator, tmp_path: Path
) -> None:
    one = operating
    secrets = tmp_path / "key", tmp_path / "secret"
    account = "\n".join(
        ["[accounts.main]", 'exchange = "mock"']
        + [f'{name} = "file:{path}"' for name, path in zip(("api_key", "secret"), secrets, strict=True)]
        + ["[[subscriptions]]", 'exchange = "mock"', 'channel = "orders"', 'account = "main"']
    )
    raw = '[[subscriptions]]\nexchange = "mock"\nchannel = "raw"\nstreams = ["ticker.btc_usdt", "nothing.at_all"]'

    def keep(key: str, secret: str) -> None:
        for path, text in zip(secrets, (key, secret), strict=True):
            path.touch(mode=0o600)
            path.write_text(text)

    keep("one", "wrong")
    one.write_pace(20, account)
    one.hang_up()
    await until(lambda: any(line["to"] == "DISCONNECTED" for line in one.logged("connection_changed")))
    assert (await one.get(f"connections/{PRIVATE}"))["fatal"] is True
    keep("one", "first")
    assert await one.post() == (200, answer("accounts.main.secret"))
    await until(lambda: one.accounts == ["one"])
    keep("two", "second")
    one.hang_up()
    await until(lambda: one.accounts == ["two"])
    history = (await one.get(f"connections/{PRIVATE}"))["history"]
    assert [change["reason"] for change in history[-3:]] == ["subscribed", "handshake_done", "rollover"]
    one.write_pace(20, f'{account}\n{raw}\n[log]\nlevel = "debug"')
    assert await one.post() == (200, answer("subscriptions[1]", "log.level"))
    async with one.http.post(f"{one.url}/connections/{PRIVATE}:reconnect", headers=JSON) as reply:
        assert reply.status == 202
    await until(lambda: bool(one.logged("phase_entered")))
    one.write_pace(20, f'{raw}\n[log]\nlevel = "debug"')
    assert await one.post() == (200, answer("accounts.main", "subscriptions"))
    await until(lambda: one.accounts == [])
    stand = {each["topic"]: each["status"] for each in (await one.get("subscriptions"))["subscriptions"]}
    assert stand == {"mock:raw:ticker.btc_usdt": "live", "mock:raw:nothing.at_all": "closed"}
    await one.check()


async def test_no_hang_up_ends_it_however_many_come_and_when(operating: Operator) -> None:
    one = operating
    for number in range(50):
        one.write_pace(20 + number)
        one.hang_up()
        await asyncio.sleep(0.005)
    one.write_pace(1.0)
    one.hang_up()
    await one.until_paced(1.0)
    await one.check()
    assert one.logged("restart_needed") == [], "a file that was half written was never believed"
    one.command.signal(signal.SIGTERM)
    for _ in range(20):
        one.hang_up()
        await asyncio.sleep(0.01)
        if one.command.has_ended:
            break
    status, _ = await one.command.ended()
    assert status == 0
