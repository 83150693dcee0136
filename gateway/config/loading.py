"""
Where settings come from: command line before environment before file before defaults.

``GATEWAY_SERVER__LISTEN`` is ``server.listen``: two underscores part the keys,
and a variable without them is not ours (but ``GATEWAY_SUBSCRIPTIONS``, which
replaces the whole list). Where the file has the key, its spelling counts;
otherwise ``_`` stands for ``-`` in the ids below ``exchanges``, ``accounts``
and ``plugins.options`` and for itself elsewhere. A value is read as TOML, and
is text where it is none. Tables are merged, everything else is replaced.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from gateway.config.checks import check
from gateway.config.complaints import explain
from gateway.config.settings import Settings
from gateway.errors import ConfigError

PREFIX: Final = "GATEWAY_"
BETWEEN: Final = "__"
ALONE: Final = "subscriptions"
IDS_BELOW: Final = (["exchanges"], ["accounts"], ["plugins", "options"])

Tables = dict[str, Any]


def load(
    path: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, Any],
    *,
    read: Callable[[Path], Tables] | None = None,
) -> Settings:
    """
    Return the settings, checked.

    Args:
        path: the TOML file, if there is one.
        environ: the environment's variables.
        overrides: from dotted keys to values, which may be tables; later ones win.
        read: how the file is read, if otherwise than at once.

    Raises:
        ConfigError: For the first that is wrong; the same one each time.
    """
    tables = {} if path is None else (read or _read)(path)
    tables = overlay(tables, environ)
    for key, value in overrides.items():
        tables = _merged(tables, _nested(key.split("."), value))
    try:
        settings = Settings.model_validate(tables)
    except ValidationError as wrong:
        complaint = explain(wrong)
    else:
        check(settings)
        return settings
    raise complaint  # outside: pydantic's own error shows values, and would be its context


def read_bytes(path: Path) -> bytes:
    """
    Return what is in the file.

    Raises:
        ConfigError: If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as refused:
        raise ConfigError(str(path), f"cannot be read: {refused.strerror}") from None


def parsed(path: Path, content: bytes) -> Tables:
    """
    Return what the content of the file says.

    Raises:
        ConfigError: If it is not TOML; the problem has the line.
    """
    try:
        return tomllib.loads(content.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
        problem = f"not UTF-8 (at line {line})"
    except (ValueError, RecursionError) as wrong:
        problem = str(wrong).replace("at end of document", f"at line {len(content.splitlines())}, the last")
    raise ConfigError(str(path), f"is not TOML: {problem}")


def _read(path: Path) -> Tables:
    return parsed(path, read_bytes(path))


def overlay(tables: Tables, environ: Mapping[str, str]) -> Tables:
    """
    Return ``tables`` with the environment's settings over them.

    Raises:
        ConfigError: If a variable's name leaves a key empty.
    """
    for name in sorted(environ):
        key = name.removeprefix(PREFIX).lower()
        if name.startswith(PREFIX) and (BETWEEN in key or key == ALONE):
            parts = key.split(BETWEEN)
            if not all(parts):
                raise ConfigError(name, "need GATEWAY_SECTION__KEY, e.g. GATEWAY_SERVER__LISTEN")
            tables = _merged(tables, _nested(_spelled(parts, tables), _value(environ[name])))
    return tables


def _spelled(parts: Sequence[str], tables: Tables) -> list[str]:
    keys: list[str] = []
    here: Any = tables
    for part in parts:
        known = here if isinstance(here, dict) else {}
        new = part.replace("_", "-") if keys in IDS_BELOW else part
        same = (key for key in known if _plain(key) == _plain(part))
        key = part if part in known else next(same, new)
        keys.append(key)
        here = known.get(key)
    return keys


def _plain(key: str) -> str:
    return key.lower().replace("-", "_")


def _value(text: str) -> Any:
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return found["value"] if len(found) == 1 else text  # more keys: the text has lines of its own


def _nested(keys: Sequence[str], value: Any) -> Tables:
    for key in reversed(keys):
        value = {key: value}
    nested: Tables = value
    return nested


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tables:
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        both[key] = _merged(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return both
