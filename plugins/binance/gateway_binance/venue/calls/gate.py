"""
Who asks: what a key and a signature must be before a request is heard.

After "Endpoint security type" and "SIGNED request security" in rest-api.md of the
spot documents, 2026-07-21.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

from gateway_binance.venue.calls.call import Call, Params, Security
from gateway_binance.venue.private.accounts import Account, Accounts, UnknownKeyError
from gateway_binance.venue.refusals import UNAUTHORIZED, RefusedError, illegal, missing

AHEAD: Final = 1000
"""Milliseconds that a client's clock may be ahead."""
USUAL_WINDOW: Final = 5000
WIDEST_WINDOW: Final = 60_000
_MICROS: Final = 10**15
"""A time above this is in microseconds."""


class Gate:
    """
    Knows accounts by what their requests carry.

    Args:
        accounts: that there are.
        now: milliseconds since 1970.
    """

    def __init__(self, accounts: Accounts, now: Callable[[], int]) -> None:
        self._accounts = accounts
        self._now = now

    def keyed(self, api_key: str) -> Account:
        """
        Return whose key this is.

        Raises:
            RefusedError: If it is nobody's.
        """
        try:
            return self._accounts.of_key(api_key)
        except UnknownKeyError as unknown:
            if unknown.malformed:
                raise RefusedError(-2014, "API-key format invalid.", UNAUTHORIZED) from None
            raise RefusedError(-2015, "Invalid API-key, IP, or permissions for action.", UNAUTHORIZED) from None

    @staticmethod
    def let_through(account: Account | None, call: Call) -> None:
        """
        Let a request pass that its key may make: one that only reads changes nothing.

        Raises:
            RefusedError: If it may not.
        """
        changes = call.security is Security.SIGNED and not call.route.startswith("GET ")
        if changes and account is not None and not account.trades:
            raise RefusedError(-2015, "Invalid API-key, IP, or permissions for action.", UNAUTHORIZED)

    def signed(self, api_key: str, params: Params, payload: bytes) -> Account:
        """
        Return whose request this is; ``payload`` is what was signed.

        Raises:
            RefusedError: If it is late, early, nobody's, or signed by somebody else.
        """
        self.timely(params)
        account = self.keyed(api_key)
        if "signature" not in params:
            raise missing("signature")
        if not account.proof.holds(payload, params["signature"]):
            raise RefusedError(-1022, "Signature for this request is not valid.")
        return account

    def timely(self, params: Params) -> None:
        """
        Check the time of a request.

        Raises:
            RefusedError: If it has none, or is outside of its window.
        """
        stamp = params.need("timestamp")
        if not (stamp.isascii() and stamp.isdigit()):
            raise illegal("timestamp", "^[0-9]{1,20}$")
        sent = int(stamp) / 1000 if int(stamp) > _MICROS else int(stamp)
        window = _window(params)
        now = self._now()
        if sent >= now + AHEAD:
            raise RefusedError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - sent > window:
            raise RefusedError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _window(params: Params) -> float:
    try:
        window = Decimal(params.get("recvWindow", USUAL_WINDOW))
    except InvalidOperation:
        raise illegal("recvWindow", "^([0-9]{1,5})(\\.[0-9]{1,3})?$") from None
    if not 0 < window <= WIDEST_WINDOW:
        raise RefusedError(-1131, "recvWindow must be less than 60000.")
    return float(window)
