"""What keeps a session alive: made when it is due, judged on its reply."""

import asyncio
from typing import NoReturn

from gateway.errors import Reason, ReconnectAsked
from gateway.runtime.judge import JudgedFault
from gateway.runtime.rest import Rest
from gateway.runtime.writer import Writer
from gateway.spi.contract import Action, Keepalive
from gateway.spi.steps import Fetch

EARLY = 0.9
"""The part of a session's time after which it is replaced."""


async def keep_alive(keepalive: Keepalive, rest: Rest, writer: Writer) -> NoReturn:
    """
    Do what ``keepalive`` asks, again and again.

    Raises:
        JudgedFault: If a reply means that the session is over.
        ConnectionFault: If no reply came about.
    """
    while True:
        await asyncio.sleep(keepalive.every)
        made = keepalive.make()
        if not isinstance(made, Fetch):
            writer.send(made.frame, made.cost)
            continue
        reply = await rest.fetch(made)
        verdict = keepalive.judge(reply) if keepalive.judge is not None else None
        if verdict is not None and verdict.action is not Action.RETRY:
            raise JudgedFault(verdict, verdict.text)


async def expire(seconds: float) -> NoReturn:
    """
    Let a session that lasts ``seconds`` be replaced before it ends.

    Raises:
        ReconnectAsked: When it is time.
    """
    await asyncio.sleep(seconds * EARLY)
    raise ReconnectAsked("the session is about to expire", reason=Reason.SESSION_LOST)
