"""What becomes of a connection is seen as it happens, with its reasons; and what may be done about it, is done."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from backstage import ID, Stage
from playwright.async_api import expect

LIFE = ["ERROR", "RECONNECTING", "CONNECTING", "CONNECTED"]


async def epoch(screen: Any) -> int:
    """Return the connection's epoch, as it is shown."""
    facts = screen.card(ID).locator(".facts").first
    await expect(facts).to_contain_text("epoch")
    return int(re.search(r"epoch (\d+)", await facts.inner_text())[1])


async def later(screen: Any, before: int) -> None:
    """Wait for a later epoch; on a busy machine it may be more than one."""
    await expect(screen.card(ID).locator(".facts").first).not_to_contain_text(f"epoch {before} ")
    assert await epoch(screen) > before


async def changes(screen: Any) -> list[list[str]]:
    """Return the rows of the connection's changes, the oldest first: state, reason and text."""
    rows = await screen.page.locator('table[aria-label^="Changes"] tbody tr').all()
    cells = [await row.locator("td").all_inner_texts() for row in rows]
    return [[change.rpartition("→")[2].strip(), reason, text] for _, _, change, reason, text in reversed(cells)]


async def test_a_cut_is_told_while_it_lasts_and_afterwards_with_its_reasons(look: Any, stage: Stage) -> None:
    screen = await look()
    await screen.go("connections")
    card = screen.card(ID)
    await expect(card.locator(".badge")).to_have_text("CONNECTED")
    stage.venue.close_port()
    stage.venue.drop(code=1012, text="restart")
    await expect(card.locator(".badge")).to_have_text("RECONNECTING")
    await expect(card.locator(".why").first).to_contain_text("tried again in")
    await expect(card.locator(".facts").first).to_contain_text(
        re.compile(r"last message .+ ago · oldest data .+ ago")
    )
    await expect(screen.page.locator("#summary")).to_contain_text("Not ready")
    await expect(screen.page.locator("#summary")).to_contain_text(ID)
    failed = re.compile(r"Last failed attempt .+ connection_refused")
    await expect(card.locator(".why").nth(1)).to_contain_text(failed)
    await stage.venue.open_port()
    await expect(card.locator(".badge")).to_have_text("CONNECTED")
    await expect(card).to_have_attribute("data-healthy", "true")
    await expect(screen.page.locator("#summary")).to_contain_text("Ready.")
    await expect(card.locator(".why").nth(1)).to_contain_text(re.compile(r"^Last lost .+ closed_by_peer: .+1012"))
    await expect(card.locator(".why").nth(1)).to_contain_text(failed)

    await card.get_by_role("link").click()
    await expect(screen.page.locator('table[aria-label^="Changes"] tbody tr').first).to_contain_text(
        "handshake_done"
    )
    told = await changes(screen)
    cut = next(place for place, (state, *_) in enumerate(told) if state == "ERROR")
    assert told[cut][1:] == ["closed_by_peer", "closed by the peer with code 1012 (restart)"]
    assert [state for state, *_ in told[cut : cut + 3]] == LIFE[:3]
    assert told[-1][:2] == ["CONNECTED", "handshake_done"]
    titles = await screen.page.locator(".timeline title").evaluate_all("all => all.map((one) => one.textContent)")
    for state in LIFE:
        assert any(title.startswith(state) for title in titles), titles
    assert any("closed_by_peer: closed by the peer with code 1012 (restart)" in title for title in titles), titles
    spoken = await screen.page.locator(".timeline").get_attribute("aria-label")
    assert "CONNECTED at" in spoken


async def test_the_page_of_a_connection_has_its_events_with_their_traces(look: Any) -> None:
    screen = await look()
    await screen.go("connections", ID)
    grid = screen.page.get_by_role("grid", name="Events of the connection")
    row = grid.locator("tbody tr:not(.space)", has_text="CONNECTED").first
    await expect(row.locator("td").nth(2)).to_have_text(ID)
    trace = await row.locator("td").last.inner_text()
    assert re.fullmatch("[0-9a-f]{32}", trace), trace
    await row.click()
    await screen.page.get_by_role("link", name=f"Events of trace {trace}").click()
    await expect(screen.page.locator("main h2")).to_have_text("Events")
    events = screen.page.get_by_role("grid", name="Events").locator("tbody tr:not(.space)")
    await expect(events.first).to_contain_text(trace)
    assert all(trace in text for text in await events.all_inner_texts())


async def test_streams_are_told_with_the_age_of_their_data_and_heartbeats_with_their_round_trip(look: Any) -> None:
    screen = await look()
    await screen.go("connections", ID)
    row = screen.page.get_by_role("grid", name="Streams").locator("tr", has_text="trades.btc_usdt")
    await expect(row.locator("td").last).to_have_text(re.compile(r"^[\d.]+ \S+ ago$"))
    await expect(screen.card(ID).locator(".facts").first).to_contain_text("oldest data")
    heart = screen.card(ID).locator(".facts").nth(1)
    await expect(heart).to_have_text(
        re.compile(r"^Heartbeat every 5.0 s · last pong [\d.]+ \S+ ago · round trip [\d.]+ \S+$")
    )


async def test_a_rollover_is_asked_for_and_seen(look: Any, stage: Stage) -> None:
    screen = await look()
    await screen.go("connections", ID)
    before, sockets = await epoch(screen), stage.venue.counts.upgrades
    await screen.button(f"Roll over {ID}").click()
    await expect(screen.page.locator("#notices")).to_contain_text(f"Roll over {ID}: it was asked for.")
    first = screen.page.locator('table[aria-label^="Changes"] tbody tr').first
    await expect(first).to_contain_text("rollover")
    await expect(first).to_contain_text("asked for")
    await later(screen, before)
    assert stage.venue.counts.upgrades > sockets


async def test_a_reconnect_is_asked_for_only_by_those_who_mean_it(look: Any, stage: Stage) -> None:
    screen = await look()
    await screen.go("connections")
    before = await epoch(screen)
    await screen.button(f"Reconnect {ID}").click()
    dialog = screen.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("its topics are interrupted")
    await screen.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await screen.button(f"Reconnect {ID}").click()
    await screen.accept()
    await expect(screen.page.locator(".notice")).to_have_count(1)
    await later(screen, before)


async def test_ages_are_by_the_clock_of_the_gateway(look: Any) -> None:
    screen = await look()
    await screen.page.clock.install(time=datetime.now(UTC) + timedelta(days=3))
    await screen.go("connections")
    await expect(screen.card(ID).locator(".facts").first).to_have_text(re.compile(r"^for [\d.]+ (ms|s|min) "))


async def test_a_gateway_that_is_gone_is_told(look: Any) -> None:
    screen = await look()
    await screen.go("connections")
    await expect(screen.card(ID).locator(".badge")).to_have_text("CONNECTED")
    await screen.page.route("**/*", lambda route: route.abort())
    await expect(screen.page.locator("#summary")).to_have_text("The gateway does not answer.")
    await expect(screen.page.locator(".problem")).to_have_text("The gateway does not answer.")
    await screen.page.unroute_all()
    await expect(screen.page.locator("#summary")).to_contain_text("Ready.")
    await expect(screen.page.locator(".problem")).to_be_empty()
    assert all("net::ERR_FAILED" in text for text in screen.wrong)
    screen.wrong.clear()
