"""What the tests of the configuration share: a file to write and the sentence that comes of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Settings, load
from gateway.errors import ConfigError

Read = Callable[..., Settings]
Refuse = Callable[..., str]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(text: str = "", environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        path = tmp_path / "gateway.toml"
        path.write_text(text)
        return load(path, environ or {}, {key.replace("__", "."): value for key, value in overrides.items()})

    return read


@pytest.fixture
def refused(read: Read) -> Refuse:
    def refused(text: str = "", environ: Mapping[str, str] | None = None, **overrides: Any) -> str:
        with pytest.raises(ConfigError) as caught:
            read(text, environ, **overrides)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None, "it would be printed, with the values in it"
        return str(caught.value)

    return refused
