"""The accounts that are configured and the plugins that are installed, as clients ask for them."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, TypeVar

from gateway.app.aside import aside
from gateway.app.connections import Connections
from gateway.app.naming import Naming
from gateway.app.outcome import Outcome
from gateway.config import AccountSettings
from gateway.engine.details import AccountDetails, KeyDetails, PluginDetails
from gateway.errors import ShuttingDown
from gateway.host import Installed, installed
from gateway.model.states import ConnectionState as S
from gateway.runtime.rights import excess
from gateway.spi.rights import KeyRights

PATIENCE: Final = 10.0
"""Seconds for the disk to tell what is installed."""

T = TypeVar("T")


class Roster:
    """
    A :class:`~gateway.engine.operations.Roster`. Event-loop only.

    Args:
        connections: of the gateway.
        naming: finds an account's connection.
        accounts: returns those that are configured now.
        loaded: the exchanges that run.
        broken: why others do not, by id.
    """

    def __init__(
        self,
        connections: Connections,
        naming: Naming,
        accounts: Callable[[], Mapping[str, AccountSettings]],
        loaded: Collection[str],
        broken: Mapping[str, str],
    ) -> None:
        self._connections = connections
        self._naming = naming
        self._accounts = accounts
        self._loaded = loaded
        self._broken = broken

    def accounts(self) -> Sequence[str]:
        """See :meth:`gateway.engine.operations.Roster.accounts`."""
        return tuple(self._accounts())

    def account(self, account: str, /) -> AccountDetails:
        """See :meth:`gateway.engine.operations.Roster.account`."""
        exchange = self._accounts()[account].exchange
        try:
            place, problem = self._naming.find(account), ""
        except KeyError as exc:
            place, problem = None, str(exc.args[0])
        supervised = self._connections.registry.snapshot.supervised
        view = None if place is None else supervised.get(place.id)
        return {
            "id": account,
            "exchange": exchange,
            "connection": None if place is None else place.id,
            "connections": [
                one.id for one in supervised.values() if (one.exchange, one.account) == (exchange, account)
            ],
            "state": (S.DISCONNECTED if view is None else view.state).value,
            "is_connected": view is not None and view.state is S.CONNECTED,
            "is_healthy": view is not None and self._is_healthy(view.id),
            "held_down": place is not None and place.id in place.exchange.links.held_down,
            "key": None if place is None else _key(place.exchange.links.rights.known.get(account)),
            "problem": problem,
        }

    def connect(self, account: str, /, *, retry: bool) -> Awaitable[bool]:
        """See :meth:`gateway.engine.operations.Roster.connect`."""
        return _known(_asked(lambda: self._connections.connect_account(account, retry=retry)))

    def disconnect(self, account: str, /) -> Awaitable[bool]:
        """See :meth:`gateway.engine.operations.Roster.disconnect`."""
        return _known(_asked(lambda: self._connections.disconnect_account(account)))

    async def plugins(self) -> Sequence[PluginDetails]:
        """See :meth:`gateway.engine.operations.Roster.plugins`."""
        found = await aside(installed, within=PATIENCE)
        names = {one.name for one in found}
        given = [self._plugin(id_, None) for id_ in (*self._loaded, *self._broken) if id_ not in names]
        return sorted([*(self._plugin(one.name, one) for one in found), *given], key=lambda one: one["id"])

    def _plugin(self, id_: str, one: Installed | None) -> PluginDetails:
        return {
            "id": id_,
            "distribution": None if one is None else one.distribution,
            "version": None if one is None else one.version,
            "code": None if one is None else one.value,
            "is_loaded": id_ in self._loaded,
            "problem": self._broken.get(id_, ""),
        }

    def _is_healthy(self, connection_id: str) -> bool:
        return bool(self._connections.operations.get_connection_info(connection_id).get("is_healthy"))


def _key(rights: KeyRights | None) -> KeyDetails | None:
    if rights is None:
        return None
    return {
        "trading": rights.trading,
        "withdrawal": rights.withdrawal,
        "address_bound": rights.address_bound,
        "excess": excess(rights),
    }


def _asked(ask: Callable[[], Outcome[T]]) -> Outcome[T]:
    """Ask now: it is recorded when this returns."""
    try:
        return ask()
    except RuntimeError as late:
        raise ShuttingDown(str(late)) from None


async def _known(outcome: Outcome[bool] | Outcome[None]) -> bool:
    """Return what came of it; of what has no result, that it came about."""
    try:
        result = await outcome
    except RuntimeError as late:
        raise ShuttingDown(str(late)) from None
    return result is not False
