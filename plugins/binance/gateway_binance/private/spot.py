"""Spot and margin accounts, as the spot plugin's hooks need them."""

from collections.abc import Sequence
from typing import Final

from gateway import spi
from gateway_binance.declared.market import Market
from gateway_binance.options import in_microseconds, spot_options
from gateway_binance.private import userdata
from gateway_binance.private.margin import listen_token
from gateway_binance.private.orders import Names
from gateway_binance.private.rights import spot_rights
from gateway_binance.private.spot_events import SpotEvents
from gateway_binance.private.spot_state import Wallet, fetch_margin, fetch_spot

WITHOUT_ACCOUNTS: Final = "data"
"""The environment in which nobody can log in: faqs/market_data_only.md, 2026-07-21."""
WITH_RIGHTS: Final = "live"
"""The environment that has ``/sapi``: testnet/general-info.md and demo-mode/general-info.md, 2026-07-21."""


class SpotAccounts:
    """
    What the hooks answer for an account.

    Args:
        market: for its limits.
    """

    def __init__(self, market: Market) -> None:
        self._market = market

    def handshake(self, target: spi.Target) -> spi.Handshake:
        """
        Open the account's stream.

        Raises:
            LoginRefused: If it cannot have one.
        """
        if target.environment == WITHOUT_ACCOUNTS:
            raise spi.LoginRefused("there are no accounts where there is market data alone")
        wallet = _wallet(target)
        token = None if wallet is None else (yield from listen_token(target, wallet.isolated))
        return (
            yield from userdata.handshake(
                target,
                weight=self._market.weight,
                dials=self._market.dials,
                query="&timeUnit=MICROSECOND" if _is_fine(target) else "",
                token=token,
                logs_on=token is None and target.account in spot_options(target).session_logon,
            )
        )

    def dialect(self, _target: spi.Target, session: spi.Session, instruments: spi.Instruments) -> spi.Dialect:
        """Return a fresh translator."""
        events = SpotEvents(Names(instruments))
        return userdata.UserDialect(session, events, self._market.weight)

    def reconcile(
        self, target: spi.Target, _since: int, known: Sequence[spi.Order], instruments: spi.Instruments
    ) -> spi.Conversation[Sequence[spi.Data]]:
        """Fetch the account."""
        wallet, names = _wallet(target), Names(instruments)
        if wallet is None:
            return fetch_spot(target, self._market.weight, known, names)
        return fetch_margin(target, wallet, known, names)

    def rights(self, target: spi.Target) -> spi.Conversation[spi.KeyRights] | None:
        """Ask what the account's key may do; where the money is none there is nobody to ask."""
        return spot_rights(target) if target.environment == WITH_RIGHTS else None


def _wallet(target: spi.Target) -> Wallet | None:
    """Return which margin account is meant; none if it is the spot one."""
    options, account = spot_options(target), target.account or ""
    if account in options.isolated_margin:
        return Wallet(options.isolated_margin[account])
    return Wallet() if account in options.cross_margin else None


def _is_fine(target: spi.Target) -> bool:
    """When a token ends is told in the connection's unit: a margin account's is left as it is."""
    return in_microseconds(target) and _wallet(target) is None
