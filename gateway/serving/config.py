"""REST for the configuration: what is in effect, and having it read anew."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web

from gateway.engine.operations import Configuration
from gateway.errors import ConfigError, ShuttingDown, UnsafeError
from gateway.serving.auth.audit import FACTS
from gateway.serving.problems import as_json, problem

PATH: Final = "/api/v1/config"
JSON: Final = "application/json"


class Reload(msgspec.Struct, forbid_unknown_fields=True):
    """A body; ``dry_run`` only asks what would come of it."""

    dry_run: bool = False


_reload: Final = msgspec.json.Decoder(Reload)


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

    async def _show(self, _: web.Request) -> web.Response:
        return as_json(self._configuration.shown())

    async def _reload(self, request: web.Request) -> web.Response:
        if request.content_type != JSON:  # a page in a browser cannot send that without asking first
            return problem(415, "unsupported_media_type", f"need {hdrs.CONTENT_TYPE}: {JSON}")
        try:
            asked = _reload.decode(await request.read() or b"{}")
        except msgspec.DecodeError as exc:
            return problem(400, "bad_request", f"the body: {exc}")
        request[FACTS] = {"dry_run": asked.dry_run}
        try:
            return as_json(await self._configuration.read_anew(dry_run=asked.dry_run))
        except (ConfigError, UnsafeError) as wrong:
            more: dict[str, Any] = {"key": wrong.key} if isinstance(wrong, ConfigError) else {}
            return problem(422, "bad_configuration", str(wrong), **more)
        except ShuttingDown as late:
            return problem(503, "shutting_down", str(late))
