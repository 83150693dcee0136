"""Which connections are accepted: the counting, without a server. tests/serving/test_abuse.py has the rest."""

import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.serving import Limits, accepting
from gateway.serving.accepting import Callers, Door, listening

LOOPBACK = "127.0.0.1"


@pytest.fixture
def opened() -> Iterator[list[socket.socket]]:
    sockets: list[socket.socket] = []
    yield sockets
    for one in sockets:
        one.close()


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch) -> Callers:
    monkeypatch.setattr(accepting, "files", lambda: 1000)
    return Callers({LOOPBACK: 2}.__getitem__, lambda: Limits(waiting=3), float)


def accepted(door: Door, opened: list[socket.socket]) -> socket.socket | None:
    """Connect, and return the other end if it is admitted."""
    opened.append(socket.create_connection(door.getsockname()[:2]))
    try:
        one, (address, _) = door.accept()
    except BlockingIOError:
        return None
    assert address == LOOPBACK
    opened.append(one)
    return one


def test_one_that_is_closed_makes_room_once(callers: Callers, opened: list[socket.socket]) -> None:
    door = Door(listening(LOOPBACK, 0, 100), callers)
    door.setblocking(False)
    opened.append(door)
    admitted = [accepted(door, opened) for _ in range(5)]
    assert None not in admitted
    assert accepted(door, opened) is None
    first: Any = admitted[0]
    first.close()
    first.close()
    assert accepted(door, opened) is not None
    assert accepted(door, opened) is None


def test_those_that_are_refused_are_closed_and_do_not_keep_others_waiting(
    callers: Callers, opened: list[socket.socket]
) -> None:
    door = Door(listening(LOOPBACK, 0, 100), callers)
    door.setblocking(False)
    opened.append(door)
    assert None not in [accepted(door, opened) for _ in range(5)]
    late = [socket.create_connection(door.getsockname()[:2]) for _ in range(5)]
    opened += late
    with pytest.raises(BlockingIOError):
        door.accept()
    for one in late:
        one.settimeout(5)
        assert one.recv(1) == b""


@pytest.mark.parametrize(("few", "most"), [(100, 25), (40, 0), (1 << 20, 50)])
def test_few_files_are_shared_out_with_care(
    monkeypatch: pytest.MonkeyPatch, opened: list[socket.socket], few: int, most: int
) -> None:
    """A quarter of them for an address; and some are left in any case."""
    monkeypatch.setattr(accepting, "files", lambda: few)
    door = Door(listening(LOOPBACK, 0, 100), Callers(lambda _: 0, lambda: Limits(waiting=50), float))
    door.setblocking(False)
    opened.append(door)
    assert sum(accepted(door, opened) is not None for _ in range(60)) == most


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_the_limit_is_the_process_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (777, 1000))
    assert accepting.files() == 777
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert accepting.files() == accepting.MANY


def test_an_address_of_the_sixth_version_is_listened_on() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        found = listening("::1", 0, 1)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with found:
        assert found.family is socket.AF_INET6
