"""No key, secret, signature, listenKey or token is in anything that an operator or a client may see."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from private import pem
from trading import MARKETS, Trading, account, trading

from gateway.telemetry import Logs, setup_logs
from gateway.telemetry.tracing import Tracing
from gateway.testing.faults import Refusal
from gateway.testing.virtual import virtually

KEY, SECRET = "canaryKey" + "7" * 55, "canarySecret" + "8" * 52
ORDERS = {exchange: f"{exchange}:orders:@{market}" for exchange, market in MARKETS.items()}
SIGNED = re.compile(r'"?signature"?[=:] ?"?([^"&,}]+)')


class Watching:
    """Everything that is written and traced."""

    def __init__(self) -> None:
        self.lines = io.StringIO()
        setup_logs("debug", "json", self.lines)
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        logs = Logs(now=lambda: asyncio.get_running_loop().time())
        self.observers = (logs, Tracing(provider.get_tracer("test")))

    def seen(self) -> str:
        """Return all of it as text."""
        return self.lines.getvalue() + "".join(span.to_json() for span in self._exporter.get_finished_spans())


@pytest.fixture
def watching() -> Iterator[Watching]:
    """Logging and tracing of everything; what was there before is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield Watching()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def secrets(one: Trading) -> set[str]:
    """Return all that must not be seen: what is known of it beforehand, and what was made of it by now."""
    found = {KEY, SECRET, *pem().splitlines()[1:-1]}
    for request in one.venue.requests:
        found.add(request.query.get("signature", KEY))
    for peer in one.network.peers:
        for frame in peer.sent:
            found.update(SIGNED.findall(frame if isinstance(frame, str) else frame.decode(errors="replace")))
    listen_keys = {key.text for key in one.venue.keys._keys.values()}
    return found | listen_keys | set(one.venue.keys._tokens)


def shown(one: Trading, *more: object) -> str:
    """Return what a gateway tells of itself."""
    gateway = one.gateway
    history = [gateway.registry.history(id_) for id_ in gateway.get_connection_details()]
    told = (gateway.get_connection_details(), gateway.get_stats(), gateway.problems(), history)
    return repr((*told, gateway.settings, gateway.registry.snapshot, *more)) + json.dumps(
        gateway.get_connection_details(), default=repr
    )


async def suffer(one: Trading, exchange: str) -> tuple[Any, set[str]]:
    """Have all go wrong that can; return what was heard, and what must not have been."""
    market, faults = MARKETS[exchange], one.venue.faults
    ear = await one.hear(ORDERS[exchange])
    one.place("a", market)
    hidden = secrets(one)
    for status in (400, 403, 418, 429, 503):
        faults.refuse_requests.arm(Refusal(status, body=b'{"code":-1000,"msg":"unknown"}'), times=2)
        one.venue.drop()
        await asyncio.sleep(400)
    faults.refuse_upgrades.arm(Refusal(503, body=b"no"), times=2)
    one.venue.drop()
    await asyncio.sleep(120)
    for socket in tuple(one.venue.sockets.values()):
        socket.text(b'{"e":"ORDER_TRADE_UPDATE","event":{"e":"executionReport"}}')
    faults.hang_requests.arm(times=3)
    one.venue.drop()
    await asyncio.sleep(120)
    hidden |= secrets(one)
    one.venue.end_subscriptions("main")
    for key in one.venue.keys.expire("main"):
        one.venue.key_expired(key)
    await asyncio.sleep(120)
    hidden |= secrets(one)
    one.venue.accounts.revoke("main")
    await asyncio.sleep(900)
    return ear, hidden | secrets(one)


@pytest.mark.parametrize("kind", ["hmac", "ed25519"])
@pytest.mark.parametrize("exchange", MARKETS)
@virtually
async def test_nothing_that_is_told_has_a_secret_in_it(exchange: str, kind: str, watching: Watching) -> None:
    secret = SECRET if kind == "hmac" else pem()
    async with trading(
        exchange,
        venue={"accounts": [account(key=KEY, secret=secret)]},
        environ={"KEY": KEY, "SECRET": secret},
        observers=watching.observers,
    ) as one:
        ear, hidden = await suffer(one, exchange)
        everything = shown(one, ear.heard) + watching.seen()
    assert len(hidden) > 8, "there is something to hide"
    assert f"{exchange}/private@" in everything
    assert "-2015" in everything, "the exchange's own words are told"
    assert [secret for secret in hidden if secret in everything] == []


@virtually
async def test_a_margin_accounts_token_is_no_less_a_secret(watching: Watching) -> None:
    async with trading(
        venue={"accounts": [account(key=KEY, secret=SECRET)]},
        environ={"KEY": KEY, "SECRET": SECRET},
        options={"binance": {"cross_margin": ["spot"]}},
        observers=watching.observers,
    ) as one:
        ear, hidden = await suffer(one, "binance")
        everything = shown(one, ear.heard) + watching.seen()
    assert one.venue.keys._tokens
    assert [secret for secret in hidden if secret in everything] == []


# --- an exchange that repeats what it handed out


def echoes(one: Trading) -> list[str]:
    """Return every listenKey and token that there is, or was."""
    return [*(key.text for key in one.venue.keys._keys.values()), *one.venue.keys._tokens]


async def hear_it_repeated(one: Trading, exchange: str) -> tuple[Any, list[str]]:
    """Have every refusal and error repeat what was handed out, without a name before it."""
    faults = one.venue.faults
    ear = await one.hear(ORDERS[exchange])
    tokens = echoes(one)
    assert tokens
    for code in (-1125, -1000, -1102):
        for token in tokens:
            words = json.dumps({"code": code, "msg": f"{token} is not known, see /ws/{token}?x={token}"}).encode()
            faults.refuse_requests.arm(Refusal(400, body=words), times=2)
            faults.refuse_upgrades.arm(Refusal(400, body=words), times=2)
            one.venue.drop()
            await asyncio.sleep(900)
            for socket in tuple(one.venue.sockets.values()):
                socket.text(b'{"id":null,"status":400,"error":' + words + b"}")
                socket.text(words)
            await asyncio.sleep(60)
    for socket in tuple(one.venue.sockets.values()):
        socket.close(1008, f"{tokens[0]} is over"[:120])
    await asyncio.sleep(120)
    return ear, [*tokens, *echoes(one)]


@pytest.mark.parametrize(
    ("exchange", "options"),
    [
        ("binance", {"binance": {"cross_margin": ["spot"]}}),
        ("binance-usdm", {}),
        ("binance-coinm", {}),
    ],
)
@virtually
async def test_what_it_handed_out_is_hidden_though_it_repeats_it(
    exchange: str, options: dict[str, Any], watching: Watching
) -> None:
    async with trading(exchange, options=options, observers=watching.observers) as one:
        ear, hidden = await hear_it_repeated(one, exchange)
        everything = shown(one, ear.heard) + watching.seen()
    assert "is not known" in everything, "the exchange's own words are told"
    assert [token for token in hidden if token in everything] == []
