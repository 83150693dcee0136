"""
Whether and when a failed connection is tried again: the one place that decides it.

A plugin's verdict, or the core's, says what a fault means; this module turns it
into a delay or an end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from random import Random
from typing import Final

from gateway.errors import (
    ConnectionFault,
    GatewayError,
    LoginRefused,
    PluginError,
    Reason,
    ReplyRefused,
    TransportLost,
    UpgradeRefused,
)
from gateway.model.urls import host_of
from gateway.spi.contract import Action, Scope, Verdict

BASE: Final = 0.5
CAP: Final = 30.0
FIRST: Final = 1.0
"""Seconds within which a connection that had worked is dialled again."""
RATE_LIMITED: Final = 60.0
BANNED: Final = 600.0
LONGEST: Final = 3 * 86_400.0
"""Seconds; no exchange bans for longer, so a larger figure is a misreading."""
_DIGITS: Final = 9
_DATE: Final = 40
KICKED: Final = "another session of the account is open elsewhere, and each ends the other:"
PLUGIN_FAULTS: Final = 5
"""How many epochs in a row a broken plugin may end before its connection is given up."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after ``delay`` seconds; ``reason`` and ``text`` say what is wrong where the fault does not."""

    delay: float
    reason: Reason | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again until somebody acts; ``text`` says what is wrong, ``reason`` may name it."""

    text: str
    reason: Reason | None = None


class Backoff:
    """
    Delays with full jitter: uniform in ``[0, ceiling]``, the ceiling doubling up to ``cap``.

    From zero rather than around the ceiling: after an exchange restarts every
    client reconnects at once, and only the spread protects it.
    """

    def __init__(self, rng: Random, *, base: float = BASE, cap: float = CAP) -> None:
        self._rng = rng
        self._base = base
        self._cap = cap
        self._ceiling = base

    def worked(self) -> None:
        """The connection was fully operational and delivered: the next failure is a first one."""
        self._ceiling = self._base

    def next(self, *, first: bool) -> float:
        """Return the next delay; ``first`` tells that the connection had worked just now."""
        if first:
            self.worked()
            return self._rng.uniform(0.0, FIRST)
        delay = self._rng.uniform(0.0, self._ceiling)
        self._ceiling = min(self._cap, self._ceiling * 2)
        return delay


def usual_verdict(fault: ConnectionFault) -> Verdict:
    """Return what ``fault`` usually means, where the plugin has no opinion."""
    match fault:
        case LoginRefused(retry_after=None):
            return Verdict(action=Action.STOP, scope=Scope.ACCOUNT, text=fault.text)
        case LoginRefused(retry_after=seconds):
            return Verdict(action=Action.RETRY, after=seconds, text=fault.text)
        case ConnectionFault(reason=Reason.REDIRECTED):
            return _elsewhere(Reason.REDIRECTED, _redirected(fault))
        case UpgradeRefused() | ReplyRefused():
            return _status_verdict(fault.status, retry_after(fault), retry_until_us(fault))
        case ConnectionFault(reason=Reason.TLS_FAILED):
            return Verdict(action=Action.STOP, scope=Scope.ENDPOINT, text=fault.text)
        case _:
            return Verdict(action=Action.RETRY)


def _redirected(fault: ConnectionFault) -> str:
    """Say where it was sent, if anywhere in particular; an upgrade's fault says so itself."""
    if not isinstance(fault, UpgradeRefused | ReplyRefused):
        return fault.text
    host = host_of(fault.headers.get("location", ""))
    return f"{fault.text}: a redirect" + (f" to {host}" if host else "")


def _elsewhere(reason: Reason, text: str) -> Verdict:
    return Verdict(action=Action.STOP, scope=Scope.ENDPOINT, reason=reason, text=text)


def _status_verdict(status: int, after: float | None, until_us: int | None) -> Verdict:
    silent = after is None and until_us is None
    retry = partial(Verdict, action=Action.RETRY, until_us=until_us)
    match status:
        case 429:
            after = RATE_LIMITED if silent else after
            return retry(scope=Scope.IP, after=after, reason=Reason.RATE_LIMITED)
        case 418:
            after = BANNED if silent else after
            return retry(scope=Scope.IP, after=after, reason=Reason.BANNED)
        case 410:
            return _elsewhere(Reason.ENDPOINT_GONE, "HTTP status 410: gone for good")
        case 401 | 451:
            return Verdict(action=Action.STOP, scope=Scope.ENDPOINT, text=f"HTTP status {status}")
        case 403:
            return retry(scope=Scope.ENDPOINT, after=RATE_LIMITED if silent else after)
        case _:
            return retry(after=after)


def retry_after(fault: UpgradeRefused | ReplyRefused) -> float | None:
    """Return the seconds of a ``Retry-After`` header, if there is a plain number in it."""
    text = fault.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def retry_until_us(fault: UpgradeRefused | ReplyRefused) -> int | None:
    """Return the wall time of a ``Retry-After`` header in microseconds, if there is a date in it."""
    text = fault.headers.get("retry-after", "")
    try:
        date = parsedate_to_datetime(text[:_DATE])
    except (ValueError, OverflowError):  # the latter for years and zones that no computer's date holds
        return None
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1e6)


class RetryPolicy:
    """
    Decides for one connection what follows the end of an epoch.

    Args:
        rng: draws the jitter.
        wall_us: wall time, for verdicts with a point in time.
        gone: told of each fault that is worth another attempt; says why the endpoint counts as gone, once it does.
        kicked: told of each end for the sake of another session; says for how many seconds to leave that alone.
    """

    def __init__(
        self,
        rng: Random,
        wall_us: Callable[[], int],
        gone: Callable[[ConnectionFault], str] = lambda _: "",
        kicked: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._backoff = Backoff(rng)
        self._wall_us = wall_us
        self._gone = gone
        self._kicked = kicked
        self._plugin_faults = 0

    def decide(self, fault: GatewayError, verdict: Verdict | None, *, worked: bool) -> Retry | GiveUp:
        """
        Return what follows ``fault``.

        ``verdict`` is the plugin's or the usual one; ``worked`` tells whether
        the epoch was fully operational and delivered.
        """
        if isinstance(fault, PluginError):
            return self._after_plugin_fault(fault)
        self._plugin_faults = 0
        delay = self._backoff.next(first=worked)
        if verdict is not None and verdict.action is Action.STOP:
            return GiveUp(verdict.text or str(fault), verdict.reason)
        if isinstance(fault, ConnectionFault) and (text := self._gone(fault)):
            return GiveUp(text, Reason.ENDPOINT_GONE)
        return Retry(delay) if verdict is None else self._as_it_says(fault, verdict, delay)

    def _as_it_says(self, fault: GatewayError, verdict: Verdict, delay: float) -> Retry:
        delay = max(delay, wait_of(verdict, self._wall_us()))
        if verdict.reason is Reason.CONFLICT and (leave := self._kicked()):
            text = f"{verdict.text or fault}; {KICKED} it is left alone for {leave:.0f} s"
            return Retry(max(delay, leave), Reason.CONFLICT, text)
        if sent_too_much(fault, verdict):
            return Retry(delay, Reason.RATE_LIMITED, verdict.text or str(fault))
        return Retry(delay)

    def _after_plugin_fault(self, fault: PluginError) -> Retry | GiveUp:
        self._plugin_faults += 1
        if self._plugin_faults >= PLUGIN_FAULTS:
            self._plugin_faults = 0
            return GiveUp(str(fault))
        return Retry(self._backoff.next(first=False))


def sent_too_much(fault: GatewayError, verdict: Verdict) -> bool:
    """Whether an open connection was closed because too much was sent on it."""
    is_limit = verdict.reason is Reason.RATE_LIMITED and verdict.scope is Scope.CONNECTION
    return is_limit and isinstance(fault, TransportLost)


def wait_of(verdict: Verdict, now_us: int) -> float:
    """Return for how many seconds ``verdict`` asks to wait, :data:`LONGEST` at most; 0 where it does not say."""
    until_us = 0 if verdict.until_us is None else min(verdict.until_us - now_us, round(LONGEST * 1e6))
    return float(min(LONGEST, max(0.0, verdict.after or 0.0, until_us / 1e6 if until_us > 0 else 0.0)))
