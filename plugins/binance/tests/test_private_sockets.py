"""An account's life over real sockets: orders, a cut, what was filled meanwhile; with each kind of key."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from private import KEY, SECRET, pem
from trading import FAR, MARKETS, SYMBOLS, Ear, account

from gateway import Gateway
from gateway_binance.venue.private.orders import Wish
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings


def secret_of(kind: str) -> str:
    match kind:
        case "hmac":
            return SECRET
        case "rsa":
            return pem(generate_private_key(65537, 2048))
        case _:
            return pem()


def tables(venue: BinanceVenue, exchange: str) -> dict[str, Any]:
    addresses = {**venue.addresses_of(MARKETS[exchange]), "allow_plaintext": True}
    main = {"exchange": exchange, "api_key": "env:KEY", "secret": "env:SECRET"}
    return {"exchanges": {exchange: {"endpoints": addresses}}, "accounts": {"main": main}}


async def heard(ear: Ear, word: str) -> list[str]:
    """Wait until something is told, and return all that was by then."""
    story: list[str] = []
    while word not in story:
        await ear.news.wait()
        story += ear.take()
    return story


@pytest.mark.parametrize(
    ("exchange", "kind"),
    [
        ("binance", "hmac"),
        ("binance", "rsa"),
        ("binance", "ed25519"),
        ("binance-usdm", "hmac"),
        ("binance-coinm", "rsa"),
    ],
)
async def test_an_account_lives_over_sockets(exchange: str, kind: str) -> None:
    market, secret = MARKETS[exchange], secret_of(kind)
    settings = Settings(accounts=[account(secret=secret)], needs_events=True)
    async with asyncio.timeout(40), BinanceVenue(settings=settings, rate=None) as venue:
        desk, main = venue.floors[market].desk, venue.accounts.named("main")
        order = desk.place(main, Wish(SYMBOLS[market], "BUY", "LIMIT", Decimal(2), FAR, client_id="a"))
        async with Gateway(tables(venue, exchange), environ={"KEY": KEY, "SECRET": secret}) as gateway:
            ear = Ear()
            await gateway.listen(f"{exchange}:orders:@main", ear)
            assert await heard(ear, "live") == ["snapshot a new", "live"]
            desk.fill(order, Decimal(1), FAR)
            assert await heard(ear, "a partially_filled 1") == ["a partially_filled 1"]
            venue.drop(rst=True)
            desk.fill(order, Decimal(1), FAR)
            story = await heard(ear, "live")
            assert story == [
                "disconnected",
                "restored",
                "gap",
                "resyncing",
                "snapshot a filled 2",
                "synced",
                "live",
            ]
            assert gateway.problems() == []
