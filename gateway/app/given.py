"""What a program may hand over as a configuration: a file, its tables, what returns it, or nothing."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from gateway.config import ExchangeSettings, Settings, load

Given = Settings | Mapping[str, Any] | Path | str | Callable[[], Settings] | None


def settings_of(given: Given, environ: Mapping[str, str], provided: Collection[str] = ()) -> Settings:
    """
    Return the configuration; the environment overrides a file's, not a program's own tables.

    The exchanges that are ``provided`` need not be configured.

    Raises:
        ConfigError: If it is wrong.
    """
    settings = _settings_of(given, environ)
    missing = {name: ExchangeSettings() for name in provided if name not in settings.exchanges}
    if not missing:
        return settings
    return settings.model_copy(update={"exchanges": {**settings.exchanges, **missing}})


def waits_for_disk(given: Given) -> bool:
    """Whether :func:`settings_of` has to read something."""
    return not (given is None or isinstance(given, Settings | Mapping))


def _settings_of(given: Given, environ: Mapping[str, str]) -> Settings:
    match given:
        case Settings():
            return given
        case Path() | str():
            return load(Path(given), environ, {})
        case None:
            return Settings()
        case Mapping():
            return load(None, {}, given)
    return given()
