"""Everything that decides who somebody is, in one place: tokens, tickets, what wrong ones cost, and shares."""

from collections.abc import Callable, Iterable
from typing import Final

from gateway.engine.hub import Hub
from gateway.serving.auth.keeper import Keeper
from gateway.serving.auth.refusals import Refusals
from gateway.serving.auth.scopes import Access
from gateway.serving.auth.shares import Shares
from gateway.serving.auth.tickets import PREFIX, Tickets
from gateway.store import Token

NO_GOOD: Final = "the token or ticket is no good: unknown, used, expired or revoked"


class Reception:
    """
    One for all clients. Event-loop only.

    Args:
        hub: all topics.
        now: monotonic seconds.
        wall_us: microseconds since 1970.
        must: whether a token must be shown even if there is none.
        delay: seconds until a wrong token is answered.
    """

    def __init__(
        self,
        hub: Hub,
        now: Callable[[], float],
        wall_us: Callable[[], int],
        *,
        must: bool = False,
        delay: float,
    ) -> None:
        self.now = now
        self.keeper = Keeper(wall_us, must=must)
        self.tickets = Tickets(self.keeper, now)
        self.refusals = Refusals(now, delay)
        self.shares = Shares(hub, now)

    def know(self, tokens: Iterable[Token]) -> None:
        """Have these tokens from now on, and no others."""
        known = tuple(tokens)
        self.keeper.know(known)
        self.shares.keep({token.id for token in known})

    def worth(self, text: str, *, tickets: bool = True) -> Access | None:
        """
        Return what a token or a ticket allows; nothing if it is no good. A ticket is used up by it.

        Without ``tickets`` none is taken: one that could ask for the next would have no end.
        """
        if text.startswith(PREFIX):
            return self.tickets.take(text) if tickets else None
        return self.keeper.access(text)
