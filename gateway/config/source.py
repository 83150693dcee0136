"""Where a configuration is from, so that it can be read again: then a file counts only once nobody writes it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.config.loading import Tables, load, parsed, read_bytes
from gateway.config.settings import Settings
from gateway.errors import ConfigError

PAUSE: Final = 0.1
"""Seconds for which a file must stay as it is."""
LOOKS: Final = 30
"""How often it is looked at before that is given up."""


@dataclass(frozen=True, slots=True)
class Source:
    """
    What :func:`gateway.config.load` was given.

    Args:
        path: the TOML file, if there is one.
        environ: the environment's variables.
        overrides: from dotted keys to values.
    """

    path: Path | None
    environ: Mapping[str, str]
    overrides: Mapping[str, Any]

    def read(self) -> Settings:
        """
        Return the settings, checked.

        Raises:
            ConfigError: For the first that is wrong.
        """
        return load(self.path, self.environ, self.overrides)

    def read_again(self) -> Settings:
        """
        Return the settings as they are by now. Blocks until the file is whole, for some seconds at most.

        Raises:
            ConfigError: For the first that is wrong.
        """
        return load(self.path, self.environ, self.overrides, read=_settled)


def _settled(path: Path) -> Tables:
    """
    Return what the file says, once it has stopped changing.

    One that is being written is empty first, and a part of it may look like a
    configuration without accounts; so an empty one is refused, since nobody who
    wants that needs a file.
    """
    seen = read_bytes(path)
    for _ in range(LOOKS):
        time.sleep(PAUSE)
        before, seen = seen, read_bytes(path)
        if seen == before:
            break
    else:
        raise ConfigError(str(path), f"does not stay the same for {PAUSE:g} s")
    if not seen.strip():
        raise ConfigError(str(path), "is empty")
    return parsed(path, seen)
