"""
The hooks that Binance's markets answer alike: how a connection is opened, what is fetched, what refusals mean.

One combined connection (``/stream``) carries whatever is subscribed to. A market
says which streams those are, how their frames are read and how its books are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import UNSET

from gateway import spi
from gateway_binance import backfill, reference, verdicts
from gateway_binance.book import Books, Follows
from gateway_binance.declared.market import Market
from gateway_binance.dialect import StreamDialect
from gateway_binance.native.figures import Doors
from gateway_binance.native.protocol import BinanceNative
from gateway_binance.private.accounts import Accounts
from gateway_binance.readers import Readers, Reading
from gateway_binance.records.fields import Form, Universe


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """
    What sets a market apart, beside its streams.

    ``readers`` read its events, ``follows`` judges how updates of its books join,
    ``named`` spells a symbol as the gateway does, ``universe`` marks its events
    among those of all futures, ``pasts`` is where trades that are missing are fetched,
    ``accounts`` answers for accounts, ``doors`` are those for clients that speak Binance's own protocol.
    """

    market: Market
    doors: Doors
    accounts: Accounts
    readers: Readers
    follows: Follows
    named: reference.Named
    universe: Universe = UNSET
    pasts: backfill.Pasts = field(default_factory=lambda: backfill.FUTURES)


class MarketPlugin:
    """
    What all markets' plugins have.

    Args:
        own: what sets this market apart.
    """

    def __init__(self, own: Particulars) -> None:
        self._own = own
        self._market = own.market

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        """Describe the market."""
        return self._market.info

    @spi.hookimpl
    def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
        """Open a bare combined connection: a URL that named a thousand streams would be too long."""
        if target.account is not None:
            return (yield from self._own.accounts.handshake(target))
        yield spi.Open(f"{target.urls[target.endpoint]}/stream", cost={self._market.dials: 1})
        return spi.Session()

    @spi.hookimpl
    def gateway_dialect(
        self, target: spi.Target, session: spi.Session, instruments: spi.Instruments
    ) -> spi.Dialect:
        """Return a fresh translator."""
        if target.account is not None:
            return self._own.accounts.dialect(target, session, instruments)
        form = Form(universe=self._own.universe)
        books = Books(target, self._market, self._own.follows)
        return StreamDialect(self._market.messages, Reading(self._own.readers, form), books)

    @spi.hookimpl
    def gateway_restore_subscriptions(self, target: spi.Target) -> Sequence[spi.Request] | None:
        """Ask for nothing where the handshake has brought all: on an account's connection."""
        return () if target.account is not None else None

    @spi.hookimpl
    def gateway_reconcile(
        self, target: spi.Target, since: int, known: Sequence[spi.Order], instruments: spi.Instruments
    ) -> spi.Conversation[Sequence[spi.Data]]:
        """Fetch an account."""
        return self._own.accounts.reconcile(target, since, known, instruments)

    @spi.hookimpl
    def gateway_key_rights(self, target: spi.Target) -> spi.Conversation[spi.KeyRights] | None:
        """Ask what the key of an account may do."""
        return self._own.accounts.rights(target)

    @spi.hookimpl
    def gateway_instruments(self, target: spi.Target) -> spi.Conversation[spi.Instruments]:
        """Fetch the symbols."""
        return reference.fetch_instruments(target, self._market, self._own.named)

    @spi.hookimpl
    def gateway_server_time(self, target: spi.Target) -> spi.Conversation[int]:
        """Fetch the clock."""
        return reference.fetch_time(target, self._market)

    @spi.hookimpl
    def gateway_backfill(
        self, target: spi.Target, subscription: spi.Subscription, after: int, before: int
    ) -> spi.Conversation[Sequence[spi.Trade]] | None:
        """Fetch trades that are missing."""
        past = self._own.pasts.get(subscription.variant) if subscription.channel == "trades" else None
        if past is None:
            return None
        ids, fine = range(after + 1, before), self.unit(target) == "microsecond"
        return backfill.fetch_trades(target, self._market, past, subscription.symbol, ids, fine=fine)

    @spi.hookimpl
    def gateway_native(self, target: spi.Target) -> spi.Native:
        """Speak Binance's own protocol to clients."""
        return BinanceNative(target, self._market, self._own.doors, self.unit(target))

    def unit(self, _target: spi.Target) -> str | None:
        """Return what times are written in, where a client may choose."""
        return None

    @spi.hookimpl
    def gateway_classify(self, fault: spi.ConnectionFault) -> spi.Verdict | None:
        """Judge Binance's refusals."""
        return verdicts.verdict(fault)
