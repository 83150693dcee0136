"""Accounts, exchanges, latency, plugins and the configuration: what is told, and what an operator may do."""

import re
from typing import Any

from backstage import Stage
from playwright.async_api import expect


async def test_an_account_is_had_down_and_up_again(look: Any, stage: Stage) -> None:
    screen = await look()
    await screen.go("accounts")
    card = screen.card("main")
    await expect(card.locator(".badge")).to_have_text("DISCONNECTED")
    await screen.button("Connect main").click()
    await expect(card.locator(".badge")).to_have_text("CONNECTED")
    await screen.page.get_by_role("link", name="Live balances").click()
    await expect(screen.page.locator("section .why")).to_have_text("live")
    stage.venue.emit_balance({"asset": "USDT", "free": "12.5", "locked": "0", "total": "12.5"})
    await expect(screen.page.locator("tbody tr").first).to_contain_text("12.5")
    await screen.go("accounts")
    await screen.button("Disconnect main").click()
    await screen.accept()
    await expect(card.locator(".facts")).to_contain_text("held down")
    await expect(card.locator(".badge")).to_have_text("DISCONNECTED")


async def test_a_key_that_may_do_too_much_is_said(look: Any) -> None:
    async def answer(route: Any) -> None:
        whole = await (await route.fetch()).json()
        whole["accounts"][0]["key"] = {"excess": ["may trade", "works from every address"]}
        await route.fulfill(json=whole)

    screen = await look()
    await screen.page.route("**/api/v1/accounts", answer)
    await screen.go("accounts")
    said = "Its key may trade and works from every address: reading, from this address, would do."
    await expect(screen.card("main").get_by_text(said)).to_be_visible()


async def test_a_browser_that_keeps_nothing_shows_all_the_same(look: Any) -> None:
    screen = await look()
    denied = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException(); } })"
    await screen.page.add_init_script(denied)
    await screen.go("exchanges")
    await expect(screen.card("mock")).to_be_visible()
    await screen.page.locator("#theme").click()
    await expect(screen.page.locator("html")).to_have_attribute("data-theme", "light")


async def test_limits_are_told_with_how_much_of_them_is_used(look: Any) -> None:
    screen = await look()
    await screen.go("exchanges")
    limit = screen.card("mock").locator(".limits li", has_text="mock-dials")
    await expect(limit).to_contain_text("of 300")
    await expect(limit.locator("meter")).to_have_js_property("max", 300)


async def test_percentiles_are_drawn_over_time(look: Any) -> None:
    screen = await look()
    await screen.go("latency")
    card = screen.page.locator("section.card", has_text="event loop")
    await expect(card.locator(".facts")).to_contain_text("p99")
    line = card.locator("svg path.p99").last
    await expect(line).to_have_attribute("d", re.compile(r"^M[\d.]+,[\d.]+ h0.1 L"))
    await expect(card.locator("svg text").first).to_be_visible()


async def test_plugins_and_the_configuration_are_shown_without_a_secret(look: Any) -> None:
    screen = await look()
    await screen.go("setup")
    await expect(screen.page.get_by_role("table", name="Plugins")).to_contain_text("exchange-gateway")
    shown = screen.page.get_by_role("region", name="Configuration")
    await expect(shown).to_contain_text("env:MOCK_SECRET")
    assert "mock-secret" not in await screen.page.content()
    await screen.button("Reload …").click()
    await expect(screen.page.get_by_role("dialog")).to_contain_text("A reload would change nothing.")
    await screen.accept()
    await expect(screen.page.locator("#notices")).to_contain_text("Changed: nothing.")
