"""Which seeds are run: two thousand, with ``GATEWAY_FULL_SIZE`` twenty thousand, with ``--seed`` that one."""

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # world, and what it stands on

SEEDS = 20_000 if os.environ.get("GATEWAY_FULL_SIZE") else 2_000
CHUNK = 50


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="run a whole gateway in virtual time with this seed alone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seeds" not in metafunc.fixturenames:
        return
    only: int | None = metafunc.config.getoption("--seed", None)
    chunks = [range(at, at + CHUNK) for at in range(0, SEEDS, CHUNK)] if only is None else [range(only, only + 1)]
    metafunc.parametrize("seeds", chunks, ids=[f"{one.start}-{one.stop - 1}" for one in chunks])


@pytest.fixture(autouse=True)
def venues_may_be_quiet() -> None:
    """They may not: unlike elsewhere, what is silent is found here."""
