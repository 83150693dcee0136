"""REST for topics: which are open, where each stands and how many listen."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from gateway.engine.hub import Hub
from gateway.engine.topics import Topic
from gateway.serving.auth.door import ACCESS
from gateway.serving.auth.scopes import MARKET, Access, account_scope
from gateway.serving.documents.describing import Answer, Operation, described
from gateway.serving.problems import as_json, problem

PATH: Final = "/api/v1/topics"
MOST: Final = 10_000
"""Topics in one answer at most, and unless fewer are asked for."""


Limit = Annotated[int, Meta(ge=1, le=MOST, description="How many to tell at most.")]
Filter = Annotated[str, Meta(description="Words that name, status or reason have all of, in either case.")]


class TopicState(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    Where one topic stands.

    ``offset`` is that of the last message published, ``recv`` when that was received, in microseconds
    since 1970; raw topics have none. ``listeners`` counts clients and standing subscriptions.
    """

    topic: str
    status: str
    epoch: str
    offset: int
    listeners: int
    reason: str = ""
    recv: int | None = None


class TopicStates(msgspec.Struct, frozen=True):
    """An answer: ``total`` is how many match, of which ``topics`` may be the first."""

    topics: Sequence[TopicState]
    total: int


class Topics:
    """
    The route.

    Args:
        hub: all topics.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def routes(self) -> Sequence[web.RouteDef]:
        """Return it."""
        return [web.get(PATH, self._list)]

    @described(
        Operation(
            summary="List the open topics",
            text="Those of an account are told to those who may read it.",
            query={"filter": Filter, "limit": Limit},
            answers=(Answer(200, "Those that match", TopicStates),),
            refusals=("bad_request",),
        )
    )
    async def _list(self, request: web.Request) -> web.Response:
        limit = _limit(request.query.get("limit", str(MOST)))
        if limit is None:
            return problem(400, "bad_request", f"limit: need a number from 1 to {MOST}")
        found = list(self._found(request.query.get("filter", ""), request[ACCESS]))
        return as_json(TopicStates([_state(one) for one in islice(found, limit)], len(found)))

    def _found(self, text: str, access: Access) -> Iterator[Topic]:
        """Yield the topics that have every word of ``text`` and may be known to whoever asks."""
        words = text.casefold().split()
        for topic in self._hub.topics.values():
            account = topic.subscription.account
            scope = MARKET if account is None else account_scope(account)
            if access.allows(scope) and _has(topic, words):
                yield topic


def _limit(text: str) -> int | None:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) else 0
    return number if 1 <= number <= MOST else None


def _has(topic: Topic, words: Sequence[str]) -> bool:
    if not words:
        return True
    known = f"{topic.name} {topic.status} {topic.reason}".casefold()
    return all(word in known for word in words)


def _state(topic: Topic) -> TopicState:
    return TopicState(
        topic.name, topic.status, topic.epoch, topic.offset, topic.listeners, topic.reason, topic.heard_us
    )
