"""What a program may hand over as a configuration: a file, its tables, where they are from, or nothing."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from gateway.config import ExchangeSettings, Settings, Source, load

Given = Settings | Mapping[str, Any] | Path | str | Source | None


def settings_of(
    given: Given, environ: Mapping[str, str], provided: Collection[str] = (), *, again: bool = False
) -> Settings:
    """
    Return the configuration; the environment overrides a file's, not a program's own tables.

    Args:
        given: what the program handed over.
        environ: the environment's variables.
        provided: exchanges that need not be configured.
        again: whether a file may be being written, which blocks for a while.

    Raises:
        ConfigError: If it is wrong.
    """
    settings = _settings_of(given, environ, again=again)
    missing = {name: ExchangeSettings() for name in provided if name not in settings.exchanges}
    if not missing:
        return settings
    return settings.model_copy(update={"exchanges": {**settings.exchanges, **missing}})


def waits_for_disk(given: Given) -> bool:
    """Whether :func:`settings_of` has to read something."""
    return not (given is None or isinstance(given, Settings | Mapping))


def _settings_of(given: Given, environ: Mapping[str, str], *, again: bool) -> Settings:
    match given:
        case Settings():
            return given
        case None:
            return Settings()
        case Mapping():
            return load(None, {}, given)
    source = given if isinstance(given, Source) else Source(Path(given), environ, {})
    return source.read_again() if again else source.read()
