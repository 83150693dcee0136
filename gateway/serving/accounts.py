"""REST for accounts: what is configured, how each one's connection stands, and having it up or down."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta, Struct

from gateway.engine.details import AccountDetails
from gateway.engine.operations import Roster
from gateway.errors import ShuttingDown
from gateway.serving.auth.audit import FACTS
from gateway.serving.bodies import Body
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.documents.parameters import AccountId
from gateway.serving.problems import ProblemError, as_json

PATH: Final = "/api/v1/accounts"
LONGEST: Final = 30.0

Wait = Annotated[
    float, Meta(ge=0, le=LONGEST, description="Seconds to wait for what comes of it; 0: only record it.")
]


class Connect(Struct, forbid_unknown_fields=True):
    """A body; without ``retry`` an attempt that fails leaves nothing behind, with it others follow."""

    wait: Wait = 0
    retry: bool = False


class Disconnect(Struct, forbid_unknown_fields=True):
    """A body."""

    wait: Wait = 0


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What was asked, and where it is known whether it has come about: ``done``."""

    id: str
    asked: str
    done: bool | None = None


class AccountList(Struct, frozen=True):
    """All accounts, in the order of the configuration."""

    accounts: Sequence[AccountDetails]


_connect: Final = Body(Connect)
_disconnect: Final = Body(Disconnect)
KNOWN: Final = Answer(200, "It is known what came of it", Outcome)
RECORDED: Final = Answer(202, "It is recorded; what comes of it was not waited for, or takes longer", Outcome)
REFUSALS: Final = ("unknown_account", "not_running", "shutting_down")


class AccountRoutes:
    """
    The routes.

    Args:
        roster: of the running gateway.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        one = f"{PATH}/{{id:[^:/]+}}"
        return [
            web.get(PATH, self._list),
            web.get(one, self._show),
            web.post(f"{one}:connect", self._up),
            web.post(f"{one}:disconnect", self._down),
        ]

    @described(Operation(summary="List the accounts", answers=(Answer(200, "All of them", AccountList),)))
    async def _list(self, _: web.Request) -> web.Response:
        return as_json(AccountList([self._roster.account(id_) for id_ in self._roster.accounts()]))

    @described(
        Operation(
            summary="Show an account",
            path={"id": AccountId},
            answers=(Answer(200, "The account; never a secret", AccountDetails),),
            refusals=("unknown_account",),
        )
    )
    async def _show(self, request: web.Request) -> web.Response:
        return as_json(self._find(request))

    @described(
        Operation(
            summary="Have an account's connection up",
            text="One that is CONNECTED and not healthy is replaced.",
            path={"id": AccountId},
            body=Connect,
            example={"wait": 10, "retry": True},
            answers=(KNOWN, RECORDED),
            refusals=REFUSALS,
        )
    )
    async def _up(self, request: web.Request) -> web.Response:
        asked = await _connect.read(request)
        request[FACTS] = {"retry": asked.retry}
        id_ = self._usable(request)
        outcome = _taken(lambda: self._roster.connect(id_, retry=asked.retry))
        return await _outcome(id_, "connect", outcome, asked.wait)

    @described(
        Operation(
            summary="Have an account's connection down",
            text="It stays down until it is asked for again, whoever subscribes to the account.",
            path={"id": AccountId},
            body=Disconnect,
            example={"wait": 10},
            answers=(KNOWN, RECORDED),
            refusals=REFUSALS,
        )
    )
    async def _down(self, request: web.Request) -> web.Response:
        asked = await _disconnect.read(request)
        id_ = self._usable(request)
        return await _outcome(id_, "disconnect", _taken(lambda: self._roster.disconnect(id_)), asked.wait)

    def _find(self, request: web.Request) -> AccountDetails:
        id_ = request.match_info["id"]
        try:
            return self._roster.account(id_)
        except KeyError:
            raise ProblemError(404, "unknown_account", f"no account {id_[:128]!r} is configured") from None

    def _usable(self, request: web.Request) -> str:
        found = self._find(request)
        if found["connection"] is None:
            raise ProblemError(409, "not_running", found["problem"])
        return found["id"]


def _taken(ask: Callable[[], Awaitable[bool]]) -> Awaitable[bool]:
    """Return what ``ask`` returns: from then on it is recorded."""
    try:
        return ask()
    except ShuttingDown as late:
        raise ProblemError(503, "shutting_down", str(late)) from None


async def _outcome(id_: str, asked: str, outcome: Awaitable[bool], wait: float) -> web.Response:
    """Answer once it is known what came of it, or when ``wait`` is over; either way it goes on."""
    waiting = asyncio.ensure_future(outcome)
    waiting.add_done_callback(_heard)
    done, _ = await asyncio.wait({waiting}, timeout=wait)
    if not done:
        return as_json(Outcome(id_, asked), status=HTTPStatus.ACCEPTED)
    try:
        return as_json(Outcome(id_, asked, waiting.result()))
    except ShuttingDown as late:
        raise ProblemError(503, "shutting_down", str(late)) from None


def _heard(outcome: "asyncio.Future[bool]") -> None:
    """Somebody may have given up waiting: that it failed is no news to anybody."""
    if not outcome.cancelled():
        outcome.exception()
