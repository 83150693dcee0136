"""Which data a venue sends, in which order, and how often."""

from typing import NamedTuple

from gateway.testing.faults import Faults, taken


class Datum(NamedTuple):
    """A datum of a stream, for everybody who wants it or for one account."""

    payload: bytes
    account: str | None


class Order:
    """What becomes of the data of one venue."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._overtaken: dict[str, Datum] = {}
        self._frozen: dict[str, bytes] = {}

    def instead_of(self, stream: str, datum: Datum) -> tuple[Datum, ...]:
        """Return what is sent when ``datum`` should be."""
        faults = self._faults
        if faults.holds_back(stream):
            return ()
        if stream in faults.frozen_streams:
            datum = datum._replace(payload=self._frozen.setdefault(stream, datum.payload))
        else:
            self._frozen.pop(stream, None)
        late = self._overtaken.pop(stream, None)
        if late is not None:
            return (datum, late)
        if taken(faults.swaps, stream):
            self._overtaken[stream] = datum
            return ()
        return (datum, datum) if taken(faults.repeats, stream) else (datum,)
