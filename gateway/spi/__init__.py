"""
Everything an exchange plugin may import.

``from gateway.spi import hookimpl, Data, ...``: names that are not exported
here are the core's own and may change at any time.
"""

from gateway.errors import ConnectionFault, LoginRefused, Reason, ReplyRefused, TransportLost, UpgradeRefused
from gateway.model.account import Balance, Order, Position
from gateway.model.changes import Change
from gateway.model.instruments import Instrument, Instruments
from gateway.model.market import Candle, Level, Liquidation, Mark, Quote, Ticker, Trade
from gateway.model.subscriptions import Subscription
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, Continuity, Sides, SnapshotSource
from gateway.spi.contract import (
    Action,
    Channel,
    Endpoint,
    ExchangeInfo,
    Handshake,
    Keepalive,
    KeyType,
    Limit,
    Ping,
    Request,
    Rhythm,
    Route,
    Scope,
    Session,
    Signer,
    Target,
    Verdict,
)
from gateway.spi.dialect import Dialect
from gateway.spi.events import (
    ALL,
    Ack,
    Blank,
    Data,
    Draining,
    Event,
    Heartbeat,
    Lost,
    Nack,
    Pong,
    Problem,
    Reply,
    Revoked,
    SessionLost,
)
from gateway.spi.hookspecs import hookimpl
from gateway.spi.native import (
    Native,
    NativeAnswer,
    NativeBook,
    NativeClient,
    NativeFetch,
    NativeGreeting,
    NativeTurn,
)
from gateway.spi.numbers import loads_exact
from gateway.spi.rights import KeyRights
from gateway.spi.steps import Conversation, Fetch, Frame, HttpReply, Open, Receive, Send

__all__ = [
    "ALL",
    "Ack",
    "Action",
    "Balance",
    "Blank",
    "BookDelta",
    "BookRule",
    "BookSnapshot",
    "Candle",
    "Change",
    "Channel",
    "ConnectionFault",
    "Continuity",
    "Conversation",
    "Data",
    "Dialect",
    "Draining",
    "Endpoint",
    "Event",
    "ExchangeInfo",
    "Fetch",
    "Frame",
    "Handshake",
    "Heartbeat",
    "HttpReply",
    "Instrument",
    "Instruments",
    "Keepalive",
    "KeyRights",
    "KeyType",
    "Level",
    "Limit",
    "Liquidation",
    "LoginRefused",
    "Lost",
    "Mark",
    "Nack",
    "Native",
    "NativeAnswer",
    "NativeBook",
    "NativeClient",
    "NativeFetch",
    "NativeGreeting",
    "NativeTurn",
    "Open",
    "Order",
    "Ping",
    "Pong",
    "Position",
    "Problem",
    "Quote",
    "Reason",
    "Receive",
    "Reply",
    "ReplyRefused",
    "Request",
    "Revoked",
    "Rhythm",
    "Route",
    "Scope",
    "Send",
    "Session",
    "SessionLost",
    "Sides",
    "Signer",
    "SnapshotSource",
    "Subscription",
    "Target",
    "Ticker",
    "Trade",
    "TransportLost",
    "UpgradeRefused",
    "Verdict",
    "hookimpl",
    "loads_exact",
]
