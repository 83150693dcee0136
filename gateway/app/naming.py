"""What operators call a connection: an account's id, a connection's own, or an exchange's."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.config import AccountSettings
from gateway.runtime.exchange import Exchange
from gateway.spi.contract import Endpoint

DIGITS: Final = 4
"""Of the number of a connection: what is kept of those that were named is bounded by it."""
_NUMBER: Final = re.compile(f"[0-9]{{1,{DIGITS}}}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection stands, whether it exists or not."""

    id: str
    exchange: Exchange
    endpoint: Endpoint
    number: int = 0
    account: str | None = None


class Naming:
    """
    Finds connections by name. Any thread may call it.

    Args:
        exchanges: those that run, by id.
        accounts: returns those that are configured now.
    """

    def __init__(
        self, exchanges: Mapping[str, Exchange], accounts: Callable[[], Mapping[str, AccountSettings]]
    ) -> None:
        self._exchanges = exchanges
        self._accounts = accounts

    def find(self, name: str) -> Place:
        """
        Return the place that ``name`` means.

        Raises:
            KeyError: If there is no such account, endpoint or exchange; it says what there is.
        """
        if (of_account := self._accounts().get(name)) is not None:
            return self._of_account(name, of_account)
        exchange_id, _, rest = name.partition("/")
        exchange = self._exchanges.get(exchange_id)
        if exchange is None:
            known = ", ".join((*self._accounts(), *self._exchanges)) or "none"
            raise KeyError(f"there is no account or exchange {name!r}; there are: {known}")
        endpoint_name, at, account = rest.partition("@")
        if at:
            return self._private(exchange, endpoint_name, account)
        endpoint_name, _, number = rest.partition("/")
        endpoint = _endpoint(exchange, endpoint_name)
        if not _NUMBER.fullmatch(number or "0"):
            raise KeyError(
                f"{name!r} names no connection: need <exchange>/<endpoint>/<number of at most {DIGITS} digits>"
            )
        return _shared(exchange, endpoint, int(number or 0))

    def _of_account(self, account: str, settings: AccountSettings) -> Place:
        exchange_id = settings.exchange
        exchange = self._exchanges.get(exchange_id)
        if exchange is None:
            raise KeyError(f"the exchange {exchange_id} of account {account} does not run")
        for endpoint in exchange.ground.info.endpoints:
            if endpoint.private:
                return self._private(exchange, endpoint.name, account)
        raise KeyError(f"{exchange_id} has no connections of accounts")

    def _private(self, exchange: Exchange, endpoint_name: str, account: str) -> Place:
        settings = self._accounts().get(account)
        exchange_id = exchange.ground.exchange
        if settings is None or settings.exchange != exchange_id:
            raise KeyError(f"there is no account {account!r} at {exchange_id}")
        endpoint = _endpoint(exchange, endpoint_name)
        if not endpoint.private:
            raise KeyError(f"{exchange_id}/{endpoint_name} has no connections of accounts")
        return Place(f"{exchange_id}/{endpoint_name}@{account}", exchange, endpoint, account=account)


def _endpoint(exchange: Exchange, name: str) -> Endpoint:
    """Return the endpoint called ``name``, without a name the first one for everybody."""
    sockets = [one for one in exchange.ground.info.endpoints if _is_socket(one)]
    for one in sockets:
        if one.name == name or (not name and not one.private):
            return one
    known = ", ".join(one.name for one in sockets)
    raise KeyError(f"{exchange.ground.exchange} has no endpoint {name!r} with connections; there are: {known}")


def _is_socket(endpoint: Endpoint) -> bool:
    return all(url.startswith(("ws://", "wss://")) for url in endpoint.urls.values())


def _shared(exchange: Exchange, endpoint: Endpoint, number: int) -> Place:
    exchange_id = exchange.ground.exchange
    if endpoint.private:
        raise KeyError(f"{exchange_id}/{endpoint.name} has connections of accounts only")
    return Place(f"{exchange_id}/{endpoint.name}/{number}", exchange, endpoint, number)
