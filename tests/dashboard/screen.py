"""The dashboard in Chromium: how it is opened, and what is wrong if its console says anything."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright, expect

CHROMIUM: Final = (
    os.environ.get("GATEWAY_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VIEWS: Final = (
    "connections",
    "topics",
    "market",
    "latency",
    "clients",
    "accounts",
    "events",
    "exchanges",
    "setup",
)
PATIENCE: Final = 60_000
"""Milliseconds until whatever is expected must be seen, on a machine that has much else to do."""
_STATUS: Final = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
HELD_UP: Final = """() => {
  let most = 0;
  const take = (entries) => { most = Math.max(most, ...entries.map((entry) => entry.duration)); };
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ type: "longtask" });
  return () => { take(observer.takeRecords()); return most; };
}"""
"""Begins to look for how long a page is held up; what it returns tells the most, in milliseconds."""

expect.set_options(timeout=PATIENCE)


@dataclass
class Screen:
    """
    One page.

    ``refusals`` are the HTTP statuses that belong to what is tried: Chromium tells of each in its
    console. That a gateway is not ready (503) always does.
    """

    page: Page
    address: str
    refusals: frozenset[int]
    wrong: list[str] = field(default_factory=list)

    async def go(self, view: str, argument: str = "") -> None:
        """Turn to a view, as its link does."""
        more = f"/{quote(argument, safe='')}" if argument else ""
        await self.page.goto(f"http://{self.address}/#{view}{more}")
        await expect(self.page.locator(f'#views a[data-view="{view}"]')).to_have_attribute("aria-current", "page")

    def card(self, name: str) -> Locator:
        """Return the card of a connection, an account or an exchange."""
        return self.page.locator("li.card", has=self.page.locator("h3", has_text=name))

    def button(self, name: str) -> Locator:
        """Return a button by what a screen reader says."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def accept(self) -> None:
        """Say yes to what is asked."""
        await self.page.locator("#sure-dialog[open] #sure-yes").click()

    def heard(self, message: ConsoleMessage) -> None:
        """Whatever the console says is wrong, but for refusals that were provoked."""
        status = _STATUS.match(message.text)
        if status and int(status[1]) in {503, *self.refusals}:
            return
        self.wrong.append(f"{message.type}: {message.text} ({message.location['url']})")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def looking(browser: Browser, address: str, *refusals: int, **context: Any) -> AsyncIterator[Screen]:
    """Open a page, and demand at its end that nothing was wrong."""
    opened = await browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **context})
    opened.set_default_timeout(PATIENCE)
    page = await opened.new_page()
    screen = Screen(page, address, frozenset(refusals))
    page.on("console", screen.heard)
    page.on("pageerror", lambda error: screen.wrong.append(f"pageerror: {error}"))
    try:
        yield screen
    finally:
        await opened.close()
    assert screen.wrong == []
