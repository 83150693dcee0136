"""How data are written to clients: combined, as they come from the exchange, or bare, cut out of that."""

from typing import Final

from msgspec import Raw, Struct
from msgspec.json import Decoder

from gateway_binance.native.sockets import COMBINED

_ENDS: Final = (b"}}", b"]}")


class Whole(Struct, frozen=True, gc=False):
    """What a combined connection brings."""

    data: Raw


_WHOLE: Final = Decoder(Whole)


def wrap(shape: str, stream: str, payload: bytes) -> bytes:
    """
    Return a datum of ``stream`` as clients of ``shape`` get it: always the exchange's own bytes.

    Raises:
        ValueError: If the exchange wrote something else than a datum.
    """
    if shape == COMBINED:
        return payload
    head = b'{"stream":"%b","data":' % stream.encode()
    if payload.startswith(head) and payload.endswith(_ENDS):
        return payload[len(head) : -1]
    try:
        return bytes(_WHOLE.decode(payload).data)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
