"""
The accounts that there are, and what keeps somebody from acting for one.

The order in which a request is doubted: the shape of its key, its time, whose key
it is, its signature.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.credentials import Proof, proof

_SHAPE: Final = re.compile(r"[A-Za-z0-9]{1,128}").fullmatch

Holdings = Mapping[Market, Mapping[str, Decimal]]
RICH: Final[Holdings] = {
    Market.SPOT: {"USDT": Decimal(100_000), "BTC": Decimal(10), "ETH": Decimal(100), "BNB": Decimal(50)},
    Market.USDM: {"USDT": Decimal(100_000)},
    Market.COINM: {"BTC": Decimal(10), "ETH": Decimal(100)},
}
"""What an account has to begin with, unless something else is said."""


@dataclass(slots=True)
class Account:
    """
    An account; ``revoked`` is set once its key is worth nothing any more.

    ``trades`` and ``withdraws`` are what the key may do besides reading. One that is ``bound`` says
    that it works from some addresses alone; it is heard from this machine all the same.
    """

    name: str
    api_key: str
    proof: Proof
    holdings: Holdings = field(default_factory=lambda: RICH)
    revoked: bool = False
    trades: bool = True
    withdraws: bool = False
    bound: bool = False


DEMO: Final = ("main", "demoKey123", "demoSecret456")
"""Name, API key and secret of the account that exists if no other is given."""


RIGHTS: Final = ("trades", "withdraws", "bound")
"""What may be said of a key in a file of accounts."""


class UnknownKeyError(Exception):
    """No account has this key; ``malformed`` says that no key looks like that."""

    def __init__(self, *, malformed: bool) -> None:
        super().__init__("malformed" if malformed else "unknown")
        self.malformed = malformed


class Accounts:
    """All of them, by their keys and by their names."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._by_key: dict[str, Account] = {}
        self._by_name: dict[str, Account] = {}
        self._revoked: list[Callable[[Account], None]] = []
        for account in accounts:
            self._by_key[account.api_key] = self._by_name[account.name] = account

    def of_key(self, api_key: str) -> Account:
        """
        Return the account whose key this is.

        Raises:
            UnknownKeyError: If there is none, or its key was revoked.
        """
        if not _SHAPE(api_key):
            raise UnknownKeyError(malformed=True)
        account = self._by_key.get(api_key)
        if account is None or account.revoked:
            raise UnknownKeyError(malformed=False)
        return account

    def named(self, name: str) -> Account:
        """
        Return the account called ``name``.

        Raises:
            KeyError: If there is none.
        """
        return self._by_name[name]

    def __iter__(self) -> Iterator[Account]:
        """Yield them all."""
        return iter(self._by_name.values())

    def on_revoked(self, told: Callable[[Account], None]) -> None:
        """Have ``told`` called with each account whose key is revoked."""
        self._revoked.append(told)

    def revoke(self, name: str) -> None:
        """Make the key of an account worth nothing."""
        account = self.named(name)
        account.revoked = True
        for told in self._revoked:
            told(account)


def demo() -> Account:
    """Return the account that exists if no other is given."""
    name, api_key, secret = DEMO
    return Account(name, api_key, proof(secret))


def load(path: Path) -> list[Account]:
    """
    Read accounts from a TOML file, each a table: ``api_key``, and ``secret``, or ``pem`` with a file beside it.

    ``spot``, ``usdm`` and ``coinm`` are tables of what it has, each amount as text; ``trades``,
    ``withdraws`` and ``bound`` say what the key may do.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If it says something else; one sentence says what.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return [_account(name, table, path.parent) for name, table in tables.items()]


def _account(name: str, table: object, folder: Path) -> Account:
    if not isinstance(table, dict):
        raise ValueError(f"{name}: need a table")  # noqa: TRY004  # one kind of error for the whole file
    wrong = table.keys() - {"api_key", "secret", "pem", *RIGHTS, *Market}
    if wrong:
        raise ValueError(f"{name}: there is no {min(wrong)}")
    api_key, secret = table.get("api_key"), table.get("secret")
    if "pem" in table:
        secret = (folder / str(table["pem"])).read_text(encoding="ascii")
    if not isinstance(api_key, str) or not isinstance(secret, str):
        raise ValueError(f"{name}: need api_key, and either secret or pem")  # noqa: TRY004  # same
    rights = {right: table[right] for right in RIGHTS if right in table}
    if not all(isinstance(value, bool) for value in rights.values()):
        raise ValueError(f"{name}: need true or false for {', '.join(RIGHTS)}")
    own = {market: _amounts(f"{name}: {market}", table[market]) for market in Market if market in table}
    return Account(name, api_key, proof(secret), {**RICH, **own}, **rights)


def _amounts(place: str, table: object) -> dict[str, Decimal]:
    try:
        return {str(asset): Decimal(amount) for asset, amount in dict(cast("Any", table)).items()}
    except (ArithmeticError, TypeError, ValueError):
        raise ValueError(f"{place}: need a table of amounts") from None
