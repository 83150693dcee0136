"""
Tokens that are made or revoked while the gateway runs: another process does it, and is noticed by looking.

Four looks a second cost less than one message of the market, and a revoked token's sockets are
closed well within a second.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NoReturn

import structlog

from gateway.app.aside import aside
from gateway.errors import ConfigError, StoreError
from gateway.serving import Server
from gateway.store import Token, TokenState, TokenWatch

PAUSE: Final = 0.25
"""Seconds between two looks."""
PATIENCE: Final = 5.0
"""Seconds that one look may take."""

log = structlog.get_logger("gateway")


class Heeding:
    """
    Tells a server of its tokens. Event-loop only.

    Args:
        place: of their file.
        known: those that the server knows.
        server: whose clients show them.
        wall_us: microseconds since 1970.
    """

    def __init__(self, place: Path, known: Sequence[Token], server: Server, wall_us: Callable[[], int]) -> None:
        self._place = place
        self._server = server
        self._wall_us = wall_us
        self._watch = TokenWatch(place)
        self._good = self._ids(known)
        self._due_us = server.next_end_us
        self._trouble = ""

    async def run(self) -> NoReturn:
        """Look again and again."""
        while True:
            await self.look()
            await asyncio.sleep(PAUSE)

    def close(self) -> None:
        """Look no more."""
        self._watch.leave()

    async def look(self) -> None:
        """Have the server know what has changed; while that cannot be found out, what it knows stays."""
        try:
            tokens = await aside(self._watch.look, within=PATIENCE)
        except (ConfigError, StoreError) as exc:
            self._cannot(str(exc))
        except TimeoutError:
            self._watch.leave()  # it is still in use
            self._watch = TokenWatch(self._place)
            self._cannot(f"{self._place} did not answer within {PATIENCE:g} s")
        else:
            self._trouble = ""
            if tokens is not None:
                self._know(tokens)
        if self._wall_us() >= self._due_us:
            self._server.expire()
            self._due_us = self._server.next_end_us

    def _know(self, tokens: Sequence[Token]) -> None:
        self._server.know(tokens)
        self._due_us = self._server.next_end_us
        before, self._good = self._good, self._ids(tokens)
        if before != self._good:
            log.info("tokens_changed", new=sorted(self._good - before), ended=sorted(before - self._good))

    def _ids(self, tokens: Sequence[Token]) -> frozenset[str]:
        now_us = self._wall_us()
        return frozenset(token.id for token in tokens if token.state(now_us) is TokenState.ACTIVE)

    def _cannot(self, text: str) -> None:
        """Tell it once."""
        if text != self._trouble:
            self._trouble = text
            log.error("tokens_unreadable", text=text)


@asynccontextmanager
async def heeded(place: Path | None, known: Sequence[Token], server: Server) -> AsyncIterator[None]:
    """Have ``server`` told of tokens that are made or revoked; without a ``place`` there are none."""
    if place is None:
        yield
        return
    heeding = Heeding(place, known, server, lambda: time.time_ns() // 1000)
    task = asyncio.create_task(heeding.run(), name="gateway tokens")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        heeding.close()
