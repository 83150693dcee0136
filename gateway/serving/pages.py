"""The dashboard: a page for people at ``/``, made of what lies in ``dashboard/`` and of nothing else."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta

from gateway.serving.documents.describing import Operation, described
from gateway.serving.pagefiles import SEEN, SENT, PageFiles

FOLDER: Final = "dashboard"
FileName = Annotated[str, Meta(description="A file of the page.", examples=["main.js"])]


class Pages:
    """The routes: every file of the dashboard by its own path."""

    def __init__(self) -> None:
        self._page = PageFiles(files("gateway.serving") / FOLDER)

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        return [web.get("/", self._index), web.get(f"/{FOLDER}/{{file:.+}}", self._file)]

    @described(Operation(summary="The dashboard", answers=SEEN))
    async def _index(self, request: web.Request) -> web.Response:
        return self._page.answer(request)

    @described(
        Operation(
            summary="A file of the dashboard",
            path={"file": FileName},
            answers=SENT,
            refusals=("not_found",),
        )
    )
    async def _file(self, request: web.Request) -> web.Response:
        return self._page.answer(request, request.match_info["file"])
