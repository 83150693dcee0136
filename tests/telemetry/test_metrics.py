"""Every metric is listed once, documented, and spelled as Prometheus wants it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from metered import parsed

from gateway.engine.histogram import Histogram
from gateway.telemetry.metrics.catalogue import CATALOGUE, CHANGES, CLIENTS, CPU, DELIVERY, RECOVERY
from gateway.telemetry.metrics.exposition import page, wants_open
from gateway.telemetry.metrics.model import Metric, Sample, Source, read
from gateway.telemetry.metrics.process import process

ROOT = Path(__file__).parents[2]
FORBIDDEN = {"symbol", "topic", "client", "client_id", "token", "token_id", "account", "connection", "stream"}
ODD = Metric("gateway.odd", "gauge", "{thing}", 'A "quoted"\\text\nof two lines', ("what",))


def reading(*samples: Sample):
    return read([*CATALOGUE, ODD], [lambda: samples])


def documented() -> list[tuple[str, str, str, tuple[str, ...], str]]:
    """Return the rows of the table of metrics."""
    text = (ROOT / "docs/telemetry.md").read_text().split("### Names\n")[1].split("\n### ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"
    ]
    return [
        (row[0].strip("`"), row[1].strip("`"), row[2], tuple(re.findall(r"`(\w+)`", row[3])), row[4].lower())
        for row in rows
    ]


# --- the list


def test_the_documentation_lists_the_metrics_that_there_are_with_their_labels() -> None:
    made = [(one.prometheus, one.name, one.kind, one.labels, one.text.lower()) for one in CATALOGUE]
    assert documented() == made


def test_every_label_is_documented() -> None:
    text = (ROOT / "docs/telemetry.md").read_text().split("### Labels\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line[:3] == "| `"]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {
        label for metric in CATALOGUE for label in metric.labels
    }


def test_no_label_names_what_traffic_brings() -> None:
    assert not {label for metric in CATALOGUE for label in metric.labels} & FORBIDDEN


def test_no_name_is_used_twice_in_either_spelling() -> None:
    for spelled in ({one.name for one in CATALOGUE}, {one.prometheus for one in CATALOGUE}):
        assert len(spelled) == len(CATALOGUE)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_a_name_says_its_unit_and_whether_it_is_a_counter(metric: Metric) -> None:
    assert metric.prometheus.endswith("_total") is (metric.kind == "counter")
    base = metric.prometheus.removesuffix("_total")
    assert base.endswith("_seconds") is (metric.unit == "s")
    assert base.endswith("_bytes") is (metric.unit == "By")
    assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.prometheus)
    assert metric.kind != "histogram" or metric.unit == "s"
    assert not metric.text.endswith(".")


# --- a reading


def test_a_metric_that_is_not_in_the_list_cannot_be_told() -> None:
    with pytest.raises(KeyError):
        read([CLIENTS], [lambda: [(CPU, (), 1)]])


@pytest.mark.parametrize(
    "samples",
    [[(CLIENTS, ("x",), 1)], [(CHANGES, ("mock", "error"), 1)], [(CLIENTS, (), 1), (CLIENTS, (), 2)]],
    ids=["a label too many", "a label too few", "a series twice"],
)
def test_labels_are_those_of_the_list_and_each_series_is_told_once(samples: list[Sample]) -> None:
    with pytest.raises(ValueError, match="cannot have"):
        reading(*samples)


def test_a_reading_stays_as_it_was_taken() -> None:
    moving = Histogram((1.0,))
    taken = reading((DELIVERY, (), moving))
    moving.observe(0.5)
    assert sum(taken[DELIVERY][()].counts) == 0


def test_the_process_tells_of_itself() -> None:
    told = {metric.prometheus: value for metric, _, value in process("1.2.3")()}
    assert told["gateway_build_info"] == 1
    if sys.platform == "linux":
        assert told["process_resident_memory_bytes"] > 1_000_000
        assert told["process_open_fds"] >= 3
        assert told["process_max_fds"] >= told["process_open_fds"]
        assert 1e9 < told["process_start_time_seconds"] < 1e10
    assert told["process_cpu_seconds_total"] > 0


# --- the page


@pytest.mark.parametrize("openmetrics", [False, True])
def test_a_page_names_every_metric_though_it_has_no_series(openmetrics: bool) -> None:
    told = parsed(page(reading(), openmetrics=openmetrics).decode())
    assert len(told.types) == len(told.helps) == len(CATALOGUE) + 1
    assert not told.series


def test_histograms_are_told_as_what_is_below_each_bound() -> None:
    recovery = Histogram((0.5, 1.0))
    for seconds in (0.1, 0.7, 0.7, 9.0):
        recovery.observe(seconds)
    told = parsed(page(reading((RECOVERY, ("mock",), recovery)), openmetrics=False).decode())
    name = RECOVERY.prometheus
    buckets = {bound: told.value(f"{name}_bucket", exchange="mock", le=bound) for bound in ("0.5", "1.0", "+Inf")}
    assert buckets == {"0.5": 1, "1.0": 3, "+Inf": 4}
    assert told.value(f"{name}_count", exchange="mock") == 4
    assert told.value(f"{name}_sum", exchange="mock") == pytest.approx(10.5)


def test_what_could_end_a_line_or_a_label_does_not() -> None:
    text = page(reading((ODD, ('a"b\\c\nd',), 1)), openmetrics=False).decode()
    assert 'gateway_odd{what="a\\"b\\\\c\\nd"} 1' in text
    assert '# HELP gateway_odd A "quoted"\\\\text\\nof two lines' in text
    parsed(text)


def test_openmetrics_names_units_and_families_and_ends() -> None:
    text = page(reading((CPU, (), 1.5)), openmetrics=True).decode()
    told = parsed(text)
    assert told.types["process_cpu_seconds"] == "counter"
    assert told.units["process_cpu_seconds"] == "seconds"
    assert told.value("process_cpu_seconds_total") == 1.5
    assert text.endswith("\n# EOF\n")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain;version=0.0.4;q=0.5", False),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", True),
    ],
)
def test_whoever_asks_for_openmetrics_gets_it(accept: str, wanted: bool) -> None:
    assert wants_open(accept) is wanted


# --- as Prometheus' own tool sees it


def full():
    """Return a reading with a series of every metric."""
    samples: list[Sample] = []
    for metric in CATALOGUE:
        value = Histogram((0.1, 1.0)) if metric.kind == "histogram" else 1
        samples.append((metric, tuple("x" for _ in metric.labels), value))
    source: Source = lambda: samples  # noqa: E731  # as short as it is
    return read(CATALOGUE, [source])


def test_promtool_finds_nothing_to_say() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here; Debian's package prometheus has it")
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=page(full(), openmetrics=False),
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
