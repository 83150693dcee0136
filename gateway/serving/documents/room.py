"""The documents for programs, and the page that shows them to people: made once, served from memory."""

from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from gateway.serving.documents.asyncapi import asyncapi
from gateway.serving.documents.describing import JSON, Answer, Operation, described
from gateway.serving.documents.openapi import openapi
from gateway.serving.pagefiles import SEEN, SENT, PageFiles

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
        self._files = PageFiles(files("gateway.serving.documents") / "page")

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

    @described(Operation(summary="This document, for people", answers=SEEN))
    async def _page(self, request: web.Request) -> web.Response:
        return self._files.answer(request)

    @described(
        Operation(
            summary="A file of that page",
            path={"file": FileName},
            answers=SENT,
            refusals=("not_found",),
        )
    )
    async def _file(self, request: web.Request) -> web.Response:
        return self._files.answer(request, request.match_info["file"])

    @cached_property
    def _http(self) -> bytes:
        return msgspec.json.encode(openapi(self._app, self._version))

    @cached_property
    def _stream(self) -> bytes:
        return msgspec.json.encode(asyncapi(self._version))
