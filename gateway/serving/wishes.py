"""REST for standing subscriptions: validated as the stream's are, and acknowledged once they are kept."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import hdrs, web

from gateway.engine.operations import StandingWishes
from gateway.errors import StoreBusy, StoreError, SubscriptionError
from gateway.serving.problems import as_json, problem
from gateway.serving.requests import Selection
from gateway.serving.wording import plain

PATH: Final = "/api/v1/subscriptions"
JSON: Final = "application/json"
BUSY: Final = "1"
"""Seconds after which to ask again when too much waits for the disk."""

_selection: Final = msgspec.json.Decoder(Selection)


class Wishes:
    """
    The routes of standing subscriptions.

    Args:
        standing: keeps them.
    """

    def __init__(self, standing: StandingWishes) -> None:
        self._standing = standing

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        return [
            web.get(PATH, self._list),
            web.post(PATH, self._add),
            web.delete(PATH + "/{topic:.+}", self._remove),
        ]

    async def _list(self, _: web.Request) -> web.Response:
        return as_json({"subscriptions": self._standing.standing()})

    async def _add(self, request: web.Request) -> web.Response:
        if request.content_type != JSON:
            return problem(415, "unsupported_media_type", f"need {hdrs.CONTENT_TYPE}: {JSON}")
        body = await request.read()
        try:
            asked = _selection.decode(body)
            kept = await self._standing.stand(asked.wishes())
        except msgspec.DecodeError as exc:
            return problem(400, "bad_request", f"the body: {plain(exc, body)}")
        except SubscriptionError as refused:
            return problem(422, refused.code, refused.message)
        except StoreError as exc:
            return _unkept(exc)
        status = HTTPStatus.CREATED if any(one["is_new"] for one in kept) else HTTPStatus.OK
        return as_json({"subscriptions": kept}, status=status)

    async def _remove(self, request: web.Request) -> web.Response:
        topic = request.match_info["topic"]
        try:
            if await self._standing.fall(topic):
                return web.Response(status=HTTPStatus.NO_CONTENT)
        except StoreError as exc:
            return _unkept(exc)
        return problem(404, "unknown_subscription", f"nothing was made through the API under {topic[:128]!r}")


def _unkept(exc: StoreError) -> web.Response:
    headers = {str(hdrs.RETRY_AFTER): BUSY} if isinstance(exc, StoreBusy) else None
    return problem(503, "not_kept", str(exc), headers)
