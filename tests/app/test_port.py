"""The port is taken at once or told to be another's; who connects early waits."""

import socket

import pytest

from gateway.app.port import taken
from gateway.errors import ConfigError, UnsafeError


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:0", "[::1]:0"])
def test_a_port_that_is_taken_is_no_one_elses(listen: str) -> None:
    with taken(listen) as port:
        number = port.getsockname()[1]
        again = listen.replace(":0", f":{number}")
        with pytest.raises(ConfigError) as caught:
            taken(again)
        assert str(caught.value) == f"server.listen: {again} cannot be had: address already in use"
        with socket.create_connection(port.getsockname()[:2], timeout=5):
            pass


def test_others_could_reach_it_is_unsafe() -> None:
    with pytest.raises(UnsafeError):
        taken("0.0.0.0:0")
