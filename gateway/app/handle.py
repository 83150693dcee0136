"""One connection, as programs that used to manage connections themselves expect it."""

from typing import TYPE_CHECKING

from gateway.engine.operations import Details
from gateway.errors import TransitionError
from gateway.model.states import ConnectionState as S
from gateway.model.states import advance

if TYPE_CHECKING:
    from gateway.app.connections import Connections


class ConnectionHandle:
    """
    A connection by its id; it stays valid while connections come and go. Any thread may use it.

    Args:
        gateway: whose it is.
        connection_id: e.g. ``binance/stream/0``.
    """

    def __init__(self, gateway: "Connections", connection_id: str) -> None:
        self.id = connection_id
        self._gateway = gateway

    @property
    def state(self) -> S:
        """Where it stands; DISCONNECTED where it is not known any more."""
        view = self._gateway.registry.snapshot.supervised.get(self.id)
        return S.DISCONNECTED if view is None else view.state

    @property
    def is_connected(self) -> bool:
        """Whether it is fully operational."""
        return self.state is S.CONNECTED

    def is_healthy(self) -> bool:
        """Whether it is CONNECTED and neither its pongs nor its data are too old."""
        return bool(self.get_connection_info().get("is_healthy", False))

    def get_connection_info(self) -> Details:
        """Return what :meth:`Gateway.get_connection_details` has of it; empty if it is gone."""
        return self._gateway.operations.get_connection_info(self.id)

    def set_state(self, target: S) -> None:
        """
        Ask for CONNECTING, DISCONNECTING or RECONNECTING: the supervisor makes it so.

        Raises:
            TransitionError: If the table forbids the move, or nobody can declare that state.
        """
        advance(self.state, target)
        match target:
            case S.CONNECTING:
                self._gateway.connect_account(self.id, retry=True)
            case S.DISCONNECTING:
                self._gateway.disconnect_account(self.id)
            case S.RECONNECTING:
                self._gateway.reconnect(self.id)
            case _:
                raise TransitionError(f"{target} comes about by itself and cannot be declared")

    def __repr__(self) -> str:
        return f"<connection {self.id} {self.state}>"
