"""
Makes the pictures of the dashboard that the documentation shows: ``python tests/dashboard/screenshots.py``.

A simulated exchange is cut off, and comes back; what is seen of it then is what the pictures show.
"""

import asyncio
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

sys.path.append(str(Path(__file__).parent))

from backstage import ID, SYMBOLS, Stage, staged
from PIL import Image
from playwright.async_api import Browser, expect
from screen import CHROMIUM, Screen, chromium, looking

from gateway_mock.venue import MockVenue

IMAGES: Final = Path(__file__).parents[2] / "docs/images"
COLOURS: Final = 64
MOST: Final = 150_000
"""Bytes of a picture."""
WIDE: Final = {"viewport": {"width": 1120, "height": 700}}
DOWN: Final = 6.0
"""Seconds for which the exchange is away."""
MEASURED: Final = 60.0
"""Seconds of latencies that are drawn."""


async def take(screen: Screen, name: str) -> None:
    """Keep what is seen as a picture of few colours."""
    path = IMAGES / f"dashboard-{name}.png"
    await screen.page.mouse.move(0, 0)
    seen = Image.open(BytesIO(await screen.page.screenshot(animations="disabled")))
    seen.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    assert path.stat().st_size < MOST, f"{path} has {path.stat().st_size} bytes"


async def outage(screen: Screen, stage: Stage) -> None:
    """Cut the gateway off for a while, and wait until all is well again."""
    await screen.go("connections")
    badge = screen.card(ID).locator(".badge")
    await expect(badge).to_have_text("CONNECTED")
    await asyncio.sleep(DOWN)
    stage.venue.close_port()
    stage.venue.drop(code=1012, text="restart")
    await expect(badge).to_have_text("RECONNECTING")
    await asyncio.sleep(DOWN)
    await stage.venue.open_port()
    await expect(badge).to_have_text("CONNECTED")


async def pictures(browser: Browser, stage: Stage) -> None:
    """Take all of them."""
    light: dict[str, Any] = {**WIDE, "color_scheme": "light"}
    async with (
        looking(browser, stage.address, **light) as measuring,
        looking(browser, stage.address, **light) as screen,
        looking(browser, stage.address, **WIDE, color_scheme="dark") as dark,
    ):
        await measuring.go("latency")
        await dark.go("market", "mock:book:BTC-USDT:20")
        await screen.go("accounts")
        await screen.button("Connect main").click()
        await outage(screen, stage)
        await screen.button(f"Roll over {ID}").click()
        await expect(screen.card(ID).locator(".why").first).to_contain_text("rollover")
        await screen.page.locator(".notice button").click()
        await take(screen, "connections")
        await expect(dark.page.locator("section .why").first).to_have_text("live")
        await expect(dark.page.locator("table").last.locator("tbody tr")).to_have_count(60)
        await take(dark, "market")
        await screen.go("connections", ID)
        await expect(screen.page.get_by_role("grid").first).to_contain_text("ERROR")
        await take(screen, "connection")
        await asyncio.sleep(MEASURED)
        await take(measuring, "latency")


async def main() -> None:
    """Run what they show."""
    if CHROMIUM is None:
        sys.exit("there is no chromium to make pictures with")
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as room:
        async with (
            chromium() as browser,
            MockVenue(rate=20) as venue,
            staged(Path(room), venue, SYMBOLS) as stage,
        ):
            await pictures(browser, stage)


if __name__ == "__main__":
    asyncio.run(main())
