"""What a program may hand over as a configuration: a file, its tables, or nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.config import Settings, load

Given = Settings | Mapping[str, Any] | Path | str | None


def settings_of(given: Given, environ: Mapping[str, str]) -> Settings:
    """
    Return the configuration; the environment overrides a file's, not a program's own tables.

    Raises:
        ConfigError: If it is wrong.
    """
    match given:
        case Settings():
            return given
        case Path() | str():
            return load(Path(given), environ, {})
        case None:
            return Settings()
        case Mapping():
            return load(None, {}, given)
    raise AssertionError("mypy knows that these are all")
