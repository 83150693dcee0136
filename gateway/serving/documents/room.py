"""The documents for programs, and the page that shows them to people: made once, served from memory."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from gateway.serving.documents.asyncapi import asyncapi
from gateway.serving.documents.describing import JSON, Answer, Operation, described
from gateway.serving.documents.openapi import openapi
from gateway.serving.problems import ProblemError

INDEX: Final = "index.html"
TYPES: Final[Mapping[str, str]] = {
    "index.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "schemas.js": "text/javascript",
    "trying.js": "text/javascript",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing from elsewhere, nothing inline, and no text that becomes a program."""
HTML: Final = "text/html"
Text = Annotated[str, Meta(description="A file of the page.")]
Document = Annotated[dict[str, Any], Meta(description="The document.")]
FileName = Annotated[str, Meta(description="A file of the page.", examples=["page.js"])]


class Documents:
    """
    The routes.

    Args:
        app: has all routes, once somebody asks.
        version: of the gateway.
    """

    def __init__(self, app: web.Application, version: str) -> None:
        self._app = app
        self._version = version

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        return [
            web.get("/openapi.json", self._openapi),
            web.get("/asyncapi.json", self._asyncapi),
            web.get("/api", self._page),
            web.get("/api/{file}", self._file),
        ]

    @described(Operation(summary="This document", answers=(Answer(200, "OpenAPI 3.1", Document),)))
    async def _openapi(self, _: web.Request) -> web.Response:
        return web.Response(body=self._http, content_type=JSON)

    @described(
        Operation(
            summary="What is spoken on the WebSocket",
            answers=(Answer(200, "AsyncAPI 3.0", Document),),
        )
    )
    async def _asyncapi(self, _: web.Request) -> web.Response:
        return web.Response(body=self._stream, content_type=JSON)

    @described(Operation(summary="This document, for people", answers=(Answer(200, "A page", Text, HTML),)))
    async def _page(self, _: web.Request) -> web.Response:
        return _sent(INDEX)

    @described(
        Operation(
            summary="A file of that page",
            path={"file": FileName},
            answers=(Answer(200, "The file", Text, "text/css", {"text/javascript": Text, HTML: Text}),),
            refusals=("not_found",),
        )
    )
    async def _file(self, request: web.Request) -> web.Response:
        return _sent(request.match_info["file"])

    @cached_property
    def _http(self) -> bytes:
        return msgspec.json.encode(openapi(self._app, self._version))

    @cached_property
    def _stream(self) -> bytes:
        return msgspec.json.encode(asyncapi(self._version))


def _sent(name: str) -> web.Response:
    if name not in TYPES:
        raise ProblemError(404, "not_found", f"the page has no file {name[:128]!r}")
    body = (files("gateway.serving.documents") / "page" / name).read_bytes()
    headers = {"Content-Security-Policy": POLICY, "Cross-Origin-Opener-Policy": "same-origin"}
    return web.Response(body=body, headers=headers, content_type=TYPES[name], charset="utf-8")
