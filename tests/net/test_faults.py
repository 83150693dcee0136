import errno
import ssl
import string
import zlib

import aiohttp
import pytest
from aiohttp.http import WebSocketError
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ProtocolViolation, Reason, TransportLost
from gateway.net.faults import closed_by_peer, dropped, fault_of, loss_of, words


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, Reason.CONNECTION_REFUSED),
        (errno.ECONNRESET, Reason.CONNECTION_RESET),
        (errno.EPIPE, Reason.CONNECTION_RESET),
        (errno.ECONNABORTED, Reason.CONNECTION_RESET),
        (errno.ETIMEDOUT, Reason.UNREACHABLE),
        (errno.ENETUNREACH, Reason.UNREACHABLE),
        (errno.EHOSTUNREACH, Reason.UNREACHABLE),
        (errno.EACCES, Reason.UNREACHABLE),
        (errno.EINVAL, Reason.UNREACHABLE),
        (errno.EMFILE, Reason.INTERNAL_ERROR),
        (errno.ENFILE, Reason.INTERNAL_ERROR),
        (errno.ENOBUFS, Reason.UNREACHABLE),
    ],
)
@pytest.mark.parametrize("kind", [OSError, aiohttp.ClientOSError])
def test_the_systems_error_number_decides(number, reason, kind):
    fault = fault_of(kind(number, "secret words of the library"))
    assert isinstance(fault, TransportLost)
    assert fault.reason is reason
    assert "secret" not in str(fault)
    assert loss_of(OSError(number, "x")).reason is reason


@pytest.mark.parametrize(
    ("exc", "reason"),
    [
        (ConnectionRefusedError("x"), Reason.CONNECTION_REFUSED),
        (ConnectionResetError("x"), Reason.CONNECTION_RESET),
        (ConnectionAbortedError("x"), Reason.CONNECTION_RESET),
        (BrokenPipeError("x"), Reason.CONNECTION_RESET),
        (TimeoutError("x"), Reason.UNREACHABLE),
        (aiohttp.ServerDisconnectedError("x"), Reason.CLOSED_BY_PEER),
        (aiohttp.ClientPayloadError("x"), Reason.CLOSED_BY_PEER),
        (aiohttp.ClientConnectionError("x"), Reason.CONNECTION_RESET),
        (ssl.SSLError(1, "x"), Reason.CONNECTION_RESET),
        (ssl.SSLCertVerificationError(1, "x"), Reason.TLS_FAILED),
        (WebSocketError(1002, "x"), Reason.PROTOCOL_ERROR),
        (zlib.error("x"), Reason.PROTOCOL_ERROR),
        (aiohttp.InvalidURL("x"), Reason.PLUGIN_ERROR),
        (ValueError("x"), Reason.PLUGIN_ERROR),
        (RuntimeError("x"), Reason.INTERNAL_ERROR),
        (OSError("x"), Reason.UNREACHABLE),
    ],
)
def test_an_error_without_a_number_is_known_by_its_kind(exc, reason):
    assert fault_of(exc).reason is reason


def test_the_number_may_stand_in_the_cause():
    exc = aiohttp.ClientOSError("x")
    exc.__cause__ = ConnectionResetError(errno.ECONNRESET, "x")
    assert fault_of(exc).reason is Reason.CONNECTION_RESET


def test_what_is_a_fault_already_stays_as_it_is():
    fault = ProtocolViolation("x")
    assert fault_of(fault) is fault


def test_a_socket_that_this_side_left_is_told_apart():
    assert dropped().reason is Reason.STOPPED


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Pong timeout", "Pong timeout"),
        ("Invalid API-key, IP, or permissions.", "Invalid API-key, IP, or permissions."),
        ("see https://x.example/help", "see ..."),
        ("key vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv wrong", "key ... wrong"),
        ("got ?signature=abc&x=1", "got ..."),
        ("tab\tand\nnewline\x1b[31m", "tab and ..."),
    ],
)
def test_a_peers_words_are_shown_without_what_could_be_a_secret(said, shown):
    assert words(said) == shown
    assert closed_by_peer(1008, said).text == f"closed by the peer with code 1008 ({shown})"


@given(st.text(), st.text(string.ascii_letters + string.digits, min_size=25), st.text())
def test_no_key_comes_through(before, key, after):
    assert key not in words(f"{before} {key} {after}")
    assert words(f"{before} {key} {after}").isprintable()
