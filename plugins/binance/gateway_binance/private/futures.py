"""Futures accounts, as the hooks of both futures plugins need them."""

from collections.abc import Sequence

from gateway import spi
from gateway_binance.declared.market import Market
from gateway_binance.private import listenkey
from gateway_binance.private.futures_events import FuturesEvents
from gateway_binance.private.futures_state import Paths, fetch
from gateway_binance.private.orders import Names
from gateway_binance.private.rights import futures_rights


class FuturesAccounts:
    """
    What the hooks answer for an account.

    Args:
        market: for its limits and paths.
        place: returns the URL of a stream.
        paths: where an account is kept.
    """

    def __init__(self, market: Market, place: listenkey.Place, paths: Paths) -> None:
        self._market = market
        self._place = place
        self._paths = paths

    def handshake(self, target: spi.Target) -> spi.Handshake:
        """
        Open the account's stream.

        Raises:
            LoginRefused: If it cannot have one.
        """
        return listenkey.handshake(target, self._market, self._place)

    def dialect(self, _target: spi.Target, session: spi.Session, instruments: spi.Instruments) -> spi.Dialect:
        """Return a fresh translator."""
        events = FuturesEvents(Names(instruments))
        return listenkey.ListenKeyDialect(session, events, self._market.messages)

    def reconcile(
        self, target: spi.Target, since: int, known: Sequence[spi.Order], instruments: spi.Instruments
    ) -> spi.Conversation[Sequence[spi.Data]]:
        """Fetch the account."""
        return fetch(target, self._market.weight, self._paths, since, known, Names(instruments))

    def rights(self, target: spi.Target) -> spi.Conversation[spi.KeyRights] | None:
        """Ask what the account may do; of its key nothing is told here."""
        return futures_rights(target, self._market.weight, self._paths.abilities)
