"""What libraries may write: a few lines a minute, and nothing of what a client sent."""

import asyncio
import contextlib
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway.engine.hub import Hub
from gateway.serving import Server
from gateway.telemetry import setup_logs
from gateway.telemetry.foreign import LINES_A_MINUTE, ForeignLines

CANARY = "SEKRIT"
BAD_REQUESTS = 50


class Nobody:
    """No gateway behind the server."""

    def problems(self) -> list[str]:
        return []


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    setup_logs("debug", "json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(stream: io.StringIO, logger: str) -> list[dict[str, object]]:
    return [one for one in map(json.loads, stream.getvalue().splitlines()) if one["logger"] == logger]


@contextlib.contextmanager
def counting() -> Iterator[tuple[ForeignLines, list[float], list[tuple[str, int]]]]:
    clock, told = [0.0], []
    yield ForeignLines(lambda what, lines: told.append((what, lines)), lambda: clock[0]), clock, told


def record(name: str, message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "file.py", 1, message, arguments, None)


async def bad_request(port: int, header: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("header", [f"Authorization: Bearer {CANARY}\x01", f"Bad {CANARY} name: 1", f"{CANARY}"])
async def test_bad_requests_write_few_lines_and_none_of_a_header(lines: io.StringIO, header: str) -> None:
    server = Server(
        Hub(lambda: "e"),
        Nobody(),
        host="127.0.0.1",
        port=0,
        now=lambda: 0.0,
        wall_us=lambda: 0,
        version="0",
    )
    await server.start()
    try:
        async with asyncio.timeout(20):
            for _ in range(BAD_REQUESTS):
                assert b" 400 " in await bad_request(server.address[1], header)
    finally:
        await server.stop()
    told = written(lines, "aiohttp.server")
    assert len(told) == LINES_A_MINUTE
    assert {one["level"] for one in told} == {"warning"}
    assert all("Error handling request from 127.0.0.1: " in str(one["event"]) for one in told)
    assert "exception" not in told[0]
    assert CANARY not in lines.getvalue()


def test_each_message_of_each_logger_has_its_own_lines() -> None:
    with counting() as (foreign, _, told):
        assert [foreign.filter(record("aiohttp.server", "a %d", n)) for n in range(6)] == [True] * 5 + [False]
        assert foreign.filter(record("aiohttp.server", "b"))
        assert foreign.filter(record("aiohttp.client", "a %d", 1))
        lost = [foreign.filter(record("asyncio", f"never retrieved\nfuture: {n}")) for n in range(6)]
        assert lost == [True] * 5 + [False]
        assert not told


def test_what_was_left_out_is_counted_once_the_minute_is_over() -> None:
    with counting() as (foreign, clock, told):
        for n in range(9):
            foreign.filter(record("aiohttp.server", "a %d", n))
        clock[0] = 60.0
        assert foreign.filter(record("asyncio", "b"))
        assert told == [("aiohttp.server: a %d", 4)]


def test_our_own_lines_and_those_of_others_are_not_counted() -> None:
    with counting() as (foreign, _, _):
        assert all(foreign.filter(record(name, "a")) for name in ("gateway", "gateway_acme") for _ in range(30))


def test_what_was_left_out_is_a_line_too(lines: io.StringIO) -> None:
    filters = [one for handler in logging.getLogger().handlers for one in handler.filters]
    (foreign,) = [one for one in filters if isinstance(one, ForeignLines)]
    foreign._suppressed("aiohttp.server: a", 4)
    (line,) = written(lines, "gateway")
    assert (line["event"], line["of"], line["lines"]) == ("suppressed", "aiohttp.server: a", 4)
