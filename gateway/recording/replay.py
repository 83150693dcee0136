"""A recording that is served: a gateway without connections, whose exchanges are those that were recorded."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from gateway.app.gateway import Gateway
from gateway.config import parse_listen
from gateway.errors import ConfigError, UnsafeError
from gateway.recording.exchanges import Recorded
from gateway.recording.player import Player
from gateway.recording.survey import Survey, survey
from gateway.recording.tracks import Tracks
from gateway.serving import Server, is_exposed

DRAIN: Final = 5.0
"""Seconds that clients may take to read what waits at the end."""

Wait = Literal["first", "all", "none"]
"""Until when nothing is told: until any topic, or all, have a subscriber; or not at all."""


class Replay:
    """
    A recording and its server, which listens; :meth:`run` plays it once.

    Args:
        found: the recording.
        server: serves it.
        exchanges: know who listens.
        player: tells it.
    """

    def __init__(self, found: Survey, server: Server, exchanges: Recorded, player: Player) -> None:
        self.found = found
        self.player = player
        self._server = server
        self._exchanges = exchanges

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._server.address

    @property
    def clients(self) -> int:
        """How many there are."""
        return self._server.clients

    async def run(self, wait: Wait = "first") -> None:
        """
        Play it, after the wait.

        Raises:
            DamagedRecording: Where a file is not what was written; what was before that has been told.
            RecordingError: If a file cannot be read.
        """
        if wait != "none":
            await self._exchanges.until_heard(all_of_them=wait == "all")
        await self.player.play()


@asynccontextmanager
async def replaying(directory: Path, listen: str, speed: float | None) -> AsyncIterator[Replay]:
    """
    Serve the recording in ``directory`` at ``listen`` while the context lasts.

    Args:
        directory: where it is.
        listen: ``HOST:PORT``, of this machine only.
        speed: how many times faster than it happened; nothing for as fast as clients read.

    Raises:
        RecordingError: If there is no recording, or its beginning is damaged.
        ConfigError: If the address cannot be had.
        UnsafeError: If others than this machine could reach it.
    """
    host, port = parse_listen(listen)
    if is_exposed(host, behind_tls_proxy=False):
        raise UnsafeError(
            f"refusing to listen on {host!r}: a recording is told to this machine only; take 127.0.0.1 or ::1"
        )
    found = survey(directory)
    tracks = Tracks(found.topics)
    exchanges = Recorded(tracks)
    async with Gateway(environ={}) as gateway:
        for exchange in {track.subscription.exchange for track in tracks.all.values()}:
            gateway.hub.connect(exchange, exchanges)
        server = Server(
            gateway.hub,
            gateway.operations,
            host=host,
            port=port,
            now=time.monotonic,
            wall_us=lambda: time.time_ns() // 1000,
            version=version("exchange-gateway"),
        )
        try:
            await server.start()
        except OSError as exc:
            raise ConfigError(
                "--listen", f"{listen} cannot be had: {(exc.strerror or str(exc)).lower()}"
            ) from None
        try:
            yield Replay(found, server, exchanges, Player(found.files, tracks, speed, lambda: server.is_behind))
        finally:
            await server.stop(DRAIN)
