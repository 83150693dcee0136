"""How REST errors look (RFC 9457): a problem document, also for what the HTTP library refuses by itself."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gateway.errors import SubscriptionError

CONTENT_TYPE: Final = "application/problem+json"
RENAMED: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""What RFC 9110 calls these statuses; Python before 3.13 has their older names."""
STATUSES: Final = {"bad_request": 400, "forbidden": 403, "rate_limited": 429}
"""HTTP statuses of subscriptions that are refused; any other is 422: what is asked is clear, and cannot be had."""
TOLD: Final = {413: "the body has more than 64 KiB"}
"""What the library's own words do not tell."""
AGAIN: Final = "1"
"""Seconds after which to ask again."""
CODE: Final = web.ResponseKey("gateway.code", str)
"""Under which a response knows the problem's code."""
_KEPT: Final = ("Allow",)

log = structlog.get_logger()


class ProblemError(Exception):
    """
    What a handler raises to have a request answered with a problem document.

    Args:
        status: the HTTP status.
        code: for programs: what went wrong.
        detail: for people: one sentence.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


def plain(value: object) -> object:
    """Return a read-only view as what JSON knows."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise NotImplementedError(f"{type(value).__name__} is not JSON")


def as_json(data: Any, *, status: int = 200) -> web.Response:
    """Return ``data`` as a reply."""
    body = msgspec.json.encode(data, enc_hook=plain)
    return web.Response(body=body, status=status, content_type="application/json")


def problem(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> web.Response:
    """
    Return a problem document.

    Args:
        status: the HTTP status.
        code: for programs: what went wrong.
        detail: for people: one sentence.
        headers: to send along.
        more: further members.
    """
    members = {"type": "about:blank", "title": title_of(status), "status": status}
    body = msgspec.json.encode({**members, "code": code, "detail": detail, **more}, enc_hook=plain)
    response = web.Response(body=body, status=status, headers=headers, content_type=CONTENT_TYPE)
    response[CODE] = code
    return response


def refused(error: SubscriptionError) -> web.Response:
    """Return the problem document for a subscription that is refused; what time can mend may be asked again."""
    headers = {str(hdrs.RETRY_AFTER): AGAIN} if error.temporary else None
    return problem(STATUSES.get(error.code, 422), error.code, error.message, headers)


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document."""
    try:
        return await handler(request)
    except ProblemError as wrong:
        return problem(wrong.status, wrong.code, wrong.detail)
    except web.HTTPException as exc:
        if exc.status < HTTPStatus.BAD_REQUEST:
            raise
        kept = {name: exc.headers[name] for name in _KEPT if name in exc.headers}
        code = title_of(exc.status).lower().replace(" ", "_")
        return problem(
            exc.status, code, TOLD.get(exc.status, f"{request.method} {request.path}: {exc.reason}"), kept
        )
    except Exception:
        log.exception("request failed", method=request.method)
        return problem(500, "internal_error", "the gateway failed to answer; its log says why")


def title_of(status: int) -> str:
    """Return what RFC 9110 calls a status."""
    return RENAMED.get(status) or HTTPStatus(status).phrase
