"""What tests measured is shown with how many there were, and what never happened with how often it may be."""

from pathlib import Path

import measured
import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "_found", {})


def test_times_of_several_tests_are_one_figure_with_its_bound() -> None:
    measured.took("seconds", [number / 100 for number in range(1, 100)], bound=1.0)
    measured.took("seconds", [1.0], bound=1.0)
    [shown] = measured.lines()
    assert shown.splitlines() == [
        "seconds",
        "    N 100  p50 0.500  p90 0.900  p99 0.990  most 1.000",
        "    more than 1: 0 of 100; 95 %: less than 1 in 33",
    ]


def test_what_took_longer_than_it_may_is_counted() -> None:
    measured.took("seconds", [1.0, 3.0], bound=2.0)
    assert next(measured.lines()).endswith("more than 2: 1 of 2")


def test_times_without_a_bound_are_shown_alone() -> None:
    measured.took("seconds", [2.0])
    assert list(measured.lines()) == ["seconds\n    N 1  p50 2.000  p90 2.000  p99 2.000  most 2.000"]


def test_one_figure_has_one_bound() -> None:
    measured.took("seconds", [1.0], bound=2.0)
    with pytest.raises(AssertionError):
        measured.took("seconds", [1.0], bound=3.0)


@pytest.mark.parametrize(
    ("times", "of", "shown"),
    [
        (0, 3000, "lost: 0 of 3,000 messages; 95 %: less than 1 in 1,000"),
        (2, 3000, "lost: 2 of 3,000 messages"),
        (0, 5, "lost: 0 of 5 messages"),
    ],
)
def test_what_never_happened_may_happen_less_than_three_times_in_as_many(times: int, of: int, shown: str) -> None:
    measured.happened("lost", times, of - 1, "messages")
    measured.happened("lost", 0, 1, "messages")
    assert list(measured.lines()) == [shown]


def test_what_is_only_counted_is_added_up() -> None:
    measured.counted("kills", 20)
    measured.counted("kills", 1)
    assert list(measured.lines()) == ["kills: 21"]


def test_it_is_printed_for_whoever_wants_to_see_what_tests_print(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        f"import sys\nsys.path.append({str(Path(measured.__file__).parent)!r})\n"
        "from measured import pytest_terminal_summary\n"
    )
    pytester.makepyfile("import measured\n\ndef test_it():\n    measured.counted('kills', 3)\n")
    assert "kills: 3" not in pytester.runpytest_subprocess("-p", "no:cacheprovider").outlines
    assert "kills: 3" in pytester.runpytest_subprocess("-s", "-p", "no:cacheprovider").outlines
