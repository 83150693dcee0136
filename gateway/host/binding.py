"""One exchange's hooks with their types restored: what the core calls instead of pluggy."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from gateway.errors import ConnectionFault, SubscriptionError
from gateway.host.answers import Answers
from gateway.host.conversations import Conversation
from gateway.host.native import NativeSide
from gateway.host.watching import Watch
from gateway.model.account import Order
from gateway.model.instruments import Instruments
from gateway.model.subscriptions import Subscription
from gateway.spi import steps
from gateway.spi.contract import ExchangeInfo, Handshake, Request, Route, Session, Target, Verdict
from gateway.spi.dialect import Dialect
from gateway.spi.events import Data
from gateway.spi.rights import KeyRights

T = TypeVar("T")
Resolve = Callable[[str], Callable[..., Any]]


class Binding:
    """
    The hooks of one exchange; made by :meth:`PluginHost.bind`. Event-loop only.

    Every method raises :exc:`PluginError` if the plugin raises or returns what
    the contract does not allow. Passed on are what a hook may say on purpose:
    :exc:`SubscriptionError` from :meth:`route`, and :exc:`ConnectionFault`
    (:exc:`LoginRefused` is one) from whatever makes a connection or asks the
    exchange. Generators are run by the same rules, turn by turn; they may also
    raise :exc:`ValueError` for an answer that makes no sense.

    Args:
        exchange: the plugin's id.
        info: what it declared.
        resolve: finds what answers a hook at this moment.
        watch: runs it.
    """

    def __init__(self, exchange: str, info: ExchangeInfo, resolve: Resolve, watch: Watch) -> None:
        self.exchange = exchange
        self.info = info
        self._resolve = resolve
        self._watch = watch
        self._answers = Answers(exchange, info)

    def route(self, target: Target, subscription: Subscription) -> Route | None:
        """See :func:`gateway.spi.hookspecs.gateway_route`; :obj:`None` if the exchange does not offer it."""
        hook = "gateway_route"
        answer = self._call(hook, SubscriptionError, target=target, subscription=subscription)
        return self._answers.route(hook, answer)

    def handshake(self, target: Target, streams: Sequence[str]) -> Handshake:
        """See :func:`gateway.spi.hookspecs.gateway_handshake`."""
        hook = "gateway_handshake"
        inner = self._call(hook, ConnectionFault, target=target, streams=streams)
        return self._conversation(hook, inner, lambda value: self._answers.session(hook, value))

    def heartbeat_interval(self, target: Target) -> float:
        """See :func:`gateway.spi.hookspecs.gateway_heartbeat_interval`."""
        hook = "gateway_heartbeat_interval"
        return self._answers.seconds(hook, self._call(hook, target=target))

    def dialect(self, target: Target, session: Session, instruments: Instruments) -> Dialect:
        """See :func:`gateway.spi.hookspecs.gateway_dialect`."""
        hook = "gateway_dialect"
        answer = self._call(hook, ConnectionFault, target=target, session=session, instruments=instruments)
        return self._answers.dialect(hook, answer)

    def restore_subscriptions(self, target: Target, dialect: Dialect, streams: Sequence[str]) -> Sequence[Request]:
        """
        See :func:`gateway.spi.hookspecs.gateway_restore_subscriptions`.

        Each of ``streams`` is in at most one of the requests, and no other
        stream is in any. Those in none were placed by the handshake.
        """
        hook = "gateway_restore_subscriptions"
        answer = self._call(hook, ConnectionFault, target=target, dialect=dialect, streams=streams)
        return self._answers.requests(hook, streams, answer)

    def classify(self, target: Target, fault: ConnectionFault) -> Verdict:
        """See :func:`gateway.spi.hookspecs.gateway_classify`."""
        hook = "gateway_classify"
        return self._answers.verdict(hook, self._call(hook, target=target, fault=fault))

    def instruments(self, target: Target) -> steps.Conversation[Instruments] | None:
        """See :func:`gateway.spi.hookspecs.gateway_instruments`."""
        hook = "gateway_instruments"
        return self._fetch(hook, lambda value: self._answers.kind(hook, Instruments, value), target=target)

    def server_time(self, target: Target) -> steps.Conversation[int] | None:
        """See :func:`gateway.spi.hookspecs.gateway_server_time`."""
        hook = "gateway_server_time"
        return self._fetch(hook, lambda value: self._answers.kind(hook, int, value), target=target)

    def backfill(
        self, target: Target, subscription: Subscription, after: int, before: int
    ) -> steps.Conversation[Sequence[object]] | None:
        """See :func:`gateway.spi.hookspecs.gateway_backfill`."""
        hook = "gateway_backfill"
        asked = {"target": target, "subscription": subscription, "after": after, "before": before}
        return self._fetch(hook, lambda value: self._answers.several(hook, value), **asked)

    def reconcile(
        self, target: Target, session: Session, since: int, known: Sequence[Order], instruments: Instruments
    ) -> steps.Conversation[Sequence[Data]] | None:
        """See :func:`gateway.spi.hookspecs.gateway_reconcile`."""
        hook = "gateway_reconcile"
        asked = {"target": target, "session": session, "since": since, "known": known, "instruments": instruments}
        return self._fetch(hook, lambda value: self._answers.data(hook, value), **asked)

    def key_rights(self, target: Target) -> steps.Conversation[KeyRights] | None:
        """See :func:`gateway.spi.hookspecs.gateway_key_rights`."""
        hook = "gateway_key_rights"
        return self._fetch(hook, lambda value: self._answers.rights(hook, value), target=target)

    def native(self, target: Target) -> NativeSide | None:
        """See :func:`gateway.spi.hookspecs.gateway_native`."""
        inner = self._call("gateway_native", target=target)
        return None if inner is None else NativeSide(self._watch, self.exchange, inner)

    def _fetch(self, hook: str, check: Callable[[object], T], **arguments: object) -> Conversation[T] | None:
        inner = self._call(hook, ConnectionFault, **arguments)
        return None if inner is None else self._conversation(hook, inner, check)

    def _conversation(self, hook: str, inner: object, check: Callable[[object], T]) -> Conversation[T]:
        generator = self._answers.conversation(hook, inner)
        return Conversation(self._watch, self.exchange, hook, generator, check)

    def _call(self, hook: str, *allowed: type[Exception], **arguments: object) -> Any:
        act = self._resolve(hook)
        return self._watch.run(self.exchange, hook, lambda: act(**arguments), *allowed)
