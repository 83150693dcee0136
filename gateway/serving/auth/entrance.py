"""
Who one socket's client is, and what they may subscribe to.

A client that must show a token and did not when it connected shows it in its first message.
"""

from typing import Final

from gateway.errors import SubscriptionError
from gateway.model.subscriptions import Subscription
from gateway.serving.auth.reception import Reception
from gateway.serving.auth.scopes import MARKET, Access, account_scope
from gateway.serving.limits import Limits

ALWAYS: Final = frozenset({"auth", "ping"})
"""Methods that need no token."""


class Entrance:
    """
    One socket's. Event-loop only.

    Args:
        reception: knows what tokens are worth.
        access: what the client may do by what it showed when it connected; nothing if it must show more.
        limits: of this client.
    """

    def __init__(self, reception: Reception, access: Access | None, limits: Limits) -> None:
        self.access = access
        self.share = reception.shares.of(None if access is None else access.token, limits)
        """Changes with the access, while nothing is subscribed to."""
        self._reception = reception
        self._limits = limits
        self._is_in = False

    @property
    def is_full(self) -> bool:
        """Whether the token has as many sockets as it may."""
        return self.share.sockets >= self._limits.sockets

    def enter(self) -> None:
        """Count the socket as one of its token's, until :meth:`leave`."""
        self.share.sockets += 1
        self._is_in = True

    def leave(self) -> None:
        """Count it no longer. Idempotent."""
        self.share.sockets -= self._is_in
        self._is_in = False

    def stands(self) -> bool:
        """Whether what was shown is still good; so it is as long as nothing was."""
        return self.access is None or self._reception.keeper.stands(self.access)

    def check_method(self, method: str) -> None:
        """
        Let a client that is not known yet say who it is, and nothing else.

        Raises:
            SubscriptionError: ``unauthorized``.
        """
        if self.access is None and method not in ALWAYS:
            raise SubscriptionError("unauthorized", "a token is needed: send the method auth first")

    def check(self, wish: Subscription) -> None:
        """
        Let the client have what its token allows.

        Raises:
            SubscriptionError: ``forbidden``; the message names the scope.
        """
        scope = MARKET if wish.account is None else account_scope(wish.account)
        if self.access is None or not self.access.allows(scope):
            raise SubscriptionError("forbidden", f"the token lacks the scope {scope}")

    async def present(self, text: str) -> bool:
        """
        Have the client known by the token or ticket ``text``; false, after a while, if that is no good.

        Where none is needed, none is looked at.

        Raises:
            SubscriptionError: If the client is known already, or its token has as many sockets as it may.
        """
        if self.access is not None:
            if self.access.token is None:
                return True
            raise SubscriptionError("bad_request", "the client is known already; connect anew to be another one")
        access = self._reception.worth(text)
        if access is None:
            await self._reception.refusals.wait()
            return False
        share = self._reception.shares.of(access.token, self._limits)
        if share.sockets >= self._limits.sockets:
            raise SubscriptionError("too_many_sockets", "the token has as many sockets as it may", temporary=True)
        self.leave()
        self.access, self.share = access, share
        self.enter()
        return True
