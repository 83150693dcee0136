"""Of a URL that somebody else wrote its host is shown, and never a key, a path or a trick."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.urls import host_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("wss://stream.example.com:9443/ws?listenKey=canary", "stream.example.com"),
        ("https://user:canary@API.example.com/", "api.example.com"),
        ("//other.example.com/path", "other.example.com"),
        ("http://[2001:db8::1]:80/", "2001:db8::1"),
        ("ws://my_host/", "my_host"),
        ("/only/a/path", ""),
        ("", ""),
        ("http://[nonsense", ""),
        ("https://ex ample.com/", ""),
        ("https://<b>bold</b>/", ""),
        ("https://\u0131stanbul.example/", ""),
        (f"https://{'a' * 254}/", ""),
    ],
)
def test_a_host_is_shown_alone(url: str, host: str) -> None:
    assert host_of(url) == host


@given(st.text(max_size=80))
def test_nothing_that_anybody_writes_upsets_it(url: str) -> None:
    assert host_of(url).isascii()
    assert "/" not in host_of(url)
