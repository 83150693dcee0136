"""
What Binance's refusals mean: HTTP statuses and the codes in the bodies.

After "HTTP Return Codes" and "LIMITS" in rest-api.md and after errors.md, Binance
spot API docs, 2026-07-21. Where a time is missing there, the comment says why ours.
"""

import re
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from gateway import spi

STOP: Final = spi.Action.STOP
RETRY: Final = spi.Action.RETRY

WINDOW: Final = 60.0
"""The weight's window: after so long a rate limit is surely over."""
SHORTEST_BAN: Final = 120.0
"""Bans last from 2 minutes to 3 days."""
FIREWALL: Final = 300.0
"""The firewall names no time; the longest window of the limits on an address is 5 minutes."""
_MOST_WORDS: Final = 200
_LONGEST: Final = 9
_UNTIL: Final = re.compile(r"banned until (\d{13})\b", re.ASCII)

TOO_MANY_REQUESTS: Final = -1003
_CLOCK: Final = -1021
_BUSY: Final = frozenset({-1008, -1034})
"""SERVER_BUSY and TOO_MANY_CONNECTIONS, neither of which says for how long."""
_KEY: Final = frozenset({-1002, -1022, -2008, -2014, -2015})
_REQUEST: Final = frozenset({-1020, -1194, -1220, *range(-1130, -1099)})
"""Wrong parameters: the same request cannot succeed."""


class Body(Struct, frozen=True):
    """An error's body."""

    code: int
    msg: str = ""


_BODY: Final = Decoder(Body)


def verdict(fault: spi.ConnectionFault) -> spi.Verdict | None:
    """Judge ``fault``; :obj:`None` leaves it to the core."""
    if not isinstance(fault, spi.UpgradeRefused | spi.ReplyRefused):
        return None
    body = _body(fault.body)
    text = f"HTTP status {fault.status}" + (f", {body.code}: {body.msg[:_MOST_WORDS]}" if body.code else "")
    return _by_limit(fault, body, text) or _by_code(body.code, text) or _by_status(fault.status, text)


def _body(payload: bytes) -> Body:
    try:
        return _BODY.decode(payload)
    except (ValueError, RecursionError):
        return Body(0)


def _by_limit(fault: spi.UpgradeRefused | spi.ReplyRefused, body: Body, text: str) -> spi.Verdict | None:
    """Keep everything from this address quiet: going on is what turns a limit into a ban."""
    until = _UNTIL.search(body.msg)
    banned = fault.status == 418 or until is not None  # noqa: PLR2004  # an HTTP status
    if not banned and fault.status != 429 and body.code != TOO_MANY_REQUESTS:  # noqa: PLR2004  # an HTTP status
        return None
    until_us = int(until[1]) * 1000 if until else None
    after = _retry_after(fault)
    if after is None and until_us is None:
        after = SHORTEST_BAN if banned else WINDOW
    reason = spi.Reason.BANNED if banned else spi.Reason.RATE_LIMITED
    return spi.Verdict(action=RETRY, scope=spi.Scope.IP, after=after, until_us=until_us, reason=reason, text=text)


def _by_code(code: int, text: str) -> spi.Verdict | None:
    if code in _REQUEST:
        return spi.Verdict(action=STOP, scope=spi.Scope.REQUEST, text=text)
    if code in _KEY:
        return spi.Verdict(action=STOP, scope=spi.Scope.ACCOUNT, text=text)
    if code == _CLOCK:
        return spi.Verdict(action=spi.Action.RESYNC_CLOCK, scope=spi.Scope.REQUEST, text=text)
    if code in _BUSY:
        return spi.Verdict(action=RETRY, scope=spi.Scope.ENDPOINT, after=WINDOW, text=text)
    return None


def _by_status(status: int, text: str) -> spi.Verdict | None:
    match status:
        case 403:
            return spi.Verdict(action=RETRY, scope=spi.Scope.IP, after=FIREWALL, text=text)
        case 451:
            # Not in the documents, but what an address in a closed region is answered.
            return spi.Verdict(action=STOP, scope=spi.Scope.ENDPOINT, text=text)
        case _ if status >= 500:  # noqa: PLR2004  # an HTTP status
            return spi.Verdict(action=RETRY, scope=spi.Scope.ENDPOINT, text=text)
        case _:
            return None


def _retry_after(fault: spi.UpgradeRefused | spi.ReplyRefused) -> float | None:
    """Return the header's seconds; a date or nonsense is as good as none."""
    seconds = fault.headers.get("retry-after", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) <= _LONGEST else None
