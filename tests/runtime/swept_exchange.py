"""The mock exchange's harder sister: it has all that an epoch can have, and so has its venue."""

from dataclasses import replace
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web

from gateway import spi
from gateway.testing.sockets import VenueSocket
from gateway_mock.plugin import BOOK, INFO, MockDialect, MockExchange
from gateway_mock.venue import MockVenue

KEEPALIVE: Final = 2.0
LASTS: Final = 12.0


class Elaborate(MockExchange):
    """A token over REST, a login, limits that are soon reached, keepalives, and something to give back."""

    expires_in: float | None = None

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        messages, *others = INFO.limits
        return replace(INFO, limits=(replace(messages, count=4), *others))

    @spi.hookimpl
    def gateway_handshake(self, target: spi.Target) -> spi.Handshake:
        token = (yield spi.Fetch("POST", f"{target.urls['rest']}/token", cost={"mock-weight": 1})).json()["token"]
        plain = yield from super().gateway_handshake(target)
        about = partial(spi.Fetch, url=f"{target.urls['rest']}/token?it={token}", cost={"mock-weight": 1})
        renew = spi.Keepalive(every=KEEPALIVE, make=partial(about, "PUT"), judge=_judged, lasts=LASTS)
        return replace(plain, keepalives=(renew,), release=about("DELETE"), expires_in=self.expires_in)

    @spi.hookimpl
    def gateway_reconcile(self, target: spi.Target) -> spi.Conversation[Any]:
        return _whole_account(target)

    @spi.hookimpl
    def gateway_key_rights(self, target: spi.Target) -> spi.Conversation[spi.KeyRights]:
        return _rights(target)

    @spi.hookimpl
    def gateway_dialect(self, target: spi.Target, instruments: spi.Instruments) -> "Dialect":
        return Dialect(target, instruments)


class Dialect(MockDialect):
    """Asks for one stream at a time, and has books from REST."""

    def __init__(self, target: spi.Target, instruments: spi.Instruments) -> None:
        super().__init__(instruments)
        self._url = f"{target.urls['rest']}/depth"

    def book(self, stream: str, /) -> spi.BookRule | None:
        return replace(BOOK, snapshot=self._snapshot) if stream.startswith("book.") else None

    def _snapshot(self) -> spi.Conversation[spi.BookSnapshot]:
        reply = yield spi.Fetch("GET", self._url, cost={"mock-weight": 5})
        return msgspec.convert(reply.json(), spi.BookSnapshot)

    def _requests(self, op: Any, streams: Any) -> Any:
        return [self._request(op, (one,)) for one in streams]


def _whole_account(target: spi.Target) -> spi.Conversation[Any]:
    (yield spi.Fetch("GET", f"{target.urls['rest']}/account", cost={"mock-weight": 5})).json()
    return [spi.Data("orders", ()), spi.Data("balances", ())]


def _rights(target: spi.Target) -> spi.Conversation[spi.KeyRights]:
    (yield spi.Fetch("GET", f"{target.urls['rest']}/rights", cost={"mock-weight": 1})).json()
    return spi.KeyRights()


def _judged(reply: spi.HttpReply) -> spi.Verdict | None:
    return None if reply.status == 200 else spi.Verdict(action=spi.Action.RETRY)


class Venue(MockVenue):
    """Hands out tokens and snapshots."""

    tokens = 0

    def answers(self) -> dict[str, Any]:
        nothing = partial(self._weighed, 1, lambda _: {})
        return {
            **super().answers(),
            "POST /token": partial(self._weighed, 1, self._token),
            "PUT /token": nothing,
            "DELETE /token": nothing,
            "GET /account": nothing,
            "GET /rights": nothing,
            "GET /depth": partial(self._weighed, 5, lambda _: self.markets["eth_usdt"].book()),
        }

    def _token(self, _: web.Request) -> dict[str, int]:
        self.tokens += 1
        return {"token": self.tokens}

    def _begin(self, socket: VenueSocket, stream: str) -> None:
        """Send no snapshot."""
