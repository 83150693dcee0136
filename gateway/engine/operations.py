"""What the serving side may ask of the running gateway: a Protocol, so that it need not know who runs it."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from gateway.engine.details import AccountDetails, PluginDetails
from gateway.engine.native import NativeExchange
from gateway.model.subscriptions import Subscription

Details = Mapping[str, Any]
"""JSON-ready facts; never a secret."""


class Operations(Protocol):
    """
    The running gateway, seen from outside. Every method returns at once.

    What is told comes from one consistent picture; what is asked for is recorded, on the event loop only.
    """

    def get_connection_details(self) -> Mapping[str, Details]:
        """
        Return every supervised connection by its id, and those that are over and remembered.

        Each has ``id``, ``exchange``, ``endpoint``, ``account``, ``state``,
        ``phase``, ``epoch``, ``since_us``, ``reason``, ``text``,
        ``retry_at_us``, ``is_connected``, ``is_healthy``, ``unhealthy_because``,
        ``heartbeat_interval``, ``ages`` (seconds: ``message``, ``pong``,
        ``streams``), ``counters`` and ``history`` (newest last).
        """

    def get_connection_info(self, connection_id: str, /) -> Details:
        """Return what :meth:`get_connection_details` has of one connection; empty if it has nothing."""

    def get_exchange_details(self) -> Mapping[str, Details]:
        """Return every loaded exchange by its id: environment, heartbeat, limits used, connections."""

    def get_instruments(self, exchange: str, /) -> Sequence[Details]:
        """
        Return what is known of each instrument of a running exchange; of those without a list, of none.

        Raises:
            KeyError: If it does not run.
        """

    def native(self, exchange: str, /) -> NativeExchange | None:
        """
        Return what speaks the own protocol of a running exchange; nothing if its plugin does not. Event-loop only.

        Raises:
            KeyError: If it does not run.
        """

    def get_stats(self) -> Details:
        """Return totals: ``total_connections``, ``healthy_connections``, ``state_breakdown``, counts."""

    def problems(self) -> Sequence[str]:
        """Return why the gateway is not ready, a sentence each; empty when it is."""

    def rollover(self, connection_id: str, /) -> bool:
        """
        Have a second connection take over from one; false if that is not CONNECTED.

        Raises:
            KeyError: If it is unknown.
        """

    def reconnect(self, connection_id: str, /) -> bool:
        """
        End a connection's present epoch and let the next follow; false if there is none.

        Raises:
            KeyError: If it is unknown.
        """

    def drain(self, connection_id: str, /) -> bool:
        """
        Have new streams go to other connections, and this one close when nobody wants those that it has.

        False if it is an account's, whose streams have no other.

        Raises:
            KeyError: If it is unknown.
        """


class Roster(Protocol):
    """The accounts that are configured and the plugins that are installed. Event-loop only."""

    def accounts(self) -> Sequence[str]:
        """Return the ids of all accounts."""

    def account(self, account: str, /) -> AccountDetails:
        """
        Return how an account stands; never a secret.

        Raises:
            KeyError: If there is none.
        """

    def connect(self, account: str, /, *, retry: bool) -> Awaitable[bool]:
        """
        Want an account's connection up; recorded when this returns. The result says whether it is.

        Without ``retry`` an attempt that fails leaves nothing behind.

        Raises:
            KeyError: If there is none, or its exchange has no connection for it.
            ShuttingDown: If it comes too late.
        """

    def disconnect(self, account: str, /) -> Awaitable[bool]:
        """Want it down until it is asked for again; otherwise as :meth:`connect`."""

    async def plugins(self) -> Sequence[PluginDetails]:
        """Return every plugin that is installed, or was handed over by a program."""


class StandingWishes(Protocol):
    """Subscriptions that stand whether a client listens or not, and survive a restart. Event-loop only."""

    def standing(self) -> Sequence[Details]:
        """Return all, those of the configuration too: ``topic``, ``origin``, ``created_us``, ``problem``."""

    async def stand(self, wishes: Sequence[Subscription], /) -> Sequence[Details]:
        """
        Let ``wishes`` stand, all or none, and return them once that survives a restart.

        Raises:
            SubscriptionError: If the exchange does not offer one of them; then to none.
            StoreError: If it cannot be kept.
        """

    async def fall(self, topic: str, /) -> bool:
        """
        Let what was made through the API under ``topic`` stand no longer; false if nothing was.

        Raises:
            StoreError: If it cannot be kept.
        """


class Configuration(Protocol):
    """What is configured. Event-loop only."""

    def shown(self) -> Details:
        """Return ``config``, all that is in effect, and ``needs_restart``, the keys whose new values are not."""

    async def read_anew(self, *, dry_run: bool = False) -> Details:
        """
        Have the configuration read again and take effect, unless it is a ``dry_run``.

        Returns ``applied``, the keys that were changed, and ``needs_restart``, those that could not be.

        Raises:
            ConfigError: If it is wrong; nothing was changed.
            UnsafeError: If it asks for what is refused for safety; nothing was changed.
            ShuttingDown: If it comes too late; nothing was changed.
        """
