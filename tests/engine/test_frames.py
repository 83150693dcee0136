"""A WebSocket frame's head, to the bit."""

import pytest
from hearing import payload

from gateway.engine.frames import text_frame


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (1, b"\x81\x01"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (127, b"\x81\x7e\x00\x7f"),
        (256, b"\x81\x7e\x01\x00"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
        (1 << 20, b"\x81\x7f\x00\x00\x00\x00\x00\x10\x00\x00"),
    ],
)
def test_a_frame_is_final_unmasked_text_with_the_shortest_length(size: int, head: bytes) -> None:
    body = b"x" * size
    assert text_frame(body) == head + body
    assert payload(text_frame(body)) == body


def test_utf_8_is_passed_on_as_it_is() -> None:
    body = '"Ł→€😀"'.encode()
    assert text_frame(body) == bytes([0x81, len(body)]) + body
