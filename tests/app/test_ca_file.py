"""An exchange's own certificate authorities are trusted, and what is no such file is one sentence."""

from pathlib import Path

import pytest
import trustme

from gateway.app import Gateway
from gateway.errors import ConfigError


def tables(ca_file: Path) -> dict[str, object]:
    return {"exchanges": {"mock": {"ca_file": str(ca_file)}}}


async def test_a_file_of_authorities_is_accepted(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with Gateway(tables(tmp_path / "ca.pem")) as gateway:
        assert "mock" in gateway.operations.get_exchange_details()


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "No such file or directory"), ("surely none", "holds no certificate")]
)
async def test_what_is_none_is_told_with_its_key(tmp_path: Path, content: str | None, problem: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as refused:
        async with Gateway(tables(path)):
            raise AssertionError("it must not start")
    assert str(refused.value) == f"exchanges.mock.ca_file: {path} cannot be used: {problem}"
