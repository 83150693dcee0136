"""Every view in both colours, by keyboard, on a narrow screen: nothing that keeps anybody out."""

import json
import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from backstage import ID
from playwright.async_api import expect
from screen import VIEWS

PLACES = (*((view, "") for view in VIEWS), ("connections", ID), ("market", "mock:book:BTC-USDT:20"))
SERIOUS = {"serious", "critical"}


async def settled(screen: Any, view: str, argument: str) -> None:
    """Turn to a place and wait until what it shows is there."""
    await screen.go(view, argument)
    there = {"market": "tbody tr" if argument else "form", "setup": "table", "clients": ".problem"}
    await expect(
        screen.page.locator("main").locator(there.get(view, "tbody tr:not(.space) td, .card .facts")).first
    ).not_to_be_empty()


async def wrongs(screen: Any) -> list[str]:
    """Return what axe finds serious."""
    found = await Axe().run(screen.page)
    return [
        f"{one['id']}: {one['help']}: {json.dumps([node['html'] for node in one['nodes']])[:400]}"
        for one in found.response["violations"]
        if one["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_in_any_view(look: Any, scheme: str) -> None:
    screen = await look(color_scheme=scheme)
    found = {}
    for view, argument in PLACES:
        await settled(screen, view, argument)
        found[f"{view} {argument}"] = await wrongs(screen)
    await screen.page.locator(".market .scroll").first.evaluate("(table) => table.classList.add('old')")
    found["what is no longer live"] = await wrongs(screen)
    assert {place: wrong for place, wrong in found.items() if wrong} == {}


async def test_axe_finds_what_is_serious(look: Any) -> None:
    screen = await look()
    await screen.go("connections")
    await screen.page.evaluate("document.querySelector('#theme').style.color = 'rgb(200 200 200)'")
    assert [wrong.partition(":")[0] for wrong in await wrongs(screen)] == ["color-contrast"]


@pytest.mark.parametrize("width", [400, 640])
async def test_nothing_is_beyond_the_edge_of_a_narrow_window(look: Any, width: int) -> None:
    screen = await look(viewport={"width": width, "height": 700})
    for view, argument in PLACES:
        await settled(screen, view, argument)
        wide = await screen.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{view} {argument}"


async def test_the_keyboard_is_enough(look: Any) -> None:
    screen = await look()
    await screen.go("connections")
    page, press = screen.page, screen.page.keyboard.press
    await expect(screen.card(ID).locator(".badge")).to_have_text("CONNECTED")
    await press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await press("Tab")
    await expect(page.get_by_role("link", name="Connections")).to_be_focused()
    await press("Tab")
    await press("Enter")
    await expect(page.locator("main h2")).to_have_text("Subscriptions")
    await expect(page.locator("main")).to_be_focused()
    await press("Tab")
    await expect(page.get_by_label("Filter Subscriptions")).to_be_focused()
    await expect(page.locator("tbody tr:not(.space)")).not_to_have_count(0)  # what is filtered is told
    await page.keyboard.type("trades eth")
    await press("Tab")
    grid = page.get_by_role("grid")
    await expect(grid).to_be_focused()
    await expect(page.locator(".grid .aloud")).to_have_text(re.compile(r"^1 of \d rows$"))
    await press("ArrowDown")
    chosen = grid.locator('tr[aria-selected="true"]')
    await expect(chosen).to_contain_text("mock:trades:ETH-USDT")
    await expect(grid).to_have_attribute("aria-activedescendant", await chosen.get_attribute("id"))
    await press("Enter")
    await expect(page.locator("h3")).to_have_text("mock:trades:ETH-USDT")
    await page.get_by_role("link", name="Connections").focus()
    await press("Enter")
    button = screen.button(f"Reconnect {ID}")
    await button.focus()
    await press("Enter")
    await expect(screen.button("Cancel")).to_be_focused()
    await press("Enter")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(button).to_be_focused()
    await expect(page.locator(".notice")).to_have_count(0)


async def test_what_has_the_focus_keeps_it_while_what_is_shown_changes(look: Any) -> None:
    screen = await look()
    await screen.go("connections")
    button = screen.button(f"Drain {ID}")
    await button.focus()
    first = await screen.card(ID).locator(".facts").first.inner_text()
    await expect(screen.card(ID).locator(".facts").first).not_to_have_text(first)
    await expect(button).to_be_focused()


async def test_colours_are_chosen_and_kept(look: Any) -> None:
    screen = await look(color_scheme="light")
    await screen.go("connections")
    background = "getComputedStyle(document.body).backgroundColor"
    light = await screen.page.evaluate(background)
    for _ in range(2):
        await screen.page.locator("#theme").click()
    await expect(screen.page.locator("#theme")).to_have_text("Dark")
    assert await screen.page.evaluate(background) != light
    await screen.page.reload()
    await expect(screen.page.locator("#theme")).to_have_text("Dark")
    assert await screen.page.evaluate(background) != light
