"""What of a configuration the process does with, and what it refuses."""

import logging
from typing import Any

import pytest

from gateway.app.process import ServingProcess
from gateway.config import ServerSettings, load
from gateway.errors import ConfigError, UnsafeError
from gateway.serving import Limits


class Server:
    """Remembers who was to be admitted."""

    def __init__(self) -> None:
        self.admitted: list[dict[str, Any]] = []

    def admit(self, **who: Any) -> None:
        self.admitted.append(who)


@pytest.mark.parametrize(
    ("listen", "error"), [("0.0.0.0:1", UnsafeError), ("[::]:1", UnsafeError), ("nowhere", ConfigError)]
)
def test_an_address_at_which_it_could_not_start_is_refused_before_anything_is_changed(
    listen: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ServingProcess.check(load(None, {}, {}).model_copy(update={"server": ServerSettings(listen=listen)}))
    ServingProcess.check(load(None, {}, {"server.listen": "[::1]:1"}))


def test_what_did_not_change_is_not_touched() -> None:
    server, root = Server(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    process = ServingProcess(server)  # type: ignore[arg-type]
    process.change(load(None, {}, {}), load(None, {}, {"store.retention": 5}))
    assert (server.admitted, root.handlers, root.level) == ([], handlers, level)
    process.change(load(None, {}, {}), load(None, {}, {"server.limits.burst": 5}))
    assert server.admitted == [
        {"allowed_hosts": (), "allowed_origins": (), "limits": Limits(topics=5000, sockets=5000, commands_burst=5)}
    ]
    assert (root.handlers, root.level) == (handlers, level)
