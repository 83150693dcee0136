"""
What Binance's refusals mean: HTTP statuses, and the codes in the bodies of REST and of the WebSocket API.

After "HTTP Return Codes" and "LIMITS" in rest-api.md and after errors.md, Binance
spot API docs, 2026-07-21, which the futures markets share. Codes that are in no
document say who uses them. Where a time is missing there, the comment says why ours.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.records.fields import microseconds

RETRY: Final = spi.Action.RETRY
RECONNECT: Final = spi.Action.RECONNECT
STOP: Final = spi.Action.STOP
Scope: Final = spi.Scope

WINDOW: Final = 60.0
"""The weight's window: after so long a rate limit is surely over."""
ORDERS_WINDOW: Final = 10.0
"""The shortest window in which orders are counted."""
SHORTEST_BAN: Final = 120.0
"""Bans last from 2 minutes to 3 days."""
FIREWALL: Final = 300.0
"""The firewall names no time; the longest window of the limits on an address is 5 minutes."""
_MOST_WORDS: Final = 200
_LONGEST: Final = 9
_UNTIL: Final = re.compile(r"banned until (\d{13}|\d{16})\b", re.ASCII)
"""In milliseconds, or in microseconds on a connection that writes its times so."""

TOO_MANY_REQUESTS: Final = -1003
POLICY: Final = 1008
TOO_MANY: Final = "too many requests"
"""What a Close frame with that code says after more messages than a connection may send; seen, not documented."""


class Meaning(NamedTuple):
    """What a code asks for."""

    action: spi.Action
    scope: spi.Scope
    after: float | None = None


_LATER: Final = Meaning(RETRY, Scope.ENDPOINT)
_WRONG_REQUEST: Final = Meaning(STOP, Scope.REQUEST)
_WRONG_KEY: Final = Meaning(STOP, Scope.ACCOUNT)
_CLOCK: Final = Meaning(spi.Action.RESYNC_CLOCK, Scope.REQUEST, 1.0)  # by then the clock has been asked for

MEANINGS: Final[Mapping[int, Meaning]] = {
    **dict.fromkeys(range(-1130, -1099), _WRONG_REQUEST),  # parameters; the same request cannot succeed
    -1000: _LATER,  # UNKNOWN
    -1001: _LATER,  # DISCONNECTED, inside Binance
    -1002: _WRONG_KEY,  # UNAUTHORIZED
    -1006: _LATER,  # UNEXPECTED_RESP: what became of a write is not known, and we only read
    -1007: _LATER,  # TIMEOUT: likewise
    -1008: Meaning(RETRY, Scope.ENDPOINT, WINDOW),  # SERVER_BUSY; minutes, it is not said how many
    -1015: Meaning(RETRY, Scope.ACCOUNT, ORDERS_WINDOW),  # TOO_MANY_ORDERS
    -1016: Meaning(RECONNECT, Scope.CONNECTION),  # SERVICE_SHUTTING_DOWN: this server, or the service for good
    -1020: _WRONG_REQUEST,  # UNSUPPORTED_OPERATION
    -1021: _CLOCK,  # INVALID_TIMESTAMP
    -1022: _WRONG_KEY,  # INVALID_SIGNATURE: a wrong secret, or a wrong encoding of ours
    -1034: Meaning(RETRY, Scope.ENDPOINT, WINDOW),  # TOO_MANY_CONNECTIONS; it is not said for how long
    -1099: _WRONG_KEY,  # not found, authenticated or authorised: ccxt
    -1125: Meaning(RECONNECT, Scope.SESSION),  # INVALID_LISTEN_KEY, of futures: another one is to be had
    -1191: Meaning(RETRY, Scope.STREAM, WINDOW),  # TOO_MANY_SUBSCRIPTIONS
    -1194: _WRONG_REQUEST,  # INVALID_TIME_UNIT
    -1220: _WRONG_REQUEST,  # SYMBOL_DOES_NOT_MATCH_STATUS
    -2008: _WRONG_KEY,  # invalid key id: ccxt
    -2014: _WRONG_KEY,  # BAD_API_KEY_FMT
    -2015: _WRONG_KEY,  # REJECTED_MBX_KEY: key, address or permission
    -2042: Meaning(RECONNECT, Scope.CONNECTION),  # the connection's ids of subscriptions are used up
}


class Refusal(NamedTuple):
    """
    What Binance says no with, by whichever way.

    ``status`` is that of HTTP; ``after`` is in seconds, ``until_us`` a wall time, where they are told.
    """

    status: int
    code: int
    msg: str = ""
    after: float | None = None
    until_us: int | None = None

    @property
    def text(self) -> str:
        """Binance's own words."""
        return f"HTTP status {self.status}" + (f", {self.code}: {self.msg[:_MOST_WORDS]}" if self.code else "")


class Body(Struct, frozen=True):
    """An error's body."""

    code: int
    msg: str = ""


_BODY: Final = Decoder(Body)


def verdict(fault: spi.ConnectionFault) -> spi.Verdict | None:
    """Judge ``fault``; :obj:`None` leaves it to the core."""
    if isinstance(fault, spi.TransportLost) and fault.code == POLICY and TOO_MANY in fault.text.lower():
        return spi.Verdict(action=RETRY, reason=spi.Reason.RATE_LIMITED, text=fault.text)
    if not isinstance(fault, spi.UpgradeRefused | spi.ReplyRefused):
        return None
    body = _body(fault.body)
    return judge(Refusal(fault.status, body.code, body.msg, _retry_after(fault)))


def judge(refusal: Refusal) -> spi.Verdict | None:
    """Judge what REST or the WebSocket API said; :obj:`None` if the documents do not name it."""
    return _by_limit(refusal) or _by_code(refusal) or _by_status(refusal)


def _body(payload: bytes) -> Body:
    try:
        return _BODY.decode(payload)
    except (ValueError, RecursionError):
        return Body(0)


def _by_limit(refusal: Refusal) -> spi.Verdict | None:
    """Keep everything from this address quiet: going on is what turns a limit into a ban."""
    told = _UNTIL.search(refusal.msg)
    banned = refusal.status == 418 or told is not None  # noqa: PLR2004  # an HTTP status
    if not banned and refusal.status != 429 and refusal.code != TOO_MANY_REQUESTS:  # noqa: PLR2004  # likewise
        return None
    until_us = microseconds(int(told[1])) if told else refusal.until_us
    after = refusal.after
    if after:
        until_us = None  # by the exchange's clock, which need not be ours; a number of seconds is the same by both
    if after is None and until_us is None:
        after = SHORTEST_BAN if banned else WINDOW
    return spi.Verdict(
        action=RETRY,
        scope=Scope.IP,
        after=after,
        until_us=until_us,
        reason=spi.Reason.BANNED if banned else spi.Reason.RATE_LIMITED,
        text=refusal.text,
    )


def _by_code(refusal: Refusal) -> spi.Verdict | None:
    meaning = MEANINGS.get(refusal.code)
    if meaning is None:
        return None
    return spi.Verdict(action=meaning.action, scope=meaning.scope, after=meaning.after, text=refusal.text)


def _by_status(refusal: Refusal) -> spi.Verdict | None:
    match refusal.status:
        case 401:
            return spi.Verdict(action=STOP, scope=Scope.ACCOUNT, text=refusal.text)
        case 403:
            return spi.Verdict(action=RETRY, scope=Scope.IP, after=FIREWALL, text=refusal.text)
        case 451:
            # Not in the documents, but what an address in a closed region is answered.
            return spi.Verdict(action=STOP, scope=Scope.ENDPOINT, text=refusal.text)
        case status if status >= 500:  # noqa: PLR2004  # an HTTP status
            return spi.Verdict(action=RETRY, scope=Scope.ENDPOINT, text=refusal.text)
        case _:
            return None


def _retry_after(fault: spi.UpgradeRefused | spi.ReplyRefused) -> float | None:
    """Return the header's seconds; a date or nonsense is as good as none."""
    seconds = fault.headers.get("retry-after", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) <= _LONGEST else None
