"""What native clients are sent are the exchange's own bytes, combined or cut out."""

import json
from typing import Any

import orjson
import pytest
from frames import EXAMPLES
from recordings import WITH_BOOKS, Frame, lines

from gateway_binance.native.wrapping import wrap

FRAMES = [frame for market in EXAMPLES.values() for frame in market.values()]


@pytest.mark.parametrize("frame", FRAMES)
def test_frames_of_every_kind_are_cut_out_of_what_wraps_them(frame: bytes) -> None:
    whole = json.loads(frame)
    assert wrap("combined", whole["stream"], frame) is frame
    bare = wrap("bare", whole["stream"], frame)
    assert bare in frame
    assert json.loads(bare) == whole["data"]


@pytest.mark.parametrize("name", WITH_BOOKS)
def test_every_recorded_frame_is_cut_out_whole(name: str, capture: Any) -> None:
    count = 0
    for line in lines(capture(name)):
        if isinstance(line, Frame):
            count += 1
            bare = wrap("bare", line.stream, line.payload)
            if line.payload.startswith(b'{"stream":"'):  # not if a recorder has spelt it anew
                assert line.payload == b'{"stream":"%b","data":%b}' % (line.stream.encode(), bare)
            assert orjson.loads(bare) == line.data
    assert count


@pytest.mark.parametrize(
    ("payload", "bare"),
    [
        (b'{ "stream": "a@x", "data": {"p": 1} }', b'{"p": 1}'),
        (b'{"data":{"p":1},"stream":"a@x"}', b'{"p":1}'),
        (b'{"stream":"a@x","data":{"p":1},"more":2}', b'{"p":1}'),
        (b'{"stream":"\\u5e01@x","data":[1,2]}', b"[1,2]"),
        ('{"stream":"币@x","data":[1,2]}'.encode(), b"[1,2]"),
        (b'{"stream":"a@x","data":[]}', b"[]"),
        (b'{"stream":"a@x","data":5}', b"5"),
        (b'{"stream":"a@x","data":{"p":1}}\n', b'{"p":1}'),
    ],
)
def test_however_it_is_written(payload: bytes, bare: bytes) -> None:
    stream = json.loads(payload)["stream"]
    assert wrap("bare", stream, payload) == bare


DEEP = b'{"zz":' + b"[" * 100_000


NO_DATA = [b"", b"no", b"[]", b'{"stream":"a@x"}', b'{"stream":"a@x","data":{"p":1}', DEEP]


@pytest.mark.parametrize("payload", NO_DATA, ids=range(len(NO_DATA)))
def test_what_is_no_datum_is_an_error(payload: bytes) -> None:
    with pytest.raises(ValueError):
        wrap("bare", "a@x", payload)
