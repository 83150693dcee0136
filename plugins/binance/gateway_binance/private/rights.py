"""
What an account's key may do, as Binance tells it.

Spot: "Get API Key Permission" of the wallet documents at developers.binance.com,
2026-11. The futures' hosts tell of the account alone ("Futures Account Configuration",
"Account Information", 2026-08-21), and so does ``/api/v3/account``, whose ``canTrade``
is true for keys that may only read (JKorf/Binance.Net issue 180): what an account may
not do, its key may not, and of the rest nothing is known.
"""

from msgspec import Struct

from gateway import spi
from gateway_binance.private.fetching import Account, Asking
from gateway_binance.private.figures import FUTURES_RIGHTS, KEY_RIGHTS, MARGIN_WEIGHT


class Restrictions(Struct, frozen=True, rename="camel"):
    """The reply of ``/sapi/v1/account/apiRestrictions``; what older replies lack nobody has."""

    ip_restrict: bool
    enable_withdrawals: bool
    enable_spot_and_margin_trading: bool
    enable_internal_transfer: bool = False
    permits_universal_transfer: bool = False
    enable_margin: bool = False
    enable_futures: bool = False
    enable_vanilla_options: bool = False
    enable_portfolio_margin_trading: bool = False
    enable_fix_api_trade: bool = False


class Abilities(Struct, frozen=True, rename="camel"):
    """What a futures account may do."""

    can_trade: bool
    can_withdraw: bool = True


def spot_rights(target: spi.Target) -> Asking[spi.KeyRights]:
    """Ask what a key may do, everywhere at Binance."""
    account = Account(target, MARGIN_WEIGHT)
    found = yield from account.get("/sapi/v1/account/apiRestrictions", Restrictions, KEY_RIGHTS)
    trading = (
        found.enable_spot_and_margin_trading,
        found.enable_margin,
        found.enable_futures,
        found.enable_vanilla_options,
        found.enable_portfolio_margin_trading,
        found.enable_fix_api_trade,
    )
    leaving = (found.enable_withdrawals, found.enable_internal_transfer, found.permits_universal_transfer)
    return spi.KeyRights(trading=any(trading), withdrawal=any(leaving), address_bound=found.ip_restrict)


def futures_rights(target: spi.Target, weight: str, path: str) -> Asking[spi.KeyRights]:
    """Ask what a futures account may do at all."""
    found = yield from Account(target, weight).get(path, Abilities, FUTURES_RIGHTS)
    return spi.KeyRights(
        trading=None if found.can_trade else False,
        withdrawal=None if found.can_withdraw else False,
    )
