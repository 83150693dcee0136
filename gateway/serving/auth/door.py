"""
Whether a request may be answered: who asks is found out, and whether they may, before any handler runs.

What is found out is in the request: ``request[ACCESS]``, which is missing where nobody had to be known.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.serving.auth.credentials import CredentialsError, in_url, shown
from gateway.serving.auth.needs import FREE, OWN_DOOR, TICKETED, need_of
from gateway.serving.auth.reception import NO_GOOD, Reception
from gateway.serving.auth.refusals import LATER
from gateway.serving.auth.scopes import Access
from gateway.serving.limits import Limits
from gateway.serving.problems import problem

ACCESS: Final = web.RequestKey("gateway.access", Access)
CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="gateway"'}
READS: Final = frozenset({"GET", "HEAD"})


def door(reception: Reception, limits: Callable[[], Limits]) -> Middleware:
    """
    Return the middleware that lets in who may.

    Args:
        reception: knows what tokens are worth.
        limits: as they are now.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if in_url(request):
            return problem(400, "token_in_url", "a URL may not carry a token: logs and histories would keep it")
        try:
            text = shown(request)
        except CredentialsError as wrong:
            return problem(400, "bad_credentials", str(wrong))
        access = reception.keeper.anonymous()
        if access is None and text is not None:
            access = reception.worth(text, tickets=path_of(request) in TICKETED)
            if access is None:
                return await _turned_away(reception)
        if access is not None:
            request[ACCESS] = access
        refusal = _refusal(request, access, reception, limits())
        if refusal is not None:
            return refusal
        if not await _is_read(request, limits().header):
            return problem(408, "too_slow", "the body did not come in time", {"Connection": "close"})
        return await handler(request)

    return check


async def _turned_away(reception: Reception) -> web.Response:
    if await reception.refusals.wait():
        return problem(401, "unauthorized", NO_GOOD, CHALLENGE)
    return problem(429, "too_many_refusals", "too many wrong tokens; come again later", {hdrs.RETRY_AFTER: LATER})


def _refusal(
    request: web.Request, access: Access | None, reception: Reception, limits: Limits
) -> web.Response | None:
    """Return why one who is known, or nobody, may not have this; nothing if they may."""
    path = path_of(request)
    if path in OWN_DOOR or (path in FREE and "verbose" not in request.query):
        return None
    if access is None:
        return problem(401, "unauthorized", "a token is needed: Authorization: Bearer <token>", CHALLENGE)
    if access.token is None:
        return None
    if not reception.shares.of(access.token, limits).requests.take(reception.now()):
        return problem(429, "rate_limited", "too many requests of this token; slow down", {hdrs.RETRY_AFTER: "1"})
    scope = need_of(request.method, path).scope if path else None
    if scope is not None and not access.allows(scope):
        return problem(403, "forbidden", f"the token lacks the scope {scope}")
    return None


def path_of(request: web.Request) -> str:
    """Return the route's path, with names in place of its parts; empty where there is none."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


async def _is_read(request: web.Request, within: float) -> bool:
    """Read the body, if there is one, so that no handler waits for it."""
    if request.method in READS:
        return True
    try:
        async with asyncio.timeout(within):
            await request.read()
    except TimeoutError:
        return False
    return True
