"""The listening address and who can reach it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import is_loopback, parse_listen
from gateway.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("127.0.0.1:8765", ("127.0.0.1", 8765)),
        ("localhost:0", ("localhost", 0)),
        ("gateway-1.example:65535", ("gateway-1.example", 65535)),
        ("[::1]:80", ("::1", 80)),
        ("[fe80::1%eth0]:80", ("fe80::1%eth0", 80)),
    ],
)
def test_host_and_port_are_parted(written: str, meant: tuple[str, int]) -> None:
    assert parse_listen(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        *("", ":80", "host", "host:", "host:x", "host:65536", "host:-1", "host:\u0661", "host:80\n", "a b:80"),
        *("::1:80", "[::1]", "[]:80", "[127.0.0.1]:80", "[::g]:80", "ws://host:80", "user@host:80", "host/:80"),
    ],
)
def test_any_other_spelling_is_refused_by_its_key(written: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_listen(written)
    assert str(caught.value) == (
        f"server.listen: need HOST:PORT, an IPv6 address in brackets, a port of at most 65535; got {written!r}"
    )


@given(st.text(max_size=30))
def test_no_text_does_more_than_be_refused(written: str) -> None:
    try:
        host, port = parse_listen(written)
    except ConfigError:
        return
    assert host
    assert 0 <= port <= 65535


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LocalHost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("127.1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("", False),
    ],
)
def test_only_what_this_machine_alone_can_reach_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
