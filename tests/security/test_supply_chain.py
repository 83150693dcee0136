"""What the jobs on packages conclude: an audit that was not answered says so, a part that is missing is named."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"security_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("status", "out", "err", "judged", "said"),
    [
        (0, "", "No known vulnerabilities found", 0, "No known weakness."),
        (1, "Name Version ID\nrich 14.0 PYSEC-1", "Found 1 known vulnerability", 1, "PYSEC-1"),
        (1, "", "requests.exceptions.ConnectionError: HTTPSConnectionPool", 0, "NOT AUDITED"),
        (1, "Name Version ID\nrich 14.0 PYSEC-1", "Found 1; ConnectionError afterwards", 1, "PYSEC-1"),
        (2, "", "usage: pip-audit", 1, "usage"),
    ],
)
def test_an_audit_without_an_answer_is_no_good_news(
    status: int, out: str, err: str, judged: int, said: str
) -> None:
    found, text = script("audit").judged(status, out, err)
    assert found == judged
    assert said in text


def test_a_part_that_is_not_listed_is_named() -> None:
    document: Any = {
        "metadata": {"component": {"name": "exchange-gateway"}},
        "components": [{"name": "Typing_Extensions", "version": "4.1"}, {"name": "rich", "version": "14"}],
    }
    missing = script("sbom").missing
    assert missing(document, [("typing-extensions", "4.1"), ("rich", "14")]) == []
    assert missing(document, [("typing-extensions", "4.2"), ("yarl", "1")]) == ["typing-extensions 4.2", "yarl 1"]
    document["metadata"]["component"]["name"] = "other"
    assert missing(document, []) == ["exchange-gateway"]
