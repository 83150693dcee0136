"""REST for plugins: which are installed, which run, and why one does not."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web
from msgspec import Struct

from gateway.engine.details import PluginDetails
from gateway.engine.operations import Roster
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.problems import as_json

PATH: Final = "/api/v1/plugins"


class PluginList(Struct, frozen=True):
    """All plugins, by name."""

    plugins: Sequence[PluginDetails]


class Plugins:
    """
    The route.

    Args:
        roster: of the running gateway.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def routes(self) -> Sequence[web.RouteDef]:
        """Return it."""
        return [web.get(PATH, self._list)]

    @described(
        Operation(
            summary="List the plugins",
            text="Those that are installed, whether an exchange is configured for them or not.",
            answers=(Answer(200, "All of them", PluginList),),
        )
    )
    async def _list(self, _: web.Request) -> web.Response:
        return as_json(PluginList(await self._roster.plugins()))
