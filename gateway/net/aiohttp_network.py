"""The network over aiohttp: two sessions, made when first needed, and how many dials may be under way."""

import asyncio
import ssl
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import ClientMiddlewareType, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from gateway.errors import ConnectionFault, Reason, TransportLost
from gateway.net.egress import ANYWHERE, Egress
from gateway.net.faults import FAILURES, dropped, fault_of
from gateway.net.replies import lower, whole_body
from gateway.net.resolving import Resolver
from gateway.net.sockets import AiohttpTransport
from gateway.net.tls import client_context
from gateway.net.upgrading import Upgraded, exact, once, read_little, upgrade
from gateway.spi.steps import Fetch, HttpReply, Open

DIALS: Final = 32
MAX_BODY: Final = 64 * 1024 * 1024
_WINDOW_BITS: Final = 15
"""What asks for permessage-deflate."""
_NO_DEADLINE: Final = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
"""The caller's is the only one: a second would only change which error is seen."""


@dataclass(frozen=True, slots=True)
class _Sessions:
    sockets: ClientSession
    rest: ClientSession
    names: Resolver


class AiohttpNetwork:
    """
    Opens WebSockets and performs REST requests through aiohttp. Event-loop only.

    Nothing is taken from the environment (proxies, ``.netrc``), no cookie is
    kept, no redirect is followed and no request is sent twice. One network for
    each exchange keeps the dials that one exchange leaves hanging from holding
    up another's.

    Args:
        ca_file: the authorities to trust instead of the system's.
        dials: how many may be under way at once; the rest wait, inside their own deadlines.
        max_body: bytes of a REST reply, decompressed.
        found: told of each host's name that has an address.
        egress: whom it may reach.
    """

    def __init__(
        self,
        *,
        ca_file: Path | None = None,
        dials: int = DIALS,
        max_body: int = MAX_BODY,
        found: Callable[[str], None] = lambda _: None,
        egress: Egress = ANYWHERE,
    ) -> None:
        self._ca_file = ca_file
        self._dials = asyncio.Semaphore(dials)
        self._max_body = max_body
        self._found = found
        self._egress = egress
        self._made: _Sessions | None = None
        self._open: weakref.WeakSet[AiohttpTransport] = weakref.WeakSet()
        self._closed = False

    async def open(self, step: Open, *, max_frame: int) -> AiohttpTransport:
        """
        Dial and upgrade; no redirect is followed.

        Cancelled at any point it leaves no socket behind. ``max_frame`` bytes
        and more in one message are a violation.

        Raises:
            TransportLost: If no connection came about; its reason says why.
            UpgradeRefused: If an HTTP status came instead.
            ProtocolViolation: If what came was neither.
        """
        async with self._dials:
            try:
                upgraded = await self._dial(step, max_frame)
            except FAILURES as exc:
                fault = self._fault(exc)
            else:
                return self._opened(upgraded)
        raise fault

    async def fetch(self, request: Fetch) -> HttpReply:
        """
        Perform ``request`` once and return the reply whatever its status, a redirect's too.

        Raises:
            TransportLost: If no reply came about.
            ProtocolViolation: If it was no HTTP, or too long.
        """
        try:
            return await self._fetch(request)
        except FAILURES as exc:
            fault = self._fault(exc)
        raise fault

    async def close(self) -> None:
        """Drop what is open and close what is pooled. Safe to repeat; nothing can be opened afterwards."""
        self._closed = True
        for transport in tuple(self._open):
            transport.abort()
        if self._made is not None:
            await self._made.sockets.close()
            await self._made.rest.close()
            await self._made.names.close()

    # --- how

    async def _dial(self, step: Open, max_frame: int) -> Upgraded:
        url = self._reachable(step.url)
        upgraded = await self._sessions().sockets.ws_connect(
            url,
            headers=step.headers,
            protocols=step.subprotocols,
            compress=_WINDOW_BITS if step.compress else 0,
            max_msg_size=max(1, max_frame),  # 0 would be no bound at all
            decode_text=False,
            autoping=False,
            autoclose=False,
            heartbeat=None,
            ssl=self._trust(url),
        )
        assert isinstance(upgraded, Upgraded)
        return upgraded

    def _opened(self, upgraded: Upgraded) -> AiohttpTransport:
        read_little(upgraded.tcp)
        transport = AiohttpTransport(upgraded)
        self._open.add(transport)
        return transport

    async def _fetch(self, request: Fetch) -> HttpReply:
        url = self._reachable(request.url)
        async with self._sessions().rest.request(
            request.method,
            url,
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            skip_auto_headers=("Content-Type",),
            ssl=self._trust(url),
        ) as response:
            body = await whole_body(response, self._max_body)
            return HttpReply(response.status, lower(response.headers), body)

    def _reachable(self, text: str) -> URL:
        url = exact(text)
        self._egress.check(url)
        return url

    def _sessions(self) -> _Sessions:
        if self._closed:
            raise dropped()
        if self._made is None:
            names = Resolver(self._found, self._egress)
            self._made = _Sessions(
                _session(TCPConnector(limit=0, force_close=True, resolver=names), upgrade),
                _session(TCPConnector(limit=0, resolver=names), once),
                names,
            )
        return self._made

    def _trust(self, url: URL) -> ssl.SSLContext | bool:
        """Return the context for ``url``; plain text needs none, and no file either."""
        if url.scheme not in {"wss", "https"}:
            return True
        try:
            return client_context(self._ca_file)
        except OSError:
            text = "the file of certificate authorities cannot be used"
        raise TransportLost(text, reason=Reason.TLS_FAILED)

    def _fault(self, exc: BaseException) -> ConnectionFault:
        return dropped() if self._closed else fault_of(exc)


def _session(connector: TCPConnector, middleware: ClientMiddlewareType) -> ClientSession:
    return ClientSession(
        connector=connector,
        middlewares=(middleware,),
        ws_response_class=Upgraded,  # type: ignore[arg-type]  # the stub knows the class for decoded text alone
        cookie_jar=DummyCookieJar(),
        timeout=_NO_DEADLINE,
        trust_env=False,
    )
