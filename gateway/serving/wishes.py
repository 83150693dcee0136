"""REST for standing subscriptions: validated as the stream's are, and acknowledged once they are kept."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from msgspec import Struct

from gateway.engine.details import StandingDetails
from gateway.engine.operations import StandingWishes
from gateway.errors import StoreBusy, StoreError, SubscriptionError
from gateway.model.subscriptions import Subscription
from gateway.serving.auth.audit import FACTS
from gateway.serving.auth.door import ACCESS
from gateway.serving.auth.scopes import Access, account_scope
from gateway.serving.bodies import Body
from gateway.serving.documents.codes import WISHES
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.documents.parameters import TopicName
from gateway.serving.problems import as_json, problem, refused
from gateway.serving.requests import Selection

PATH: Final = "/api/v1/subscriptions"
TOLD: Final = 20
"""Topics of one request that the audit names."""
BUSY: Final = "1"
"""Seconds after which to ask again when too much waits for the disk."""

_selection: Final = Body(Selection)


class Standing(Struct, frozen=True):
    """Subscriptions that stand."""

    subscriptions: Sequence[StandingDetails]


class Wishes:
    """
    The routes of standing subscriptions.

    Args:
        standing: keeps them.
    """

    def __init__(self, standing: StandingWishes) -> None:
        self._standing = standing

    def routes(self) -> Sequence[web.RouteDef]:
        """Return all of them."""
        return [
            web.get(PATH, self._list),
            web.post(PATH, self._add),
            web.delete(PATH + r"/{topic:[\s\S]+}", self._remove),
        ]

    @described(
        Operation(
            summary="List the standing subscriptions",
            text="The configuration's, and those that were made here.",
            answers=(Answer(200, "All of them", Standing),),
        )
    )
    async def _list(self, _: web.Request) -> web.Response:
        return as_json({"subscriptions": self._standing.standing()})

    @described(
        Operation(
            summary="Let subscriptions stand",
            text="They are kept open whether a client listens or not, and are there after a restart. All or none.",
            body=Selection,
            answers=(
                Answer(200, "All of them stood already", Standing),
                Answer(201, "They stand, and one of them is new", Standing),
            ),
            refusals=("not_kept",),
            wishes=WISHES,
        )
    )
    async def _add(self, request: web.Request) -> web.Response:
        asked = await _selection.read(request)
        try:
            wishes = asked.wishes()
            request[FACTS] = {"topics": [wish.topic for wish in wishes][:TOLD]}
            if (missing := _missing(request[ACCESS], wishes)) is not None:
                return problem(403, "forbidden", f"the token lacks the scope {missing}")
            kept = await self._standing.stand(wishes)
        except SubscriptionError as wrong:
            return refused(wrong)
        except StoreError as exc:
            return _unkept(exc)
        status = HTTPStatus.CREATED if any(one["is_new"] for one in kept) else HTTPStatus.OK
        return as_json({"subscriptions": kept}, status=status)

    @described(
        Operation(
            summary="Let a subscription stand no longer",
            text="One of the configuration's goes on standing.",
            path={"topic": TopicName},
            answers=(Answer(204, "It stands no longer"),),
            refusals=("unknown_subscription", "not_kept"),
        )
    )
    async def _remove(self, request: web.Request) -> web.Response:
        topic = request.match_info["topic"]
        try:
            if await self._standing.fall(topic):
                return web.Response(status=HTTPStatus.NO_CONTENT)
        except StoreError as exc:
            return _unkept(exc)
        return problem(404, "unknown_subscription", f"nothing was made through the API under {topic[:128]!r}")


def _missing(access: Access, wishes: Sequence[Subscription]) -> str | None:
    """Return the scope of an account's data that is wanted and may not be had."""
    scopes = (account_scope(wish.account) for wish in wishes if wish.account is not None)
    return next((scope for scope in scopes if not access.allows(scope)), None)


def _unkept(exc: StoreError) -> web.Response:
    headers = {str(hdrs.RETRY_AFTER): BUSY} if isinstance(exc, StoreBusy) else None
    return problem(503, "not_kept", str(exc), headers)
