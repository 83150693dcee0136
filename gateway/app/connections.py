"""What is asked of connections, by the id of an account, of an exchange or by their own. Any thread may ask."""

import asyncio
from collections.abc import Mapping, Sequence

from gateway.app.details import Observatory
from gateway.app.handle import ConnectionHandle
from gateway.app.naming import Naming
from gateway.app.outcome import Loop, Outcome, known
from gateway.engine.operations import Details
from gateway.engine.registry import ConnectionRegistry
from gateway.errors import Reason


class Connections:
    """
    The part of :class:`gateway.Gateway` that wants connections up and down, and tells of them.

    An intent is recorded before the call returns where the caller is on the gateway's event loop.

    Args:
        registry: their states.
        operations: tells of them.
        naming: finds them.
    """

    def __init__(self, registry: ConnectionRegistry, operations: Observatory, naming: Naming) -> None:
        self.registry = registry
        """Every connection's state; its snapshots may be read by any thread."""
        self.operations = operations
        self._naming = naming
        self._loop: Loop | None = None

    def connect_account(self, id: str, *, wait: bool = True, retry: bool = False) -> Outcome[bool]:  # noqa: A002  # the name that older callers use
        """
        Want a connection up. Any thread.

        Args:
            id: of an account, of a connection (``binance/stream/0``) or of an exchange, whose first one is meant.
            wait: whether the outcome waits until it is known; else it is true at once.
            retry: whether to go on trying; otherwise a failed attempt leaves nothing behind.

        Returns:
            Whether it is fully operational. A connection that is CONNECTED but unhealthy is replaced.

        Raises:
            KeyError: If there is no such account, endpoint or exchange.
        """
        place = self._naming.find(id)

        def intend() -> "asyncio.Future[bool]":
            links = place.exchange.links
            link = links.get(place.endpoint, place.number, place.account)
            handle = ConnectionHandle(self, place.id)
            sick = handle.is_connected and not handle.is_healthy()
            if sick:
                link.supervisor.reconnect(Reason.ASKED, "it was asked for and not healthy")
            hope = links.connect(link, retry=retry, anew=sick)
            return hope if wait else known(value=True)

        return self._there().ask(intend)

    def disconnect_account(self, id: str) -> Outcome[None]:  # noqa: A002  # the name that older callers use
        """
        Want a connection down until it is asked for again; ``id`` as in :meth:`connect_account`. Any thread.

        Raises:
            KeyError: If there is no such account, endpoint or exchange.
        """
        place = self._naming.find(id)
        return self._there().ask(lambda: place.exchange.links.hold_down(place.id) or known(value=None))

    def reconnect(self, id: str) -> Outcome[None]:  # noqa: A002  # the name that older callers use
        """End a connection's present epoch and let the next follow; otherwise as :meth:`disconnect_account`."""
        place = self._naming.find(id)

        def intend() -> "asyncio.Future[None]":
            place.exchange.links.reconnect(place.id)
            return known(value=None)

        return self._there().ask(intend)

    def rollover(self, id: str) -> Outcome[bool]:  # noqa: A002  # as in the others
        """
        Have a second connection take over from one that is CONNECTED, without a gap.

        The result says whether it has; if not, the first one is untouched, and another attempt follows
        later. Otherwise as :meth:`disconnect_account`.
        """
        place = self._naming.find(id)
        return self._there().ask(lambda: place.exchange.links.roll(place.id))

    def drain(self, id: str) -> Outcome[bool]:  # noqa: A002  # as in the others
        """
        Have new streams go to other connections, and this one close with the last that it has.

        Connecting it by its id ends that. The result is false if there is no such connection now, or if it
        is an account's, whose streams have no other. Otherwise as :meth:`disconnect_account`.
        """
        place = self._naming.find(id)

        def intend() -> "asyncio.Future[bool]":
            links = place.exchange.links
            return known(value=place.id in links.all and links.drain(place.id))

        return self._there().ask(intend)

    def auto_reconnect(self, id: str, enabled: bool = True) -> Outcome[None]:  # noqa: A002  # the name that older callers use
        """
        Say whether a connection that ends by itself is dialled again, whether it exists yet or not.

        Otherwise as :meth:`disconnect_account`.
        """
        place = self._naming.find(id)

        def intend() -> "asyncio.Future[None]":
            place.exchange.links.set_auto(place.id, enabled=enabled)
            return known(value=None)

        return self._there().ask(intend)

    def get_connection(self, id: str) -> ConnectionHandle | None:  # noqa: A002  # the name that older callers use
        """
        Return a connection that is fully operational, :obj:`None` if it is not. Any thread.

        Raises:
            KeyError: If there is no such account, endpoint or exchange.
        """
        handle = self.connection(id)
        return handle if handle.id in self.registry.snapshot.live else None

    def connection(self, id: str) -> ConnectionHandle:  # noqa: A002  # the name that older callers use
        """
        Return a connection, whatever its state; ``id`` as in :meth:`connect_account`. Any thread.

        Raises:
            KeyError: If there is no such account, endpoint or exchange.
        """
        return ConnectionHandle(self, self._naming.find(id).id)

    def get_connection_details(self) -> Mapping[str, Details]:
        """Return every connection's details by its id. Any thread."""
        return self.operations.get_connection_details()

    def get_unhealthy_connections(self) -> Mapping[str, Details]:
        """Return those that are not healthy, with the reason in ``unhealthy_because``. Any thread."""
        return self.operations.get_unhealthy_connections()

    def get_stats(self) -> Details:
        """Return totals, from one consistent picture. Any thread."""
        return self.operations.get_stats()

    def problems(self) -> Sequence[str]:
        """Return why the gateway is not ready, a sentence each; empty when it is. Any thread."""
        return self.operations.problems()

    def _there(self) -> Loop:
        if self._loop is None:
            raise RuntimeError("the gateway was not started: use 'async with Gateway(...)'")
        return self._loop
