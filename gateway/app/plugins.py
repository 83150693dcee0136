"""Plugins are told of every change, after the fact and outside the path of data."""

from contextlib import AbstractContextManager, nullcontext

from gateway.host import PluginHost
from gateway.model.changes import Change
from gateway.model.states import Phase


class PluginsObserver:
    """
    An :class:`~gateway.engine.observer.Observer` that calls ``gateway_connection_changed``.

    Args:
        host: knows the plugins.
    """

    def __init__(self, host: PluginHost) -> None:
        self._host = host

    def changed(self, change: Change) -> None:
        """Tell every plugin."""
        self._host.connection_changed(change)

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        """Leave it: plugins hear of states, not of phases."""

    def during(self, connection_id: str, epoch: int, what: str) -> AbstractContextManager[None]:  # noqa: ARG002  # the protocol's shape
        """Leave it."""
        return nullcontext()

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        """Leave it."""
