"""What keeps a session alive: made when it is due, judged on its reply."""

import asyncio
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Final, NoReturn

from gateway.engine.retry import Backoff
from gateway.errors import ConnectionFault, PluginError, ProtocolViolation, Reason, ReconnectAsked
from gateway.runtime.judge import JudgedFault
from gateway.runtime.rest import Rest
from gateway.runtime.writer import Writer
from gateway.spi.contract import Action, Keepalive, Request, Verdict
from gateway.spi.steps import Fetch, HttpReply

EARLY: Final = 0.9
"""The part of a session's time after which it is replaced."""
SHORTEST: Final = 1.0
LONGEST: Final = 60.0
"""First and highest ceiling of the wait before what failed is done again, in seconds."""


async def keep_alive(
    exchange: str,
    keepalive: Keepalive,
    rest: Rest,
    writer: Writer,
    failed: Callable[[ConnectionFault], float],
    backoff: Backoff,
) -> NoReturn:
    """
    Do what ``keepalive`` asks, again and again; what fails is done again soon while the session is known to last.

    ``failed`` is told of each failure and returns for how many seconds at least
    nothing may be tried, infinity if only a person can help.

    Raises:
        JudgedFault: If a reply means that the session is over.
        ReconnectAsked: If it has lasted as long as it may.
        ConnectionFault: If no reply came about, or a senseless one, and how long the session lasts is not known.
        PluginError: If the plugin broke the contract.
    """
    now = asyncio.get_running_loop().time
    delay, lasts = keepalive.every, inf if keepalive.lasts is None else keepalive.lasts
    ends = now() + lasts
    while True:
        await asyncio.sleep(delay)
        wait = await _try(exchange, keepalive, rest, writer, failed)
        if wait is None or keepalive.lasts is None:
            backoff.worked()
            delay, ends = keepalive.every, now() + lasts
            continue
        delay = max(wait, backoff.next(first=False))
        if now() + delay >= ends:
            raise ReconnectAsked("the session could not be kept alive", reason=Reason.SESSION_LOST)


async def _try(
    exchange: str, keepalive: Keepalive, rest: Rest, writer: Writer, failed: Callable[[ConnectionFault], float]
) -> float | None:
    """Do it once; if it must be done again, return for how many seconds at least that may not be."""
    try:
        return None if await _do(exchange, keepalive, rest, writer) else 0.0
    except JudgedFault:
        raise
    except ConnectionFault as fault:
        wait = failed(fault)
        if keepalive.lasts is None or wait == inf:
            raise
        return wait


async def _do(exchange: str, keepalive: Keepalive, rest: Rest, writer: Writer) -> bool:
    """Do it once; false if the reply asks for patience."""
    match _asked(exchange, "make", keepalive.make):
        case Fetch() as fetch:
            return _judge(exchange, keepalive, await rest.fetch(fetch))
        case Request() as request:
            writer.send(request.frame, request.cost)
            return True
        case other:
            raise _broken(exchange, f"make must return a Fetch or a Request, not {type(other).__name__}")


def _judge(exchange: str, keepalive: Keepalive, reply: HttpReply) -> bool:
    if keepalive.judge is None:
        return True
    verdict = _asked(exchange, "judge", partial(keepalive.judge, reply))
    if verdict is None:
        return True
    if not isinstance(verdict, Verdict):
        raise _broken(exchange, f"judge must return a Verdict or None, not {type(verdict).__name__}")
    if verdict.action is not Action.RETRY:
        raise JudgedFault(verdict, verdict.text)
    return False


def _asked(exchange: str, what: str, ask: Callable[[], object]) -> object:
    try:
        return ask()
    except ConnectionFault:
        raise
    except ValueError as exc:
        raise ProtocolViolation(f"senseless reply to a keepalive ({type(exc).__name__})") from exc
    except Exception as exc:
        raise _broken(exchange, f"{what} raised {type(exc).__name__}") from exc


def _broken(exchange: str, problem: str) -> PluginError:
    return PluginError(exchange, f"its keepalive's {problem}")


async def expire(seconds: float) -> NoReturn:
    """
    Let a session that lasts ``seconds`` be replaced before it ends.

    Raises:
        ReconnectAsked: When it is time.
    """
    await asyncio.sleep(seconds * EARLY)
    raise ReconnectAsked("the session is about to expire", reason=Reason.SESSION_LOST)
