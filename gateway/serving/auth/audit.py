"""
Who did what: one line of the log for each request that does something, whatever comes of it.

It has the token's id and never the token. Whoever may not do it can ask without end; so of what
was refused only a few lines a minute are written, and the rest is counted.
"""

from collections.abc import Callable, Hashable, Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.serving.auth.door import ACCESS, path_of
from gateway.serving.auth.needs import need_of
from gateway.serving.problems import CODE
from gateway.telemetry.quota import LineQuota

FACTS: Final = web.RequestKey("gateway.audited", dict[str, Any])
"""Where a handler leaves what the line is to have beside the rest."""
LONGEST: Final = 128
LINES_A_MINUTE: Final = 60
"""Lines for each action and outcome of what was refused."""
DONE: Final = "done"
GAVE_UP: Final = "gave_up"
"""Whoever asked has left meanwhile; it may have been done."""

log = structlog.get_logger("gateway")


def audit(now: Callable[[], float], told: Callable[[Mapping[str, Any]], None] = lambda _: None) -> Middleware:
    """
    Return the middleware that writes the lines.

    Args:
        now: monotonic seconds.
        told: of each line, too.
    """
    quota = LineQuota(LINES_A_MINUTE, now, _suppressed)

    @web.middleware
    async def write(request: web.Request, handler: Handler) -> web.StreamResponse:
        action = need_of(request.method, path_of(request)).action if path_of(request) else None
        if action is None:
            return await handler(request)
        outcome = GAVE_UP
        try:
            response = await handler(request)
            refused = response.status >= HTTPStatus.BAD_REQUEST
            outcome = str(response.get(CODE, response.status)) if refused else DONE
        finally:
            if outcome == DONE or quota.allows((action, outcome)):
                line = _line(request, action, outcome)
                log.info("audit", **line)
                told(line)
        return response

    return write


def _line(request: web.Request, action: str, outcome: str) -> dict[str, Any]:
    access = request.get(ACCESS)
    return {
        "action": action,
        "target": _target(request),
        "outcome": outcome,
        "token_id": None if access is None else access.token,
        "remote": request.remote,
        "via": "rest",
        **request.get(FACTS, {}),
    }


def _target(request: web.Request) -> str | None:
    parts = request.match_info
    target = parts.get("id", parts.get("topic"))
    return None if target is None else target[:LONGEST]


def _suppressed(key: Hashable, lines: int) -> None:
    action, outcome = key if isinstance(key, tuple) else (key, None)
    log.warning("suppressed", of="audit", action=action, outcome=outcome, lines=lines)
