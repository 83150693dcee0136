"""The gateway as a process: serves clients until a signal ends it in good order, within a bound."""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version
from typing import Final

import structlog

from gateway.app.checking import check
from gateway.app.ending import heard
from gateway.app.events import EventRing, actions_told
from gateway.app.events_watch import EventWatch
from gateway.app.exposure import check_exposure, tls_of, token_place, tokens_of
from gateway.app.gateway import Gateway
from gateway.app.given import Given
from gateway.app.hangup import hangups, obeyed
from gateway.app.lateness import lateness_told
from gateway.app.losses import SpanLosses
from gateway.app.measuring import Measuring
from gateway.app.memory import MemoryAlarm
from gateway.app.notify import ServiceManager, announced, supervised
from gateway.app.port import taken
from gateway.app.process import ServingProcess, limits_of
from gateway.app.tokens import heeded
from gateway.app.watchdog import watched
from gateway.config import Settings, parse_listen, pending
from gateway.engine.observer import Observer, Observers
from gateway.net.parsing import parses_in_python
from gateway.runtime.bell import Bell
from gateway.serving import Server, metering
from gateway.store import Token
from gateway.telemetry import Logs, setup

DRAIN: Final = 5.0
"""Seconds that clients may take to read what waits."""
FLUSH: Final = 2.0
"""Seconds for the last spans and metrics, if clients and exchanges leave so many."""
ALL: Final = 9.0
"""Seconds for all of it: less than the ten after which the process is ended."""
LEAST: Final = 0.3
"""Seconds for these, whatever came before them, or if we are hurried."""
AGAIN: Final = 0.5
"""Seconds after the first signal from which another one means haste: some parents send two at once."""
DISTRIBUTION: Final = "exchange-gateway"
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

log = structlog.get_logger("gateway")


async def serve(
    settings: Settings,
    *,
    ready: Callable[[str], None],
    environ: Mapping[str, str] = os.environ,
    signalled: Callable[[], None] = lambda: None,
    hurried: Callable[[], None] = lambda: None,
    source: Given = None,
) -> None:
    """
    Serve until SIGINT or SIGTERM, whenever it comes; ``ready`` is told the address once clients can connect.

    ``signalled`` is called at the first signal, even while something holds the event loop. ``hurried`` is called
    at another one, half a second later or more, after which no client is waited for.
    ``source`` is what a SIGHUP, or a client's request, has read anew; without it ``settings``.

    Raises:
        ConfigError: If a setting is wrong, or the address cannot be had.
        UnsafeError: If the address could be reached from other machines, and tokens or TLS are missing.
    """
    async with _stopped_by_signal(signalled, hurried) as stopped, supervised(environ) as manager:
        check(settings, despite_broken=True)
        for sentence in pending(settings):
            log.warning("setting_without_effect", text=sentence)
        if parses_in_python():
            log.warning("http_parsed_in_python", text="Python alone reads requests; gateway doctor says more")
        with taken(settings.server.listen, check_exposure(settings)) as port, hangups() as hung_up:
            measuring = Measuring(version(DISTRIBUTION), settings.telemetry.metrics, environ)
            telemetry = setup(settings.telemetry.traces, environ)  # last: its threads want to be ended
            events = EventRing(secrets.token_urlsafe(6), _wall_us)
            watch = EventWatch(events, telemetry.trace_id, time.monotonic)
            observers = [*telemetry.observers, Logs(telemetry.trace_id), measuring.tally, watch]
            told = Observers(observers)
            losses = SpanLosses(telemetry.lost, told)
            measuring.add(losses.read)
            try:
                gateway = Gateway(settings, environ=environ, observers=observers)
                if source is not None:
                    gateway.configuration.source = source
                actions_told(events, told)
                memory = MemoryAlarm(settings.telemetry.memory_alarm, told)
                async with watched(told, measuring.lag), losses.watched(), memory.watched(), gateway:
                    gateway.hub.heard = watch.heard
                    await _serve(gateway, measuring, events, told, port, hung_up, ready, stopped, manager)
            finally:
                within = LEAST if stopped.is_hurried else min(FLUSH, max(LEAST, stopped.seconds_left(ALL)))
                await asyncio.gather(telemetry.shutdown(within), measuring.finish(within))
                losses.tell()


async def _serve(  # noqa: PLR0913, PLR0917  # all that a process is made of
    gateway: Gateway,
    measuring: Measuring,
    events: EventRing,
    told: Observer,
    port: socket.socket,
    hung_up: Bell,
    ready: Callable[[str], None],
    stopped: "_Stopped",
    manager: ServiceManager,
) -> None:
    tokens = tokens_of(gateway.settings)
    server = _server(gateway, tokens, measuring, events)
    exchanges = gateway.operations.get_exchange_details()
    measuring.begin(exchanges, gateway.metering.read, partial(metering.read, server.figures))
    gateway.configuration.process = ServingProcess(server)
    await server.start(port)
    async with (
        obeyed(hung_up, announced(manager, gateway.configuration.read_anew)),
        heeded(token_place(gateway.settings), tokens, server),
        lateness_told(server.figures, told),
    ):
        ready(_place(server))
        manager.ready()
        await stopped.wait()
        manager.stopping()
        log.info("stopping")
        gateway.configuration.refuse()
        stopped.on_haste(server.cut)
        await server.stop(DRAIN)
        await gateway.stop()


def _wall_us() -> int:
    return time.time_ns() // 1000


def _server(gateway: Gateway, tokens: Sequence[Token], measuring: Measuring, events: EventRing) -> Server:
    settings = gateway.settings.server
    host, port = parse_listen(settings.listen)
    return Server(
        gateway.hub,
        gateway.operations,
        host=host,
        port=port,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
        now=time.monotonic,
        wall_us=_wall_us,
        version=version(DISTRIBUTION),
        limits=limits_of(settings.limits),
        standing=gateway.standing,
        configuration=gateway.configuration,
        roster=gateway.roster,
        tokens=tokens,
        must=settings.authentication == "required",
        metrics=measuring.read,
        events=events,
        tls=tls_of(settings),
        behind_tls_proxy=settings.behind_tls_proxy,
    )


def _place(server: Server) -> str:
    host, port = server.address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Stopped:
    """
    Whether, and since when, it shall end, and whether in haste.

    Args:
        hurried: called once when it is to be in haste.
    """

    def __init__(self, hurried: Callable[[], None]) -> None:
        self.is_hurried = False
        self._event = asyncio.Event()
        self._since: float | None = None
        self._in_haste = [hurried]

    def set(self) -> None:
        """It shall end; in haste, if that was said a while ago."""
        now = time.monotonic()
        self._since = self._since or now
        self._event.set()
        if now - self._since >= AGAIN and not self.is_hurried:
            self.is_hurried = True
            for call in self._in_haste:
                call()

    def on_haste(self, call: Callable[[], None]) -> None:
        """Have ``call`` called once it is to be in haste, now if it is."""
        self._in_haste.append(call)
        if self.is_hurried:
            call()

    async def wait(self) -> None:
        """Wait until it shall end."""
        await self._event.wait()

    def seconds_left(self, bound: float) -> float:
        """Return how much is left of ``bound`` seconds."""
        return bound if self._since is None else self._since + bound - time.monotonic()


@asynccontextmanager
async def _stopped_by_signal(
    signalled: Callable[[], None], hurried: Callable[[], None]
) -> AsyncIterator[_Stopped]:
    """Yield what SIGINT and SIGTERM set; they end the process at once again afterwards."""
    stopped, loop = _Stopped(hurried), asyncio.get_running_loop()
    for one in SIGNALS:
        with suppress(NotImplementedError):  # Windows: Ctrl-C becomes KeyboardInterrupt
            loop.add_signal_handler(one, stopped.set)
    try:
        with heard(SIGNALS, signalled):
            yield stopped
    finally:
        for one in SIGNALS:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(one)
