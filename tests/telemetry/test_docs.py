"""docs/telemetry.md lists what the code makes: no more, no less."""

import re
from pathlib import Path

from gateway.model.states import Phase
from gateway.telemetry import moments, tracing

ROOT = Path(__file__).parents[2]


def column(heading: str) -> set[str]:
    """Return the first column of the table below ``heading``."""
    text = (ROOT / "docs/telemetry.md").read_text()
    section = re.split(r"^#+ ", text.split(f"# {heading}\n")[1], flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def told() -> set[str]:
    """Return every literal name with which the code opens a span."""
    sources = (path.read_text() for path in (ROOT / "gateway/runtime").glob("*.py"))
    return {name for text in sources for name in re.findall(r"during\((?:[^()\"]*, )?\"(\w+)\"\)", text)}


def test_the_spans_are_those_that_the_code_makes() -> None:
    phases = {f"gateway.{phase}" for phase in Phase}
    steps = {f"gateway.step.{step}" for step in tracing.STEPS}
    later = {f"gateway.{what}" for what in told() - tracing.STEPS}
    after = set(moments.NAMES.values())
    assert column("Spans") == {tracing.ROOT, tracing.LOST, tracing.DIAGNOSIS} | phases | steps | later | after


def test_the_attributes_are_those_that_the_code_sets() -> None:
    named = {tracing.EXCHANGE, tracing.CONNECTION, tracing.EPOCH, tracing.ERROR_TYPE, tracing.CANCELLED}
    named |= {tracing.SERVER, tracing.PORT, tracing.PROTOCOL, tracing.STATUS}
    named |= {moments.ACCOUNT, moments.CHANNEL, moments.LEG, moments.ACTION, moments.OUTCOME, moments.VIA}
    assert column("Attributes") == named


def test_the_variables_are_those_that_the_code_reads() -> None:
    sources = [path.read_text() for path in (ROOT / "gateway/telemetry").rglob("*.py")]
    read = {name for text in sources for name in re.findall(r"\"(OTEL_[A-Z_]+)\"", text)}
    patterns = {name for text in sources for name in re.findall(r"f\"(OTEL_\w+\{signal\.upper\(\)\}_)", text)}
    assert patterns == {"OTEL_EXPORTER_OTLP_{signal.upper()}_"}
    for what in re.findall(r"_both\(signal, \"(\w+)\"\)", "".join(sources)):
        read |= {f"OTEL_EXPORTER_OTLP_{of}{what}" for of in ("", "TRACES_", "METRICS_")}
    assert column("Traces") | column("Metrics") == read
