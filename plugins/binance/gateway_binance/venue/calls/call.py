"""A request that the exchange answers: what it weighs, who may make it, and how a wrong one is refused."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.refusals import RefusedError, illegal, missing


class Security(enum.Enum):
    """What a request needs: nothing, a key, or a signature too."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


class Params(dict[str, str]):
    """What a request says, each value as text."""

    def need(self, name: str) -> str:
        """
        Return a value.

        Raises:
            RefusedError: If there is none.
        """
        value = self.get(name, "")
        if not value:
            raise missing(name)
        return value

    def whole(self, name: str, default: int) -> int:
        """
        Return a whole number, nought or more.

        Raises:
            RefusedError: If it is none.
        """
        value = self.get(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit()):
            raise illegal(name, "^[0-9]{1,20}$")
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """
        Return ``limit``, clipped to ``most``.

        Raises:
            RefusedError: If it is no number above nought.
        """
        limit = self.whole("limit", default)
        if limit < 1:
            raise illegal("limit", f"1 to {most}")
        return min(limit, most)

    def amount(self, name: str) -> Decimal | None:
        """
        Return a number above nought, if it was sent.

        Raises:
            RefusedError: If it is none.
        """
        value = self.get(name)
        if value is None:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$") from None
        if not (number.is_finite() and number > 0):
            raise RefusedError(-1013, f"Invalid {name}.")
        return number

    def flag(self, name: str) -> bool:
        """Return whether it says yes."""
        return self.get(name, "").lower() == "true"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks: ``account`` is there where a key or signature is needed."""

    params: Params
    account: Account | None = None

    @property
    def known(self) -> Account:
        """The account of a request that needs one."""
        assert self.account is not None
        return self.account


Weight = int | Callable[[Params], int]


@dataclass(frozen=True, slots=True)
class Call:
    """
    A request: ``route`` is its method and path, ``method`` what WS-API calls it.

    ``orders`` counts against the account's orders; one that is ``free`` weighs
    nothing where it succeeds.
    """

    route: str
    act: Callable[[Caller], Any]
    weight: Weight = 1
    security: Security = Security.NONE
    method: str = ""
    orders: int = 0
    free: bool = False

    def weighs(self, params: Params) -> int:
        """Return what it weighs with ``params``."""
        return self.weight if isinstance(self.weight, int) else self.weight(params)


Calls = Mapping[str, Call]
