"""
The dashboard in Debian's Chromium, against running gateways.

Run by ``tox -e dashboard`` alone, since a browser is a hundred times as large as the gateway.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

sys.path.append(str(Path(__file__).parent))

from backstage import SYMBOLS, Stage, staged
from screen import CHROMIUM, chromium, looking  # found by that path, as are those below

from gateway_mock.venue import MockVenue

MISSING = "there is no chromium: install it (Debian: apt-get install chromium), or name it in GATEWAY_CHROMIUM"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all: the browser is started once."""
    for item in items:
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        item.add_marker(pytest.mark.timeout(400))


def pytest_report_header() -> str:
    return f"chromium: {CHROMIUM or MISSING}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Any]:
    if CHROMIUM is None:
        pytest.skip(MISSING)
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A gateway that wants no token."""
    async with (
        MockVenue(rate=20) as venue,
        staged(tmp_path_factory.mktemp("open"), venue, SYMBOLS) as running,
    ):
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def look(browser: Any, stage: Stage) -> AsyncIterator[Any]:
    """Open a page on that gateway, or on another; at the end nothing may have been wrong with any."""
    async with AsyncExitStack() as stack:

        async def opening(*refusals: int, address: str = stage.address, **context: Any) -> Any:
            return await stack.enter_async_context(looking(browser, address, *refusals, **context))

        yield opening
