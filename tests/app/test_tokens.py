"""The server is told of tokens that change, and when one expires; what cannot be read changes nothing."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.app import tokens as module
from gateway.app.tokens import Heeding, heeded
from gateway.store import Token, TokenFile

NEVER = 2**63
Lasting = Callable[[Heeding], Heeding]


def token(number: int, expires_us: int | None = None) -> Token:
    return Token(id=f"t{number}", digest=bytes(32), scopes=(), name="", created_us=1, expires_us=expires_us)


class Server:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.known: list[list[str]] = []
        self.expired = 0
        self.next_end_us = NEVER
        self.told = asyncio.Event()

    def know(self, tokens: Sequence[Token]) -> None:
        self.known.append([one.id for one in tokens if one.revoked_us is None])
        self.told.set()

    def expire(self) -> None:
        self.expired += 1
        self.next_end_us = NEVER


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(str(tmp_path / "gateway.db"))


@pytest.fixture
def lasting() -> Iterator[Lasting]:
    """Let go of the file when the test is over."""
    with ExitStack() as stack:
        yield lambda heeding: stack.enter_context(closing(heeding))


class Clock:
    now = 10

    def __call__(self) -> int:
        return self.now


async def test_what_changes_is_told_with_the_ids_in_the_log(file: TokenFile, lasting: Lasting) -> None:
    server: Any = Server()
    heeding = lasting(Heeding(file.place, [], server, Clock()))
    with capture_logs() as lines:
        await heeding.look()
        file.add(token(1))
        await heeding.look()
        await heeding.look()
        file.add(token(2))
        file.revoke("t1", 5)
        await heeding.look()
    assert server.known == [[], ["t1"], ["t2"]]
    assert [(line["event"], line["new"], line["ended"]) for line in lines] == [
        ("tokens_changed", ["t1"], []),
        ("tokens_changed", ["t2"], ["t1"]),
    ]


async def test_one_that_expires_is_told_when_it_does(file: TokenFile, lasting: Lasting) -> None:
    server: Any = Server()
    server.next_end_us = 20
    clock = Clock()
    heeding = lasting(Heeding(file.place, [], server, clock))
    await heeding.look()
    assert server.expired == 0
    clock.now = 20
    await heeding.look()
    await heeding.look()
    assert server.expired == 1


async def test_while_they_cannot_be_read_nothing_changes_and_it_is_said_once(
    file: TokenFile, lasting: Lasting
) -> None:
    server: Any = Server()
    file.add(token(1))
    heeding = lasting(Heeding(file.place, [token(1)], server, Clock()))
    await heeding.look()
    whole = file.place.read_bytes()
    file.place.write_bytes(b"noise" * 1000)
    with capture_logs() as lines:
        for _ in range(3):
            await heeding.look()
        assert [line["event"] for line in lines] == ["tokens_unreadable"]
        assert server.known == [["t1"]]
        file.place.write_bytes(whole)
        file.revoke("t1", 5)
        await heeding.look()
    assert server.known == [["t1"], []]


async def test_a_disk_that_hangs_is_told_and_looked_at_anew(
    file: TokenFile, lasting: Lasting, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: Any = Server()
    heeding = lasting(Heeding(file.place, [], server, Clock()))

    async def hangs(*_: Any, **__: Any) -> Any:
        raise TimeoutError

    with monkeypatch.context() as patch, capture_logs() as lines:
        patch.setattr(module, "aside", hangs)
        await heeding.look()
    assert [line["event"] for line in lines] == ["tokens_unreadable"]
    file.add(token(1))
    await heeding.look()
    assert server.known == [["t1"]]


async def test_it_goes_on_until_the_end(file: TokenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    server: Any = Server()
    async with asyncio.timeout(10), heeded(file.place, [], server):
        for one in (token(1), replace(token(2), revoked_us=1), token(3)):
            server.told.clear()
            file.add(one)
            await server.told.wait()
    assert server.known[-1] == ["t1", "t3"]


async def test_without_a_file_there_is_nothing_to_do() -> None:
    server: Any = None
    async with heeded(None, [], server):
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "gateway tokens"]
