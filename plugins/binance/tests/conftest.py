"""What the tests of the spot plugin share: a target, a dialect, the captures, and how a conversation is driven."""

import os
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import spi
from gateway_binance.spot import plugin

ROOT = Path(__file__).parents[3]
CAPTURES = Path(os.environ.get("GATEWAY_CAPTURES", ROOT.parent / "shared" / "captures")) / "binance-spot"


@pytest.fixture
def target() -> spi.Target:
    """The live spot market."""
    urls = {"stream": "wss://stream.example", "rest": "https://rest.example"}
    return spi.Target(
        exchange="binance",
        environment="live",
        endpoint="stream",
        urls=urls,
        now=lambda: 1_700_000_000_000_000,
        nonce=lambda: 1,
    )


@pytest.fixture
def dialect(target: spi.Target) -> spi.Dialect:
    """A fresh translator."""
    return plugin.gateway_dialect(target)


@pytest.fixture
def capture() -> Any:
    """Return a recording's path by its name."""

    def find(name: str) -> Path:
        path = CAPTURES / name
        if not path.exists():
            pytest.skip(f"the recording {name} is not here: set GATEWAY_CAPTURES to the captures' directory")
        return path

    return find


@pytest.fixture
def drive() -> Any:
    """Answer a conversation's requests one after the other; return the requests and the value."""

    def run(conversation: Generator[Any, Any, Any], *replies: Any) -> SimpleNamespace:
        asked = [next(conversation)]
        for reply in replies:
            try:
                asked.append(conversation.send(reply))
            except StopIteration as end:
                return SimpleNamespace(asked=asked, value=end.value)
        raise AssertionError("the conversation wants more replies")

    return run
