"""No test may write a secret, which every test calls a canary: the hook that sees to it, for conftest.py files."""

import re
from collections.abc import Generator, Iterator
from typing import Final

import pytest

from gateway.testing.leaks import Leaks

WORDS: Final = ("canary", "Canary", "CANARY", "c4n4ry", "c4nary", "SEKRIT")
"""What stands in every secret of the tests."""
LEAKS: Final = Leaks({repr(word): word for word in WORDS})
LINE: Final = re.compile(r"^(?=(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) +\S+:\S+\.py:\d+ )", re.MULTILINE)
OURS: Final = re.compile(r"\w+ +gateway")


def _written(report: pytest.TestReport) -> Iterator[tuple[str, str]]:
    """Yield what was written in this phase; of the log only our own lines: others' are scrubbed further on."""
    for title, text in report.sections:
        if not title.endswith(f" {report.when}"):
            continue
        if " log " in title:
            yield title, "".join(line for line in LINE.split(text) if OURS.match(line))
        else:
            yield title, text


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test fail that has written a secret: to its log, to standard output or to standard error."""
    report = yield
    if report.passed and item.get_closest_marker("writes_secrets") is None:
        leaks = [f"{title}: {leak}" for title, text in _written(report) for leak in LEAKS.found(text)]
        if leaks:
            report.outcome = "failed"
            report.longrepr = "it has written what is to be secret; " + "; ".join(leaks)
    return report
