"""Where tokens are needed the page asks for one, shows what it is not good for, and keeps it to itself."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from backstage import ID, SYMBOLS, Stage, staged, token
from playwright.async_api import expect

from gateway_mock.venue import MockVenue


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A gateway that wants a token."""
    async with (
        MockVenue(rate=20) as venue,
        staged(tmp_path_factory.mktemp("guarded"), venue, SYMBOLS, authentication="required") as running,
    ):
        yield running


async def show(screen: Any, text: str) -> None:
    """Give a token to the dialog."""
    await screen.page.locator("#token-input").fill(text)
    await screen.button("Use it").click()


async def test_too_small_a_scope_is_told_and_a_larger_one_is_enough(look: Any, guarded: Stage) -> None:
    small = await token(guarded.config, "market:read")
    large = await token(guarded.config, "admin")
    screen = await look(401, 403, address=guarded.address)
    await screen.go("connections")
    await expect(screen.page.locator("#token-dialog")).to_be_visible()
    await show(screen, f"{small[:-1]}{'a' if small[-1] != 'a' else 'b'}")
    await expect(screen.page.locator("#token-text")).to_contain_text("no good")
    await show(screen, small)
    await expect(screen.card(ID).locator(".badge")).to_have_text("CONNECTED")
    await screen.button(f"Roll over {ID}").click()
    await expect(screen.page.locator(".notice.bad")).to_contain_text(
        f"Roll over {ID}: refused, the token lacks the scope connection:write."
    )
    await screen.button("Dismiss the notice").click()
    await expect(screen.page.locator(".notice")).to_have_count(0)
    await screen.page.get_by_role("link", name="Clients").click()
    await expect(screen.page.locator(".problem")).to_have_text("the token lacks the scope admin")

    await screen.button("Token").click()
    await show(screen, large)
    await expect(screen.page.locator(".problem")).to_have_text("Nobody is connected.")
    await screen.page.get_by_role("link", name="Connections").click()
    await screen.button(f"Roll over {ID}").click()
    await expect(screen.page.locator("#notices")).to_contain_text(f"Roll over {ID}: it was asked for.")
    await screen.go("market", "mock:trades:BTC-USDT")
    await expect(screen.page.locator("tbody tr").nth(3)).to_be_visible()
    await screen.go("events")
    await expect(screen.page.get_by_role("grid")).to_contain_text("rollover")
    kept = await screen.page.evaluate(
        "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"
    )
    assert kept == '[{},{},""]'
    assert large not in screen.page.url


async def test_whoever_has_none_is_not_asked_again_and_again(look: Any, guarded: Stage) -> None:
    screen = await look(401, address=guarded.address)
    await screen.go("connections")
    dialog = screen.page.locator("#token-dialog")
    await expect(dialog).to_be_visible()
    await screen.page.keyboard.press("Escape")
    await expect(screen.page.locator(".problem")).to_contain_text("token")
    for _ in range(2):
        await screen.page.wait_for_event("response", lambda response: response.status == 401)
    await expect(dialog).to_be_hidden()
