"""What the tests of the plugins share: targets, dialects, the captures, and how a conversation is driven."""

import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import spi
from gateway_binance import coinm, spot, usdm

sys.path.append(str(Path(__file__).parent))  # recordings, and what reads frames without the plugins
sys.path.append(str(Path(__file__).parents[3] / "tests"))  # leaking

from captures import CAPTURES  # found by that
from leaking import pytest_runtest_makereport  # noqa: F401  # a hook, found by that

PLUGINS: Mapping[str, Any] = {"binance": spot.plugin, "binance-usdm": usdm.plugin, "binance-coinm": coinm.plugin}
HOSTS: Mapping[str, Mapping[str, str]] = {
    "binance": {"stream": "wss://stream.example"},
    "binance-usdm": {"public": "wss://f.example/public", "market": "wss://f.example/market"},
    "binance-coinm": {"stream": "wss://d.example"},
}


def target_of(exchange: str, options: Any = None) -> spi.Target:
    """Return the live market of a plugin, as the core would hand it over."""
    hosts = HOSTS[exchange]
    return spi.Target(
        exchange=exchange,
        environment="live",
        endpoint=next(iter(hosts)),
        urls={**hosts, "rest": "https://rest.example"},
        options=options,
        now=lambda: 1_700_000_000_000_000,
        nonce=lambda: 1,
    )


@pytest.fixture
def target() -> spi.Target:
    """The live spot market."""
    return target_of("binance")


@pytest.fixture
def dialect(target: spi.Target) -> spi.Dialect:
    """A fresh translator of the spot market."""
    return spot.plugin.gateway_dialect(target, spi.Session(), spi.Instruments())


@pytest.fixture
def target_at() -> Any:
    """Return the target of a plugin by its id."""
    return target_of


@pytest.fixture
def dialect_of() -> Any:
    """Return a fresh translator of a plugin by its id, and of its options."""

    def make(exchange: str, options: Any = None) -> Any:
        return PLUGINS[exchange].gateway_dialect(target_of(exchange, options), spi.Session(), spi.Instruments())

    return make


@pytest.fixture
def capture() -> Any:
    """Return a recording's path by its name; one without a directory is of the spot market."""

    def find(name: str) -> Path:
        path = CAPTURES / (name if "/" in name else f"binance-spot/{name}")
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
