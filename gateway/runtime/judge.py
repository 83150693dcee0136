"""What faults mean: asks the plugin, keeps limited addresses quiet, and says what follows."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Final

from gateway.engine.absence import Absence
from gateway.engine.conflict import Kicks
from gateway.engine.retry import GiveUp, Retry, RetryPolicy, sent_too_much, usual_verdict, wait_of
from gateway.engine.whereabouts import ELSEWHERE, Whereabouts
from gateway.errors import ConnectionFault, GatewayError, PluginError, Reason
from gateway.runtime.ground import Ground, Quiet
from gateway.spi.contract import Action, Scope, Target, Verdict
from gateway.telemetry import SCRUBBER

_REQUESTS: Final = frozenset({Scope.REQUEST, Scope.STREAM})


class JudgedFault(ConnectionFault):
    """
    The exchange reported a problem that its dialect has judged already.

    Args:
        verdict: the dialect's.
        text: the exchange's own words.
    """

    def __init__(self, verdict: Verdict, text: str) -> None:
        super().__init__(text or verdict.text or verdict.action, reason=verdict.reason)
        self.verdict = verdict


class Judge:
    """
    Judges what befalls one connection, or an exchange's REST. Event-loop only.

    Args:
        name: under which notices are written.
        target: what was to be reached.
        ground: what it stands on.
        resync_clock: called when the exchange says that our clock is wrong.
    """

    def __init__(self, name: str, target: Target, ground: Ground, resync_clock: Callable[[], None]) -> None:
        self.target = target
        """Replaced when the account's credentials are."""
        self._name = name
        self._ground = ground
        self._resync_clock = resync_clock
        self._whereabouts = Whereabouts.of(target, ground.info)
        self._absence = Absence(ground.names)
        self._kicks = Kicks(ground.rng)
        self._policy = RetryPolicy(ground.rng, ground.wall_us, self._gone, self._kicked)
        self._budgets = ground.budgets.for_connection(ground.info.limits, target.account, ground.exchange)

    def decide(self, fault: GatewayError, *, worked: bool) -> Retry | GiveUp:
        """Return what follows ``fault``, without our secrets; ``worked`` tells whether all was well before it."""
        decision = self._policy.decide(fault, self._verdict(fault), worked=worked)
        decision = replace(decision, text=SCRUBBER.scrub(decision.text))
        if isinstance(decision, GiveUp) and decision.reason in ELSEWHERE and isinstance(fault, ConnectionFault):
            return replace(decision, text=f"{decision.text}; {self._whereabouts.advice(fault)}")
        return decision

    def wait_after(self, fault: GatewayError) -> float:
        """Return the seconds to wait, at least, before what failed with ``fault`` is tried again."""
        verdict = self._verdict(fault)
        return 0.0 if verdict is None else wait_of(verdict, self._ground.wall_us())

    def wait_before_another(self, fault: GatewayError) -> float:
        """As :meth:`wait_after` for a connection that none needs yet; infinity if only a person can help."""
        verdict = self._verdict(fault)
        if verdict is None:
            return 0.0
        return inf if verdict.action is Action.STOP else wait_of(verdict, self._ground.wall_us())

    def wait_after_request(self, fault: GatewayError) -> float:
        """As :meth:`wait_before_another` for a request on the side; what is wrong with it alone is not final."""
        verdict = self._verdict(fault)
        if verdict is None:
            return 0.0
        is_final = verdict.action is Action.STOP and verdict.scope not in _REQUESTS
        return inf if is_final else wait_of(verdict, self._ground.wall_us())

    def words(self, fault: GatewayError) -> str:
        """Return what is to be said of ``fault``: the exchange's own words, where its plugin finds some."""
        verdict = self._asked(fault) if isinstance(fault, ConnectionFault) else None
        return (verdict.text if verdict is not None else "") or str(fault)

    def heed(self, verdict: Verdict) -> None:
        """Do at once what ``verdict`` asks of everybody: keep its address or account quiet, look at the clock."""
        if verdict.scope is Scope.IP or (verdict.scope is Scope.ACCOUNT and self.target.account is not None):
            self._keep_quiet(verdict)
        if verdict.action is Action.RESYNC_CLOCK:
            self._resync_clock()

    def _keep_quiet(self, verdict: Verdict) -> None:
        ground = self._ground
        wait = wait_of(verdict, ground.wall_us())
        if wait <= 0:
            return
        self._budgets.block(verdict.scope, wait, ground.now())
        until_us = ground.wall_us() + round(wait * 1e6)
        account = self.target.account if verdict.scope is Scope.ACCOUNT else None
        reason = verdict.reason or Reason.RATE_LIMITED
        ground.banned(Quiet(ground.exchange, verdict.scope, account, until_us, reason))

    def _gone(self, fault: ConnectionFault) -> str:
        return self._absence.look(fault, self._whereabouts.host, self._ground.now())

    def _kicked(self) -> float:
        return self._kicks.kicked(self._ground.now())

    def _verdict(self, fault: GatewayError) -> Verdict | None:
        if not isinstance(fault, ConnectionFault):
            return None
        verdict = self._asked(fault)
        self.heed(verdict)
        if sent_too_much(fault, verdict):
            self._send_less()
        return verdict

    def _send_less(self) -> None:
        ground = self._ground
        for limit, allowed in ground.budgets.halve(ground.info.limits, ground.now()).items():
            ground.observer.noticed(self._name, 0, "limit_halved", limit=limit, allowed=allowed)

    def _asked(self, fault: ConnectionFault) -> Verdict:
        if isinstance(fault, JudgedFault):
            return fault.verdict
        try:
            return self._ground.binding.classify(self.target, fault)
        except PluginError as broken:
            self._ground.observer.noticed(self._name, 0, "plugin_error", error=str(broken))
            return usual_verdict(fault)
