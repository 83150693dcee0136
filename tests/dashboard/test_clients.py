"""Who listens is seen, and an operator may end it."""

from typing import Any

import pytest
from backstage import Stage
from playwright.async_api import expect

from gateway.client import connect
from gateway.errors import TransportLost

DISMISSED = 4510


async def test_a_client_is_seen_and_disconnected(look: Any, stage: Stage) -> None:
    screen = await look()
    async with connect(f"ws://{stage.address}", queue=100_000) as client:
        await client.subscribe(["mock:trades:BTC-USDT", "mock:trades:ETH-USDT"])
        await screen.go("clients")
        row = screen.page.get_by_role("grid", name="Clients").locator("tbody tr:not(.space)")
        await expect(row).to_have_count(1)
        await expect(row).to_contain_text("keeps up")
        await expect(row.locator("td").nth(5)).to_have_text("2")
        await expect(screen.button("Disconnect")).to_be_disabled()
        await row.click()
        await expect(screen.page.locator("main")).to_contain_text(
            "Topics: mock:trades:BTC-USDT, mock:trades:ETH-USDT"
        )
        await screen.button("Disconnect").click()
        await screen.accept()
        await expect(screen.page.locator("#notices")).to_contain_text("was disconnected")
        await expect(row).to_have_count(0)
        await expect(screen.button("Disconnect")).to_be_disabled()
        with pytest.raises(TransportLost) as lost:
            async for _ in client:
                pass
        assert lost.value.code == DISMISSED
