"""Whatever arrives, the dialect says what it means or that it makes no sense; never anything else."""

from collections.abc import Sequence
from typing import Any, get_args

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import json as records_json

from gateway import spi

FRAMES = (
    b'{"stream":"e@trade","data":{"e":"trade","E":1771000000101,"s":"E","t":4,"p":"2.31","q":"0.1","T":1,"m":true}}',
    b'{"stream":"e@aggTrade","data":{"e":"aggTrade","E":1,"s":"E","a":1,"p":"2","q":"0.4","f":1,"l":3,"T":9,"m":false}}',
    b'{"stream":"e@bookTicker","data":{"u":5550001,"s":"E","b":"2512.3","B":"4.2","a":"2512.31","A":"1.7"}}',
    b'{"stream":"e@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"E","U":2,"u":9,"b":[["2.3","3.9"]],"a":[["2.4","0"]]}}',
    (
        b'{"stream":"e@kline_1m","data":{"e":"kline","E":1,"s":"E","k":{"t":1,"T":2,"i":"1m","o":"1","c":"1","h":"1","l":"1","v":"1",'
        b'"n":5,"x":false}}}'
    ),
    (
        b'{"stream":"e@ticker","data":{"e":"24hrTicker","E":1,"s":"E","p":"-1","P":"-1","c":"1","b":"1","a":"1","o":"1","h":"1",'
        b'"l":"1","v":"1","q":"1"}}'
    ),
    b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1771000000123}}',
    b'{"result":null,"id":1}',
    b'{"error":{"code":2,"msg":"Invalid request"},"id":1}',
    b'{"code":2,"msg":"Invalid request","id":null}',
)
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["nan", "1e9"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
quietly = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def bent_bytes(draw: Any) -> bytes:
    """A frame with a piece cut out and something else in its place."""
    frame: bytes = draw(st.sampled_from(FRAMES))
    start = draw(st.integers(0, len(frame)))
    end = draw(st.integers(start, min(len(frame), start + 20)))
    middle: bytes = draw(st.binary(max_size=8))
    return frame[:start] + middle + frame[end:]


@st.composite
def bent_values(draw: Any) -> bytes:
    """A frame with one of its values replaced by any other."""
    message = orjson.loads(draw(st.sampled_from(FRAMES)))
    place = message
    while isinstance(place, dict | list) and place:
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or draw(st.booleans()):
            place[key] = draw(ODD)
            break
        place = place[key]
    return orjson.dumps(message, default=str) if fits(message) else b""


def fits(message: Any) -> bool:
    try:
        orjson.dumps(message)
    except TypeError:  # An integer beyond 64 bits
        return False
    return True


@pytest.mark.parametrize("frame", FRAMES)
def test_an_unbent_frame_is_read(dialect: Any, frame: Any) -> None:
    assert list(dialect.decode(frame, False))


@quietly
@given(payload=st.one_of(bent_bytes(), bent_values(), st.binary(max_size=60)), binary=st.booleans())
def test_a_bent_frame_is_read_or_makes_no_sense(dialect: Any, payload: Any, binary: Any) -> None:
    stream = dialect.stream(payload, binary)
    assert stream is None or isinstance(stream, str)
    try:
        events = list(dialect.decode(payload, binary))
    except ValueError:
        return
    for event in events:
        assert isinstance(event, get_args(spi.Event))
        if type(event) is spi.Data:
            check_types(event)


def check_types(data: spi.Data) -> None:
    """Encode and read back under the declared types: a record of wrong types does not survive."""
    assert isinstance(data.records, Sequence)
    for record in data.records:
        again = records_json.decode(records_json.encode(record), type=type(record))
        assert again == record
