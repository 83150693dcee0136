"""N19, N20: the parser that everybody uses reads HTTP, and no text of a stranger keeps a pattern busy."""

import os
import subprocess
import sys

import pytest

from gateway.app.doctor import interpreter
from gateway.app.doctor.case import Case
from gateway.net.parsing import parses_in_python
from gateway.telemetry.logs import redact

LONG = 1 << 20
UNITS = [
    *(
        "http://a",
        "a:b@",
        "?a.-w=",
        "gw1_",
        "gw1_0_",
        "api_key=",
        "secret'':",
        "signature=).*",
        "bearer ",
        "url: /",
    ),
    *("apikey ", "secret", "secret'':", "password=&", "&", "'", ")", " "),
]


def test_http_is_not_parsed_in_python() -> None:
    assert not parses_in_python()


def test_where_it_is_the_doctor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "from gateway.net.parsing import parses_in_python; print(parses_in_python())"
    environ = {**os.environ, "AIOHTTP_NO_EXTENSIONS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", asked], env=environ, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "True"
    case: Case = None  # type: ignore[assignment]  # it does not look at one
    assert not [one for one in interpreter.distributions(case, []) if "in Python" in one.text]
    monkeypatch.setattr(interpreter, "parses_in_python", lambda: True)
    assert [one.todo for one in interpreter.distributions(case, []) if "in Python" in one.text]


@pytest.mark.timeout(240)  # a pattern whose work grows with the square would take hours
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("start", ["", "http://", "api_key=", "?a="])
def test_what_hides_secrets_in_the_log_takes_time_in_proportion(unit: str, start: str) -> None:
    assert redact(None, "", {"text": start + unit * (LONG // len(unit))})
