"""The token goes in a header, to whom it is for, and nowhere else."""

import pickle
import ssl
from pathlib import Path

import pytest
import trustme

from gateway.client import Client
from gateway.client.badge import Badge
from gateway.config.credentials import Secret

CANARY = "gw1_canary"


def test_it_is_a_header_and_shown_by_nothing_else() -> None:
    for badge in (Badge(CANARY, None), Badge(Secret(CANARY), None)):
        assert badge.headers() == {"Authorization": f"Bearer {CANARY}"}
        assert CANARY not in repr(badge) + repr(vars(badge)) + str(pickle.dumps(badge))
    assert Badge(None, None).headers() == Badge("", None).headers() == {}


@pytest.mark.parametrize(
    "url", ["ws://gateway.example", "http://192.0.2.1:1", "ws://[2001:db8::1]/v1/ws", "ws:///x"]
)
def test_it_is_never_sent_over_the_network_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="in the clear") as refused:
        Client(url, token=CANARY)
    assert CANARY not in str(refused.value)
    Client(url)


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:1", "ws://localhost", "http://[::1]:1", "wss://gateway.example", "https://192.0.2.1"]
)
def test_here_and_encrypted_it_is(url: str) -> None:
    assert CANARY not in repr(vars(Client(url, token=CANARY)))


def test_who_is_trusted(tmp_path: Path) -> None:
    assert Badge(None, None).trust() is True
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    context = Badge(None, str(tmp_path / "ca.pem")).trust()
    assert isinstance(context, ssl.SSLContext)
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
