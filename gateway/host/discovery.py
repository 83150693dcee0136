"""
Which plugins are installed, found without importing any of them.

An entry point's name is the exchange's id. One distribution whose metadata
cannot be read hides its own plugins only: ``importlib.metadata.entry_points``
would fail for all of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any, Final

from gateway.errors import PluginError
from gateway.host.spelling import did_you_mean

GROUP: Final = "gateway.plugins"
UNKNOWN: Final = "unknown"
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True, order=True)
class Installed:
    """One entry point: the exchange's id, who ships it, and where its object is (``package.module:name``)."""

    name: str
    distribution: str
    version: str
    value: str


def installed() -> tuple[Installed, ...]:
    """Return every installed plugin, by name; two that claim one name are both there."""
    return tuple(sorted(one for plugins, _ in _distributions() for one in plugins))


def find(exchange: str) -> Installed:
    """
    Return the one plugin that is installed as ``exchange``.

    Raises:
        PluginError: If there is none, or more than one.
    """
    everything = installed()
    found = [one for one in everything if one.name == exchange]
    if len(found) > 1:
        claims = " and ".join(f"{one.distribution} {one.version} ({one.value})" for one in found)
        raise PluginError(exchange, f"is claimed by {claims}; only one may be installed")
    if not found:
        raise PluginError(exchange, _absent(exchange, sorted({one.name for one in everything})))
    return found[0]


def imported(plugin: Installed) -> object:
    """
    Import the object that ``plugin`` names.

    Raises:
        PluginError: Whatever the import raised, an attempt to exit included.
    """
    try:
        return EntryPoint(plugin.name, plugin.value, GROUP).load()
    except KeyboardInterrupt:
        raise
    except BaseException as exc:
        said = f"{type(exc).__name__}: {exc}".splitlines()[0][:_LONGEST]
        raise PluginError(plugin.name, f"importing {plugin.value} failed: {said}") from exc


def _absent(exchange: str, names: list[str]) -> str:
    known = f"installed are {', '.join(names)}" if names else "no plugin is"
    unreadable = [name for _, name in _distributions() if name]
    lost = f"; the entry points of {', '.join(unreadable)} cannot be read" if unreadable else ""
    return f"is not installed; {known}{lost}{did_you_mean(exchange, names)}"


def _distributions() -> Iterator[tuple[list[Installed], str]]:
    """Yield each distribution's plugins, or its name if they cannot be read; the first of a name hides others."""
    seen: set[str] = set()
    for one in distributions():
        try:
            points = [point for point in one.entry_points if point.group == GROUP]
        except Exception:  # noqa: BLE001  # whatever a broken file makes of its parser
            yield [], _fact(one, "Name")
            continue
        if points:
            name, version = _fact(one, "Name"), _fact(one, "Version")
            key = re.sub(r"[-_.]+", "-", name).lower()
            if name == UNKNOWN or key not in seen:
                yield [Installed(point.name, name, version, point.value) for point in points], ""
            seen.add(key)


def _fact(one: Distribution, key: str) -> str:
    """Return a line of the distribution's metadata, which may be missing as a whole."""
    try:
        metadata: Any = one.metadata
        return metadata.get(key) or UNKNOWN
    except Exception:  # noqa: BLE001  # as above; Pythons differ in what they raise
        return UNKNOWN
