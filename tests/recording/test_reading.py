"""What was written is read, what was torn as far as it is whole; anything else is an error that says where."""

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import DamagedRecording, RecordingError
from gateway.recording.reading import header_of, read, segments
from gateway.recording.spelling import read_told
from gateway.recording.zstd import LARGEST, packed, zstd

HEADER = b'{"format":1,"gateway":"1","run":"r","segment":1,"topics":["a:b:c"],"started":5}\n'


def everything(path: Path) -> list[str]:
    """Read a file as a player does, to its end."""
    found = []
    for part in read(path):
        if hasattr(part, "__iter__"):
            found += [read_told(line, part).topic for line in part]
        else:
            found.append(type(part).__name__)
    return found


def file_of(path: Path, *frames: bytes) -> Path:
    path.write_bytes(b"".join(frames))
    return path


def test_what_was_written_is_read_character_by_character(
    tape: Callable[..., Any], tmp_path: Path, contents: Callable[[Path], list[Any]]
) -> None:
    run = tape(topics=["mock:raw:x"])
    text = '{"topic":"mock:raw:x","data":{"price":0.00000010,"big":123456789012345678901234567890,"é":"\\u20ac"}}'
    run.writer.put(b'{"at":7,"message":%b}\n' % text.encode())
    run.end()
    [path] = segments(tmp_path / "rec")
    header, message = contents(path)
    assert (header.format, header.gateway, header.run, header.topics) == (1, "1.2.3", "r1", ["mock:raw:x"])
    assert message["at"] == 7
    [line] = [bytes(line.message) for part in read(path) if hasattr(part, "__iter__") for line in part]
    assert line == text.encode()


def test_a_file_torn_at_any_byte_of_its_last_frame_is_read_up_to_the_frame_before(
    tape: Callable[..., Any], tmp_path: Path
) -> None:
    run = tape()
    run.trade(1)
    run.flush()
    whole = run.writer.path.stat().st_size
    run.trade(2)
    run.trade(3)
    run.end()
    data = run.writer.path.read_bytes()
    assert everything(file_of(tmp_path / "f", data)) == ["Header", *["mock:trades:BTC-USDT"] * 3]
    assert everything(file_of(tmp_path / "f", data[:whole])) == ["Header", "mock:trades:BTC-USDT"]
    for end in range(whole + 1, len(data)):
        torn = file_of(tmp_path / "f", data[:end])
        assert everything(torn) == ["Header", "mock:trades:BTC-USDT", "Torn"], end


def test_a_file_torn_within_its_header_holds_nothing(tmp_path: Path) -> None:
    frame = packed(HEADER)
    for end in range(1, len(frame)):
        assert everything(file_of(tmp_path / "f", frame[:end])) == ["Torn"]
        assert header_of(tmp_path / "f") is None
    assert everything(file_of(tmp_path / "f")) == []
    assert header_of(tmp_path / "f") is None


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([b"not a recording"], "byte 0: no frame, or a damaged one: "),
        ([packed(b'{"at":1}\n')], "byte 0, line 1: no header: "),
        ([packed(HEADER.replace(b'"format":1', b'"format":2'))], "line 1: format 2, and this gateway reads 1"),
        ([packed(HEADER[:-1])], "byte 0: a frame that does not end with a line"),
        ([packed(HEADER), packed(b'{"at":1,"message":{}}\nnonsense\n')], "line 2: no message: "),
        ([packed(HEADER), packed(b'{"at":1,"message":' + b"[" * 10_000 + b"\n")], "line 1: no message: "),
        ([packed(HEADER), packed(b'{"at":1,"message":{"topic":5}}\n')], "line 1: no message of the protocol: "),
        ([packed(HEADER), packed(b'{"at":1,"message":"\xff"}\n')], ": no UTF-8: "),
        ([packed(HEADER), packed(b'{"at":1,"by":"me","message":{}}\n')], "line 1: no message: "),
        ([packed(HEADER), b"\0" * 100], ": no frame, or a damaged one: "),
    ],
)
def test_what_is_no_recording_is_an_error_that_names_file_and_place(
    frames: list[bytes], said: str, tmp_path: Path
) -> None:
    path = file_of(tmp_path / "f", *frames)
    with pytest.raises(DamagedRecording) as raised:
        everything(path)
    assert isinstance(raised.value, ValueError)
    assert str(raised.value).startswith(f"{path}, byte {len(frames[0]) if len(frames) > 1 else 0}")
    assert said in str(raised.value)


def test_a_flipped_bit_of_a_frame_does_not_go_unseen(tmp_path: Path) -> None:
    """The frames have checksums: a digit of a price must not change on the disk."""
    lines = b"".join(b'{"at":%d,"message":{"topic":"a:b:c","price":"%d"}}\n' % (n, n * 7919) for n in range(50))
    frame = packed(lines)
    unseen = 0
    for place in range(0, len(frame) * 8, 7):
        bent = bytearray(frame)
        bent[place // 8] ^= 1 << place % 8
        try:
            got = b"".join(
                part._content
                for part in read(file_of(tmp_path / "f", packed(HEADER), bytes(bent)))
                if hasattr(part, "_content")
            )
        except DamagedRecording:
            continue
        unseen += got not in {b"", lines}
    assert unseen == 0


def swollen() -> bytes:
    """Return a frame that was made in pieces: it does not say how large it is, and looks back a little only."""
    options = {zstd.CompressionParameter.window_log: 20}
    frame, piece = zstd.ZstdCompressor(options=options), b"\n" * (1 << 20)
    return b"".join(frame.compress(piece) for _ in range(64)) + frame.flush()


@pytest.mark.parametrize("bomb", [zstd.compress(b"\n" * (1 << 27)), swollen()])
def test_a_frame_that_swells_is_refused_before_it_has(bomb: bytes, tmp_path: Path) -> None:
    path = file_of(tmp_path / "f", packed(HEADER), bomb)
    assert len(bomb) < 1 << 18
    tracemalloc.start()
    try:
        with pytest.raises(DamagedRecording, match=f"holds more than {LARGEST} bytes|requires too much memory"):
            everything(path)
        assert tracemalloc.get_traced_memory()[1] < 3 * LARGEST
    finally:
        tracemalloc.stop()


def test_a_frame_of_very_many_lines_costs_no_more_than_its_bytes(tmp_path: Path) -> None:
    lines = b'{"at":1,"message":0}\n' * 1_000_000
    path = file_of(tmp_path / "f", packed(HEADER), packed(lines))
    tracemalloc.start()
    try:
        count = 0
        for part in read(path):
            if hasattr(part, "__iter__"):
                for number, _ in zip(range(1000), part, strict=False):
                    count = number
        assert count == 999
        assert tracemalloc.get_traced_memory()[1] < 4 * len(lines)
    finally:
        tracemalloc.stop()


@settings(
    max_examples=5000 if os.environ.get("GATEWAY_FULL_SIZE") else 100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_whatever_the_file_holds_reading_it_raises_nothing_but_clear_errors(
    data: st.DataObject, tmp_path: Path
) -> None:
    """Bytes at random; recordings that were bent, cut and mixed; lines of any JSON."""
    json_lines = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["at", "by", "message", "topic", "type", "data", "method"]), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode() + b"\n")
    good = b'{"at":1,"message":{"topic":"a:trades:c","type":"update","data":[]}}\n'
    lines = st.sampled_from([HEADER, good, b"\n", b"{}\n"]) | json_lines | st.binary(max_size=40)
    frames = st.lists(lines, max_size=4).map(b"".join).map(packed) | st.binary(max_size=40)
    content = bytearray(b"".join([packed(HEADER), *data.draw(st.lists(frames, max_size=4))]))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)):
        content[place] = data.draw(st.integers(0, 255))
    path = file_of(tmp_path / "fuzzed", bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        everything(path)
    except DamagedRecording as exc:
        assert str(exc).startswith(f"{path}, byte ")  # noqa: PT017  # nothing is wrong if it reads


def test_the_files_of_a_recording_are_those_with_such_names_in_order(tmp_path: Path) -> None:
    for name in ("000010.jsonl.zst", "000009.jsonl.zst", "1000000.jsonl.zst", "notes.txt", "x000001.jsonl.zst"):
        (tmp_path / name).touch()
    assert [path.name for path in segments(tmp_path)] == [
        "000009.jsonl.zst",
        "000010.jsonl.zst",
        "1000000.jsonl.zst",
    ]


def test_where_no_recording_is_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"holds no recording: there is no file such as 000001\.jsonl\.zst"):
        segments(tmp_path)
    with pytest.raises(RecordingError, match="nowhere cannot be read: No such file"):
        segments(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordingError, match="pipe cannot be read: it is no file"):
        everything(tmp_path / "pipe")
    with pytest.raises(RecordingError, match="cannot be read: Is a directory"):
        list(read(tmp_path))
