"""How long a dialect takes to decode, found while somebody asks: always, it would cost more than it tells."""

from collections.abc import Callable

from gateway.spi.dialect import Dialect
from gateway.spi.events import Event


class Timing:
    """
    Decodes in the place of ``dialect``, and takes the time.

    Args:
        dialect: decodes.
        now: monotonic seconds.
    """

    def __init__(self, dialect: Dialect, now: Callable[[], float]) -> None:
        self.began = now()
        self.count = 0
        self.seconds = 0.0
        """Of all calls, those that raised included."""
        self._decode = dialect.decode
        self._now = now

    def decode(self, payload: bytes, binary: bool, /) -> tuple[Event, ...]:
        """See :class:`~gateway.spi.dialect.Dialect`; whatever is decoded as it is asked for is decoded here."""
        began = self._now()
        try:
            return tuple(self._decode(payload, binary))
        finally:
            self.count += 1
            self.seconds += self._now() - began

    def part(self, now: float) -> float:
        """Return which part of the time since this began was spent here."""
        return self.seconds / (now - self.began) if now > self.began else 0.0
