"""What keeps a session alive: made when it is due, judged on its reply."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, NoReturn

from gateway.errors import ConnectionFault, PluginError, ProtocolViolation, Reason, ReconnectAsked
from gateway.runtime.judge import JudgedFault
from gateway.runtime.rest import Rest
from gateway.runtime.writer import Writer
from gateway.spi.contract import Action, Keepalive, Request, Verdict
from gateway.spi.steps import Fetch, HttpReply

EARLY: Final = 0.9
"""The part of a session's time after which it is replaced."""


async def keep_alive(exchange: str, keepalive: Keepalive, rest: Rest, writer: Writer) -> NoReturn:
    """
    Do what ``keepalive`` asks, again and again.

    Raises:
        JudgedFault: If a reply means that the session is over.
        ConnectionFault: If no reply came about, or a senseless one.
        PluginError: If the plugin broke the contract.
    """
    while True:
        await asyncio.sleep(keepalive.every)
        match _asked(exchange, "make", keepalive.make):
            case Fetch() as fetch:
                _judge(exchange, keepalive, await rest.fetch(fetch))
            case Request() as request:
                writer.send(request.frame, request.cost)
            case other:
                raise _broken(exchange, f"make must return a Fetch or a Request, not {type(other).__name__}")


def _judge(exchange: str, keepalive: Keepalive, reply: HttpReply) -> None:
    if keepalive.judge is None:
        return
    verdict = _asked(exchange, "judge", partial(keepalive.judge, reply))
    if verdict is None:
        return
    if not isinstance(verdict, Verdict):
        raise _broken(exchange, f"judge must return a Verdict or None, not {type(verdict).__name__}")
    if verdict.action is not Action.RETRY:
        raise JudgedFault(verdict, verdict.text)


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
