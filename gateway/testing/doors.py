"""How a simulated venue answers dials, upgrades and REST requests: served, late, refused, bent, or not at all."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from aiohttp import web

from gateway.testing import bodies, upgrades
from gateway.testing.listener import PATIENCE, Answer
from gateway.testing.records import Requested
from gateway.testing.shared import Shared
from gateway.testing.sockets import KEPT
from gateway.testing.ways import Refusal, Upgrade
from gateway.testing.wire import Wire

WebSocket = web.WebSocketResponse[Literal[False]]
GREETING: Final = b"first"
"""The payload of the ping that comes with an answer in one piece."""


class Doors:
    """
    The doors of one venue.

    Args:
        shared: the venue's.
        serve: has an upgraded socket until it is gone.
        failed: told of what a route did wrong itself.
    """

    def __init__(
        self,
        shared: Shared,
        serve: Callable[[web.Request, WebSocket], Awaitable[None]],
        failed: Callable[[Exception], None],
    ) -> None:
        self.dials: deque[float] = deque(maxlen=KEPT)
        self.attempts: deque[float] = deque(maxlen=KEPT)
        self.requests: deque[Requested] = deque(maxlen=KEPT)
        self._shared = shared
        self._faults = shared.faults
        self._serve = serve
        self._failed = failed

    def admits(self) -> bool:
        """Take a dial; false if it is to be reset."""
        self._shared.counts.dials += 1
        self.dials.append(asyncio.get_running_loop().time())
        self._shared.watch.changed()
        return not self._faults.reset_dials.strike()

    def verdict(self) -> Refusal | Upgrade | None:
        """Take the wish for an upgrade and say how it fails, :obj:`None` for not at all."""
        self.attempts.append(asyncio.get_running_loop().time())
        self._shared.watch.changed()
        if self._faults.deaf or self._faults.hang_upgrades.strike():
            return Upgrade.SILENCE
        refusal = self._faults.refuse_upgrades.strike()
        if refusal is not None:
            self._shared.counts.refused += 1
            return refusal
        return self._faults.bend_upgrades.strike()

    async def upgrade(self, request: web.Request) -> web.StreamResponse:
        """Upgrade, and have the socket served."""
        verdict = self.verdict()
        await self._shared.thawed.wait()
        if self._faults.upgrade_delay > 0:
            await asyncio.sleep(self._faults.upgrade_delay)
        if verdict is Upgrade.SILENCE:
            return await self._silence()
        if isinstance(verdict, Refusal):
            return refused(verdict)
        ws = WebSocket(
            autoping=False,
            autoclose=False,
            compress=self._faults.deflate,
            decode_text=False,
            timeout=PATIENCE,
        )
        await self._prepare(request, ws, verdict)
        await self._serve(request, ws)
        return ws

    async def _prepare(self, request: web.Request, ws: WebSocket, how: Upgrade | None) -> None:
        wire = request.transport
        if how is None or not isinstance(wire, Wire):
            await ws.prepare(request)
            return
        wire.hold()
        await ws.prepare(request)
        if how is Upgrade.PIGGYBACK:
            await ws.ping(GREETING)
        upgrades.answer(wire, how)

    async def reply(self, answer: Answer, request: web.Request) -> web.StreamResponse:
        """Answer a REST request, and bend the reply."""
        response = await self.request(answer, request)
        how = self._faults.bend_replies.strike()
        if how is None:
            return response
        return await bodies.deliver(request, response, how, self._shared.stopping)

    async def request(self, answer: Answer, request: web.Request) -> web.Response:
        """Answer a REST request."""
        at = asyncio.get_running_loop().time()
        self._shared.counts.requests += 1
        self.requests.append(Requested(at, request.method, request.path, dict(request.query)))
        self._shared.watch.changed()
        await self._shared.thawed.wait()
        faults = self._faults
        if faults.mute or faults.deaf or faults.hang_requests.strike():
            return await self._silence()
        if faults.reply_delay > 0:
            await asyncio.sleep(faults.reply_delay)
        refusal = faults.refuse_requests.strike()
        return refused(refusal) if refusal is not None else await self._answered(answer, request)

    async def _answered(self, answer: Answer, request: web.Request) -> web.Response:
        try:
            return answer(request, await request.read())
        except web.HTTPException:
            raise
        except Exception as exc:  # noqa: BLE001  # raised again by whoever leaves the venue
            self._failed(exc)
            return web.Response(status=500)

    async def _silence(self) -> web.Response:
        """Answer nobody before the venue stops."""
        await self._shared.stopping.wait()
        return web.Response(status=503)


def refused(refusal: Refusal) -> web.Response:
    """Return a refusal as it is sent."""
    return web.Response(status=refusal.status, headers=refusal.headers, body=refusal.body)
