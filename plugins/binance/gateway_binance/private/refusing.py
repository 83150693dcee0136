"""How a refusal ends a login: for good where only a person can help, else as REST's verdicts have it."""

from math import ceil
from typing import Final

import orjson
from msgspec import Struct

from gateway import spi
from gateway_binance import verdicts
from gateway_binance.records.fields import microseconds
from gateway_binance.verdicts import Refusal

MOST_WORDS: Final = 200


class ErrorTimes(Struct, frozen=True, rename="camel"):
    """What an error of the WebSocket API says of times, in the unit of its connection."""

    server_time: int = 0
    retry_after: int = 0


class ApiError(Struct, frozen=True):
    """An error of the WebSocket API."""

    code: int
    msg: str = ""
    data: ErrorTimes = ErrorTimes()

    @property
    def after(self) -> float | None:
        """For how many seconds nothing is to be asked, where it is told."""
        wait = microseconds(self.data.retry_after) - microseconds(self.data.server_time)
        return wait / 1e6 if self.data.retry_after and wait > 0 else None


def judged(status: int, error: ApiError) -> spi.Verdict:
    """Return what an error of the WebSocket API means; one that no document names is worth another try."""
    found = verdicts.judge(Refusal(status, error.code, error.msg, error.after))
    if found is not None:
        return found
    text = f"{error.code}: {error.msg[:MOST_WORDS]}"
    return spi.Verdict(action=spi.Action.RETRY, scope=spi.Scope.REQUEST, text=text)


def refused(status: int, error: ApiError) -> spi.ConnectionFault:
    """Return the fault of a login that was answered with ``error``."""
    verdict = judged(status, error)
    if verdict.action is spi.Action.STOP:
        return spi.LoginRefused(verdict.text)
    headers = {} if error.after is None else {"retry-after": str(ceil(error.after))}
    return spi.ReplyRefused(status, headers, orjson.dumps({"code": error.code, "msg": error.msg}))


def checked(reply: spi.HttpReply) -> spi.HttpReply:
    """
    Return a login's ``reply`` over REST if it is a success.

    Raises:
        LoginRefused: If only a person can help.
        ReplyRefused: If it is another refusal.
    """
    try:
        reply.json()
    except spi.ReplyRefused as fault:
        verdict = verdicts.verdict(fault)
        if verdict is not None and verdict.action is spi.Action.STOP:
            raise spi.LoginRefused(verdict.text) from None
        raise
    return reply
