"""How an account is asked over REST: signed, and what of the answers is no failure."""

from collections.abc import Generator, Mapping
from typing import Final, TypeVar

from msgspec import convert

from gateway import spi
from gateway_binance.declared.market import REST
from gateway_binance.private.api import code_of
from gateway_binance.private.signing import KEY_HEADER, WINDOW, signed_query, signer_of

NO_ORDER: Final = -2013
"""NO_SUCH_ORDER: errors.md, 2026-07-21. Old orders that were never filled are forgotten, too."""
NOT_FOUND: Final = 404

T = TypeVar("T")
Asking = Generator[spi.Fetch, spi.HttpReply, T]
NOTHING: Final[Mapping[str, int | str]] = {}


class Account:
    """
    Asks for one account.

    Args:
        target: of the account.
        weight: the limit on which requests draw.
    """

    def __init__(self, target: spi.Target, weight: str) -> None:
        self._target = target
        self._weight = weight
        self._signer = signer_of(target)

    def get(self, path: str, kind: type[T], cost: int, params: Mapping[str, int | str] = NOTHING) -> Asking[T]:
        """
        Return what ``path`` answers.

        Raises:
            ReplyRefused: If it refuses.
            ValueError: If the answer makes no sense.
        """
        query = signed_query(self._signer, self._target.now(), {**params, "recvWindow": WINDOW})
        url = f"{self._target.urls[REST]}{path}?{query}"
        reply = yield spi.Fetch("GET", url, headers={KEY_HEADER: self._signer.api_key}, cost={self._weight: cost})
        return convert(reply.json(), kind)

    def find(
        self, path: str, kind: type[T], cost: int, params: Mapping[str, int | str] = NOTHING
    ) -> Asking[T | None]:
        """Return what :meth:`get` does; nothing where there is no such order, or no such path."""
        try:
            return (yield from self.get(path, kind, cost, params))
        except spi.ReplyRefused as fault:
            if code_of(fault) == NO_ORDER or (fault.status == NOT_FOUND and not code_of(fault)):
                return None
            raise
