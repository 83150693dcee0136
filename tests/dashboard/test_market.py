"""A topic's data are shown as any client has them."""

import asyncio
import re
from typing import Any

import pytest
from backstage import Stage
from playwright.async_api import expect
from process import ask

from gateway.client import connect

TOPIC = "mock:book:BTC-USDT:20"
LEVELS = 20


class Ladder:
    """The book as a client of the stream protocol puts it together."""

    def __init__(self) -> None:
        self.offset = 0
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] not in {"snapshot", "update"}:
            return
        self.offset = message["offset"]
        if message["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        for record in message["data"]:
            for name, side in self.sides.items():
                side.update(record[name])
        self.sides = {
            name: {price: size for price, size in side.items() if float(size)} for name, side in self.sides.items()
        }

    @property
    def rows(self) -> list[list[str]]:
        """Return what the page shows of it."""
        bids = sorted(self.sides["bids"].items(), key=lambda level: -float(level[0]))[:LEVELS]
        asks = sorted(self.sides["asks"].items(), key=lambda level: float(level[0]))[:LEVELS]
        return [[bid[1], bid[0], ask[0], ask[1]] for bid, ask in zip(bids, asks, strict=True)]


async def listen(stage: Stage, ladder: Ladder, first: asyncio.Event) -> None:
    async with connect(f"ws://{stage.address}", queue=100_000) as client:
        async for message in client.subscribe(TOPIC):
            ladder.take(message)
            first.set()


async def the_only_client(stage: Stage) -> dict[str, Any]:
    """Return the one that is connected, once those of earlier pages are gone."""
    while True:
        _, told = await ask("GET", stage.address, "/api/v1/clients")
        if len(told["clients"]) == 1:
            return told["clients"][0]
        await asyncio.sleep(0.05)


async def test_the_book_is_that_of_a_client_of_the_stream_protocol(look: Any, stage: Stage) -> None:
    screen, ladder, first = await look(), Ladder(), asyncio.Event()
    listening = asyncio.create_task(listen(stage, ladder, first))
    await first.wait()
    await screen.go("market", TOPIC)
    book = screen.page.get_by_role("table", name=TOPIC)
    await expect(book.locator("tbody tr")).not_to_have_count(0)
    trades = screen.page.get_by_role("table", name="mock:trades:BTC-USDT")
    await expect(trades.locator("tbody tr").nth(5)).to_be_visible()
    stage.venue.faults.stalled_streams.add("book.btc_usdt")
    try:
        facts = screen.page.locator("section", has=book).locator(".facts")
        before, after, rows = "", "", []
        while not all(f"message {ladder.offset}," in told for told in (before, after)):  # some are to come
            before = await facts.inner_text()
            rows = [await row.locator("td").all_inner_texts() for row in await book.locator("tbody tr").all()]
            after = await facts.inner_text()
        assert rows == ladder.rows
    finally:
        stage.venue.faults.stalled_streams.discard("book.btc_usdt")
        listening.cancel()
        await asyncio.wait({listening})


async def test_trades_are_those_of_the_exchange_newest_first(look: Any, stage: Stage) -> None:
    screen = await look()
    await screen.go("market", "mock:trades:ETH-USDT")
    row = screen.page.locator("section table tbody tr").first
    await expect(row.locator("td").first).to_have_text(re.compile(r"\d+"))
    stage.venue.faults.stalled_streams.add("trades.eth_usdt")
    try:
        sent = stage.venue.markets["eth_usdt"].trades[-1]
        await expect(row.locator("td").first).to_have_text(str(sent["id"]))
        assert (await row.locator("td").all_inner_texts())[:4] == [
            str(sent["id"]),
            sent["price"],
            sent["size"],
            sent["side"],
        ]
    finally:
        stage.venue.faults.stalled_streams.discard("trades.eth_usdt")


async def test_a_page_that_an_operator_disconnects_stays_away_until_it_is_asked_for(
    look: Any, stage: Stage
) -> None:
    screen = await look()
    await screen.go("market", "mock:trades:SOL-USDT")
    status = screen.page.locator("section .why")
    await expect(status).to_have_text("live")
    await expect(screen.page.locator("section .facts")).to_contain_text("ago")
    client = await the_only_client(stage)
    await ask("DELETE", stage.address, f"/api/v1/clients/{client['id']}")
    await expect(status).to_have_text("The stream ended (4510, an operator closed it).")
    await expect(screen.page.locator("section .facts")).to_contain_text(re.compile(r", ([3-9]\.\d|\d\d) s ago"))
    await expect(status).to_contain_text("4510")
    await screen.button("Show").click()
    await expect(status).to_have_text("live")


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        ("mock:trades:NOPE-USDT", "NOPE-USDT"),
        ("nothing:trades:BTC-USDT", "nothing"),
        ("mock", "need 1 to 128 characters"),
        ("<img src=x onerror=alert(1)>", "exchange"),
    ],
)
async def test_why_a_topic_cannot_be_had_is_told(look: Any, topic: str, why: str) -> None:
    screen = await look()
    await screen.go("market")
    await screen.page.get_by_label("Topic").fill(topic)
    await screen.button("Show").click()
    await expect(screen.page.locator("section .why")).to_contain_text(why)
    await expect(screen.page.locator("section .why")).not_to_have_text("pending")
