"""
Tests that show how a fault of the catalogue is survived carry its id: the mark ``fault``, and a word for ``-k``.

Which they are stands in tests/reliability/catalogue.toml, for all folders of tests. And what is drawn at random
is the same each time: the examples that hypothesis makes, of which none fails for being slow, which says
something of the machine alone, and the jitter of gateways that were given none. Others are drawn with
``GATEWAY_FULL_SIZE``, and by ``tox -e fuzz``.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Final

import pytest

sys.path.append(str(Path(__file__).parent / "tests" / "reliability"))

from faultmap import ids_of_tests
from told import Told

if find_spec("hypothesis") is not None:  # those who drive a browser are without
    from hypothesis import settings

    settings.register_profile("patient", deadline=None, derandomize=not os.environ.get("GATEWAY_FULL_SIZE"))
    settings.load_profile("patient")

UNMEASURED: Final = (
    *(f"tests/{name}/" for name in ("bench", "fuzz", "integration", "reliability", "security", "soak", "virtual")),
    "tests/runtime/test_cancel_sweep",
    "tests/serving/test_cuts",
)
"""
What runs whole gateways, up to three times as quick where nobody looks how much of the code is reached.

That is shown by those that mirror the tree.
"""


@pytest.fixture(autouse=True, scope="session")
def jitter() -> Iterator[None]:
    """Gateways that are given no source of jitter draw the same each time."""
    with pytest.MonkeyPatch.context() as patch:
        if find_spec("gateway") is not None and not os.environ.get("GATEWAY_FULL_SIZE"):
            patch.setattr("gateway.app.gateway.SystemRandom", partial(Random, 1))  # noqa: S311  # no secret
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what writes down which faults were survived."""
    parser.addoption("--faults-told", type=Path, metavar="FILE", help="write there which faults were survived")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "fault(id): shows that this fault of the catalogue is survived")
    path = config.getoption("--faults-told")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Told(path, config.invocation_params.args))


def pytest_collection_modifyitems(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Mark the tests."""
    ids = ids_of_tests()
    is_measured = config.pluginmanager.hasplugin("_cov")
    for item in items:
        if is_measured and item.nodeid.startswith(UNMEASURED):
            item.add_marker("no_cover")
        for fault in (*ids.get(item.nodeid, ()), *ids.get(item.nodeid.partition("[")[0], ())):
            item.add_marker(pytest.mark.fault(id=fault))
            item.extra_keyword_matches.add(fault)
            item.user_properties.append(("fault", fault))
