"""
The dashboard's files: a page for people at ``/``, made of what lies in ``dashboard/`` and of nothing else.

The page is no secret and shows none: whoever reaches us may have it. All that it
tells it asks for over the API, with the token of whoever looks at it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Final

from aiohttp import hdrs, web
from msgspec import Meta

from gateway.serving.documents.describing import Answer, Operation, described

INDEX: Final = "index.html"
FOLDER: Final = "dashboard"
TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing from elsewhere, nothing inline, and no text that becomes a program."""


HTML: Final = "text/html"
UNCHANGED: Final = Answer(304, "The browser has it already")
Text = Annotated[str, Meta(description="A file of the page.")]
FileName = Annotated[str, Meta(description="A file of the page.", examples=["main.js"])]


@dataclass(frozen=True, slots=True)
class Page:
    """One file, as it is sent."""

    body: bytes
    content_type: str
    tag: str


class Pages:
    """The routes: every file of the dashboard by its own path, read once."""

    def __init__(self) -> None:
        root = files("gateway.serving") / FOLDER
        self._pages = {path: _page(file) for path, file in _below(root, "")}

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        return [web.get("/", self._index), web.get(f"/{FOLDER}/{{file:.+}}", self._file)]

    @described(Operation(summary="The dashboard", answers=(Answer(200, "A page", Text, HTML), UNCHANGED)))
    async def _index(self, request: web.Request) -> web.Response:
        return _answer(request, self._pages[INDEX])

    @described(
        Operation(
            summary="A file of the dashboard",
            path={"file": FileName},
            answers=(Answer(200, "The file", Text, HTML, dict.fromkeys(TYPES.values(), Text)), UNCHANGED),
            refusals=("not_found",),
        )
    )
    async def _file(self, request: web.Request) -> web.Response:
        page = self._pages.get(request.match_info["file"])
        if page is None:
            raise web.HTTPNotFound
        return _answer(request, page)


def _below(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _below(entry, f"{path}{entry.name}/")
        elif f".{entry.name.rpartition('.')[2]}" in TYPES:
            yield path + entry.name, entry


def _page(file: Traversable) -> Page:
    body = file.read_bytes()
    kind = TYPES[f".{file.name.rpartition('.')[2]}"]
    return Page(body, kind, hashlib.sha256(body).hexdigest()[:32])


def _answer(request: web.Request, page: Page) -> web.Response:
    """Return the page, or that it is still what the browser has."""
    headers = {
        hdrs.CACHE_CONTROL: "no-cache",
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        hdrs.ETAG: f'"{page.tag}"',
    }
    if request.if_none_match and any(tag.value == page.tag for tag in request.if_none_match):
        return web.Response(status=304, headers=headers)
    return web.Response(body=page.body, headers=headers, content_type=page.content_type, charset="utf-8")
