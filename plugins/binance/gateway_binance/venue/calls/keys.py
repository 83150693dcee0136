"""How accounts get what opens their streams, and what became of the ways that are no more."""

from collections.abc import Callable, Iterator
from typing import Any

from gateway_binance.venue.calls.call import Call, Caller, Security
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.keys import DAY, Keys, ListenKey
from gateway_binance.venue.refusals import RefusedError

Gone = Callable[[ListenKey], None]


def futures(market: Market, keys: Keys, start: str, gone: Gone) -> Iterator[Call]:
    """Yield what is asked of listenKeys; ``gone`` is told of one that is deleted."""

    def create(caller: Caller) -> dict[str, Any]:
        return {"listenKey": keys.create(caller.known.name, market).text}

    def extend(caller: Caller) -> dict[str, Any]:
        key = keys.extend(caller.known.name, market)
        if key is None:
            raise RefusedError(-1125, "This listenKey does not exist.")
        return {"listenKey": key.text}

    def delete(caller: Caller) -> dict[str, Any]:
        key = keys.delete(caller.known.name, market)
        if key is not None:
            gone(key)
        return {}

    yield Call(f"POST {start}/listenKey", create, 1, Security.KEY, "userDataStream.start")
    yield Call(f"PUT {start}/listenKey", extend, 1, Security.KEY, "userDataStream.ping")
    yield Call(f"DELETE {start}/listenKey", delete, 1, Security.KEY, "userDataStream.stop")


def margin(keys: Keys) -> Iterator[Call]:
    """Yield what is asked of listenTokens."""

    def token(caller: Caller) -> dict[str, Any]:
        life = caller.params.whole("validity", int(DAY) * 1000) / 1000
        text, ends = keys.token(caller.known.name, life)
        return {"token": text, "expirationTime": int(ends * 1000)}

    yield Call("POST /sapi/v1/userListenToken", token, 1, Security.KEY)


def wallet(assets: Callable[[], list[str]]) -> Iterator[Call]:
    """Yield what of ``/sapi`` clients read before they begin: what a key may do, the coins that there are."""

    def coins(_: Caller) -> list[Any]:
        return [{"coin": one, "name": one, "trading": True, "networkList": []} for one in assets()]

    yield Call("GET /sapi/v1/account/apiRestrictions", _restrictions, 1, Security.SIGNED)
    yield Call("GET /sapi/v1/capital/config/getall", coins, 10, Security.SIGNED)
    yield Call("GET /sapi/v1/margin/allPairs", lambda _: [], 1, Security.KEY)
    yield Call("GET /sapi/v1/margin/isolated/allPairs", lambda _: [], 1, Security.KEY)


def _restrictions(caller: Caller) -> dict[str, Any]:
    """After "Get API Key Permission" of the wallet documents, 2026-11."""
    key = caller.known
    return {
        "ipRestrict": key.bound,
        "createTime": 1_698_645_219_000,
        "enableReading": True,
        "enableWithdrawals": key.withdraws,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": key.trades,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": True,
        "enableSpotAndMarginTrading": key.trades,
        "enablePortfolioMarginTrading": False,
    }


GONE = ("/api/v3/userDataStream", "/sapi/v1/userDataStream", "/sapi/v1/userDataStream/isolated")
"""Removed on 2026-02-20; since then they answer 410 with a page of the web server's own."""
PAGE = (
    b"<html>\r\n<head><title>410 Gone</title></head>\r\n<body>\r\n"
    b"<center><h1>410 Gone</h1></center>\r\n</body>\r\n</html>\r\n"
)
