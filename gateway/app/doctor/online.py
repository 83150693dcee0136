"""
Whether the exchanges' endpoints can be reached, and whether their clocks agree with ours.

The only check that leaves this machine, and it must be asked for. A REST endpoint is asked for
its base URL, a WebSocket's is only connected to: nothing is subscribed to and no key is used.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.app.composition import urls_of
from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, advice, well, wrong
from gateway.app.egress import egress_of
from gateway.app.fitting import ca_file_of
from gateway.config import ExchangeSettings
from gateway.errors import ConfigError, ConnectionFault, PluginError, Reason, TransportLost
from gateway.host import PluginHost
from gateway.model.urls import host_of
from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.net.egress import ANYWHERE, Egress, refused
from gateway.net.faults import fault_of
from gateway.net.tls import client_context
from gateway.spi.steps import Fetch

PATIENCE: Final = 10.0
OFF, FAR = 1.5, 5.0
"""Seconds between two clocks that are worth a word, and that make exchanges refuse requests."""
NETWORK: Final = "look at the network, the firewall and the exchange's status page"


def reachable(case: Case) -> Iterator[Finding]:
    """Tell of each endpoint whether it can be reached; asks only if that is wanted."""
    if not case.online:
        return
    for exchange, given in case.given.exchanges.items():
        try:
            host = PluginHost()
            host.load(exchange, case.given.plugins.allow)
            info = host.bind(exchange).info
            urls, egress = urls_of(exchange, info, given), egress_of(exchange, info, given)
        except (ConfigError, PluginError):
            continue  # told by other checks
        for endpoint, url in urls.items():
            yield from _endpoint(f"{exchange} {endpoint}", exchange, url, given, egress)


def _endpoint(name: str, exchange: str, url: str, given: ExchangeSettings, egress: Egress) -> Iterator[Finding]:
    place = host_of(url)
    try:
        ca_file = ca_file_of(exchange, given)
        ask = _fetched if url.startswith("http") else _connected
        asked = ask(url, ca_file, egress=egress)
        offset = asyncio.run(asked)
    except ConfigError as problem:
        yield wrong(str(problem), "correct it")
    except ConnectionFault as fault:
        yield wrong(f"{name}: {place} cannot be reached: {fault}", NETWORK)
    else:
        yield well(f"{name}: {place} can be reached")
        if offset is not None:
            yield _clocks(name, offset)


def _clocks(name: str, offset: float) -> Finding:
    text = f"{name}: our clock is {abs(offset):.1f} s {'ahead of' if offset > 0 else 'behind'} the exchange's"
    todo = "have the clock kept by chrony, systemd-timesyncd or ntpd"
    if abs(offset) > FAR:
        return wrong(text, todo)
    if abs(offset) > OFF:
        return advice(text, todo)
    return well(f"{name}: our clock agrees with the exchange's, as far as whole seconds tell")


async def _fetched(
    url: str, ca_file: Path | None, now: Callable[[], float] = time.time, *, egress: Egress = ANYWHERE
) -> float | None:
    """Return the seconds by which our clock is ahead, if the answer says what time it is there."""
    network = AiohttpNetwork(ca_file=ca_file, egress=egress)
    began = now()
    try:
        async with asyncio.timeout(PATIENCE):
            reply = await network.fetch(Fetch("GET", url))
    except TimeoutError:
        raise _silent() from None
    finally:
        await network.close()
    return _ahead(reply.headers.get("date", ""), began, now())


def _ahead(date: str, began: float, ended: float) -> float | None:
    """
    Return by how much we are ahead of a clock that showed ``date`` between two of our instants.

    A second on the header is any instant of that second, so within it all is well.
    """
    try:
        shown = parsedate_to_datetime(date).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    if began > shown + 1:
        return began - shown - 1
    return ended - shown if ended < shown else 0.0


async def _connected(url: str, ca_file: Path | None, *, egress: Egress = ANYWHERE) -> None:
    parts = urlsplit(url)
    trust = client_context(ca_file) if parts.scheme == "wss" else None
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or (443 if trust else 80), ssl=trust
            )
    except TimeoutError:
        raise _silent() from None
    except OSError as exc:
        raise fault_of(exc) from None
    address = str(writer.get_extra_info("peername")[0])
    writer.transport.abort()
    if not egress.admits(host_of(url), address):
        raise refused(address)


def _silent() -> TransportLost:
    return TransportLost(f"no answer within {PATIENCE:g} s", reason=Reason.DEADLINE_MISSED)
