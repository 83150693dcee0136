"""REST for the configuration: what is in effect, and having it read anew."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from gateway.engine.details import ConfigurationRead, ConfigurationShown
from gateway.engine.operations import Configuration
from gateway.errors import ConfigError, ShuttingDown, UnsafeError
from gateway.serving.auth.audit import FACTS
from gateway.serving.bodies import Body
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.problems import as_json, problem

PATH: Final = "/api/v1/config"


class Reload(msgspec.Struct, forbid_unknown_fields=True):
    """A body; ``dry_run`` only asks what would come of it."""

    dry_run: bool = False


_reload: Final = Body(Reload)


class Config:
    """
    The routes.

    Args:
        configuration: of the running gateway.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        return [web.get(PATH, self._show), web.post(f"{PATH}:reload", self._reload)]

    @described(
        Operation(
            summary="Show the configuration",
            text="All that is in effect; secrets appear as the references that they are.",
            answers=(Answer(200, "The configuration", ConfigurationShown),),
        )
    )
    async def _show(self, _: web.Request) -> web.Response:
        return as_json(self._configuration.shown())

    @described(
        Operation(
            summary="Have the configuration read anew",
            text="It takes effect without dropping a connection, or nothing is changed.",
            body=Reload,
            example={"dry_run": True},
            answers=(Answer(200, "It has taken effect, or would", ConfigurationRead),),
            refusals=("bad_configuration", "shutting_down"),
        )
    )
    async def _reload(self, request: web.Request) -> web.Response:
        asked = await _reload.read(request)
        request[FACTS] = {"dry_run": asked.dry_run}
        try:
            return as_json(await self._configuration.read_anew(dry_run=asked.dry_run))
        except (ConfigError, UnsafeError) as wrong:
            more: dict[str, Any] = {"key": wrong.key} if isinstance(wrong, ConfigError) else {}
            return problem(422, "bad_configuration", str(wrong), **more)
        except ShuttingDown as late:
            return problem(503, "shutting_down", str(late))
