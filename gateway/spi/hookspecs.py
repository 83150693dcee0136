"""
The hooks an exchange plugin implements.

Every hook is called at most once per connection attempt unless it says
otherwise, always on the event loop, and must return without blocking. A hook
returns a value; the core acts on it. No hook receives a socket, a task or the
registry.

A plugin may accept fewer arguments than listed. ``None`` means "no opinion":
the core's default answers instead.
"""

from collections.abc import Sequence
from typing import Final

import pluggy

from gateway.errors import ConnectionFault
from gateway.model.account import Order
from gateway.model.changes import Change
from gateway.model.instruments import Instruments
from gateway.model.subscriptions import Subscription
from gateway.spi.contract import ExchangeInfo, Handshake, Request, Route, Session, Target, Verdict
from gateway.spi.dialect import Dialect
from gateway.spi.events import Data
from gateway.spi.native import Native
from gateway.spi.rights import KeyRights
from gateway.spi.steps import Conversation

PROJECT: Final = "gateway"
SPI_VERSION: Final = 0

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def gateway_exchange_info() -> ExchangeInfo:  # type: ignore[empty-body]
    """
    Describe the exchange. Called once, when the plugin is loaded.

    There is no default.
    """


@hookspec(firstresult=True)
def gateway_route(target: Target, subscription: Subscription) -> Route | None:
    """
    Say which native stream on which endpoint serves ``subscription``.

    Called once per topic. ``subscription.symbol`` is the exchange's own
    spelling, or its stream name where the channel is ``raw``. ``None`` refuses
    it. There is no default.
    """


@hookspec(firstresult=True)
def gateway_handshake(target: Target, streams: Sequence[str]) -> Handshake | None:
    """
    Open the connection: a generator of steps that returns the session.

    ``streams`` are those that will be restored; a plugin may place them in the
    URL. The default opens the endpoint's URL and logs nobody in.
    """


@hookspec(firstresult=True)
def gateway_heartbeat_interval(target: Target) -> float | None:
    """
    Return how many seconds lie between our own pings.

    The operator's ``heartbeat_interval`` wins over the session's, that over
    this one, and this one over the default of 15 seconds.
    """


@hookspec(firstresult=True)
def gateway_dialect(target: Target, session: Session, instruments: Instruments) -> Dialect | None:
    """
    Return the translator of one epoch, fresh at each call.

    Called after the handshake. There is no default: this is the plugin.
    """


@hookspec(firstresult=True)
def gateway_restore_subscriptions(
    target: Target, dialect: Dialect, streams: Sequence[str]
) -> Sequence[Request] | None:
    """
    Build the requests that bring ``streams`` up on a new connection.

    Called after login, on a first connection as on every later one, with each
    stream exactly once, in the order in which they were asked for. A stream in
    none of the requests is one that the handshake placed, in the URL: the
    upgrade has settled it. The default calls ``dialect.subscribe``.
    """


@hookspec(firstresult=True)
def gateway_classify(target: Target, fault: ConnectionFault) -> Verdict | None:
    """
    Judge the fault that ended an attempt or a connection.

    The default knows HTTP statuses and what each fault usually means.
    """


@hookspec(firstresult=True)
def gateway_instruments(target: Target) -> Conversation[Instruments] | None:
    """Fetch the exchange's instruments. Without it, symbols are taken as they are written."""


@hookspec(firstresult=True)
def gateway_server_time(target: Target) -> Conversation[int] | None:
    """Fetch the exchange's clock, microseconds since 1970; it corrects ``target.now``."""


@hookspec(firstresult=True)
def gateway_backfill(
    target: Target, subscription: Subscription, after: int, before: int
) -> Conversation[Sequence[object]] | None:
    """
    Fetch the records between two ids, both exclusive, in any order.

    Called whenever the ids of a contiguous channel show a hole, for at most
    1,000 ids at a time, and again for what an answer lacks. ``subscription`` is
    as :func:`gateway_route` has it. Without it, holes are announced.
    """


@hookspec(firstresult=True)
def gateway_reconcile(
    target: Target, session: Session, since: int, known: Sequence[Order], instruments: Instruments
) -> Conversation[Sequence[Data]] | None:
    """
    Fetch an account's whole state: for each of its streams one ``Data`` with what there is now.

    Called each time such a stream flows, or has a hole. Nothing was seen between
    ``since`` (microseconds, the exchange's time; 0 if nothing ever was) and then.
    ``known`` are the orders that were open when they were last seen: whatever
    became of one that is not open any more is part of the state. One that is not
    returned is forgotten. Without it the stream says all that is known.
    """


@hookspec(firstresult=True)
def gateway_key_rights(target: Target) -> Conversation[KeyRights] | None:
    """
    Ask what the key of ``target.account`` may do.

    Called after its first login, and after another one where that came to nothing or the
    credentials are others. What it says is told and changes nothing. Without it nobody knows.
    """


@hookspec(firstresult=True)
def gateway_native(target: Target) -> Native | None:
    """
    Return what speaks the exchange's own protocol to clients, at ``/native/<exchange>/``.

    Called once, when the first such client comes. Without it there is no such place.
    """


@hookspec
def gateway_connection_changed(change: Change) -> None:
    """Tell every plugin of a change, after the fact. It cannot be vetoed."""
