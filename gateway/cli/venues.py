"""Simulated venues: found by entry point, so that any plugin's package can bring one."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, cast

from gateway.errors import ConfigError

GROUP: Final = "gateway.venues"


class Running(Protocol):
    """A venue that listens."""

    @property
    def addresses(self) -> Mapping[str, str]:
        """The base URL of each endpoint."""

    async def wait(self) -> None:
        """Run until cancelled or stopped."""


class Venue(Protocol):
    """What an entry point of the group resolves to."""

    def simulate(self, arguments: Sequence[str]) -> AbstractAsyncContextManager[Running]:
        """Run while the context lasts; raises SystemExit, with a sentence printed, on wrong arguments."""


def find(name: str) -> Venue:
    """
    Return the venue called ``name``.

    Raises:
        ConfigError: If there is none, or its package cannot be imported.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415  # slow, and --help does not need it

    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        there_are = ", ".join(sorted(known)) or "none installed"
        raise ConfigError("NAME", f"there is no venue {name!r}; there are: {there_are}")
    try:
        return cast("Venue", known[name].load())
    except Exception as exc:
        raise ConfigError("NAME", f"venue {name!r} cannot be loaded: {type(exc).__name__}: {exc}") from exc
